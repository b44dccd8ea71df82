//! What is planned differently for a backup engine with a program of its own.

use std::collections::BTreeSet;

use crate::action::{InstallTool, PrepareTool, Source, ToolBackup, ToolExpire, ToolVerify};
use crate::backup::{Depth, Engine, engine_of, tools_with};
use crate::facts::Observation;
use crate::facts::backups::{Backup, Backups};
use crate::inventory::{Backup as Wanted, Cluster, NodeName};
use crate::plan::builder::Builder;
use crate::plan::{PlanError, Refusal};

fn refuse<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, PlanError> {
    Err(PlanError::Refused(Refusal {
        message: message.into(),
        details: Vec::new(),
        help: help.into(),
    }))
}

/// Returns the engine and the wish of a cluster whose engine has a program of its own.
pub(in crate::plan) fn driven(cluster: &Cluster) -> Option<(&'static dyn Engine, &Wanted)> {
    let engine = engine_of(cluster)?;
    engine.scripts()?;
    Some((engine, cluster.backup.as_ref()?))
}

/// Plans the engine's packages on a host.
pub(in crate::plan) fn install(b: &mut Builder, name: &NodeName) {
    let Some((engine, backup)) = driven(b.cluster) else {
        return;
    };
    let missing = b
        .facts(name)
        .is_some_and(|facts| facts.tool.version.is_none());
    if !missing || !b.free(name) {
        return;
    }
    let program = engine.name();
    if engine.packages().is_empty() {
        b.block(
            name,
            format!("{program} is not installed"),
            format!(
                "no package of {program} is known: install it there by hand, or use another tool"
            ),
        );
    } else if !b.cluster.install {
        b.block(
            name,
            format!("{program} is not installed"),
            "install it there, or allow `postgresql.install: true`",
        );
    } else {
        b.step(name, InstallTool { tool: backup.tool });
    }
}

/// Plans the engine's repository, made by the server that leads once it runs.
pub(in crate::plan) fn prepare(b: &mut Builder, name: &NodeName) {
    let Some((engine, backup)) = driven(b.cluster) else {
        return;
    };
    let wants = engine
        .scripts()
        .is_some_and(|scripts| scripts.prepare.is_some());
    let Some(facts) = b.facts(name) else { return };
    let there = facts.mount.as_ref().is_some_and(|mount| {
        mount.mounted && !mount.closed && mount.gone.is_empty() && mount.archive_of.is_some()
    });
    if wants && there && facts.server.is_some() && !facts.tool.repository {
        let prepare = PrepareTool {
            tool: backup.tool,
            top: backup.top(&b.cluster.name),
        };
        b.step(name, prepare);
    }
}

/// Plans a backup by the engine's program: where the primary is.
pub(in crate::plan) fn take(
    b: &mut Builder,
    host: Option<&NodeName>,
    id: &str,
    depth: Depth,
) -> Result<(), PlanError> {
    let Some((engine, backup)) = driven(b.cluster) else {
        return Ok(());
    };
    let (program, lead) = (engine.name(), b.leader.clone());
    if let Some(other) = host.filter(|host| **host != lead) {
        return refuse(
            format!(
                "{program} takes its backups where the primary is: expected {lead}, found {other}"
            ),
            format!("--host {lead}"),
        );
    }
    if !engine.depths().contains(&depth) {
        return refuse(
            format!("{program} takes full backups only"),
            format!("--type full, or {}", tools_with(depth)),
        );
    }
    if b.facts(&lead).is_some_and(|facts| {
        facts.tool.version.is_none()
            || engine
                .scripts()
                .is_some_and(|scripts| scripts.prepare.is_some())
                && !facts.tool.repository
    }) {
        return refuse(format!("{program} is not set up on {lead}"), "pgrepl apply");
    }
    let take = ToolBackup {
        tool: backup.tool,
        top: backup.top(&b.cluster.name),
        run: id.to_owned(),
        depth,
    };
    b.step(&lead, take);
    Ok(())
}

/// Plans to verify backups, all in one step.
pub(in crate::plan) fn verify(b: &mut Builder, node: &NodeName, ids: &[String]) {
    let Some((_, backup)) = driven(b.cluster) else {
        return;
    };
    let verify = ToolVerify {
        tool: backup.tool,
        top: backup.top(&b.cluster.name),
        ids: ids.to_vec(),
    };
    b.step(node, verify);
}

/// Plans to remove the backups that go; `needed` are the positions of segments that standbys wait for,
/// `None` when not all could be asked, `read` the backups that restores read.
pub(in crate::plan) fn prune(
    b: &mut Builder,
    there: &Backups,
    node: &NodeName,
    gone: BTreeSet<String>,
    needed: Option<&[String]>,
    read: &[String],
) -> Result<(), PlanError> {
    let Some((engine, backup)) = driven(b.cluster) else {
        return Ok(());
    };
    let is_gone = |backup: &&Backup| gone.contains(&backup.id);
    let position = |backup: &Backup| backup.start_wal.get(8..).unwrap_or_default().to_owned();
    let kept: Vec<&Backup> = there.backups.iter().filter(|one| !is_gone(one)).collect();
    let Some(before) = kept.iter().map(|backup| position(backup)).min() else {
        return Ok(());
    };
    if gone.is_empty() {
        return Ok(());
    }
    let program = engine.name();
    if let Some(id) = read.iter().find(|id| gone.contains(*id)) {
        return refuse(
            format!("a restore reads backup {id}, which {program} would remove"),
            "when it is over: pgrepl backup prune",
        );
    }
    let Some(needed) = needed else {
        return refuse(
            format!("a host cannot be reached: {program} would remove WAL that it may still need"),
            "pgrepl status",
        );
    };
    if let Some(oldest) = needed.iter().min().filter(|oldest| **oldest < before) {
        return refuse(
            format!(
                "a standby still needs WAL from {oldest} on, and {program} would remove it up to {before}"
            ),
            "let the standby catch up, or rebuild it: pgrepl status",
        );
    }
    // The engine counts them by their age, and removes what is older than one that goes.
    let oldest = kept.iter().map(|backup| &backup.id).min();
    let useless = there.useless.iter().filter(|id| Some(*id) < oldest);
    let mut gone = gone;
    gone.extend(useless.cloned());
    let expire = ToolExpire {
        tool: backup.tool,
        top: backup.top(&b.cluster.name),
        ids: gone.into_iter().collect(),
        before,
    };
    b.step(node, expire)
        .because(format!("{} backups are kept", kept.len()));
    Ok(())
}

/// Tells what brings a backup to a host.
pub(in crate::plan) fn source(wanted: &Wanted, cluster: &Cluster, backup: &Backup) -> Source {
    Source {
        tool: wanted.tool,
        top: wanted.top(&cluster.name),
        id: backup.id.clone(),
        builds_on: backup.builds_on.clone(),
        system_id: backup.system_id,
        bytes: backup.restored_bytes(),
    }
}

/// Says what differs from the inventory because of how the engine works.
pub(in crate::plan) fn notes(b: &mut Builder, cluster: &Cluster) {
    let Some((engine, backup)) = driven(cluster) else {
        return;
    };
    if backup.from == crate::inventory::BackupFrom::Standby && !cluster.standbys.is_empty() {
        b.cluster_note(
            format!(
                "{} takes backups where the primary is: from a standby it would need a channel to the primary",
                engine.name()
            ),
            "from: primary",
        );
    }
}

/// Says whether all hosts were seen.
pub(in crate::plan) fn all_seen(seen: &Observation) -> bool {
    seen.unseen().next().is_none()
}
