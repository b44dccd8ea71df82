//! A plan as a comment on a pull request: the most important first, and no longer than a comment may be.

use std::collections::BTreeMap;

use super::plan::{Diff, node_text, summary};
use super::style::{Style, bytes, count};
use super::{foreign, lead, sink, topology};
use crate::action::Action;
use crate::facts::Observation;
use crate::inventory::NodeName;

use crate::plan::{Advice, NodePlan, Plan, Role, Step};

/// The longest comment that code hosts take is 65 536 characters; whoever posts it adds a mark to find it again by.
const LONGEST: usize = 65_000;
/// Below this a piece of what happens on a host says nothing.
const LEAST: usize = 400;

/// Shows a table or a report in a fence that nothing in it closes.
pub fn block(text: &str) -> String {
    fenced("text", text)
}

fn fenced(language: &str, text: &str) -> String {
    let body = sink::safe(text);
    let fence = foreign::fence(&body);
    let end = if body.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{body}{end}{fence}\n")
}

fn word(text: &str) -> String {
    foreign::markdown(&sink::safe(text))
}

/// Text that grows only as far as a comment may.
struct Page {
    text: String,
    left: usize,
}

impl Page {
    fn room(&self, text: &str) -> bool {
        text.chars().count() <= self.left
    }

    /// Adds a piece whole, or not at all.
    fn add(&mut self, piece: &str) -> bool {
        let fits = self.room(piece);
        if fits {
            self.left -= piece.chars().count();
            self.text += piece;
        }
        fits
    }
}

/// Shows a plan as Markdown: what it costs, what is wrong, a line for each host, who follows whom, and then each host folded.
pub fn plan(plan: &Plan, seen: &Observation, file: &str, seconds: f64, diff: Diff) -> String {
    let mut page = Page {
        text: String::new(),
        left: LONGEST,
    };
    page.add(&format!("### pgrepl plan: {}\n\n", word(&plan.cluster)));
    // What is left alone stands below here.
    let summary = summary(plan, Style::plain()).replace(", see above.", ".");
    for line in summary.lines() {
        page.add(&format!("{}  \n", word(line)));
    }
    page.add("\n");
    if let Some(run) = seen.seen().find_map(|(_, facts)| facts.run.as_ref()) {
        page.add(&format!("* another run is at work: {}\n", word(run)));
    }
    for note in &plan.notes {
        page.add(&remark("", note));
    }
    let alone = plan
        .blocked()
        .map(|(node, blocked)| (node, &blocked.message, &blocked.help));
    for (node, message, help) in alone {
        let note = Advice {
            message: format!("left alone: {message}"),
            help: help.clone(),
        };
        page.add(&remark(&format!("**{}** ", word(node.as_str())), &note));
    }
    let steps = steps(plan);
    hosts(plan, &steps, &mut page);
    if let Some(picture) = topology::picture(plan, seen) {
        page.add(&format!("{}\n", fenced("mermaid", &picture)));
    }
    if !plan.lacks.is_empty() {
        page.add(&format!("{}\n", block(&lead::table(plan, Style::plain()))));
    }
    let read = format!(
        "{} · PostgreSQL {} · {} of {} read in {seconds:.1} s\n",
        word(file),
        plan.major,
        seen.seen().count(),
        count(plan.nodes.len(), "host")
    );
    // Written last, and its room is kept.
    page.left = page.left.saturating_sub(read.chars().count() + 100);
    details(plan, &steps, diff, &mut page);
    page.text + &read
}

fn remark(before: &str, note: &Advice) -> String {
    let help = match note.help.as_str() {
        "" => String::new(),
        help => format!(" — {}", word(help)),
    };
    format!("* {before}{}{help}\n", word(&note.message))
}

/// The steps of each host.
type Steps<'a> = BTreeMap<&'a NodeName, Vec<&'a Step>>;

fn steps(plan: &Plan) -> Steps<'_> {
    let mut steps = Steps::new();
    for step in &plan.steps {
        steps.entry(&step.node).or_default().push(step);
    }
    steps
}

/// The table of hosts; those on which nothing happens share a line.
fn hosts(plan: &Plan, steps: &Steps, page: &mut Page) {
    page.add("\n| host | role | what happens | cost |\n|---|---|---|---|\n");
    let (mut still, mut more) = (0, 0);
    for node in &plan.nodes {
        let number = steps.get(&node.node).map_or(0, Vec::len);
        if number == 0 && node.blocked.is_none() {
            still += 1;
            continue;
        }
        let role = match &node.role {
            Role::Primary => "primary".to_owned(),
            Role::Standby { upstream } => format!("standby of {upstream}"),
            Role::Pooler => "pooler".into(),
            Role::Hooks => "hooks".into(),
        };
        let new = if node.new { ", new" } else { "" };
        let (happens, cost) = match node.blocked {
            Some(_) => ("left alone".into(), "none".into()),
            None => (count(number, "step"), cost(plan, steps, node)),
        };
        let line = format!(
            "| {} | {}{new} | {happens} | {cost} |\n",
            word(node.node.as_str()),
            word(&role)
        );
        more += usize::from(!page.add(&line));
    }
    for (number, what) in [
        (still, "no changes"),
        (more, "steps, not shown for want of room"),
    ] {
        if number > 0 {
            page.left += 100;
            page.add(&format!("| {} | | {what} | |\n", count(number, "host")));
        }
    }
    page.add("\n");
}

/// What the steps of a host cost those who use its server.
fn cost(plan: &Plan, steps: &Steps, node: &NodePlan) -> String {
    let leads = node.node == plan.leader;
    let mut parts: Vec<String> = Vec::new();
    for step in steps.get(&node.node).into_iter().flatten() {
        let part = match &step.action {
            Action::Restart(_) if leads => "restart: writes stop for a few seconds".into(),
            Action::Restart(_) => "restart".into(),
            Action::Reload(_) => "reload".into(),
            Action::Stop(stop) if stop.hands_over => "its clients are disconnected".into(),
            Action::BaseBackup(copy) => match copy.bytes {
                Some(size) => format!("{} copied", bytes(size)),
                None => "data copied".into(),
            },
            Action::MoveWal(_) => "stopped while its WAL moves".into(),
            Action::SetAside(_) => "data directory set aside".into(),
            Action::Rewind(_) => "data changed in place".into(),
            _ => continue,
        };
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    if parts.is_empty() {
        return "no interruption".into();
    }
    parts.join(", ")
}

/// What happens on each host, folded, as far as there is room: hosts whose service is touched first.
fn details(plan: &Plan, steps: &Steps, diff: Diff, page: &mut Page) {
    let mut nodes: Vec<&NodePlan> = plan
        .nodes
        .iter()
        .filter(|node| steps.contains_key(&node.node) || !node.notes.is_empty())
        .collect();
    nodes.sort_by_key(|node| {
        ["no interruption", "reload"].contains(&cost(plan, steps, node).as_str())
    });
    let mut hidden = 0;
    for node in nodes {
        if page.left <= LEAST {
            hidden += 1;
            continue;
        }
        // A mark must begin its line to be coloured: the order is told by the text of a plan.
        let text = marked(&node_text(plan, node, &[], diff, Style::plain()));
        let head = format!(
            "<details><summary>{}: {}</summary>\n\n",
            word(node.node.as_str()),
            count(steps.get(&node.node).map_or(0, Vec::len), "step")
        );
        let folded = |text: &str| format!("{head}{}\n</details>\n\n", fenced("diff", text));
        if page.add(&folded(&text)) {
            continue;
        }
        // The fence may grow with what is in it; what is cut is measured as it will stand there.
        let mut lines: Vec<&str> = text.lines().collect();
        let all = lines.len();
        while !lines.is_empty() && page.left > LEAST {
            lines.truncate(lines.len() * 9 / 10);
            let cut = format!("{}\n… {} more lines\n", lines.join("\n"), all - lines.len());
            if page.add(&folded(&cut)) {
                break;
            }
        }
        hidden += usize::from(lines.is_empty() || page.left <= LEAST);
        page.left = page.left.min(LEAST);
    }
    if hidden > 0 {
        page.left += 100;
        page.add(&format!(
            "… and what happens on {}: pgrepl plan shows it\n",
            count(hidden, "more host")
        ));
    }
}

/// Puts marks of steps and of changed lines first, where code hosts look for them to colour a line.
fn marked(text: &str) -> String {
    text.lines()
        .map(|line| {
            let inner = line.trim_start();
            let indent = line.len() - inner.len();
            match inner.chars().next() {
                Some(mark @ ('+' | '-' | '!')) if indent > 0 && inner[1..].starts_with(' ') => {
                    format!("{mark}{}{}\n", " ".repeat(indent), &inner[1..])
                }
                _ => format!("{line}\n"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_block_ends_it() {
        let block = block("a\n````\n@all <img src=x>\nNothing \x1b[2Jto do");
        assert!(block.starts_with("`````text\na\n````\n"), "{block}");
        assert!(block.ends_with("\u{FFFD}[2Jto do\n`````\n"), "{block}");
    }

    #[test]
    fn marks_of_changes_come_first() {
        assert_eq!(
            marked("server1\n  + a\n      - b = 1\n  ~ c\n-x\n      -1\n"),
            "server1\n+   a\n-       b = 1\n  ~ c\n-x\n      -1\n"
        );
    }
}
