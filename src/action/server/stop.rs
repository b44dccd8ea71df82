//! Stops a server, and proves what it left behind.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::clients::address::moved;
use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Content, Observation, Process};
use crate::inventory::{NodeName, VirtualAddress};
use crate::postgres::{ClusterState, SystemId};
use crate::script::script;

const SCRIPT: &str = script!(["manager.sh", "neighbour.sh", "address.sh"] "stop.sh");

/// The word under which a stopped primary tells where its shutdown checkpoint's record begins.
pub const SHUTDOWN: &str = "shutdown";
/// The word with which a pooler tells that no transaction is open any more and that its clients wait.
pub const PAUSED: &str = "paused";
/// The word with which a candidate tells that it waits for nothing but the primary's end.
pub const ARMED: &str = "armed";

/// Stops a server in fast mode. A primary counts as stopped only if its control file says "shut down".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The unit.
    pub unit: String,
    /// The instance that is expected there.
    pub system_id: SystemId,
    /// Whether it is the primary and hands over: then the candidate must wait for it already.
    pub hands_over: bool,
    /// Whether clients must wait before it stops.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pauses: bool,
    /// The address that its host gives up with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<VirtualAddress>,
    /// Whether it is a primary.
    pub primary: bool,
    /// How many seconds it may take.
    pub seconds: u64,
}

impl Stop {
    /// Returns the stop of a server that no other one waits for, within two minutes.
    pub fn alone(unit: String, system_id: SystemId) -> Self {
        Self {
            unit,
            system_id,
            hands_over: false,
            pauses: false,
            address: None,
            primary: false,
            seconds: 120,
        }
    }
}

impl Act for Stop {
    fn title(&self) -> String {
        let server = crate::action::server_of(&self.unit);
        match &self.address {
            Some(address) => format!("stop {server}, take {} away", address.ip),
            None => format!("stop {server}"),
        }
    }

    fn done(&self) -> String {
        match &self.address {
            Some(address) => format!("stopped cleanly, {} is not here any more", address.ip),
            None => "stopped cleanly".into(),
        }
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn awaits(&self) -> Option<&'static str> {
        self.hands_over.then_some(ARMED)
    }

    fn tells(&self) -> &'static [&'static str] {
        if self.hands_over { &[SHUTDOWN] } else { &[] }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let address = self.address.as_ref().map(VirtualAddress::with_prefix);
        let mut command = place
            .command("stop", SCRIPT)
            .var("seconds", self.seconds)
            .var("waits", if self.pauses { "yes" } else { "no" })
            .var("address", address.unwrap_or_default())
            .var("role", if self.primary { "primary" } else { "any" })
            .var("system_id", self.system_id)
            .timeout(Some(Duration::from_secs(self.seconds + 90)));
        command.gate = self.pauses.then_some(PAUSED);
        command.work = Some(Duration::from_secs(self.seconds + 90));
        vec![command]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(address) = &self.address {
            moved(node, world, address, false);
        }
        if let Some(facts) = world.facts_mut(node) {
            facts.process = Process::Stopped;
            let server = facts.server.take();
            let slots = server.iter().flat_map(|server| &server.slots);
            facts.data.slots = slots
                .filter(|(_, slot)| !slot.temporary)
                .map(|(name, _)| name.clone())
                .collect();
            let last = server.and_then(|server| server.current);
            if let Content::Instance(instance) = &mut facts.data.content
                && let Ok(control) = &mut instance.control
            {
                control.state = if self.primary {
                    ClusterState::ShutDown
                } else {
                    ClusterState::ShutDownInRecovery
                };
                if self.primary {
                    control.checkpoint = last.unwrap_or(control.checkpoint);
                    control.redo = control.checkpoint;
                }
            }
        }
        // Whoever sent to it or received from it does so no more.
        for (_, facts) in world.seen_mut() {
            if let Some(server) = &mut facts.server {
                server.senders.retain(|sender| sender.name != node.as_str());
                let slot = crate::postgres::slot_name(node.as_str());
                if let Some(slot) = server.slots.get_mut(&slot) {
                    slot.active = false;
                }
            }
        }
    }
}
