//! Proves that WAL reaches the archive.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!([] "prove_archive.sh");

/// The word under which the primary tells the segment it ended.
pub(in crate::action) const SEGMENT: &str = "segment";

/// Ends a WAL segment on the primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchWal {}

/// Where an engine has its archived segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// The cluster's directory on the mount.
    pub top: String,
    /// A pattern below it.
    pub pattern: String,
}

/// Sees that segment on the mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeeArchived {
    /// Where it is to be.
    #[serde(flatten)]
    pub place: Archived,
    /// How many seconds it has to arrive.
    pub seconds: u64,
}

impl Act for SwitchWal {
    fn title(&self) -> String {
        "end a WAL segment".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn tells(&self) -> &'static [&'static str] {
        &[SEGMENT]
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let names = place.major.caps().names;
        vec![
            place
                .mount_command("end a WAL segment", SCRIPT)
                .var("verb", "switch")
                .var("walfile_name", names.walfile_name)
                .var("current_lsn", names.current_lsn)
                .var("switch_wal", names.switch_wal),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

impl Act for SeeArchived {
    fn title(&self) -> String {
        "see it in the archive".into()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let mut command = place
            .mount_command("see it in the archive", SCRIPT)
            .var("verb", "see")
            .var("top", &self.place.top)
            .var("pattern", &self.place.pattern)
            .var("seconds", self.seconds)
            .timeout(Some(Duration::from_secs(self.seconds + 60)));
        command.takes = Some(("segment", SEGMENT));
        vec![command]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
