//! Brings a diverged instance back with pg_rewind.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::{Content, Facts, Marker, Observation, Process, predict};
use crate::inventory::NodeName;
use crate::postgres::owned::not_copied;
use crate::postgres::{ClusterState, Lsn, SystemId, Timeline, sql};
use crate::script::script;

const SCRIPT: &str = script!(["job.sh", "places.sh", "exchange.sh", "marker.sh"] "rewind.sh");
const GRANT: &str = script!(["places.sh", "exchange.sh"] "grant_rewind.sh");

/// Rewinds an instance to where the source's history left its own; what it had beyond that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewind {
    /// The server it will follow.
    pub source: NodeName,
    /// How that is connected to; without a password.
    pub conninfo: String,
    /// The instance that is expected there.
    pub system_id: SystemId,
    /// What makes it a standby.
    pub marker: Marker,
    /// What fetches WAL that is not in the data directory any more: a program and the archive's directory.
    #[serde(default)]
    pub archive: Option<(String, String)>,
}

/// Lets the replication role read the files that pg_rewind reads (manual, pg_rewind, since 11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRewind {
    /// The role.
    pub role: String,
}

impl Act for Rewind {
    fn title(&self) -> String {
        format!("rewind to the history of {}", self.source)
    }

    fn kind(&self) -> Mark {
        Mark::Replace
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        let found = facts.data.control().map(|control| control.system_id);
        if facts.process != Process::Stopped {
            Readiness::Mismatch {
                expected: "a stopped server".into(),
                found: "one that runs".into(),
            }
        } else if found == Some(self.system_id) {
            Readiness::Ready
        } else {
            Readiness::Mismatch {
                expected: format!("system identifier {}", self.system_id),
                found: found.map_or("no instance".into(), |id| id.to_string()),
            }
        }
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let (fetch, top) = self.archive.clone().unwrap_or_default();
        vec![
            place
                .command("rewind", SCRIPT)
                .var("fetch", fetch)
                .var("top", top)
                .var("wal_directory", place.major.caps().names.wal_directory)
                .var("conninfo", format!("{} dbname=postgres", self.conninfo))
                .var("system_id", self.system_id)
                .var(
                    "rewind_unit",
                    place.clone_unit().replace("-clone.", "-rewind."),
                )
                .var("keys", not_copied().collect::<Vec<_>>().join(" "))
                .var("marker", &self.marker.name)
                .var("marker_text", &self.marker.text)
                .var(
                    "single_options",
                    if self.marker.is_recovery_conf() {
                        ""
                    } else {
                        "-c primary_conninfo="
                    },
                )
                .var("config", place.platform.config("postgresql.conf"))
                .timeout(None),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let source = world
            .facts(&self.source)
            .and_then(|facts| facts.data.control())
            .map(|control| control.sensitive.clone());
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        predict::mark(facts, &self.marker, true);
        facts.data.rewinding = false;
        facts.data.slots.clear();
        if let Content::Instance(instance) = &mut facts.data.content
            && let Ok(control) = &mut instance.control
        {
            control.state = ClusterState::InArchiveRecovery;
            // Behind whatever the source has.
            control.checkpoint = Lsn(0);
            control.redo = Lsn(0);
            control.minimum_recovery_end = Lsn(0);
            control.minimum_recovery_timeline = Timeline(0);
            control.sensitive = source.unwrap_or_default();
        }
    }
}

impl Act for GrantRewind {
    fn title(&self) -> String {
        format!("{} may read what pg_rewind reads", self.role)
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("let the role read files", GRANT)
                .var("quoted_role", sql::identifier(&self.role)),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
