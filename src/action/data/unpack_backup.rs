//! Brings a backup into staging.

use serde::{Deserialize, Serialize};

use crate::action::data::fetch::{going, staged, vacant};
use crate::action::{Act, Mark, Place, Readiness, Source};
use crate::backup::engine;
use crate::command::Command;
use crate::facts::{Facts, Observation};
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str =
    script!(["job.sh", "places.sh", "exchange.sh", "staging.sh", "fetch.sh"] "unpack_backup.sh");

/// Restores a backup into the staging directory, or joins a restore that runs already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnpackBackup {
    /// The backup.
    pub backup: Source,
    /// Where its tablespaces go, by OID.
    pub tablespaces: Vec<(String, String)>,
    /// The places that the inventory names: what the others lead to root neither makes nor gives away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
}

impl Act for UnpackBackup {
    fn title(&self) -> String {
        let by = engine(self.backup.tool).name();
        format!("restore backup {} by {by}", self.backup.id)
    }

    fn places(&self) -> Vec<String> {
        let places = self.tablespaces.iter();
        places.map(|(oid, here)| going(oid, here)).collect()
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        vacant(facts)
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let fetch = self.backup.fetch(
            place,
            SCRIPT,
            &place.staging(),
            &self.tablespaces,
            &self.named,
            place.node.as_str(),
        );
        vec![fetch.var("clone_unit", place.clone_unit())]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let source = format!("backup {}", self.backup.id);
        staged(node, world, source, Some(self.backup.system_id));
    }
}
