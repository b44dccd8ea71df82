//! Backups: what takes them, verifies them, and removes those that are not needed any more.

use crate::action::Source;
use crate::facts::backups::Backup;
use crate::facts::rights::{lost, rights};
use crate::facts::{Advice, Observation};
use crate::inventory::{Backup as Wanted, Cluster, NodeName};
use crate::plan::{PlanError, Refusal};
use crate::postgres::SystemId;

pub mod archiving;
pub(super) mod program;
mod prune;
pub(super) mod schedule;
mod take;
mod verify;

pub use prune::prune;
pub use take::take;
pub use verify::verify;

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

/// Tells what brings a backup to a host.
pub(in crate::plan) fn from_backup(wanted: &Wanted, cluster: &Cluster, backup: &Backup) -> Source {
    Source {
        tool: wanted.tool,
        top: wanted.top(&cluster.name),
        id: backup.id.clone(),
        builds_on: backup.builds_on.clone(),
        system_id: backup.system_id,
        bytes: backup.restored_bytes(),
    }
}
