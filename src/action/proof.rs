//! Proves replication: a row is written on the primary, read on a standby, and taken away again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!([] "proof.sh");

/// The word by which the primary tells that the row is written.
pub(super) const WRITTEN: &str = "written";

fn command(place: &Place, verb: &'static str, seconds: u64) -> Command {
    place
        .command(verb, SCRIPT)
        .var("verb", verb)
        .timeout(Some(Duration::from_secs(seconds + 60)))
}

/// Commits a row on the primary, in a schema of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteProof {
    /// What the row says: letters and digits.
    pub token: String,
}

/// Waits until that row is read on a standby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadProof {
    /// What the row says.
    pub token: String,
    /// How long it is waited for.
    pub seconds: u64,
}

/// Takes the row and its schema away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropProof {}

impl Act for WriteProof {
    fn title(&self) -> String {
        "write a row".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn tells(&self) -> &'static [&'static str] {
        &[WRITTEN]
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "write", 0).var("token", &self.token)]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for ReadProof {
    fn title(&self) -> String {
        "read the row".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn in_vain_without(&self) -> Option<&'static str> {
        Some(WRITTEN)
    }

    fn waits_on<'a>(&'a self, leader: &'a NodeName) -> Option<&'a NodeName> {
        Some(leader)
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let read = command(place, "read", self.seconds).var("token", &self.token);
        vec![read.var("patience", self.seconds)]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for DropProof {
    fn title(&self) -> String {
        "take the row away".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "drop", 0)]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
