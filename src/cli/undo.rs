//! After a restore that failed: everything is put back as it was found.

use super::drive::{Drive, WAS};
use super::{Failure, Kind};
use crate::execute::Outcomes;
use crate::facts::{Observation, Process};
use crate::inventory::NodeName;
use crate::plan::Plan;
use crate::plan::put_back::{Ended, put_back};
use crate::report::event::Outcome;
use crate::report::sink;

/// Puts back what a failed plan found, and returns its failure with what came of that.
pub async fn undo(
    drive: &Drive<'_>,
    failed: &Plan,
    outcomes: &Outcomes,
    before: &Observation,
    failure: Failure,
) -> Failure {
    let ended: Vec<Ended> = outcomes.iter().map(ended).collect();
    let loaded = drive.loaded;
    let now = drive.look().await;
    let plan = put_back(
        &loaded.cluster,
        &loaded.templates,
        failed,
        &ended,
        before,
        &now,
    );
    let Some(plan) = plan else { return failure };
    if drive.speaks() {
        sink::err("Putting back what was there before:\n");
    }
    let outcomes = match drive.execute(&plan, &now).await {
        Ok((outcomes, _)) => outcomes,
        Err(stopped) => return stopped,
    };
    let end = drive.verify(&plan, &outcomes, &now).await;
    let runs = |seen: &Observation, node: &NodeName| {
        seen.facts(node)
            .is_some_and(|facts| facts.process != Process::Stopped)
    };
    let (back, missing): (Vec<String>, Vec<String>) = before
        .seen()
        .filter(|(node, _)| runs(before, node))
        .map(|(node, _)| node.to_string())
        .partition(|node| runs(&end, &NodeName::from(node.as_str())));
    let good = outcomes.iter().all(Outcome::is_good) && missing.is_empty();
    // What is put back is not where the failed plan left it.
    let said = failure.message();
    let lines = said.lines();
    let lines = lines.filter(|line| !good || !line.contains(WAS));
    let mut message = lines.collect::<Vec<_>>().join("\n");
    if let Err(why) = drive.conclude(&plan, &outcomes, false) {
        message += &format!("\nputting back what was there before: {}", why.message());
    }
    if !back.is_empty() {
        message += &format!(
            "\n  {} run again with the data they had before",
            back.join(", ")
        );
    }
    for outcome in &outcomes {
        if let Outcome::Changed { detail } = outcome
            && !detail.is_empty()
        {
            message += &format!("\n  {detail}");
        }
    }
    let kind = match failure.kind {
        Kind::PartWay if good => Kind::Failed,
        kind => kind,
    };
    let help = if good {
        failure.help.clone()
    } else {
        format!("pgrepl status {}", loaded.path.display())
    };
    Failure::new(kind, message).help(help)
}

fn ended(outcome: &Outcome) -> Ended {
    match outcome {
        Outcome::Changed { .. } | Outcome::AlreadyDone => Ended::Good,
        Outcome::Skipped { .. } => Ended::NotBegun,
        Outcome::Failed { .. } | Outcome::Refused { .. } => Ended::Failed,
        Outcome::Unknown { .. } => Ended::Unknown,
    }
}
