//! Takes a backup onto the mount.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::backup::{Depth, engine};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::{BackupTool, NodeName};

/// Takes a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeBackup {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
    /// The run that asks for it, by a name of its own: when it was begun.
    pub run: String,
    /// How much of the data it holds.
    pub depth: Depth,
    /// pg_basebackup's options for a compressed backup.
    pub compress: String,
}

impl Act for TakeBackup {
    fn title(&self) -> String {
        let engine = engine(self.tool);
        let depth = self.depth.word();
        if engine.names_by_run() {
            format!("{depth} backup {}", self.run)
        } else {
            format!("{depth} backup by {}", engine.name())
        }
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let engine = engine(self.tool);
        let unit = place.clone_unit().replace("-clone.", "-backup.");
        let command = place
            .command("take a backup", engine.scripts().take)
            .var("top", &self.top)
            .var("run", &self.run)
            .var("depth", self.depth.word())
            .var("program", engine.scripts().work)
            .var("backup_unit", unit)
            .timeout(None);
        let own = engine.take_variables(place.major, &self.compress);
        vec![
            own.into_iter()
                .fold(command, |command, (name, value)| command.var(name, value)),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
