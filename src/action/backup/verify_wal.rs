//! Verifies archived WAL.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!([] "verify_wal.sh");

/// Reads every archived segment that a backup may need: it is whole, and it is the one that its name says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyWal {
    /// The cluster's directory on the mount.
    pub top: String,
    /// The position part of the name of the first segment.
    pub from: String,
}

impl Act for VerifyWal {
    fn title(&self) -> String {
        format!("verify the archived WAL from {}", self.from)
    }

    fn done(&self) -> String {
        "the archived WAL is good".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .mount_command("verify archived WAL", SCRIPT)
                .var("top", &self.top)
                .var("from", &self.from)
                .timeout(None),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
