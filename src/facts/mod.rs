//! WHAT IS: what one probe saw on a host, and what can be concluded from all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub mod instance;
pub mod leader;
pub mod observation;
pub mod parse;
mod parse_server;
pub mod predict;
mod question;
pub mod server;

pub use instance::{Content, DataDirectory, Process, Signals, Staging};
pub use observation::{Observation, Sight, Unreachable};
pub use parse::digest;
pub use question::question;
pub use server::Server;

use crate::inventory::NodeName;
use crate::postgres::ServerVersion;

/// Everything one probe saw on one host. Lists are sorted; what could not be read is `None`, never a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The operating system.
    pub os: Os,
    /// `uname -n`.
    pub hostname: String,
    /// `uname -m`.
    pub arch: String,
    /// Whether systemd is process 1; without it long work is tied to the connection.
    pub systemd: bool,
    /// Its own addresses, loopback and link-local left out.
    pub addresses: Vec<IpAddr>,
    /// What this host resolves the other nodes' names (or `address:` values) to; empty when it cannot.
    pub resolved: BTreeMap<NodeName, Vec<IpAddr>>,
    /// The installed PostgreSQL.
    pub packages: Packages,
    /// What stands at the data directory's place.
    pub data: DataDirectory,
    /// What the data directory's postmaster is doing.
    pub process: Process,
    /// The server, when it runs and answers SQL.
    pub server: Option<Server>,
    /// Managed and related files by path (PostgreSQL's configuration, its includes, postgresql.auto.conf).
    pub files: BTreeMap<String, FileFact>,
    /// The cluster's own lines in the service user's .pgpass; `None` if there are none.
    pub pgpass: Option<PassFile>,
    /// The service that runs the server.
    pub service: Service,
    /// File systems under the data directory, its WAL directory and its tablespaces.
    pub disks: Vec<Disk>,
    /// The backup mount, if the inventory has one.
    pub mount: Option<Mount>,
    /// Long work that runs on the host on its own.
    pub jobs: Vec<Job>,
    /// A clone that was begun beside the data directory.
    pub staging: Option<Staging>,
    /// Data directories set aside beside the data directory.
    pub set_aside: Vec<SetAside>,
}

/// An operating system, from /etc/os-release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Os {
    /// `ID`, "debian".
    pub id: String,
    /// `ID_LIKE`, blank separated.
    pub like: String,
    /// `VERSION_ID`, "12"; empty for releases that have none yet.
    pub version: String,
    /// `PRETTY_NAME`.
    pub name: String,
}

/// The PostgreSQL that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    /// `postgres --version` of the wanted major version; `None` if it is not installed.
    pub server: Option<ServerVersion>,
    /// Other major versions whose server is installed.
    pub others: BTreeSet<String>,
    /// The programs in the wanted version's directory of binaries.
    pub tools: BTreeSet<String>,
    /// Where those are.
    pub bindir: Option<String>,
    /// The version the package manager would install; read only when the server is not installed.
    pub candidate: Option<String>,
    /// Whether installing would create a cluster by itself (Debian's `create_main_cluster`).
    pub creates_cluster: bool,
    /// Whether an earlier step of the plan installs the server; never true of a real host.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub installed_next: bool,
}

/// A file on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// SHA-256 of the content, lower-case hex.
    pub digest: String,
    /// Owner's name.
    pub owner: String,
    /// Group's name.
    pub group: String,
    /// Mode in octal, "640".
    pub mode: String,
    /// The content; `None` where it was not asked for or is not UTF-8.
    pub content: Option<String>,
    /// Whether the running server has not read it yet: it was written after the last reload.
    pub unloaded: bool,
}

/// The cluster's own lines in .pgpass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassFile {
    /// Each line without its password: `10.0.0.11:5432:replication:replicator`.
    pub entries: Vec<String>,
    /// Whether every line holds the wanted password; `None` when no password was given to compare with.
    pub same_password: Option<bool>,
    /// Mode in octal; PostgreSQL ignores the file unless group and others have no right.
    pub mode: String,
    /// Owner's name.
    pub owner: String,
}

/// The service that runs the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Whether it starts at boot.
    pub enabled: bool,
    /// systemd's `ActiveState`, or `unknown`.
    pub active: String,
    /// Whether the service's own configuration exists (Debian: /etc/postgresql/V/NAME).
    pub registered: bool,
    /// Debian's start.conf; `auto` elsewhere.
    pub start: String,
}

/// A file system, with what it is used for here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// `data`, `wal`, or a tablespace's path.
    pub used_for: String,
    /// Where it is mounted.
    pub mounted_on: String,
    /// Size in bytes.
    pub size: u64,
    /// Bytes that the service user may still write.
    pub free: u64,
}

/// The backup mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Its path.
    pub path: String,
    /// Whether something is really mounted there.
    pub mounted: bool,
    /// Whether the service user may write there; `None` when the service user does not exist yet.
    pub writable: Option<bool>,
    /// File system type.
    pub fstype: String,
    /// Size in bytes.
    pub size: u64,
    /// Free bytes.
    pub free: u64,
}

/// Long work that runs on a host as a transient unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The unit's name.
    pub unit: String,
    /// systemd's `ActiveState`.
    pub active: String,
    /// Bytes done and bytes in all, as last reported.
    pub progress: Option<(u64, u64)>,
}

/// A data directory that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Its path.
    pub path: String,
}
