//! Writes the cluster's lines of .pgpass.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::{Command, Part, SecretName};
use crate::facts::{Observation, PassFile};
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!([] "write_pgpass.sh");

/// Replaces the cluster's own lines in the service user's .pgpass; the lines of others stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritePgpass {
    /// Each line without its password: `10.0.0.11:5432:replication:replicator`.
    pub entries: Vec<String>,
    /// Whether there were lines of this cluster before.
    pub exists: bool,
    /// The owner.
    pub owner: String,
}

impl Act for WritePgpass {
    fn title(&self) -> String {
        let s = if self.entries.len() == 1 {
            "entry"
        } else {
            "entries"
        };
        format!(".pgpass, {} {s}, not shown", self.entries.len())
    }

    fn done(&self) -> String {
        ".pgpass".into()
    }

    fn kind(&self) -> Mark {
        if self.exists { Mark::Change } else { Mark::Add }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let mut parts = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            parts.push(Part::Clear(format!("{newline}{entry}:")));
            parts.push(Part::Secret(SecretName::PgpassPassword));
        }
        vec![
            place
                .command("write .pgpass", SCRIPT)
                .secret("content", parts),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.pgpass = Some(PassFile {
                entries: self.entries.clone(),
                same_password: Some(true),
                mode: "600".into(),
                owner: self.owner.clone(),
            });
        }
    }
}
