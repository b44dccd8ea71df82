//! Takes a backup, and decides which ones are not needed any more.

use std::collections::BTreeSet;

use crate::action::{Checkpoint, Drill, Prune, TakeBackup, VerifyBackup, VerifyWal, WaitStreaming};
use crate::backup::{Depth, engine, tools_with};
use crate::facts::backups::{Backup, Backups};
use crate::facts::history::Tree;
use crate::facts::leader::{Leader, leader};
use crate::facts::retention::{self, Kept};
use crate::facts::rights::{lost, rights};
use crate::facts::{Advice, Observation};
use crate::files::recovery::{self, Follow, Target};
use crate::inventory::{Backup as Wanted, BackupFrom, Cluster, NodeName};
use crate::plan::backup::archiving::archives_elsewhere;
use crate::plan::builder::Builder;
use crate::plan::converge::tablespaces;
use crate::plan::{Goal, Plan, PlanError, Refusal, confined};
use crate::postgres::{SystemId, lsn};
use crate::render::Templates;

pub mod archiving;
pub(super) mod engines;
pub(super) mod schedule;

fn refusal(message: impl Into<String>, help: impl Into<String>) -> PlanError {
    PlanError::Refused(Refusal {
        message: message.into(),
        details: Vec::new(),
        help: help.into(),
    })
}

fn wanted(cluster: &Cluster) -> Result<&Wanted, PlanError> {
    let backup = cluster.backup.as_ref().ok_or_else(|| {
        refusal(
            "the inventory has no `backup:`",
            "backup: { mount: /mnt/backups }",
        )
    })?;
    Ok(backup)
}

/// Returns pg_basebackup's options for a compressed backup: with zstd where every host that was seen can unpack that.
pub(in crate::plan) fn compression(cluster: &Cluster, seen: &Observation) -> &'static str {
    let caps = cluster.major.caps();
    caps.backup_zstd
        .filter(|_| seen.seen().all(|(_, facts)| facts.packages.zstd))
        .unwrap_or(caps.backup_compression)
}

/// Plans one backup, named `id`, on the wanted host or on the one the inventory prefers.
pub fn take(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    host: Option<&NodeName>,
    id: &str,
    depth: Depth,
) -> Result<Plan, PlanError> {
    let backup = wanted(cluster)?;
    let driven = engines::driven(cluster).is_some();
    let incremental = depth == Depth::Incremental;
    if !driven && depth == Depth::Differential {
        return Err(refusal(
            "pg_basebackup takes no differential backups",
            format!("--type incremental, or {}", tools_with(depth)),
        ));
    }
    if !driven && incremental && !cluster.major.caps().has_incremental_backups {
        return Err(refusal(
            format!(
                "PostgreSQL {} takes no incremental backups: 17 and later do",
                cluster.major
            ),
            format!("pgrepl backup run --type full, or {}", tools_with(depth)),
        ));
    }
    let lead = match leader(cluster.major, seen, &cluster.primary)? {
        Leader::Running(lead) => lead,
        Leader::Stopped(_) | Leader::New(_) => {
            return Err(refusal("no primary is running", "pgrepl apply"));
        }
    };
    let runs = |node: &NodeName| seen.facts(node).is_some_and(|facts| facts.server.is_some());
    let standby = || {
        cluster
            .in_order()
            .map(|node| &node.name)
            .find(|node| **node != lead && runs(node))
    };
    let node = match (host, backup.from) {
        (Some(host), _) => host.clone(),
        _ if driven => lead.clone(),
        (None, BackupFrom::Standby) => standby().unwrap_or(&lead).clone(),
        (None, BackupFrom::Primary) => lead.clone(),
    };
    let Some(facts) = seen.facts(&node).filter(|_| runs(&node)) else {
        return Err(refusal(
            format!("the server on {node} does not run"),
            "pgrepl status",
        ));
    };
    has_archive(
        seen,
        &node,
        facts.data.control().map(|control| control.system_id),
    )?;
    let server = seen.facts(&lead).and_then(|facts| facts.server.as_ref());
    if let Some(why) = server.and_then(|server| archives_elsewhere(cluster, server)) {
        return Err(refusal(
            format!("a backup would be worth nothing: {lead}: {why}"),
            "pgrepl apply",
        ));
    }
    let mut b = Builder::new(cluster, templates, seen, lead.clone(), None);
    if driven {
        engines::take(&mut b, host, id, depth)?;
        return Ok(b.finish(Goal::Backup));
    }
    if incremental && node != lead {
        // A standby begins a backup at its last restartpoint, which must lie behind the end of the one before.
        b.step(&lead, Checkpoint {}).because("for a restartpoint");
        b.next_phase();
        let upstream = b.node(&node).and_then(|wish| wish.upstream.clone());
        let upstream = upstream.unwrap_or_else(|| lead.clone());
        let wait = WaitStreaming {
            standby: node.clone(),
            slot: None,
            delayed: false,
            cascading: upstream != lead,
        };
        b.step(&upstream, wait);
        b.next_phase();
    }
    let take = TakeBackup {
        top: backup.top(&cluster.name),
        id: id.to_owned(),
        depth,
        compress: compression(cluster, seen).to_owned(),
    };
    b.step(&node, take);
    confined::tell(&mut b, &node);
    Ok(b.finish(Goal::Backup))
}

/// Refuses to go on with a host that does not have the archive of this cluster on its mount.
fn has_archive(seen: &Observation, node: &NodeName, of: Option<SystemId>) -> Result<(), PlanError> {
    let Some(mount) = seen.facts(node).and_then(|facts| facts.mount.as_ref()) else {
        return Err(refusal(
            format!("{node} could not be read"),
            "pgrepl status",
        ));
    };
    if let Some(Advice { message, help }) = rights(seen, node, None).filter(|_| mount.closed) {
        return Err(refusal(message, help));
    }
    if let Some(Advice { message, help }) = seen.facts(node).and_then(|facts| lost(node, facts)) {
        return Err(refusal(message, help));
    }
    if let Some(absence) = mount.absence(&format!(" of {node}")) {
        let help = format!("ssh {node} grep {} /proc/mounts", mount.path);
        return Err(refusal(absence, help));
    }
    if mount.archive_of.is_none() || mount.archive_of != of {
        return Err(refusal(
            format!("{} of {node} holds no archive of this cluster", mount.path),
            "pgrepl apply",
        ));
    }
    Ok(())
}

/// Refuses to bring a backup to a host that does not have it on its mount, or cannot unpack it.
pub(in crate::plan) fn can_restore(
    seen: &Observation,
    node: &NodeName,
    backup: &Backup,
) -> Result<(), PlanError> {
    has_archive(seen, node, Some(backup.system_id))?;
    if backup.zstd && !seen.facts(node).is_some_and(|facts| facts.packages.zstd) {
        let message = format!(
            "backup {} is compressed with zstd, which {node} does not have",
            backup.id
        );
        return Err(refusal(
            message,
            format!("install the package zstd on {node}"),
        ));
    }
    Ok(())
}

/// Plans to verify backups, on a host that has the mount.
pub fn verify(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    backups: &[&Backup],
    node: &NodeName,
    drill: bool,
) -> Result<Plan, PlanError> {
    let backup = wanted(cluster)?;
    has_archive(seen, node, backups.first().map(|backup| backup.system_id))?;
    let mut b = Builder::new(cluster, templates, seen, node.clone(), None);
    if engines::driven(cluster).is_some() {
        let ids: Vec<String> = backups.iter().map(|backup| backup.id.clone()).collect();
        engines::verify(&mut b, node, &ids);
    } else {
        for verified in backups {
            let verify = VerifyBackup {
                top: backup.top(&cluster.name),
                id: verified.id.clone(),
                builds_on: verified.builds_on.clone(),
            };
            b.step(node, verify);
        }
        let from = backups.iter().map(|backup| &backup.start_wal).min();
        if let Some(from) = from {
            let verify = VerifyWal {
                top: backup.top(&cluster.name),
                from: from.get(8..).unwrap_or_default().to_owned(),
            };
            b.step(node, verify);
        }
    }
    if drill {
        for tried in backups {
            can_restore(seen, node, tried)?;
            confined::keeps_apart(seen, node, tried)?;
            confined::tell(&mut b, node);
            tablespaces::origins(node, tried)?;
            // To where it is consistent it needs no timeline but its own.
            let recovery = recovery::recovery(cluster, &Target::Immediate, Follow::Own)
                .map_err(|why| refusal(why, "another mount"))?;
            let drill = Drill {
                backup: engines::source(backup, cluster, tried),
                tablespaces: tried.tablespaces.clone(),
                named: tablespaces::named(cluster, node),
                marker: recovery.marker,
                recovery: recovery.settings,
            };
            b.step(node, drill);
        }
    }
    Ok(b.finish(Goal::Backup))
}

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
    let lead = leader(cluster.major, seen, &cluster.primary)?;
    let all = &there.backups;
    let rule = engine(backup.tool).rule(backup.keep);
    let decided = retention::kept(there, rule, now);
    let mut b = Builder::new(cluster, templates, seen, lead.node().clone(), None);
    let read = restores(&mut b, there);
    told(&mut b, there, &decided);
    let mut stays: BTreeSet<&String> = read.iter().collect();
    for old in all.iter().rev() {
        if !decided.gone.contains(&old.id) || stays.contains(&old.id) {
            stays.insert(&old.id);
            stays.extend(&old.builds_on);
        }
    }
    let (kept, gone): (Vec<_>, Vec<_>) = all.iter().partition(|old| stays.contains(&old.id));
    // Names of segments without their timeline sort by position.
    let position = |name: &str| name.get(8..).unwrap_or_default().to_owned();
    let mut needed: Vec<String> = kept
        .iter()
        .map(|backup| position(&backup.start_wal))
        .collect();
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
                lsn::segments(crate::postgres::Timeline(1), at, at, size)
                    .iter()
                    .map(|name| position(name)),
            );
        }
    }
    if engines::driven(cluster).is_some() {
        let standbys = needed.split_off(kept.len());
        let known = engines::all_seen(seen).then_some(standbys.as_slice());
        engines::prune(&mut b, there, node, decided.gone, known, &read)?;
        return Ok(b.finish(Goal::Backup));
    }
    if seen.unseen().next().is_some() {
        b.cluster_note(
            "a host cannot be reached: WAL that it may still need stays",
            "",
        );
        needed.clear();
    }
    let before = needed.into_iter().min().filter(|_| !kept.is_empty());
    let goes = |(first, _): &(String, String)| {
        before
            .as_ref()
            .is_some_and(|before| position(first) < *before)
    };
    if !gone.is_empty() || there.wal.iter().any(goes) {
        let prune = Prune {
            top: backup.top(&cluster.name),
            backups: gone.iter().map(|backup| backup.id.clone()).collect(),
            before,
        };
        let kept = format!("{} backups are kept", kept.len());
        b.step(node, prune).because(kept);
    }
    Ok(b.finish(Goal::Backup))
}
