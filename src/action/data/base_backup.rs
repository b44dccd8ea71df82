//! Copies the data directory of another server into staging.

use serde::{Deserialize, Serialize};

use crate::action::data::fetch::{going, lines, staged, vacant};
use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::{Facts, Observation};
use crate::inventory::NodeName;
use crate::postgres::SystemId;
use crate::script::script;

const SCRIPT: &str = script!(["job.sh", "places.sh", "exchange.sh", "staging.sh"] "base_backup.sh");

/// Copies the data directory of another server into the staging directory, or joins a copy that runs already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseBackup {
    /// The node copied from.
    pub source: NodeName,
    /// How it is connected to; without a password.
    pub conninfo: String,
    /// The slot that keeps WAL meanwhile, if there is one.
    pub slot: Option<String>,
    /// Where its tablespaces are, and where the copies go.
    #[serde(default)]
    pub tablespaces: Vec<(String, String)>,
    /// The places that the inventory names: what the others lead to root neither makes nor gives away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
    /// Where its WAL goes, if that is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal: Option<String>,
    /// The cluster's system identifier, if it exists before the plan runs.
    pub system_id: Option<SystemId>,
    /// Bytes of all databases, as far as known.
    pub bytes: Option<u64>,
    /// Bytes free where the copy goes.
    pub free: Option<u64>,
}

impl Act for BaseBackup {
    fn title(&self) -> String {
        format!("base backup from {}", self.source)
    }

    fn places(&self) -> Vec<String> {
        let places = self.tablespaces.iter();
        places.map(|(there, here)| going(there, here)).collect()
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

    fn waits_on<'a>(&'a self, _: &'a NodeName) -> Option<&'a NodeName> {
        Some(&self.source)
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command(
                    format!("copy the data directory from {}", self.source),
                    SCRIPT,
                )
                .var("staging", place.staging())
                .var("clone_unit", place.clone_unit())
                .var("source", &self.source)
                .var("conninfo", &self.conninfo)
                .var("slot", self.slot.as_deref().unwrap_or_default())
                .var(
                    "system_id",
                    self.system_id.map(|id| id.to_string()).unwrap_or_default(),
                )
                .var("tablespaces", lines(&self.tablespaces))
                .var("wal_place", self.wal.as_deref().unwrap_or_default())
                .var("wal_directory", place.major.caps().names.wal_directory)
                .var("named", self.named.join("\n"))
                .timeout(None),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        staged(node, world, self.source.to_string(), self.system_id);
    }
}
