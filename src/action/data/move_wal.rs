//! Moves the WAL of a stopped standby to a directory of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::{Facts, Observation, Process};
use crate::inventory::NodeName;
use crate::postgres::SystemId;
use crate::script::script;

const SCRIPT: &str = script!(["places.sh", "exchange.sh", "job.sh", "staging.sh"] "move_wal.sh");

/// Makes the place where WAL is moved, and sees that it is empty and has room, while the server still runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrepareWal {
    /// Where WAL goes.
    pub to: String,
    /// The instance that is expected there.
    pub system_id: SystemId,
    /// The places that root may make and give to the service user.
    pub named: Vec<String>,
}

/// Copies WAL to its place and makes the data directory lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveWal {
    /// Where it is.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// The instance that is expected there.
    pub system_id: SystemId,
    /// The places that root may make and give to the service user.
    pub named: Vec<String>,
}

/// Removes what was in the data directory before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropWal {
    /// Where WAL is now.
    pub to: String,
    /// The instance that is expected there.
    pub system_id: SystemId,
}

fn command(place: &Place, verb: &'static str, to: &str, system_id: SystemId) -> Command {
    place
        .command(format!("{verb} WAL"), SCRIPT)
        .var("verb", verb)
        .var("system_id", system_id)
        .var("wal_place", to)
        .var("wal_directory", place.major.caps().names.wal_directory)
}

impl Act for PrepareWal {
    fn title(&self) -> String {
        format!("{} for its WAL", self.to)
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            command(place, "prepare", &self.to, self.system_id)
                .var("named", self.named.join("\n"))
                .timeout(Some(Duration::from_secs(600))),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for MoveWal {
    fn title(&self) -> String {
        format!("WAL moves from {} to {}", self.from, self.to)
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        let found = facts.data.control().map(|control| control.system_id);
        if facts.process != Process::Stopped {
            Readiness::Mismatch {
                expected: "a stopped server".into(),
                found: "one that runs".into(),
            }
        } else if found == Some(self.system_id) {
            Readiness::Ready
        } else {
            Readiness::Mismatch {
                expected: format!("system identifier {}", self.system_id),
                found: found.map_or_else(|| "none".into(), |found| found.to_string()),
            }
        }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            command(place, "move", &self.to, self.system_id)
                .var("named", self.named.join("\n"))
                .timeout(None),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.data.layout.wal_left |= facts.data.wal_link.is_none();
            facts.data.wal_link = Some(self.to.clone());
        }
    }
}

impl Act for DropWal {
    fn title(&self) -> String {
        "its WAL of before".into()
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            command(place, "drop", &self.to, self.system_id)
                .timeout(Some(Duration::from_secs(600))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.data.layout.wal_left = false;
        }
    }
}
