//! Makes the cluster's place on the backup file system.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::postgres::SystemId;
use crate::script::script;

const SCRIPT: &str = script!([] "mount.sh");

/// Makes the cluster's directory on the backup mount, with a marker that holds its system identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareMount {
    /// The mount point.
    pub mount: String,
    /// The cluster's directory on it.
    pub top: String,
}

impl Act for PrepareMount {
    fn title(&self) -> String {
        format!("{} for archive and backups", self.top)
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .mount_command("prepare the backup mount", SCRIPT)
                .var("mount", &self.mount)
                .var("top", &self.top),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let id = world
            .facts(node)
            .and_then(|facts| facts.data.control())
            .map_or(SystemId(0), |control| control.system_id);
        // All hosts have the same file system there; where that is not so, the next look shows it.
        for (_, facts) in world.seen_mut() {
            if let Some(mount) = facts
                .mount
                .as_mut()
                .filter(|mount| mount.absence("").is_none())
            {
                mount.archive_of = Some(id);
            }
        }
    }
}
