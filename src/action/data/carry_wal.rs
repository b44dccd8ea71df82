//! Carries the last WAL of a stopped primary to a standby that did not receive it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::postgres::Lsn;
use crate::script::script;

const SCRIPT: &str = script!([] "carry_wal.sh");

/// The word under which the stopped primary tells its last segments.
pub(in crate::action) const WAL: &str = "wal";

/// How much WAL is carried at most: all of it goes through the memory of pgrepl.
pub const LONGEST_WAL: u64 = 2 << 30;

/// Reads the last WAL segments of a stopped primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadWal {
    /// Their names, in order.
    pub segments: Vec<String>,
    /// Bytes of one.
    pub segment_size: u64,
}

/// Puts them where a standby looks for WAL that nobody streams (measured on 11, 15 and 18).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceWal {
    /// Their names, in order.
    pub segments: Vec<String>,
    /// Bytes of one.
    pub segment_size: u64,
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

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn tells(&self) -> &'static [&'static str] {
        &[WAL]
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let mut command = command(place, "read", &self.segments);
        // What does not compress grows a little, and by a third in base64.
        let bytes = (self.segments.len() as u64).saturating_mul(self.segment_size);
        let bytes = usize::try_from(bytes.min(LONGEST_WAL) / 2 * 3).unwrap_or(usize::MAX);
        command.limits.line = command.limits.line.saturating_add(bytes);
        command.limits.answer = command.limits.answer.saturating_add(bytes);
        vec![command]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for PlaceWal {
    fn title(&self) -> String {
        format!("the missing WAL, {} segments", self.segments.len())
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let mut command =
            command(place, "place", &self.segments).var("segment_size", self.segment_size);
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
