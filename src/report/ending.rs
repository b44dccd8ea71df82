//! What a run that did not do everything says at its end: the cause first and last, and in between what became of the rest.

use super::event::Outcome;
use super::style::count;
use crate::action::Action;
use crate::plan::Plan;

/// Says where the data is that a server had before.
pub const WAS: &str = "its data of before is in";

/// Tells of outcomes that are not all good, under a headline; who asks for everything gets a line for each step.
pub fn ending(plan: &Plan, outcomes: &[Outcome], headline: &str, everything: bool) -> String {
    let told = || plan.steps.iter().zip(outcomes);
    let good = outcomes.iter().filter(|outcome| outcome.is_good()).count();
    let is_change = |outcome: &&Outcome| matches!(outcome, Outcome::Changed { .. });
    let changed = outcomes.iter().filter(is_change).count();
    let causes: Vec<String> = told()
        .filter_map(|(step, outcome)| {
            let why = match outcome {
                Outcome::Failed { message, .. } => format!("failed: {message}"),
                Outcome::Refused { expected, found } => {
                    format!("refused: expected {expected}, found {found}")
                }
                Outcome::Unknown { because } => format!("outcome unknown: {because}"),
                Outcome::Skipped { .. } | Outcome::Changed { .. } | Outcome::AlreadyDone => {
                    return None;
                }
            };
            Some(format!(
                "{}  {}: {why}",
                step.node,
                step.action.act().title()
            ))
        })
        .collect();
    let mut text = headline.to_owned();
    if let Some(first) = causes.first() {
        text += &format!(": {first}");
    }
    let of = outcomes.len();
    text += &format!(
        "\n  {good} of {} done, {changed} changed something",
        count(of, "step")
    );
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for (step, outcome) in told() {
        let Outcome::Skipped { because } = outcome else {
            continue;
        };
        if everything {
            let title = step.action.act().title();
            text += &format!("\n  {}  {title}: not started: {because}", step.node);
        }
        match reasons.iter_mut().find(|(known, _)| known == because) {
            Some((_, steps)) => *steps += 1,
            None => reasons.push((because, 1)),
        }
    }
    let skipped: usize = reasons.iter().map(|(_, steps)| steps).sum();
    if !everything && let Some((because, _)) = reasons.first() {
        let steps = count(skipped, "step");
        text += &match reasons.len() {
            1 => format!("\n  {steps} not started: {because}"),
            _ => format!("\n  {steps} not started because of that; each one: -v"),
        };
    }
    for (step, outcome) in told() {
        if let (Action::SetAside(_), Outcome::Changed { detail }) = (&step.action, outcome) {
            text += &format!("\n  {}  {WAS} {detail}", step.node);
        }
    }
    for cause in causes {
        text += &format!("\n  {cause}");
    }
    text
}
