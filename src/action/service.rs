//! Enables, starts, restarts and reloads the server.

use serde::{Deserialize, Serialize};

use super::{Act, Kind, Place};
use crate::command::Command;
use crate::facts::{Observation, predict};
use crate::inventory::NodeName;

use std::time::Duration;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("service.sh"),
    "\nrun_main\n"
);

fn command(place: &Place, verb: &'static str) -> Command {
    place
        .command(verb, SCRIPT)
        .var("verb", verb)
        .var("config", place.platform.config("postgresql.conf"))
        .timeout(Some(Duration::from_secs(1300)))
}

/// Waits until the service manager agrees that a started server runs: a stop before that would go wrong.
pub fn settle(place: &Place) -> Command {
    command(place, "settle")
}

/// Makes the server enable; only an answering server counts as done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enable {
    /// The unit.
    pub unit: String,
}

impl Act for Enable {
    fn title(&self) -> String {
        format!("enable at boot {}", self.unit.trim_end_matches(".service"))
    }

    fn done(&self) -> String {
        "enabled at boot".into()
    }

    fn kind(&self) -> Kind {
        Kind::Change
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "enable")]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.service.enabled = true;
            facts.service.start = "auto".into();
        }
    }
}

/// Makes the server start; only an answering server counts as done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The unit.
    pub unit: String,
}

impl Act for Start {
    fn title(&self) -> String {
        format!("start {}", self.unit.trim_end_matches(".service"))
    }

    fn done(&self) -> String {
        "started, accepting connections".into()
    }

    fn kind(&self) -> Kind {
        Kind::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "start")]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            predict::start(facts);
        }
    }
}

/// Makes the server restart; only an answering server counts as done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// The parameters or files that make it necessary.
    pub because: Vec<String>,
    /// The unit.
    pub unit: String,
}

impl Act for Restart {
    fn title(&self) -> String {
        format!("restart {}", self.unit.trim_end_matches(".service"))
    }

    fn done(&self) -> String {
        "restarted, accepting connections".into()
    }

    fn kind(&self) -> Kind {
        Kind::Follow
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "restart")]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            predict::load(facts, true);
        }
    }
}

/// Makes the server reload; only an answering server counts as done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload {
    /// The parameters or files that make it necessary.
    pub because: Vec<String>,
    /// The unit.
    pub unit: String,
}

impl Act for Reload {
    fn title(&self) -> String {
        format!("reload {}", self.unit.trim_end_matches(".service"))
    }

    fn done(&self) -> String {
        "configuration reloaded".into()
    }

    fn kind(&self) -> Kind {
        Kind::Follow
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "reload")]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            predict::load(facts, false);
        }
    }
}
