//! Writes a checkpoint.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!([] "checkpoint.sh");

/// Writes a checkpoint now: before a stop it shortens it, after a promotion it puts the new timeline into the control file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {}

impl Act for Checkpoint {
    fn title(&self) -> String {
        "checkpoint".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![place.command("checkpoint", SCRIPT).timeout(None)]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
