//! Makes a cluster known to the service manager.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::platform::Keeper;
use crate::script::script;

const SCRIPT: &str = script!(["register_start_conf.sh"] "register_main.sh");

const UNIT: &str = script!(["boot_unit.sh", "register_unit.sh"] "register_main.sh");

/// Makes a cluster known to the service manager before its data arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The unit it will run as.
    pub unit: String,
}

impl Act for Register {
    fn title(&self) -> String {
        match self.unit.as_str() {
            "" => "directories of the server".into(),
            unit => format!("service {unit}"),
        }
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let script = match place.platform.keeper {
            Keeper::StartConf => SCRIPT,
            Keeper::PackagedUnit | Keeper::Owner => UNIT,
        };
        vec![place.command("register the service", script)]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.service.registered = true;
            facts.service.enabled = true;
            facts.service.start = "auto".into();
        }
    }
}
