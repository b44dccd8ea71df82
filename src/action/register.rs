//! Makes a cluster known to the service manager.

use serde::{Deserialize, Serialize};

use super::{Act, Kind, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::platform::Family;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("register.sh"),
    include_str!("register_main.sh"),
    "\nrun_main\n"
);

const UNIT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("boot_unit.sh"),
    include_str!("register_unit.sh"),
    include_str!("register_main.sh"),
    "\nrun_main\n"
);

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

    fn kind(&self) -> Kind {
        Kind::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let script = match place.platform.family {
            Family::Debian => SCRIPT,
            Family::Rhel | Family::Custom => UNIT,
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
