//! Creates an empty instance.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::{Content, Facts, Observation, predict};
use crate::inventory::NodeName;
use crate::platform::Keeper;
use crate::script::script;

const SCRIPT: &str = script!(["register_start_conf.sh", "staging.sh"] "init_db.sh");

const UNIT: &str = script!(["boot_unit.sh", "register_unit.sh", "staging.sh"] "init_db.sh");

/// Creates an empty instance where no host has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitDb {
    /// Where.
    pub data_directory: String,
    /// Whether pages get checksums.
    pub checksums: bool,
}

impl Act for InitDb {
    fn title(&self) -> String {
        format!(
            "new database cluster in {}{}",
            self.data_directory,
            if self.checksums {
                ", with data checksums"
            } else {
                ""
            }
        )
    }

    fn done(&self) -> String {
        "database cluster created".into()
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        match facts.data.content {
            Content::Nothing => Readiness::Ready,
            _ => Readiness::Mismatch {
                expected: format!("nothing in {}", self.data_directory),
                found: "something".into(),
            },
        }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let script = match place.platform.keeper {
            Keeper::StartConf => SCRIPT,
            Keeper::PackagedUnit | Keeper::Owner => UNIT,
        };
        vec![
            place
                .command("create the database cluster", script)
                .var(
                    "checksums",
                    crate::action::config::write_file::yes(self.checksums),
                )
                .var("staging", place.staging())
                .timeout(Some(Duration::from_secs(300))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.data.content = predict::new_instance(self.checksums);
            facts.service.registered = true;
            facts.service.enabled = true;
            facts.service.start = "auto".into();
        }
    }
}
