//! Makes a complete copy the data directory.

use serde::{Deserialize, Serialize};

use super::{Act, Kind, Place, Readiness};
use crate::command::Command;
use crate::facts::{Content, Facts, Observation, Signals, predict};
use crate::inventory::NodeName;
use crate::postgres::SystemId;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("place_clone.sh"),
    "\nrun_main\n"
);

/// Parameters that would make a copy follow, stop or promote on its own if they came along in postgresql.auto.conf.
pub const DANGEROUS: [&str; 18] = [
    "primary_conninfo",
    "primary_slot_name",
    "restore_command",
    "archive_cleanup_command",
    "recovery_end_command",
    "recovery_min_apply_delay",
    "promote_trigger_file",
    "recovery_target",
    "recovery_target_action",
    "recovery_target_inclusive",
    "recovery_target_lsn",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_timeline",
    "recovery_target_xid",
    "synchronous_standby_names",
    "data_directory",
    "cluster_name",
];

/// Makes a complete copy the data directory of a standby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceClone {
    /// The data directory.
    pub data_directory: String,
    /// The node it was copied from.
    pub source: NodeName,
    /// The cluster's system identifier, if it exists before the plan runs.
    pub system_id: Option<SystemId>,
}

impl Act for PlaceClone {
    fn title(&self) -> String {
        format!("the copy becomes {}", self.data_directory)
    }

    fn kind(&self) -> Kind {
        Kind::Follow
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        match &facts.data.content {
            Content::Nothing => Readiness::Ready,
            _ => Readiness::Mismatch {
                expected: format!("nothing in {}", self.data_directory),
                found: "something".into(),
            },
        }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("put the copy in its place", SCRIPT)
                .var("staging", place.staging())
                .var(
                    "system_id",
                    self.system_id.map(|id| id.to_string()).unwrap_or_default(),
                )
                .var("keys", DANGEROUS.join(" ")),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let content = world
            .facts(&self.source)
            .map(|source| source.data.content.clone());
        if let Some(facts) = world.facts_mut(node) {
            facts.staging = None;
            facts.data.content = content.unwrap_or_else(|| predict::new_instance(true));
            facts.data.signals = Signals {
                standby: true,
                backup_label: true,
                ..Signals::default()
            };
        }
    }
}
