//! Restores a backup beside everything else.

use serde::{Deserialize, Serialize};

use crate::action::data::fetch::lines;
use crate::action::place::{reader, staging};
use crate::action::{Act, Mark, Place, Source};
use crate::command::Command;
use crate::facts::beside::mark_of;
use crate::facts::{Marker, Observation};
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!(["job.sh", "places.sh", "exchange.sh", "staging.sh", "fetch.sh", "ended.sh", "apart.sh", "known_copies.sh"] "restore_copy.sh");

/// Restores a backup into a directory of its own, with a server of its own: the cluster is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreCopy {
    /// The backup.
    pub backup: Source,
    /// Its tablespaces: OID and location.
    pub tablespaces: Vec<(String, String)>,
    /// The places that the inventory names: what the others lead to root neither makes nor gives away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
    /// The new data directory.
    pub data_directory: String,
    /// The port of the new server.
    pub port: u16,
    /// What makes it recover.
    pub marker: Marker,
    /// The settings of the recovery.
    pub recovery: String,
    /// The target, for people.
    pub target: String,
    /// Where the last segment of the archive begins, for a recovery that may end there: timeline and position, in digits that sort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
}

impl RestoreCopy {
    /// Returns the first line of its configuration, by which it is known.
    pub fn mark(&self, cluster: &str) -> String {
        let mark = mark_of(cluster);
        format!("{mark}{} to {}", self.backup.ids(), self.target)
    }

    fn place_of(&self, oid: &str) -> String {
        format!("{}.tablespaces/{oid}", self.data_directory)
    }
}

impl Act for RestoreCopy {
    fn title(&self) -> String {
        format!(
            "restore backup {} to {}, recover to {}",
            self.backup.id, self.data_directory, self.target
        )
    }

    fn done(&self) -> String {
        format!(
            "restored to {}, a server of its own on port {}",
            self.data_directory, self.port
        )
    }

    fn places(&self) -> Vec<String> {
        let places = self.tablespaces.iter();
        places
            .map(|(oid, there)| {
                format!("tablespace {oid}, {there}, goes to {}", self.place_of(oid))
            })
            .collect()
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let here: Vec<(String, String)> = self
            .tablespaces
            .iter()
            .map(|(oid, _)| (oid.clone(), self.place_of(oid)))
            .collect();
        let own = here.iter().map(|(_, place)| place.clone());
        let named: Vec<String> = self.named.iter().cloned().chain(own).collect();
        let word = word(&self.data_directory);
        let staging = staging(&self.data_directory);
        let reader = reader(&place.node, &word);
        let fetch = self
            .backup
            .fetch(place, SCRIPT, &staging, &here, &named, &reader);
        let fetch = copy_units(&place.cluster, &self.data_directory)
            .into_iter()
            .fold(fetch, |fetch, (name, unit)| fetch.var(name, unit));
        vec![
            fetch
                .var("about", self.mark(&place.cluster))
                .var("directory", &self.data_directory)
                .var("origins", lines(&self.tablespaces))
                .var("apart_socket", &place.platform.socket_directory)
                .var("apart_port", self.port)
                .var("recovery", &self.recovery)
                .var("marker", &self.marker.name)
                .var("marker_text", &self.marker.text)
                .var("end", self.end.as_deref().unwrap_or_default()),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

/// Returns the units of a copy by the names of their variables: what brings it, what recovers it, and its server.
pub fn copy_units(cluster: &str, directory: &str) -> [(&'static str, String); 3] {
    let word = word(directory);
    let unit = |what: &str| format!("pgrepl-{cluster}-{what}-{word}.service");
    [
        ("fetch_unit", unit("fetch")),
        ("recover_unit", unit("recover")),
        ("copy_unit", unit("copy")),
    ]
}

/// Makes a path one word of a unit's name: two directories have two words.
pub(in crate::action) fn word(path: &str) -> String {
    path.trim_matches('/')
        .chars()
        .map(|c| match c {
            '/' => "-".to_owned(),
            c if c.is_ascii_alphanumeric() || c == '.' => c.to_string(),
            c => format!("_{:02x}", u32::from(c)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn each_directory_has_units_of_its_own() {
        assert_eq!(word("/srv/restored"), "srv-restored");
        assert_ne!(word("/srv/a-b"), word("/srv/a/b"));
        assert_ne!(word("/srv/a_2db"), word("/srv/a-b"));
    }
}
