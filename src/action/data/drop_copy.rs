//! Removes a copy that was restored beside the cluster.

use serde::{Deserialize, Serialize};

use crate::action::data::restore_copy::{copy_units, word};
use crate::action::place::{reader, staging};
use crate::action::{Act, Mark, Place};
use crate::command::{Command, shell_word};
use crate::facts::Observation;
use crate::facts::beside::mark_of;
use crate::inventory::NodeName;
use crate::postgres::SystemId;
use crate::script::script;

const SCRIPT: &str = script!(["job.sh", "known_copies.sh"] "drop_copy.sh");

/// Stops the server of a copy, and removes it with its tablespaces and what a restore that was cut left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropCopy {
    /// Its data directory.
    pub data_directory: String,
    /// The cluster that it is a copy of; `None` where no host tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_id: Option<SystemId>,
    /// The cluster's directory on the mount, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}

/// Returns what is typed for a copy to go.
pub fn removal(directory: &str, node: &NodeName) -> String {
    let directory = shell_word(directory);
    format!("pgrepl restore --drop {directory} --to {node}")
}

/// Returns what is typed to start the server of a copy, as the unit that a restore starts it as.
pub fn starting(place: &Place, directory: &str) -> String {
    let [.., (_, unit)] = copy_units(&place.cluster, directory);
    let platform = &place.platform;
    format!(
        "ssh {} sudo systemd-run --unit {} --uid {} -p KillSignal=SIGINT {}/postgres -D {}",
        place.node,
        shell_word(&unit),
        platform.user,
        platform.bindir,
        shell_word(directory)
    )
}

/// Returns what is typed to see what a directory has.
pub fn listing(directory: &str, node: &NodeName) -> String {
    format!("ssh {node} sudo ls -la {}", shell_word(directory))
}

impl Act for DropCopy {
    fn title(&self) -> String {
        format!("remove the copy in {}", self.data_directory)
    }

    fn done(&self) -> String {
        format!("removed the copy in {}", self.data_directory)
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let reader = reader(&place.node, &word(&self.data_directory));
        let hold = self.archive.as_ref();
        let hold = hold.map_or_else(String::new, |top| format!("{top}/restores/{reader}"));
        let id = self.system_id.map(|id| id.to_string());
        let command = place
            .command("remove a copy", SCRIPT)
            .var("directory", &self.data_directory)
            .var("staging", staging(&self.data_directory))
            .var("system_id", id.unwrap_or_default())
            .var("mark", mark_of(&place.cluster))
            .var("hold", hold);
        let units = copy_units(&place.cluster, &self.data_directory);
        let command = units
            .into_iter()
            .fold(command, |command, (name, unit)| command.var(name, unit));
        vec![command]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            let gone = &self.data_directory;
            facts.copies.retain(|copy| copy.directory != *gone);
        }
    }
}
