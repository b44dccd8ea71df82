//! Sets up and removes the timer that takes backups.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::backup::engine;
use crate::command::Command;
use crate::facts::{Observation, Timer, predict};
use crate::inventory::{BackupTool, NodeName};
use crate::script::script;

const SCRIPT: &str = script!(["root_file.sh"] "timer.sh");

/// Where the program and the two units are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerPaths {
    /// The program.
    pub program: String,
    /// The service that runs it.
    pub service: String,
    /// The timer that starts the service.
    pub timer: String,
}

/// Writes the program, the service and the timer of scheduled backups, and lets the timer run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetTimer {
    /// The engine that takes them.
    pub tool: BackupTool,
    /// When backups are taken: a calendar expression of systemd.
    pub schedule: String,
    /// Where everything goes.
    pub paths: TimerPaths,
    /// The text of the service.
    pub service: String,
    /// The text of the timer.
    pub timer: String,
}

/// Removes the program, the service and the timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropTimer {
    /// Where everything is.
    pub paths: TimerPaths,
}

fn command(place: &Place, verb: &str, paths: &TimerPaths) -> Command {
    place
        .command("scheduled backups", SCRIPT)
        .var("verb", verb)
        .var("program_path", &paths.program)
        .var("service_path", &paths.service)
        .var("timer_path", &paths.timer)
}

impl Act for SetTimer {
    fn title(&self) -> String {
        format!("timer of backups, {}", self.schedule)
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            command(place, "set", &self.paths)
                .var("schedule", &self.schedule)
                .var("program", engine(self.tool).scheduled())
                .var("service", &self.service)
                .var("timer", &self.timer),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        let files = [
            (&self.paths.program, engine(self.tool).scheduled(), "755"),
            (&self.paths.service, self.service.as_str(), "644"),
            (&self.paths.timer, self.timer.as_str(), "644"),
        ];
        predict::put_root_files(facts, &files);
        let last = facts.timer.take().unwrap_or_default();
        facts.timer = Some(Timer {
            active: true,
            ..last
        });
    }
}

impl Act for DropTimer {
    fn title(&self) -> String {
        "timer of backups".into()
    }

    fn done(&self) -> String {
        "no backups by a timer".into()
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "drop", &self.paths)]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            for path in [&self.paths.program, &self.paths.service, &self.paths.timer] {
                facts.files.remove(path);
            }
            facts.timer = None;
        }
    }
}
