//! After a restore or a rebuild that failed: what was set aside gets its place again, and what ran runs.

use crate::action::{Action, Check, PlannedText, PutBack, Start, TakeAddress, WriteFile};
use crate::facts::{Facts, Observation, Process};
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::Builder;
use crate::plan::{Goal, Plan};
use crate::render::Templates;

/// How a step of the failed plan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The host is as the step wanted it.
    Good,
    /// It was never begun.
    NotBegun,
    /// It failed.
    Failed,
    /// Nobody knows: the connection was lost.
    Unknown,
}

/// What is done after a plan that failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Undo {
    /// This.
    Plan(Box<Plan>),
    /// Nothing: the hosts are as they were, or nothing could be put back.
    Nothing,
    /// Nothing: the restored server has recovered, and its history is the cluster's from then on.
    Recovered,
    /// Nothing: the restored server may have recovered.
    Undecided,
}

/// Says whether a server ran that may run again: one that ran as a second primary beside the one that it is rebuilt from may not.
pub fn runs_again(goal: &Goal, node: &NodeName, was: &Facts) -> bool {
    let alone = match goal {
        Goal::Rebuild(rebuilt) => rebuilt != node || writes(was),
        _ => false,
    };
    was.process != Process::Stopped && !alone
}

fn writes(facts: &Facts) -> bool {
    facts.primary().is_some()
}

/// Says of a failed plan that it has gone too far to be put back.
fn over(failed: &Plan, ended: &[Ended], now: &Observation) -> Option<Undo> {
    let outcome = |wanted: fn(&Action) -> bool| {
        let mut steps = failed.steps.iter().zip(ended);
        let found = steps.find(|(step, _)| wanted(&step.action));
        found.map_or(Ended::NotBegun, |(_, ended)| *ended)
    };
    match &failed.goal {
        Goal::Restore(to) => {
            match (
                outcome(|action| matches!(action, Action::Recover(_))),
                now.facts(to),
            ) {
                (Ended::Good, _) => Some(Undo::Recovered),
                (Ended::Failed | Ended::Unknown, None) => Some(Undo::Undecided),
                // The recovery may have ended as it should.
                (Ended::Unknown, Some(facts)) if writes(facts) => Some(Undo::Recovered),
                _ => None,
            }
        }
        Goal::Rebuild(_) => {
            let placed = outcome(|action| matches!(action, Action::PlaceClone(_)));
            let rewound = outcome(|action| matches!(action, Action::Rewind(_)));
            // The new data is as good as the old, or better; and a copy that may go on is joined by the next run.
            let new = placed == Ended::Good || rewound == Ended::Good;
            (new || ended.contains(&Ended::Unknown)).then_some(Undo::Nothing)
        }
        _ => Some(Undo::Nothing),
    }
}

/// Plans to put back what a failed restore or rebuild found; `before` was seen before it, `now` after it.
pub fn put_back(
    cluster: &Cluster,
    templates: &Templates,
    failed: &Plan,
    ended: &[Ended],
    before: &Observation,
    now: &Observation,
) -> Undo {
    if let Some(over) = over(failed, ended, now) {
        return over;
    }
    let ran = |facts: &Facts| facts.process != Process::Stopped;
    let leader = before
        .seen()
        .find(|(_, facts)| writes(facts))
        .map_or_else(|| failed.leader.clone(), |(node, _)| node.clone());
    let mut b = Builder::new(cluster, templates, now, leader, None);
    let mut stopped: Vec<(&NodeName, bool)> = Vec::new();
    for (node, was) in before.seen() {
        if matches!(&failed.goal, Goal::Rebuild(rebuilt) if rebuilt != node) {
            continue;
        }
        let (Some(is), Some(platform)) = (now.facts(node), b.platform(node)) else {
            continue;
        };
        let Some(control) = was.data.control() else {
            continue;
        };
        let aside = is.set_aside.iter().rev();
        let aside = aside
            .filter(|aside| aside.stamp().is_some())
            .map(|aside| &aside.path)
            .find(|path| was.set_aside.iter().all(|old| old.path != **path));
        // Half changed by a rewind, it does not start.
        let whole = aside.is_some() || !is.data.rewinding;
        let starts = whole && runs_again(&failed.goal, node, was);
        let stops = starts && !ran(is);
        if aside.is_none() && !stops {
            continue;
        }
        if aside.is_some() || !was.data.tablespaces.is_empty() {
            let put_back = PutBack {
                aside: aside.cloned(),
                data_directory: was.data.path.clone(),
                system_id: Some(control.system_id),
                before: Some(Box::new(was.clone())),
            };
            b.step(node, put_back);
        }
        files_back(&mut b, failed, node, was, is, &platform.data_directory);
        if starts {
            stopped.push((node, writes(was)));
        }
    }
    stopped.sort_by_key(|(_, leads)| !leads);
    for (node, leads) in stopped {
        b.next_phase();
        let Some(platform) = b.platform(node) else {
            continue;
        };
        let unit = platform.unit;
        b.step(node, Start { unit })
            .because(if leads { "it led" } else { "" });
        if let (true, Some(address)) = (leads, b.cluster.address_on(node)) {
            b.step(node, TakeAddress { address }).because("it led");
        }
    }
    let plan = b.finish(failed.goal.clone());
    match plan.steps.is_empty() {
        true => Undo::Nothing,
        false => Undo::Plan(Box::new(plan)),
    }
}

/// A configuration that lies elsewhere than the data was written for what did not come to be.
fn files_back(
    b: &mut Builder,
    failed: &Plan,
    node: &NodeName,
    was: &Facts,
    is: &Facts,
    data_directory: &str,
) {
    let inside = format!("{data_directory}/");
    for step in failed.steps.iter().filter(|step| step.node == *node) {
        let Action::WriteFile(write) = &step.action else {
            continue;
        };
        let (Some(old), Some(new)) = (was.files.get(&write.path), is.files.get(&write.path)) else {
            continue;
        };
        let Some(content) = &old.content else {
            continue;
        };
        if write.path.starts_with(&inside) || old.digest == new.digest {
            continue;
        }
        let back = WriteFile {
            before: PlannedText::Read {
                digest: new.digest.clone(),
                content: new.content.clone().unwrap_or_default(),
            },
            content: content.clone(),
            check: Check::None,
            foreign: false,
            takes_effect: String::new(),
            ..write.clone()
        };
        b.step(node, back).because("as it was");
    }
}
