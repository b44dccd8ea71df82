//! Verifies backups, and archived WAL.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::backup::engine;
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::{BackupTool, NodeName};

/// Verifies backups, as far as those of the engine can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyBackups {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
    /// The backups.
    pub ids: Vec<String>,
}

/// Reads every archived segment that a backup may need: it is whole, and it is the one that its name says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyWal {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
    /// The position part of the name of the first segment.
    pub from: String,
}

impl VerifyBackups {
    /// Names the backups: "backup A", "backups A, B".
    fn named(&self) -> String {
        let plural = if self.ids.len() == 1 { "" } else { "s" };
        format!("backup{plural} {}", self.ids.join(", "))
    }
}

impl Act for VerifyBackups {
    fn title(&self) -> String {
        format!("verify {}", self.named())
    }

    fn done(&self) -> String {
        let are = if self.ids.len() == 1 { "is" } else { "are" };
        format!("{} {are} good", self.named())
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .mount_command("verify backups", engine(self.tool).scripts().verify)
                .var("top", &self.top)
                .var("ids", self.ids.join(" "))
                .timeout(None),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for VerifyWal {
    fn title(&self) -> String {
        format!("verify the archived WAL from {}", self.from)
    }

    fn done(&self) -> String {
        "the archived WAL is good".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let script = engine(self.tool).scripts().verify_wal;
        let command = |script| {
            place
                .mount_command("verify archived WAL", script)
                .var("top", &self.top)
                .var("from", &self.from)
                .timeout(None)
        };
        script.map(command).into_iter().collect()
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
