//! Waits for logical slots on a standby.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!([] "wait_slots.sh");

/// Waits, on a standby, until failover slots of the primary are ready there: their readers go on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitSlots {
    /// Their names.
    pub slots: Vec<String>,
    /// Who has them.
    pub primary: NodeName,
}

impl Act for WaitSlots {
    fn title(&self) -> String {
        format!("logical slots are synchronized: {}", self.slots.join(", "))
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn waits_on<'a>(&'a self, _: &'a NodeName) -> Option<&'a NodeName> {
        Some(&self.primary)
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("wait for logical slots", SCRIPT)
                .var("slots", self.slots.join("\n"))
                .timeout(Some(Duration::from_secs(150))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let facts = world.facts_mut(node);
        if let Some(server) = facts.and_then(|facts| facts.server.as_mut()) {
            for slot in &self.slots {
                let slot = server.logical_slots.entry(slot.clone()).or_default();
                (slot.failover, slot.synced, slot.invalidation) = (true, true, None);
            }
        }
    }
}
