//! What a job or a server of its own may write where the service manager of a host is too old to confine it.

use crate::facts::backups::Backup;
use crate::facts::{Facts, Observation};
use crate::inventory::NodeName;
use crate::plan::builder::Builder;
use crate::plan::{PlanError, Refusal};
use crate::platform::systemd::Older;

fn older(facts: &Facts) -> Option<Older> {
    Older::of(&facts.os.id, &facts.os.like, &facts.os.version)
}

/// Tells that nothing but its user confines what runs as a unit of its own on a host.
pub(in crate::plan) fn tell(b: &mut Builder, name: &NodeName) {
    let older = b.facts(name).and_then(older);
    if let Some(older) = older.filter(|older| !older.confines()) {
        b.note(
            name,
            format!(
                "its systemd is {} and cannot confine jobs: they may write wherever the service user may",
                older.0
            ),
            "systemd 232 and later can",
        );
    }
}

/// Refuses a server of its own where it would write to the tablespaces of the one that runs: WAL names their places.
pub(in crate::plan) fn keeps_apart(
    seen: &Observation,
    node: &NodeName,
    backup: &Backup,
) -> Result<(), PlanError> {
    let Some(facts) = seen.facts(node) else {
        return Ok(());
    };
    let unfit = older(facts).filter(|older| !older.confines() || !older.binds());
    let spaces = !backup.tablespaces.is_empty() || !facts.data.tablespaces.is_empty();
    match unfit.filter(|_| spaces) {
        None => Ok(()),
        Some(older) => Err(PlanError::Refused(Refusal {
            message: format!(
                "cannot start a server beside the cluster on {node}: it would write to the tablespaces of the one that runs"
            ),
            details: vec![format!(
                "WAL names the places of tablespaces; systemd {} of {node} can neither give a unit others (BindPaths, since 233) nor keep it from writing there (ProtectSystem=strict, since 232)",
                older.0
            )],
            help: "use a host with a newer release: --on HOST".into(),
        })),
    }
}
