//! After a restore or a rebuild that failed: everything is put back as it was found.

use super::drive::Drive;
use super::pipe::{Course, Draft, Way};
use super::plan::no_plan;
use super::{Failure, FailureKind};
use crate::execute::Outcomes;
use crate::facts::{Observation, Process};
use crate::inventory::NodeName;
use crate::plan::Plan;
use crate::plan::restore::put_back::{Ended, Undo, put_back, runs_again};
use crate::plan::restore::put_back_last::put_back_last;
use crate::report::ending::WAS;
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
    let loaded = drive.loaded;
    let now = drive.look().await;
    let plan = put_back(
        &loaded.cluster,
        &loaded.templates,
        failed,
        &ended(outcomes),
        before,
        &now,
    );
    let path = loaded.path.display();
    let left = |more: &str, help: String| {
        let message = format!("{}\n  {}{more}", failure.message(), failed.leader);
        Failure::new(failure.kind, message).help(help)
    };
    let plan = match plan {
        Undo::Plan(plan) => plan,
        Undo::Nothing => return failure,
        Undo::Recovered => {
            let more = " has recovered, and its history is the cluster's now: nothing is put back";
            return left(
                more,
                format!("after fixing the cause, run: pgrepl apply {path}"),
            );
        }
        Undo::Undecided => {
            let more = " may have recovered, and cannot be asked: nothing is put back";
            return left(more, format!("pgrepl status {path}"));
        }
    };
    if drive.speaks() {
        sink::err("Putting back what was there before:\n");
    }
    let outcomes = match drive.execute(&plan, &now).await {
        Ok((outcomes, _)) => outcomes,
        Err(stopped) => return stopped,
    };
    let end = drive.verify(&plan, &outcomes, &now).await;
    let runs = |node: &NodeName| {
        end.facts(node)
            .is_some_and(|facts| facts.process != Process::Stopped)
    };
    let (back, missing): (Vec<&NodeName>, Vec<&NodeName>) = before
        .seen()
        .filter(|(node, facts)| runs_again(&failed.goal, node, facts))
        .map(|(node, _)| node)
        .partition(|node| runs(node));
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
            "\n  {} again with the data of before",
            match &back[..] {
                [one] => format!("{one} runs"),
                all => format!("{} run", comma(all)),
            }
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
        FailureKind::PartWay if good => FailureKind::Failed,
        kind => kind,
    };
    let help = if good {
        failure.help.clone()
    } else {
        format!("pgrepl status {path}")
    };
    Failure::new(kind, message).help(help)
}

/// Puts back what a run that was killed has set aside.
pub async fn go_back(drive: &Drive<'_>, dry_run: bool) -> Result<u8, Failure> {
    let loaded = drive.loaded;
    let way = Way {
        dry_run,
        ..Way::default()
    };
    let plan = async |seen: &Observation| {
        put_back_last(&loaded.cluster, &loaded.templates, seen)
            .map(|plan| Draft::new(plan, ()))
            .map_err(|error| no_plan(drive.global, seen, error))
    };
    let done = match drive.carry_out(&way, plan).await? {
        Course::Idle(..) => return Ok(0),
        Course::Done(done) => done,
    };
    drive.conclude(&done.draft.plan, &done.outcomes, done.interrupted)?;
    drive.tell_done(done.begin, |seconds| {
        let path = loaded.path.display();
        format!("what was set aside has its place again, in {seconds}. Start the servers: pgrepl apply {path}")
    });
    Ok(0)
}

fn comma(nodes: &[&NodeName]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.as_str()).collect();
    names.join(", ")
}

/// Returns how the steps of a plan ended, for what is decided after a failure.
pub fn ended(outcomes: &Outcomes) -> Vec<Ended> {
    let ended = |outcome: &Outcome| match outcome {
        Outcome::Changed { .. } | Outcome::AlreadyDone => Ended::Good,
        Outcome::Skipped { .. } => Ended::NotBegun,
        Outcome::Failed { .. } | Outcome::Refused { .. } => Ended::Failed,
        Outcome::Unknown { .. } => Ended::Unknown,
    };
    outcomes.iter().map(ended).collect()
}
