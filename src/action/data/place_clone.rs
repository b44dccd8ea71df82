//! Makes a complete copy the data directory.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::{Content, Facts, FileFact, Marker, Observation, predict};
use crate::inventory::NodeName;
use crate::postgres::SystemId;
use crate::postgres::owned::not_copied;
use crate::script::script;

const SCRIPT: &str = script!(["places.sh", "exchange.sh", "marker.sh"] "place_clone.sh");

/// Makes a complete copy the data directory of a standby, or of a server that recovers to a point in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceClone {
    /// The data directory.
    pub data_directory: String,
    /// The node it was copied from.
    pub source: NodeName,
    /// The cluster's system identifier, if it exists before the plan runs.
    pub system_id: Option<SystemId>,
    /// What makes it a standby, or a server that recovers.
    pub marker: Marker,
    /// For a recovery: its settings, which stand in postgresql.auto.conf until it is over.
    #[serde(default)]
    pub recovery: Option<String>,
    /// Where its WAL goes, if that is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal: Option<String>,
}

impl Act for PlaceClone {
    fn title(&self) -> String {
        let with = if self.marker.is_recovery_conf() {
            ", with a recovery.conf"
        } else {
            ""
        };
        format!("the copy becomes {}{with}", self.data_directory)
    }

    fn places(&self) -> Vec<String> {
        let wal = self.wal.iter();
        wal.map(|wal| format!("WAL in {wal}")).collect()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        match &facts.data.content {
            Content::Nothing => Readiness::Ready,
            _ => Readiness::Mismatch {
                expected: format!("nothing in {}", self.data_directory),
                found: "something".into(),
            },
        }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("put the copy in its place", SCRIPT)
                .var("staging", place.staging())
                .var("wal_place", self.wal.as_deref().unwrap_or_default())
                .var("wal_directory", place.major.caps().names.wal_directory)
                .var(
                    "system_id",
                    self.system_id.map(|id| id.to_string()).unwrap_or_default(),
                )
                .var("marker", &self.marker.name)
                .var("marker_text", &self.marker.text)
                .var("recovery", self.recovery.as_deref().unwrap_or_default())
                .var("keys", not_copied().collect::<Vec<_>>().join(" ")),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let content = world
            .facts(&self.source)
            .map(|source| source.data.content.clone())
            .filter(|_| self.recovery.is_none());
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        facts.staging = None;
        facts.data.content = content.unwrap_or_else(|| predict::new_instance(true, 16));
        if let (Content::Instance(instance), Some(id)) = (&mut facts.data.content, self.system_id)
            && let Ok(control) = &mut instance.control
        {
            control.system_id = id;
        }
        facts.data.signals.backup_label = true;
        if self.wal.is_some() {
            facts.data.wal_link.clone_from(&self.wal);
        }
        predict::mark(facts, &self.marker, self.recovery.is_none());
        if let Some(recovery) = &self.recovery {
            let text = format!("{recovery}\n");
            let file = FileFact {
                digest: crate::facts::digest(&text),
                owner: String::new(),
                group: String::new(),
                mode: "600".into(),
                content: Some(text),
                unloaded: false,
            };
            let path = format!("{}/postgresql.auto.conf", self.data_directory);
            facts.files.insert(path, file);
        }
    }
}
