//! Decides which backups, and which WAL, are not needed any more.

use std::collections::BTreeSet;

use crate::action::Prune;
use crate::backup::{Engine, engine};
use crate::facts::Observation;
use crate::facts::backups::{Backup, Backups};
use crate::facts::history::Tree;
use crate::facts::leader::leader;
use crate::facts::retention::{self, Kept};
use crate::inventory::{Cluster, NodeName};
use crate::plan::backup::{refusal, wanted};
use crate::plan::builder::Builder;
use crate::plan::{Goal, Plan, PlanError};
use crate::postgres::{Timeline, lsn};
use crate::render::Templates;

/// Returns the backups that a restore reads now. What a host that runs had begun to restore is over.
fn restores(b: &mut Builder, there: &Backups) -> Vec<String> {
    let mut read = Vec::new();
    for (who, ids) in &there.restores {
        let over = b.facts(&NodeName::from(who.as_str())).is_some_and(|facts| {
            facts.server.is_some() && facts.staging.is_none() && !facts.data.signals.recovery
        });
        if !over {
            b.cluster_note(
                format!("{who} restores from {}: it stays", ids.join(", ")),
                "",
            );
            read.extend(ids.iter().cloned());
        }
    }
    read
}

/// Tells what cannot be restored as the cluster is now.
fn told(b: &mut Builder, there: &Backups, decided: &Kept) {
    let newest = Tree::of(there).newest();
    if !decided.useless.is_empty() {
        b.cluster_note(
            format!(
                "no WAL leads from {} to the end of timeline {newest}, which the cluster lives on: not counted",
                decided.useless.join(", ")
            ),
            "pgrepl backup list",
        );
    }
    if there.backups.iter().all(|backup| backup.timeline < newest) && !there.backups.is_empty() {
        b.cluster_note(
            format!("there is no backup of timeline {newest} yet"),
            "pgrepl backup run",
        );
    }
}

/// Returns the position part of a segment's name: names without their timeline sort by position.
fn position(name: &str) -> String {
    name.get(8..).unwrap_or_default().to_owned()
}

/// Returns the positions from which standbys may still need WAL.
fn needed_by_standbys(seen: &Observation) -> Vec<String> {
    let mut needed = Vec::new();
    for (_, facts) in seen.seen() {
        let size = facts
            .data
            .control()
            .map_or(16 << 20, |control| control.wal_segment_size);
        let standby = facts.standby();
        let behind = standby.and_then(|server| server.replayed).or_else(|| {
            let stopped = facts.server.is_none() && facts.data.signals.standby;
            facts
                .data
                .control()
                .filter(|_| stopped)
                .map(|control| control.redo)
        });
        if let Some(at) = behind {
            needed.extend(
                lsn::segments(Timeline(1), at, at, size)
                    .iter()
                    .map(|name| position(name)),
            );
        }
    }
    needed
}

/// Refuses what a program that decides itself what goes with a backup would remove, and somebody needs.
fn agree(
    seen: &Observation,
    engine: &dyn Engine,
    gone: &BTreeSet<String>,
    read: &[String],
    before: &str,
) -> Result<(), PlanError> {
    let program = engine.name();
    if let Some(id) = read.iter().find(|id| gone.contains(*id)) {
        return Err(refusal(
            format!("a restore reads backup {id}, which {program} would remove"),
            "when it is over: pgrepl backup prune",
        ));
    }
    if seen.unseen().next().is_some() {
        return Err(refusal(
            format!("a host cannot be reached: {program} would remove WAL that it may still need"),
            "pgrepl status",
        ));
    }
    let oldest = needed_by_standbys(seen).into_iter().min();
    if let Some(oldest) = oldest.filter(|oldest| oldest.as_str() < before) {
        return Err(refusal(
            format!(
                "a standby still needs WAL from {oldest} on, and {program} would remove it up to {before}"
            ),
            "let the standby catch up, or rebuild it: pgrepl status",
        ));
    }
    Ok(())
}

/// Plans to remove the backups that are beyond what is kept, and the WAL that no kept one, and no standby, needs.
///
/// `now` is in seconds since 1970. What leads to the timeline that the cluster lives on always stays.
pub fn prune(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    there: &Backups,
    node: &NodeName,
    now: u64,
) -> Result<Plan, PlanError> {
    let backup = wanted(cluster)?;
    let engine = engine(backup.tool);
    let lead = leader(cluster.major, seen, &cluster.primary)?;
    let decided = retention::kept(there, engine.rule(backup.keep), now);
    let mut b = Builder::new(cluster, templates, seen, lead.node().clone(), None);
    let read = restores(&mut b, there);
    told(&mut b, there, &decided);
    let counts = engine.counts_itself();
    let mut stays: BTreeSet<&String> = if counts {
        BTreeSet::new()
    } else {
        read.iter().collect()
    };
    for old in there.backups.iter().rev() {
        if !decided.gone.contains(&old.id) || stays.contains(&old.id) {
            stays.insert(&old.id);
            stays.extend(&old.builds_on);
        }
    }
    let (kept, gone): (Vec<&Backup>, Vec<&Backup>) = there
        .backups
        .iter()
        .partition(|old| stays.contains(&old.id));
    let mut ids: BTreeSet<String> = gone.iter().map(|backup| backup.id.clone()).collect();
    let mut before = kept.iter().map(|backup| position(&backup.start_wal)).min();
    let goes = if counts {
        if let Some(before) = before.as_ref().filter(|_| !ids.is_empty()) {
            agree(seen, engine, &ids, &read, before)?;
        }
        // It counts them by their age, and removes what is older than one that goes.
        let oldest = kept.iter().map(|backup| &backup.id).min();
        let useless = there.useless.iter().filter(|id| Some(*id) < oldest);
        let goes = !ids.is_empty() && before.is_some();
        ids.extend(useless.cloned());
        goes
    } else {
        if seen.unseen().next().is_some() {
            b.cluster_note(
                "a host cannot be reached: WAL that it may still need stays",
                "",
            );
            before = None;
        } else if before.is_some() {
            before = before.into_iter().chain(needed_by_standbys(seen)).min();
        }
        let old = |(first, _): &(String, String)| {
            before
                .as_ref()
                .is_some_and(|before| position(first) < *before)
        };
        !ids.is_empty() || there.wal.iter().any(old)
    };
    if goes {
        let prune = Prune {
            tool: backup.tool,
            top: backup.top(&cluster.name),
            ids: ids.into_iter().collect(),
            before,
        };
        b.step(node, prune)
            .because(format!("{} backups are kept", kept.len()));
    }
    Ok(b.finish(Goal::Backup))
}
