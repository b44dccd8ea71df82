//! Creates an empty instance.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::data::fetch::vacant;
use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::{Facts, Observation, predict};
use crate::inventory::NodeName;
use crate::platform::Keeper;
use crate::script::script;

const SCRIPT: &str =
    script!(["register_start_conf.sh", "places.sh", "exchange.sh", "staging.sh"] "init_db.sh");

const UNIT: &str = script!(["boot_unit.sh", "register_unit.sh", "places.sh", "exchange.sh", "staging.sh"] "init_db.sh");

/// Creates an empty instance where no host has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitDb {
    /// Where.
    pub data_directory: String,
    /// Whether pages get checksums.
    pub checksums: bool,
    /// Where its WAL goes, if that is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal: Option<String>,
    /// The places that the inventory names: others root neither makes nor gives away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
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

    fn places(&self) -> Vec<String> {
        let wal = self.wal.iter();
        wal.map(|wal| format!("WAL in {wal}")).collect()
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
        vacant(facts)
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
                .var("wal_place", self.wal.as_deref().unwrap_or_default())
                .var("named", self.named.join("\n"))
                .timeout(Some(Duration::from_secs(300))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.data.content = predict::new_instance(self.checksums);
            facts.data.layout.lost_found_closed = false;
            facts.service.registered = true;
            facts.service.enabled = true;
            facts.service.start = "auto".into();
        }
    }
}
