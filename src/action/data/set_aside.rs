//! Renames a data directory out of the way.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::{Content, Facts, Observation, Process, SetAside as Aside, Signals};
use crate::inventory::NodeName;
use crate::postgres::SystemId;
use crate::script::script;

const SCRIPT: &str = script!(["places.sh", "exchange.sh"] "set_aside.sh");

/// Renames a data directory to `<data>.pgrepl-<time>`; nothing is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// The data directory.
    pub data_directory: String,
    /// The instance that is expected there.
    pub system_id: SystemId,
    /// Its tablespaces, which are renamed with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tablespaces: Vec<String>,
}

impl Act for SetAside {
    fn title(&self) -> String {
        format!("{} set aside", self.data_directory)
    }

    fn places(&self) -> Vec<String> {
        let places = self.tablespaces.iter();
        places
            .map(|place| format!("tablespace {place} is set aside too"))
            .collect()
    }

    fn kind(&self) -> Mark {
        Mark::Replace
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        let found = facts.data.control().map(|control| control.system_id);
        if facts.process != Process::Stopped {
            Readiness::Mismatch {
                expected: "a stopped server".into(),
                found: "one that runs".into(),
            }
        } else if found == Some(self.system_id) || facts.cannot_read_control() {
            Readiness::Ready
        } else if facts.data.content == Content::Nothing {
            Readiness::AlreadyDone
        } else {
            Readiness::Mismatch {
                expected: format!("system identifier {}", self.system_id),
                found: found.map_or_else(|| "none".into(), |found| found.to_string()),
            }
        }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("set the data directory aside", SCRIPT)
                .var("system_id", self.system_id),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.data.content = Content::Nothing;
            facts.data.signals = Signals::default();
            facts.data.rewinding = false;
            facts.data.slots.clear();
            let inside = format!("{}/", self.data_directory);
            facts.files.retain(|path, _| !path.starts_with(&inside));
            facts.set_aside.push(Aside {
                path: facts.data.beside("…"),
            });
        }
    }
}
