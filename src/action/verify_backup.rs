//! Verifies a backup.

use serde::{Deserialize, Serialize};

use super::{Act, Kind, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("verify_backup.sh"),
    "\nrun_main\n"
);

/// Verifies a backup against its checksums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyBackup {
    /// The cluster's directory on the mount.
    pub top: String,
    /// The backup.
    pub id: String,
    /// Those it builds on, oldest first.
    pub builds_on: Vec<String>,
}

impl Act for VerifyBackup {
    fn title(&self) -> String {
        format!("verify backup {}", self.id)
    }

    fn done(&self) -> String {
        format!("backup {} is good", self.id)
    }

    fn kind(&self) -> Kind {
        Kind::Follow
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let ids: Vec<&str> = self
            .builds_on
            .iter()
            .chain([&self.id])
            .map(String::as_str)
            .collect();
        vec![
            place
                .command("verify a backup", SCRIPT)
                .var("top", &self.top)
                .var("id", &self.id)
                .var("ids", ids.join(" "))
                .var("sums", include_str!("../files/sums.sh"))
                .timeout(None),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
