//! A plan as a comment on a pull request.

use super::plan::{Diff, show};
use super::style::{Style, count};
use super::{foreign, sink};
use crate::facts::Observation;
use crate::plan::Plan;

/// The longest comment that code hosts take, with room for the rest.
const LONGEST: usize = 60_000;

/// Shows a table or a report in a fence that nothing in it closes.
pub fn block(text: &str) -> String {
    let body = sink::safe(text);
    let fence = foreign::fence(&body);
    let end = if body.ends_with('\n') { "" } else { "\n" };
    format!("{fence}text\n{body}{end}{fence}\n")
}

/// Shows a plan as Markdown, cut at 60 000 characters.
pub fn plan(plan: &Plan, seen: &Observation, file: &str, seconds: f64, diff: Diff) -> String {
    let text = show(plan, seen, file, seconds, diff, Style::plain());
    let summary = text.lines().rev().take(2).collect::<Vec<_>>();
    let mut body: String = text.chars().take(LONGEST).collect();
    if body.len() < text.len() {
        let hidden = text.lines().count() - body.lines().count();
        body += &format!("\n… {hidden} more lines hidden\n");
    }
    let body = sink::safe(&body);
    let fence = foreign::fence(&body);
    let summary: Vec<&str> = summary.into_iter().rev().collect();
    format!(
        "### pgrepl plan: {}\n\n{}\n\n<details><summary>{} on {}</summary>\n\n{fence}diff\n{body}{fence}\n\n</details>\n",
        foreign::markdown(&plan.cluster),
        summary
            .iter()
            .map(|line| foreign::markdown(&sink::safe(line)))
            .collect::<Vec<_>>()
            .join("  \n"),
        count(plan.steps.len(), "step"),
        count(plan.nodes.len(), "host")
    )
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
}
