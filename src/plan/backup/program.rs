//! The program of an engine that has one of its own: on the hosts, and its repository.

use crate::action::{InstallTool, PrepareTool};
use crate::backup::{Engine, engine_of};
use crate::facts::Facts;
use crate::inventory::{Backup as Wanted, BackupFrom, Cluster, NodeName};
use crate::plan::builder::Builder;

/// Returns the engine and the wish of a cluster whose engine has a program of its own.
fn of(cluster: &Cluster) -> Option<(&'static dyn Engine, &Wanted)> {
    let engine = engine_of(cluster).filter(|engine| engine.has_program())?;
    Some((engine, cluster.backup.as_ref()?))
}

fn has_repository(engine: &dyn Engine, facts: &Facts) -> bool {
    engine.scripts().prepare.is_none() || facts.tool.repository
}

/// Says whether everything is there that an engine needs to take a backup on a host.
pub(super) fn is_set_up(engine: &dyn Engine, facts: &Facts) -> bool {
    !engine.has_program() || facts.tool.version.is_some() && has_repository(engine, facts)
}

/// Plans the engine's packages on a host.
pub(in crate::plan) fn install(b: &mut Builder, name: &NodeName) {
    let Some((engine, backup)) = of(b.cluster) else {
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
    let Some((engine, backup)) = of(b.cluster) else {
        return;
    };
    let Some(facts) = b.facts(name) else { return };
    let there = facts.mount.as_ref().is_some_and(|mount| {
        mount.mounted && !mount.closed && mount.gone.is_empty() && mount.archive_of.is_some()
    });
    if there && facts.server.is_some() && !has_repository(engine, facts) {
        let prepare = PrepareTool {
            tool: backup.tool,
            top: backup.top(&b.cluster.name),
        };
        b.step(name, prepare);
    }
}

/// Says what differs from the inventory because of how the engine works.
pub(in crate::plan) fn notes(b: &mut Builder, cluster: &Cluster) {
    let Some((engine, backup)) = of(cluster) else {
        return;
    };
    if !engine.backs_up_standbys()
        && backup.from == BackupFrom::Standby
        && !cluster.standbys.is_empty()
    {
        b.cluster_note(
            format!(
                "{} takes backups where the primary is: from a standby it would need a channel to the primary",
                engine.name()
            ),
            "from: primary",
        );
    }
}
