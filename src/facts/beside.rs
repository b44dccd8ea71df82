//! What is where a copy beside the cluster goes, or is.

use crate::facts::lines::columns;
use crate::postgres::SystemId;

/// How the configuration of each copy that pgrepl restores begins.
const MARK: &str = "# A copy of cluster ";

/// Returns the first line of the configuration of a copy of this cluster, up to what it was restored from.
pub fn mark_of(cluster: &str) -> String {
    format!("{MARK}{cluster}, restored by pgrepl from ")
}

/// A copy of the cluster that runs on a host.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Copy {
    /// Its data directory.
    pub directory: String,
    /// Its port.
    pub port: u16,
}

/// Reads what the probe told of such copies. Another cluster's name may begin like this one's: the mark tells.
pub(super) fn copies(lines: &[&str], cluster: &str) -> Vec<Copy> {
    let mark = mark_of(cluster);
    let told = lines.iter().filter_map(|line| columns(line));
    told.filter(|[_, found, _]| found.starts_with(&mark))
        .filter_map(|[port, _, directory]| {
            let directory = directory.to_owned();
            let port = port.parse().ok()?;
            Some(Copy { directory, port })
        })
        .collect()
}

/// What one host told of a directory beside the cluster, and of a port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// Whether there is anything in the directory.
    pub content: bool,
    /// The first line of the configuration there, or nothing.
    pub mark: String,
    /// What is in the staging directory beside it: what it was made from, and the cluster that this belongs to.
    pub staging: Option<(String, Option<SystemId>)>,
    /// Whether that directory is there and empty.
    pub staging_empty: bool,
    /// Whether such a restore had given the copy its place and not started it.
    pub placed: bool,
    /// Whether the unit of the copy's server runs.
    pub unit: bool,
    /// The data directory of the server that has the port, empty where that cannot be told, and a port that nobody has.
    pub port: Option<(String, u16)>,
}

impl Beside {
    /// Says whether the directory has the mark of a copy of this cluster.
    pub fn is_copy_of(&self, cluster: &str) -> bool {
        self.mark.starts_with(&mark_of(cluster))
    }

    /// Returns the name of the cluster that the directory says it is a copy of.
    pub fn copy_of(&self) -> Option<&str> {
        let (cluster, _) = self
            .mark
            .strip_prefix(MARK)?
            .split_once(", restored by pgrepl from ")?;
        Some(cluster)
    }
}

/// Reads what the host told.
pub fn answered(said: &[(String, String)]) -> Beside {
    let first = |wanted: &str| {
        let mut found = said.iter().filter(|(key, _)| key == wanted);
        found.next().map(|(_, value)| value.clone())
    };
    let number = |text: String| text.trim().parse().ok();
    Beside {
        content: first("content").is_some(),
        mark: first("mark").unwrap_or_default(),
        staging: first("staging").map(|source| {
            let of = first("staging_of").and_then(number).map(SystemId);
            (source, of)
        }),
        staging_empty: first("staging_empty").is_some(),
        placed: first("placed").is_some(),
        unit: first("unit").is_some(),
        port: first("port_of").and_then(|directory| {
            let free = first("port_free")?.parse().ok()?;
            Some((directory, free))
        }),
    }
}
