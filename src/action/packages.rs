//! Installs PostgreSQL.

use serde::{Deserialize, Serialize};

use super::{Act, Kind, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::platform::Family;

use std::time::Duration;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("installer.sh"),
    include_str!("packages.sh"),
    "\nrun_main\n"
);

const RHEL: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("installer.sh"),
    include_str!("packages_rhel.sh"),
    "\nrun_main\n"
);

/// Installs PostgreSQL's packages with the platform's own manager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallPackages {
    /// The packages.
    pub packages: Vec<String>,
    /// The version the manager offers, if it knows the package already.
    pub candidate: Option<String>,
}

impl Act for InstallPackages {
    fn title(&self) -> String {
        format!("packages {}", self.packages.join(" "))
    }

    fn done(&self) -> String {
        "packages installed".into()
    }

    fn kind(&self) -> Kind {
        Kind::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let script = match place.platform.family {
            Family::Rhel => RHEL,
            Family::Debian | Family::Custom => SCRIPT,
        };
        vec![
            place
                .command("install packages", script)
                .var("packages", self.packages.join(" "))
                .timeout(Some(Duration::from_secs(1800))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.packages.installed_next = true;
        }
    }
}
