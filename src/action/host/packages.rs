//! Installs PostgreSQL.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::platform::Installer;
use crate::script::script;

const APT: &str = script!(["installer.sh"] "packages_apt.sh");

const DNF: &str = script!(["installer.sh"] "packages_dnf.sh");

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

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let script = match place.platform.installer {
            Installer::Dnf => DNF,
            Installer::Apt | Installer::Nobody => APT,
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
