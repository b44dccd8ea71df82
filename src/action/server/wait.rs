//! Waits for standbys.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::facts::server::{Receiver, Sender};
use crate::inventory::NodeName;
use crate::postgres::slot_name;
use crate::script::script;

const STREAMING: &str = script!([] "wait.sh");

const REPLAYED: &str = script!([] "wait_replayed.sh");

/// Waits, on the server that sends, until a standby streams and has everything this server had: the proof that it replicates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitStreaming {
    /// The standby.
    pub standby: NodeName,
    /// The slot it uses.
    pub slot: Option<String>,
    /// Whether it delays replay: then having received counts.
    pub delayed: bool,
    /// Whether the sender is a standby itself.
    pub cascading: bool,
}

/// Waits, on a standby, until it has replayed new values of the hot-standby-sensitive parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitReplayed {
    /// The values, by pg_controldata's names.
    pub settings: BTreeMap<String, u64>,
}

impl Act for WaitStreaming {
    fn title(&self) -> String {
        format!("{} streams and has caught up", self.standby)
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn waits_on<'a>(&'a self, _: &'a NodeName) -> Option<&'a NodeName> {
        Some(&self.standby)
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let names = place.major.caps().names;
        let here = if self.cascading {
            names.receive_lsn
        } else {
            names.current_lsn
        };
        let column = if self.delayed { "flush" } else { "replay" };
        vec![
            place
                .command(format!("wait for {}", self.standby), STREAMING)
                .var("standby", &self.standby)
                .var("here", format!("{here}()"))
                .var("column", format!("{column}_{}", names.lsn_suffix))
                .timeout(Some(Duration::from_secs(600))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        // It streams from here and from nowhere else.
        let slot = slot_name(self.standby.as_str());
        for (_, facts) in world.seen_mut().filter(|(other, _)| *other != node) {
            if let Some(server) = facts.server.as_mut() {
                server
                    .senders
                    .retain(|sender| sender.name != self.standby.as_str());
                if let Some(slot) = server.slots.get_mut(&slot) {
                    slot.active = false;
                }
            }
        }
        let timeline = world
            .facts(node)
            .and_then(|facts| facts.server.as_ref())
            .map(|server| server.timeline);
        if let Some(server) = world
            .facts_mut(node)
            .and_then(|facts| facts.server.as_mut())
        {
            server
                .senders
                .retain(|sender| sender.name != self.standby.as_str());
            server.senders.push(Sender {
                name: self.standby.to_string(),
                user: String::new(),
                address: None,
                state: "streaming".into(),
                sync_state: "async".into(),
                pending: Some(0),
                write: Some(0),
                flush: Some(0),
                replay: Some(0),
                total: Some(0),
                replay_lag_ms: None,
                replayed: None,
            });
            if let Some(slot) = self
                .slot
                .as_ref()
                .and_then(|slot| server.slots.get_mut(slot))
            {
                slot.active = true;
            }
        }
        if let Some(server) = world
            .facts_mut(&self.standby)
            .and_then(|facts| facts.server.as_mut())
        {
            server.timeline = timeline.unwrap_or(server.timeline);
            server.receiver = Some(Receiver {
                status: "streaming".into(),
                timeline,
                slot: self.slot.clone(),
                sender_host: None,
                sender_port: None,
                latest_end: None,
                last_message_age_ms: None,
            });
        }
    }
}

impl Act for WaitReplayed {
    fn title(&self) -> String {
        "the primary's lowered parameters are replayed".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn waits_on<'a>(&'a self, leader: &'a NodeName) -> Option<&'a NodeName> {
        Some(leader)
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let expected: Vec<String> = self
            .settings
            .iter()
            .map(|(name, value)| format!("{name} setting={value}"))
            .collect();
        vec![
            place
                .command("wait for replay", REPLAYED)
                .var("expected", expected.join("\n"))
                .timeout(Some(Duration::from_secs(400))),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
