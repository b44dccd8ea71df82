//! Creates and drops replication slots.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::facts::server::Slot;
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!([] "slot.sh");

/// Creates a physical replication slot that keeps WAL from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateSlot {
    /// Its name.
    pub slot: String,
    /// Whether one that has lost its WAL, or may lose it at any moment, and that nobody uses, is dropped first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

/// Drops a physical replication slot that nobody uses, or a logical one that was left on a standby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropSlot {
    /// Its name.
    pub slot: String,
    /// Bytes of WAL it keeps.
    pub retained: Option<u64>,
    /// Whether it is a logical one from when this standby was the primary: it keeps the next one of its name away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

impl Act for CreateSlot {
    fn title(&self) -> String {
        format!("replication slot {}", self.slot)
    }

    fn kind(&self) -> Mark {
        if self.anew { Mark::Replace } else { Mark::Add }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        // What keeps nothing for certain, in the words of the version.
        let unsure = match (self.anew, place.major.caps().limits_slots) {
            (false, _) => "false",
            (true, false) => "restart_lsn is null",
            (true, true) => "restart_lsn is null or wal_status in ('unreserved', 'lost')",
        };
        vec![
            place
                .command("create a slot", SCRIPT)
                .var("verb", "create")
                .var("slot", &self.slot)
                .var("unsure", unsure),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(server) = world
            .facts_mut(node)
            .and_then(|facts| facts.server.as_mut())
        {
            let slot = Slot {
                active: false,
                restart_lsn: server.current.or(server.replayed),
                wal_status: None,
                invalidation: None,
                retained: Some(0),
                temporary: false,
            };
            server.slots.insert(self.slot.clone(), slot);
        }
    }
}

impl Act for DropSlot {
    fn title(&self) -> String {
        match self.left {
            true => format!("logical slot {} from before", self.slot),
            false => format!("replication slot {}", self.slot),
        }
    }

    fn done(&self) -> String {
        format!("{} dropped", self.title())
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("drop a slot", SCRIPT)
                .var("verb", if self.left { "drop_left" } else { "drop" })
                .var("slot", &self.slot),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(server) = world
            .facts_mut(node)
            .and_then(|facts| facts.server.as_mut())
        {
            match self.left {
                true => drop(server.logical_slots.remove(&self.slot)),
                false => drop(server.slots.remove(&self.slot)),
            }
        }
    }
}
