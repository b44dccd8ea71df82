//! Restores a backup for trial.

use serde::{Deserialize, Serialize};

use crate::action::data::fetch::lines;
use crate::action::{Act, Mark, Place, Source};
use crate::command::Command;
use crate::facts::{Marker, Observation};
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!(["job.sh", "places.sh", "exchange.sh", "staging.sh", "fetch.sh", "ended.sh", "apart.sh"] "drill.sh");

/// Restores a backup beside the data directory, reads the server that it makes, and removes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// The backup.
    pub backup: Source,
    /// Its tablespaces: OID and location.
    pub tablespaces: Vec<(String, String)>,
    /// The places that the inventory names: what the others lead to root neither makes nor gives away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
    /// What makes it recover.
    pub marker: Marker,
    /// The settings of the recovery.
    pub recovery: String,
}

impl Act for Drill {
    fn title(&self) -> String {
        format!("restore backup {} for trial", self.backup.id)
    }

    fn done(&self) -> String {
        format!("backup {} can be restored", self.backup.id)
    }

    fn places(&self) -> Vec<String> {
        let places = self.tablespaces.iter();
        places
            .map(|(oid, there)| {
                format!("tablespace {oid}, {there}, goes beside the data directory")
            })
            .collect()
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let staging = format!("{}.pgrepl-drill", place.platform.data_directory);
        let here: Vec<(String, String)> = self
            .tablespaces
            .iter()
            .map(|(oid, _)| (oid.clone(), format!("{staging}.{oid}")))
            .collect();
        let own = here.iter().map(|(_, place)| place.clone());
        let named: Vec<String> = self.named.iter().cloned().chain(own).collect();
        let unit = |what: &str| place.clone_unit().replace("-clone.", &format!("-{what}."));
        let reader = crate::action::place::reader(&place.node, "drill");
        let fetch = self
            .backup
            .fetch(place, SCRIPT, &staging, &here, &named, &reader);
        vec![
            fetch
                .var("origins", lines(&self.tablespaces))
                .var("apart_socket", &staging)
                .var("apart_port", 54_321)
                .var("recovery", &self.recovery)
                .var("marker", &self.marker.name)
                .var("marker_text", &self.marker.text)
                .var("fetch_unit", unit("drill-fetch"))
                .var("drill_unit", unit("drill")),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
