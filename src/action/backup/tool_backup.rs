//! Backups by an engine with a program of its own: taken, verified and removed.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::backup::{Depth, Scripts, engine};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::{BackupTool, NodeName};

/// Takes a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolBackup {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
    /// The run that asks for it, by a name of its own.
    pub run: String,
    /// How much of the data it holds.
    pub depth: Depth,
}

/// Verifies backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolVerify {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
    /// The backups.
    pub ids: Vec<String>,
}

/// Removes backups, and the WAL before the oldest one that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolExpire {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
    /// The backups that go, sorted.
    pub ids: Vec<String>,
    /// The position part of the name of the oldest segment that is needed.
    pub before: String,
}

fn command(
    place: &Place,
    tool: BackupTool,
    what: &str,
    script: impl Fn(&Scripts) -> &'static str,
) -> Vec<Command> {
    engine(tool)
        .scripts()
        .map(|scripts| place.command(what, script(scripts)).timeout(None))
        .into_iter()
        .collect()
}

impl Act for ToolBackup {
    fn title(&self) -> String {
        let depth = match self.depth {
            Depth::Full => "full",
            Depth::Differential => "differential",
            Depth::Incremental => "incremental",
        };
        format!("{depth} backup by {}", engine(self.tool).name())
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let depth = match self.depth {
            Depth::Full => "full",
            Depth::Differential => "diff",
            Depth::Incremental => "incr",
        };
        let unit = place.clone_unit().replace("-clone.", "-backup.");
        let work = engine(self.tool)
            .scripts()
            .map_or("", |scripts| scripts.work);
        command(place, self.tool, "take a backup", |scripts| scripts.take)
            .into_iter()
            .map(|command| {
                command
                    .var("top", &self.top)
                    .var("program", work)
                    .var("depth", depth)
                    .var("run", &self.run)
                    .var("backup_unit", &unit)
            })
            .collect()
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for ToolVerify {
    fn title(&self) -> String {
        format!("verify backups {}", self.ids.join(", "))
    }

    fn done(&self) -> String {
        format!("good: {}", self.ids.join(", "))
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        command(place, self.tool, "verify backups", |scripts| scripts.verify)
            .into_iter()
            .map(|command| {
                command
                    .by(&place.platform.user)
                    .var("top", &self.top)
                    .var("ids", self.ids.join(" "))
            })
            .collect()
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for ToolExpire {
    fn title(&self) -> String {
        format!(
            "backups {}, WAL before {}",
            self.ids.join(", "),
            self.before
        )
    }

    fn done(&self) -> String {
        format!("removed: {}", self.title())
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        command(place, self.tool, "remove backups", |scripts| scripts.expire)
            .into_iter()
            .map(|command| {
                command
                    .by(&place.platform.user)
                    .var("top", &self.top)
                    .var("ids", self.ids.join(" "))
                    .var("before", &self.before)
            })
            .collect()
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
