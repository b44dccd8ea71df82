//! A backup that is brought to a host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::{Place, Readiness};
use crate::backup::engine;
use crate::command::Command;
use crate::facts::{Content, Facts, Observation, Staging};
use crate::inventory::{BackupTool, NodeName};
use crate::postgres::SystemId;
use crate::script::library;

/// What a unit runs as the service user, in front of an engine's own part and behind it.
const BEFORE: &str = "exec >\"$work/log\" 2>&1\nset -eu\numask 077\nLC_ALL=C\nexport LC_ALL\n\
                      data=$work/data spaces=$work/tablespaces\n";
const BEHIND: &str = concat!(library!("sync.sh"), include_str!("fetch_work.sh"));

/// A backup that is brought to a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The engine.
    pub tool: BackupTool,
    /// The cluster's directory on the mount.
    pub top: String,
    /// The backup.
    pub id: String,
    /// Those it builds on, oldest first.
    pub builds_on: Vec<String>,
    /// Whose it is.
    pub system_id: SystemId,
    /// About how many bytes it has once it is there.
    pub bytes: u64,
}

impl Source {
    /// Makes the command of a script that brings it into `staging`, its tablespaces, by OID, to these places; `reader` is
    /// its mark on the mount.
    pub(in crate::action) fn fetch(
        &self,
        place: &Place,
        script: &'static str,
        staging: &str,
        tablespaces: &[(String, String)],
        named: &[String],
        reader: &str,
    ) -> Command {
        let program = [BEFORE, engine(self.tool).unpack(), BEHIND].concat();
        place
            .command("restore a backup", script)
            .var("top", &self.top)
            .var("tool_log", engine(self.tool).log_directory())
            .var("ids", self.ids())
            .var("program", program)
            .var("staging", staging)
            .var("reader", reader)
            .var("bytes", self.bytes)
            .var("system_id", self.system_id)
            .var("wal_directory", place.major.caps().names.wal_directory)
            .var("tablespaces", lines(tablespaces))
            .var("named", named.join("\n"))
            .timeout(None)
    }

    pub(in crate::action) fn ids(&self) -> String {
        let ids = self.builds_on.iter().chain([&self.id]);
        ids.map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// Returns pairs as lines with a tab.
pub(in crate::action) fn lines(pairs: &[(String, String)]) -> String {
    pairs
        .iter()
        .map(|(one, other)| format!("{one}\t{other}\n"))
        .collect()
}

/// Tells where a tablespace goes, for people.
pub(in crate::action) fn going(there: &str, here: &str) -> String {
    if there == here {
        format!("tablespace in {here}")
    } else {
        format!("tablespace {there} goes to {here}")
    }
}

/// Says whether the place of a data directory is free for what comes.
pub(in crate::action) fn vacant(facts: &Facts) -> Readiness {
    if let Some(path) = facts.data.layout.unmounted.first() {
        return Readiness::Mismatch {
            expected: format!("a file system on {path}"),
            found: "none, or another one".into(),
        };
    }
    match &facts.data.content {
        Content::Nothing => Readiness::Ready,
        _ => Readiness::Mismatch {
            expected: format!("nothing in {}", facts.data.path),
            found: "something".into(),
        },
    }
}

/// Changes an observation into one with a complete copy in staging.
pub(in crate::action) fn staged(
    node: &NodeName,
    world: &mut Observation,
    source: String,
    system_id: Option<SystemId>,
) {
    if let Some(facts) = world.facts_mut(node) {
        facts.staging = Some(Staging {
            path: facts.data.beside("new"),
            complete: true,
            source,
            system_id,
            log: String::new(),
            holds: BTreeMap::new(),
        });
        facts.jobs.clear();
        facts.data.layout.lost_found_closed = false;
    }
}
