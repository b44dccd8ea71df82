//! After a restore that failed: what was set aside gets its place again, and what ran runs.

use super::builder::Builder;
use super::{Goal, Plan};
use crate::action::{Action, Check, PutBack, Start, Text, WriteFile};
use crate::facts::{Facts, Observation, Process};
use crate::inventory::{Cluster, NodeName};
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

/// Plans to put back what a failed restore found; `before` was seen before it, `now` after it.
///
/// There is no such plan once the restored server has recovered: its history is the cluster's from then on. The same holds while
/// it may have, on a host that cannot be asked.
pub fn put_back(
    cluster: &Cluster,
    templates: &Templates,
    failed: &Plan,
    ended: &[Ended],
    before: &Observation,
    now: &Observation,
) -> Option<Plan> {
    let Goal::Restore(to) = &failed.goal else {
        return None;
    };
    let recover = failed.steps.iter().zip(ended);
    let mut recover = recover.filter(|(step, _)| matches!(step.action, Action::Recover(_)));
    let recovered = recover.next().map_or(Ended::NotBegun, |(_, ended)| *ended);
    let writes = |facts: &Facts| facts.server.as_ref().is_some_and(|s| !s.in_recovery);
    let over = match (recovered, now.facts(to)) {
        (Ended::Good, _) | (Ended::Failed | Ended::Unknown, None) => true,
        // The recovery may have ended as it should.
        (Ended::Unknown, Some(facts)) => writes(facts),
        (Ended::Failed | Ended::NotBegun, _) => false,
    };
    if over {
        return None;
    }
    let ran = |facts: &Facts| facts.process != Process::Stopped;
    let leader = before
        .seen()
        .find(|(_, facts)| writes(facts))
        .map_or_else(|| failed.leader.clone(), |(node, _)| node.clone());
    let mut b = Builder::new(cluster, templates, now, leader, None);
    let mut stopped: Vec<(&NodeName, bool)> = Vec::new();
    for (node, was) in before.seen() {
        let (Some(is), Some(platform)) = (now.facts(node), b.platform(node)) else {
            continue;
        };
        let Some(control) = was.data.control() else {
            continue;
        };
        let aside = is.set_aside.iter().rev();
        let aside = aside
            .map(|aside| &aside.path)
            .find(|path| was.set_aside.iter().all(|old| old.path != **path));
        let stops = ran(was) && !ran(is);
        if aside.is_none() && !stops {
            continue;
        }
        if aside.is_some() || !was.data.tablespaces.is_empty() {
            let put_back = PutBack {
                aside: aside.cloned(),
                system_id: control.system_id,
                before: Box::new(was.clone()),
            };
            b.step(node, put_back, "", &[]);
        }
        files_back(&mut b, failed, node, was, is, &platform.data_directory);
        if ran(was) {
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
        b.step(node, Start { unit }, if leads { "it led" } else { "" }, &[]);
    }
    let plan = b.finish(failed.goal.clone());
    (!plan.steps.is_empty()).then_some(plan)
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
            before: Text::Read {
                digest: new.digest.clone(),
                content: new.content.clone().unwrap_or_default(),
            },
            content: content.clone(),
            check: Check::None,
            foreign: false,
            takes_effect: String::new(),
            ..write.clone()
        };
        b.step(node, back, "as it was", &[]);
    }
}
