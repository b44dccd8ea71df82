//! Creates an empty instance.

use serde::{Deserialize, Serialize};

use super::fetch::vacant;
use super::{Act, Kind, Place, Readiness};
use crate::command::Command;
use crate::facts::{Facts, Observation, predict};
use crate::inventory::NodeName;
use crate::platform::Family;

use std::time::Duration;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("register.sh"),
    include_str!("places.sh"),
    include_str!("exchange.sh"),
    include_str!("staging.sh"),
    include_str!("init_db.sh"),
    "\nrun_main\n"
);

const UNIT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("boot_unit.sh"),
    include_str!("register_unit.sh"),
    include_str!("places.sh"),
    include_str!("exchange.sh"),
    include_str!("staging.sh"),
    include_str!("init_db.sh"),
    "\nrun_main\n"
);

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

    fn kind(&self) -> Kind {
        Kind::Add
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        vacant(facts)
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let script = match place.platform.family {
            Family::Debian => SCRIPT,
            Family::Rhel | Family::Custom => UNIT,
        };
        vec![
            place
                .command("create the database cluster", script)
                .var("checksums", super::write_file::yes(self.checksums))
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
