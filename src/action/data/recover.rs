//! Lets a restored server recover to its target.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Observation, predict};
use crate::inventory::NodeName;
use crate::postgres::{History, Lsn, Timeline};
use crate::script::script;

const SCRIPT: &str = script!(["manager.sh", "marker.sh", "ended.sh"] "recover.sh");

/// Starts a restored server and waits until it has recovered to its target and was promoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recover {
    /// The target, for people.
    pub target: String,
    /// Where the last segment of the archive begins, for a recovery that may end there: timeline and position, in digits that sort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// The newest timeline that is known: the new one is higher.
    pub newest: Timeline,
    /// The name of the file that makes it recover.
    pub marker: String,
}

impl Act for Recover {
    fn title(&self) -> String {
        format!("recover to {}", self.target)
    }

    fn done(&self) -> String {
        format!("recovered to {}, accepts writes", self.target)
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("recover", SCRIPT)
                .var("marker", &self.marker)
                .var("end", self.end.as_deref().unwrap_or_default())
                .var("wal_directory", place.major.caps().names.wal_directory)
                .timeout(None),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        predict::unmark(facts);
        let auto = format!("{}/postgresql.auto.conf", facts.data.path);
        if let Some(file) = facts.files.get_mut(&auto)
            && let Some(content) = &mut file.content
        {
            let speaks = |line: &&str| !line.starts_with("lc_messages = 'POSIX'");
            *content = content.split_inclusive('\n').filter(speaks).collect();
            file.digest = crate::facts::digest(content);
        }
        predict::start(facts);
        let timeline = Timeline(self.newest.0 + 1);
        if let Some(server) = &mut facts.server {
            server.in_recovery = false;
            server.timeline = timeline;
        }
        // Where it leaves its old timeline is known only afterwards: at the beginning nobody else belongs to it.
        facts.data.history = Some(History {
            of: timeline,
            forks: (1..timeline.0).map(|old| (Timeline(old), Lsn(0))).collect(),
            promoted: false,
        });
    }
}
