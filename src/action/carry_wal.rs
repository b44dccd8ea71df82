//! Carries the last WAL of a stopped primary to a standby that did not receive it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Act, Kind, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::postgres::Lsn;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("carry_wal.sh"),
    "\nrun_main\n"
);

/// The word under which the stopped primary tells its last segments.
const WAL: &str = "wal";

/// Reads the last WAL segments of a stopped primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadWal {
    /// Their names, in order.
    pub segments: Vec<String>,
}

/// Puts them where a standby looks for WAL that nobody streams (measured on 11, 15 and 18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceWal {
    /// Their names, in order.
    pub segments: Vec<String>,
    /// How far the standby gets with them, at least.
    pub end: Lsn,
}

fn command(place: &Place, verb: &'static str, segments: &[String]) -> Command {
    place
        .command(format!("{verb} WAL"), SCRIPT)
        .var("verb", verb)
        .var("segments", segments.join(" "))
        .var("wal_directory", place.major.caps().names.wal_directory)
        .timeout(Some(Duration::from_secs(600)))
}

impl Act for ReadWal {
    fn title(&self) -> String {
        format!("read the last WAL, {} segments", self.segments.len())
    }

    fn kind(&self) -> Kind {
        Kind::Follow
    }

    fn tells(&self) -> &'static [&'static str] {
        &[WAL]
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![command(place, "read", &self.segments)]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for PlaceWal {
    fn title(&self) -> String {
        format!("the missing WAL, {} segments", self.segments.len())
    }

    fn kind(&self) -> Kind {
        Kind::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let mut command = command(place, "place", &self.segments);
        command.takes = Some(("wal", WAL));
        vec![command]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(server) = world
            .facts_mut(node)
            .and_then(|facts| facts.server.as_mut())
        {
            server.replayed = server.replayed.max(Some(Lsn(self.end.0 + 1)));
        }
    }
}
