//! The program of a backup engine: installed, and its repository made.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::backup::engine;
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::{BackupTool, NodeName};
use crate::script::script;

const INSTALL: &str = script!(["installer.sh"] "tool_install.sh");

/// Installs the packages of a backup engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallTool {
    /// The engine.
    pub tool: BackupTool,
}

/// Makes the repository of a backup engine on the mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareTool {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
}

impl Act for InstallTool {
    fn title(&self) -> String {
        format!("packages {}", engine(self.tool).packages().join(" "))
    }

    fn done(&self) -> String {
        format!("{} installed", engine(self.tool).name())
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("install the backup tool", INSTALL)
                .var("program", engine(self.tool).name())
                .var("packages", engine(self.tool).packages().join(" "))
                .timeout(Some(Duration::from_secs(1800))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.tool.version.get_or_insert_default();
        }
    }
}

impl Act for PrepareTool {
    fn title(&self) -> String {
        format!("{} repository in {}", engine(self.tool).name(), self.top)
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let prepare = engine(self.tool).scripts().prepare;
        prepare
            .map(|script| {
                place
                    .mount_command("make the repository", script)
                    .var("top", &self.top)
                    .timeout(Some(Duration::from_secs(300)))
            })
            .into_iter()
            .collect()
    }

    fn effect(&self, _: &NodeName, world: &mut Observation) {
        // All hosts have the same file system there.
        for (_, facts) in world.seen_mut() {
            facts.tool.repository = true;
        }
    }
}
