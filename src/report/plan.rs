//! A plan as text: what happens to which server, what it costs, and why.

use std::collections::{BTreeMap, BTreeSet};

use similar::{ChangeTag, TextDiff};

use super::layout::folded;
use super::style::{Style, bytes, count};
use super::{foreign, lead, order, redact};
use crate::action::{Action, Check, Mark, PlannedText};
use crate::facts::Observation;
use crate::plan::turns::{Turn, turns};
use crate::plan::{Goal, NodePlan, Plan, Refusal, Role, Step};
use crate::postgres::conf;

/// How much of a file's change is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Diff {
    /// Every line.
    Full,
    /// What changes, without comments.
    Changed,
    /// Nothing.
    #[default]
    None,
}

/// Shows a plan. `seconds` is how long the reading took.
pub fn show(
    plan: &Plan,
    seen: &Observation,
    file: &str,
    seconds: f64,
    diff: Diff,
    style: Style,
) -> String {
    let hosts = count(plan.nodes.len(), "host");
    let read = seen.seen().count() + seen.poolers.values().filter(|found| found.is_ok()).count();
    let head = format!(
        "{file} · cluster {} · PostgreSQL {} · {read} of {hosts} read in {seconds:.1} s",
        plan.cluster, plan.major
    );
    let mut text = folded(&head, 0, style) + "\n";
    if let Some(run) = seen.seen().find_map(|(_, facts)| facts.run.as_ref()) {
        let run = foreign::line(run);
        text += &format!("\n{} another run is at work: {run}\n", style.yellow("!"));
        text += &help("plan again when it has ended", "  ", style);
    }
    for note in &plan.notes {
        text += &format!(
            "\n{} {}\n",
            style.yellow("!"),
            folded(&note.message, 2, style)
        );
        text += &help(&note.help, "  ", style);
    }
    let turns = turns(plan);
    for node in &plan.nodes {
        text.push('\n');
        text += &node_text(plan, node, &turns, diff, style);
    }
    if !plan.lacks.is_empty() {
        text.push('\n');
        text += &lead::table(plan, style);
    }
    text.push('\n');
    text += &order::legend(&turns, style);
    text += &summary(plan, style);
    text
}

/// Says of a cluster that was read again after a run, with nothing left to do, which servers match.
pub fn read_again(left: &Plan) -> String {
    let alone: Vec<String> = left
        .blocked()
        .map(|(node, blocked)| foreign::line(&format!("{node}: {}", blocked.message)))
        .collect();
    let overridden = left.overridden().count();
    if alone.is_empty() {
        return match overridden {
            0 => "every server matches.".into(),
            _ => but_for(left),
        };
    }
    format!(
        "the servers that were not left alone match. Left alone:\n  {}",
        alone.join("\n  ")
    )
}

/// Says that every file matches and what of the inventory is still not in force.
fn but_for(plan: &Plan) -> String {
    let said: Vec<String> = plan
        .overridden()
        .map(|(node, statement)| format!("\n  on {node}: {statement} SELECT pg_reload_conf();"))
        .collect();
    format!(
        "every server matches but for what ALTER SYSTEM overrides:{}",
        said.concat()
    )
}

fn help(help: &str, indent: &str, style: Style) -> String {
    if help.is_empty() {
        String::new()
    } else {
        format!("{indent}{} {}\n", style.dim("help:"), foreign::line(help))
    }
}

/// Says what a node is: "server3  standby of server2  10.0.0.13  new".
fn heading(node: &NodePlan, plan: &Plan) -> String {
    let role = match &node.role {
        Role::Primary => "primary".to_owned(),
        Role::Standby { upstream } if *upstream == plan.leader => "standby".to_owned(),
        Role::Standby { upstream } => format!("standby of {upstream}"),
        Role::Pooler => "pooler".into(),
        Role::Hooks => "hooks".into(),
    };
    let mut words = vec![node.node.to_string(), role];
    words.extend(node.address.clone());
    if node.new {
        words.push("new".into());
    }
    foreign::line(&words.join("  "))
}

pub(super) fn node_text(
    plan: &Plan,
    node: &NodePlan,
    turns: &[Turn],
    diff: Diff,
    style: Style,
) -> String {
    let steps: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| step.node == node.node)
        .collect();
    let mut text = style.bold(&heading(node, plan));
    if let Some(blocked) = &node.blocked {
        text += &format!(
            "\n  {} left alone: {}\n",
            style.red("x"),
            folded(&blocked.message, 17, style)
        );
        text += &help(&blocked.help, "    ", style);
    } else if steps.is_empty() {
        text += "  no changes\n";
    } else {
        text.push('\n');
    }
    let mut before = 0;
    for step in steps {
        let turn = turns.iter().find(|turn| turn.phases.contains(&step.phase));
        let turn = turn.map_or(0, |turn| turn.turn);
        // All steps of a plan stand in one column.
        let margin = if turns.len() > 9 { 3 } else { 2 };
        text += &match turn == before {
            true => " ".repeat(margin),
            false => style.bold(&format!("{turn:<margin$}")),
        };
        before = turn;
        text += &step_text(step, margin, diff, style);
    }
    for note in &node.notes {
        text += &format!(
            "  {} {}\n",
            style.yellow("!"),
            folded(&note.message, 4, style)
        );
        text += &help(&note.help, "    ", style);
    }
    text
}

fn step_text(step: &Step, margin: usize, diff: Diff, style: Style) -> String {
    let act = step.action.act();
    let mark = match act.kind() {
        Mark::Add => style.green("+"),
        Mark::Change => style.yellow("~"),
        Mark::Remove => style.red("-"),
        Mark::Replace => style.red("!"),
        Mark::Follow => " ".to_owned(),
    };
    let beside = beside(step);
    let title = folded(&act.title(), 6, style);
    let mut text = if beside.is_empty() {
        format!("{mark} {title}\n")
    } else {
        let wide = title.chars().count().max(44) + 4 + margin;
        let narrow = style.width.is_some_and(|width| wide + 32 - margin > width);
        match narrow || title.contains('\n') {
            true => {
                let below = style.dim(&folded(&beside, 6, style));
                format!("{mark} {title}\n      {below}\n")
            }
            false => {
                let beside = style.dim(&folded(&beside, wide, style));
                format!("{mark} {title:<44}  {beside}\n")
            }
        }
    };
    for place in act.places() {
        text += &format!("      {}\n", foreign::line(&place));
    }
    if let Action::WriteFile(file) = &step.action {
        let before = match &file.before {
            PlannedText::Read { content, .. } => content.as_str(),
            PlannedText::Absent | PlannedText::Any => "",
        };
        let mut shown = match diff {
            Diff::Changed if file.check == Check::Conf => values(before, &file.content, style),
            _ => changes(before, &file.content, diff, style),
        };
        for way in file.closes.iter().filter(|_| diff != Diff::None) {
            let line = foreign::line(&format!("- {way}"));
            shown += &format!("      {}\n", style.red(&line));
        }
        if shown.is_empty() && diff == Diff::Changed && !before.is_empty() {
            shown = format!("      {}\n", style.dim("comments and layout only"));
        }
        text += &shown;
    }
    text
}

/// What stands at the right of a step: what it costs, or why it is done.
fn beside(step: &Step) -> String {
    let mut words = Vec::new();
    match &step.action {
        Action::WriteFile(file) => words.push(file.takes_effect.clone()),
        Action::BaseBackup(copy) => {
            words.extend(copy.bytes.map(bytes));
            words.extend(copy.free.map(|free| format!("{} free", bytes(free))));
        }
        Action::DropSlot(slot) => words.extend(
            slot.retained
                .map(|kept| format!("keeps {} of WAL", bytes(kept))),
        ),
        _ => {}
    }
    words.push(step.why.clone());
    words.retain(|word| !word.is_empty());
    foreign::line(&words.join(", "))
}

/// What changes in a configuration file by effective value: the spelling, the place and the comments do not count.
fn values(before: &str, after: &str, style: Style) -> String {
    let mut text = String::new();
    if before.is_empty() {
        return text;
    }
    let (old, new): (BTreeMap<_, _>, BTreeMap<_, _>) = (
        conf::settings(before).collect(),
        conf::settings(after).collect(),
    );
    let shown =
        |name: &str, value: &str| redact::text(&foreign::line(&format!("{name} = {value}")));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (was, is) = (old.get(name), new.get(name));
        if was == is {
            continue;
        }
        if let Some(value) = was {
            text += &format!(
                "      {}\n",
                style.red(&format!("- {}", shown(name, value)))
            );
        }
        if let Some(value) = is {
            text += &format!(
                "      {}\n",
                style.green(&format!("+ {}", shown(name, value)))
            );
        }
    }
    text
}

fn changes(before: &str, after: &str, diff: Diff, style: Style) -> String {
    let mut text = String::new();
    if diff == Diff::None || (before.is_empty() && diff == Diff::Changed) {
        return text;
    }
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        let line = change.value().trim_end();
        let idle = line.trim().is_empty() || line.trim_start().starts_with('#');
        if diff == Diff::Changed && idle {
            continue;
        }
        let line = redact::text(&foreign::line(line));
        match change.tag() {
            ChangeTag::Delete => text += &format!("      {}\n", style.red(&format!("- {line}"))),
            ChangeTag::Insert => text += &format!("      {}\n", style.green(&format!("+ {line}"))),
            ChangeTag::Equal if diff == Diff::Full => text += &format!("        {line}\n"),
            ChangeTag::Equal => {}
        }
    }
    text
}

/// The last lines: counts and cost.
pub fn summary(plan: &Plan, style: Style) -> String {
    let steps = |kind: Mark| {
        plan.steps
            .iter()
            .filter(|step| step.action.act().kind() == kind)
            .count()
    };
    let blocked = plan.blocked().count();
    if plan.steps.is_empty() {
        return match blocked {
            0 if plan.overridden().next().is_some() => {
                style.yellow(&format!("Nothing to do: {}", but_for(plan))) + "\n"
            }
            0 => style.green("Nothing to do: every server matches.") + "\n",
            n => {
                style.yellow(&format!(
                    "Nothing can be done: {n} of {} left alone, see above.",
                    count(plan.nodes.len(), "host")
                )) + "\n"
            }
        };
    }
    let mut text = style.bold("Plan:")
        + &format!(
            " {} to add, {} to change, {} to remove, {} to replace",
            steps(Mark::Add),
            steps(Mark::Change),
            steps(Mark::Remove),
            steps(Mark::Replace)
        );
    if blocked > 0 {
        text += &format!(", {} left alone", count(blocked, "host"));
    }
    text += ".\n";
    let cost = plan.cost();
    let mut parts = Vec::new();
    let restored = matches!(plan.goal, Goal::Restore(_));
    if restored {
        parts.push("writes stop until the restore is over".into());
    }
    for (node, leads) in &cost.restarts {
        parts.push(format!(
            "restart of {node}{}",
            if *leads && !restored {
                " (writes stop for a few seconds)"
            } else {
                ""
            }
        ));
    }
    if let Some((from, to)) = &cost.handover {
        parts.push(format!(
            "clients of {from} are disconnected, writes go on at {to} (in about half a second)"
        ));
    }
    match cost.reloads.len() {
        0 => {}
        n => parts.push(count(n, "reload")),
    }
    if cost.copied > 0 {
        parts.push(format!("{} copied", bytes(cost.copied)));
    }
    let rewinds = |step: &&Step| matches!(step.action, Action::Rewind(_));
    if let Some(step) = plan.steps.iter().find(rewinds) {
        parts.push(format!("the data of {} is changed in place", step.node));
    }
    parts.push(match cost.set_aside {
        0 => "nothing set aside".into(),
        n => format!("{} set aside", count(n, "data directory")),
    });
    let cost = format!("{}.", parts.join(", "));
    text + &style.bold("Cost:") + &format!(" {}\n", folded(&cost, 6, style))
}

/// Shows what is said below a plan: a word, and what it is about.
pub fn remark(word: &str, said: &str, style: Style) -> String {
    let said = folded(&format!("{word} {said}"), 6, style);
    let rest = said.strip_prefix(word).unwrap_or_default();
    format!("{}{rest}\n", style.bold(word))
}

/// Shows why nothing may move.
pub fn refusal(refusal: &Refusal, style: Style) -> String {
    let mut text = format!(
        "{} {}\n",
        style.red("refused:"),
        folded(&refusal.message, 9, style)
    );
    for detail in &refusal.details {
        text += &format!("  {}\n", folded(detail, 4, style));
    }
    text + &help(&refusal.help, "", style)
}
