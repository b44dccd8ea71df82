//! Enables, starts, restarts and reloads the server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Observation, predict};
use crate::inventory::NodeName;
use crate::platform::Keeper;
use crate::script::script;

const SCRIPT: &str = script!(["manager.sh", "boot_start_conf.sh"] "service.sh");

const UNIT: &str = script!(["manager.sh", "boot_unit.sh"] "service.sh");

fn command(place: &Place, verb: &'static str) -> Command {
    let script = match place.platform.keeper {
        Keeper::StartConf => SCRIPT,
        Keeper::PackagedUnit | Keeper::Owner => UNIT,
    };
    place
        .command(verb, script)
        .var("verb", verb)
        .timeout(Some(Duration::from_secs(1300)))
}

/// A command that may have to go back to the settings that were there before, where these were written for it.
fn command_with_config(place: &Place, verb: &'static str, written: bool) -> Command {
    let config = written.then(|| place.platform.config("postgresql.conf"));
    command(place, verb).var("config", config.unwrap_or_default())
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
        format!("enable at boot: {}", crate::action::server_of(&self.unit))
    }

    fn done(&self) -> String {
        "enabled at boot".into()
    }

    fn kind(&self) -> Mark {
        Mark::Change
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

/// Keeps the service from starting, by hand or at boot: the fence around a primary that was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disable {
    /// The unit.
    pub unit: String,
}

impl Act for Disable {
    fn title(&self) -> String {
        format!("disable {}", crate::action::server_of(&self.unit))
    }

    fn done(&self) -> String {
        match self.unit.as_str() {
            "" => "not fenced: there is no unit to disable".into(),
            _ => "fenced: its service is disabled".into(),
        }
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "disable")]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let (Some(facts), false) = (world.facts_mut(node), self.unit.is_empty()) {
            facts.service.enabled = false;
            facts.service.start = "disabled".into();
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
        format!("start {}", crate::action::server_of(&self.unit))
    }

    fn done(&self) -> String {
        "started, accepting connections".into()
    }

    fn kind(&self) -> Mark {
        Mark::Add
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
    /// Whether it is for its programs alone: no older settings are put back if it does not start with these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_settings: bool,
}

impl Act for Restart {
    fn title(&self) -> String {
        format!("restart {}", crate::action::server_of(&self.unit))
    }

    fn done(&self) -> String {
        "restarted, accepting connections".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command_with_config(place, "restart", !self.same_settings)]
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
        format!("reload {}", crate::action::server_of(&self.unit))
    }

    fn done(&self) -> String {
        "configuration reloaded".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command_with_config(place, "reload", true)]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            predict::load(facts, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::script::library;
    use std::process::Command;

    /// Asks the shared part of the scripts what it makes of a unit's properties.
    fn ask(properties: &str, question: &str) -> String {
        let script = format!(
            "set -eu\nunit=u\nsystemctl() {{ printf '%s\\n' {properties}; }}\n{}\n{question}\n",
            library!("manager.sh")
        );
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn a_unit_that_nobody_works_on_is_told_from_one_that_is_slow() {
        for (properties, state) in [
            ("ControlPID=0 MainPID=7 Job= SubState=running", "rests"),
            ("ControlPID=0 MainPID=0 Job=0 SubState=dead", "rests"),
            ("ControlPID=0 MainPID=0 Job=12 SubState=dead", "works"),
            ("ControlPID=9 MainPID=0 Job=12 SubState=start", "works"),
            ("ControlPID=0 MainPID=7 Job=12 SubState=start", "works"),
            // A forking unit whose program has ended without a server waits for its PID file for ever.
            ("ControlPID=0 MainPID=0 Job=12 SubState=start", "stuck"),
        ] {
            assert_eq!(ask(properties, "manager_state"), state, "{properties}");
        }
    }
}
