//! Writes a checkpoint.

use serde::{Deserialize, Serialize};

use super::{Act, Kind, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("checkpoint.sh"),
    "\nrun_main\n"
);

/// Writes a checkpoint now: before a stop it shortens it, after a promotion it puts the new timeline into the control file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {}

impl Act for Checkpoint {
    fn title(&self) -> String {
        "checkpoint".into()
    }

    fn kind(&self) -> Kind {
        Kind::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![place.command("checkpoint", SCRIPT).timeout(None)]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
