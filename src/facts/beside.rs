//! What is where a copy beside the cluster goes, or is.

use crate::facts::lines::columns;
use crate::postgres::SystemId;

/// How the configuration of each copy that pgrepl restores begins.
const MARK: &str = "# A copy of cluster ";

/// Returns the first line of the configuration of a copy of this cluster, up to what it was restored from.
pub fn mark_of(cluster: &str) -> String {
    format!("{MARK}{cluster}, restored by pgrepl from ")
}

/// How a copy of the cluster is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its server runs.
    #[default]
    Running,
    /// It is whole, and its server does not run.
    Stopped,
    /// It is being restored, or removed.
    Busy,
    /// A restore or a removal of it was cut off.
    Cut,
    /// Nothing is left of it.
    Gone,
}

/// A copy of the cluster on a host.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Copy {
    /// Its data directory.
    pub directory: String,
    /// Its port; 0 where it has none yet.
    pub port: u16,
    /// How it is.
    #[serde(default)]
    pub state: State,
}

/// Reads what the probe told of such copies. Another cluster's name may begin like this one's: the mark tells.
pub(super) fn copies(lines: &[&str], cluster: &str) -> Vec<Copy> {
    let mark = mark_of(cluster);
    let told = lines.iter().filter_map(|line| columns(line));
    let mut copies: Vec<Copy> = Vec::new();
    for [port, found, directory, state] in told {
        let state = match state {
            "running" => State::Running,
            "stopped" => State::Stopped,
            "busy" => State::Busy,
            "cut" => State::Cut,
            _ => State::Gone,
        };
        let marked = matches!(state, State::Running | State::Stopped);
        // One that runs is told first.
        if (marked && !found.starts_with(&mark))
            || copies.iter().any(|copy| copy.directory == directory)
        {
            continue;
        }
        copies.push(Copy {
            directory: directory.to_owned(),
            port: port.parse().unwrap_or(0),
            state,
        });
    }
    copies
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
