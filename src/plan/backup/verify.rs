//! Verifies backups.

use crate::action::{Drill, VerifyBackups, VerifyWal};
use crate::backup::engine;
use crate::facts::Observation;
use crate::facts::backups::Backup;
use crate::files::recovery::{self, Follow, Target};
use crate::inventory::{Cluster, NodeName};
use crate::plan::backup::{can_restore, from_backup, has_archive, refusal, wanted};
use crate::plan::builder::Builder;
use crate::plan::converge::tablespaces;
use crate::plan::{Goal, Plan, PlanError, confined};
use crate::render::Templates;

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
    let top = backup.top(&cluster.name);
    let scripts = engine(backup.tool).scripts();
    let at_once = if scripts.verify_wal.is_some() {
        1
    } else {
        backups.len().max(1)
    };
    for verified in backups.chunks(at_once) {
        let verify = VerifyBackups {
            tool: backup.tool,
            top: top.clone(),
            ids: verified.iter().map(|backup| backup.id.clone()).collect(),
        };
        b.step(node, verify);
    }
    let from = backups.iter().map(|backup| &backup.start_wal).min();
    if let Some(from) = from.filter(|_| scripts.verify_wal.is_some()) {
        let verify = VerifyWal {
            tool: backup.tool,
            top,
            from: from.get(8..).unwrap_or_default().to_owned(),
        };
        b.step(node, verify);
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
                backup: from_backup(backup, cluster, tried),
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
