//! Removes backups and WAL that are not needed any more.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::backup::engine;
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::{BackupTool, NodeName};

/// Removes backups, then the WAL before the oldest one that is kept; timeline histories stay for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prune {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
    /// The backups that go, sorted.
    pub ids: Vec<String>,
    /// The position part of the name of the oldest segment that is needed; without it no WAL goes.
    pub before: Option<String>,
}

impl Act for Prune {
    fn title(&self) -> String {
        let mut parts: Vec<String> = self.ids.iter().map(|id| format!("backup {id}")).collect();
        if let Some(before) = &self.before {
            parts.push(format!("WAL before {before}"));
        }
        parts.join(", ")
    }

    fn done(&self) -> String {
        format!("removed: {}", self.title())
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .mount_command("remove backups and WAL", engine(self.tool).scripts().prune)
                .var("top", &self.top)
                .var("ids", self.ids.join(" "))
                .var("before", self.before.as_deref().unwrap_or_default())
                .timeout(None),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
