//! Takes a base backup onto the mount.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::backup::Depth;
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::script::{library, script};

const SCRIPT: &str = script!(["job.sh"] "take_backup.sh");

/// What the unit runs as the service user: one job at a time on the mount.
const PROGRAM: &str = concat!(
    "set -eu\numask 077\nas_owner() { \"$@\"; }\n",
    library!("mount_lock.sh"),
    library!("sums.sh"),
    library!("kept.sh"),
    library!("sync.sh"),
    library!("take.sh"),
    "lock_mount backup 20 >>\"$top/base/$id.inprogress/log\" 2>&1 || { \
        echo \"the mount $why\" >>\"$top/base/$id.inprogress/log\"; exit 1; }\n\
     trap unlock_mount EXIT\ntake_backup\n",
);

/// Takes a base backup: compressed tar files with checksums in `<top>/base/<id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeBackup {
    /// The cluster's directory on the mount.
    pub top: String,
    /// Its name: when it was begun.
    pub id: String,
    /// Whether it is complete in itself, or holds what changed since another one.
    pub depth: Depth,
    /// pg_basebackup's options for a compressed backup.
    pub compress: String,
}

impl Act for TakeBackup {
    fn title(&self) -> String {
        match self.depth {
            Depth::Full | Depth::Differential => format!("backup {}", self.id),
            Depth::Incremental => format!("incremental backup {}", self.id),
        }
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let caps = place.major.caps();
        vec![
            place
                .command("take a backup", SCRIPT)
                .var("top", &self.top)
                .var("id", &self.id)
                .var(
                    "kind",
                    match self.depth {
                        Depth::Full | Depth::Differential => "full",
                        Depth::Incremental => "incremental",
                    },
                )
                .var("program", PROGRAM)
                .var("finish", library!("finish.sh"))
                .var(
                    "backup_unit",
                    place.clone_unit().replace("-clone.", "-backup."),
                )
                .var("wal_method", caps.backup_wal_method)
                .var("compress", &self.compress)
                .timeout(None),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
