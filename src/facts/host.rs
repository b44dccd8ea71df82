//! What one probe saw of a host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::able::Able;
use super::address::AddressFacts;
use super::beside::Copy;
use super::firewall::Firewall;
use super::layout::name_beside;
use super::updates::Offered;
use super::{DataDirectory, Disk, Process, Server, Staging, TurnedAway};
use crate::inventory::NodeName;
use crate::postgres::{ServerVersion, SystemId};

/// Everything one probe saw on one host. Lists are sorted; what could not be read is `None`, never a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The operating system.
    pub os: Os,
    /// `uname -n`.
    pub hostname: String,
    /// `uname -m`.
    pub arch: String,
    /// The version of its glibc, by which it sorts text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
    /// Whether systemd is process 1; without it long work is tied to the connection.
    pub systemd: bool,
    /// Its own addresses, loopback and link-local left out, and that of the primary, which comes and goes.
    pub addresses: Vec<IpAddr>,
    /// What this host resolves the other nodes' names (or `address:` values) to; empty when it cannot.
    pub resolved: BTreeMap<NodeName, Vec<IpAddr>>,
    /// The installed PostgreSQL.
    pub packages: Packages,
    /// What stands at the data directory's place.
    pub data: DataDirectory,
    /// What the data directory's postmaster is doing.
    pub process: Process,
    /// Why the server, which runs, does not let pgrepl in, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<TurnedAway>,
    /// The server, when it runs and answers SQL.
    pub server: Option<Server>,
    /// Managed and related files by path (PostgreSQL's configuration, its includes, postgresql.auto.conf).
    pub files: BTreeMap<String, FileFact>,
    /// Such files that are there and that the service user cannot read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// The cluster's own lines in the service user's .pgpass; `None` if there are none.
    pub pgpass: Option<PassFile>,
    /// The service that runs the server.
    pub service: Service,
    /// The firewall that is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall: Option<Firewall>,
    /// Who else listens on the port that the server is to have, when it does not: process and directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_taken: Option<String>,
    /// The configuration of another server that is to have the same port and starts at boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_set: Option<String>,
    /// The port that the data directory's server has now, when it is another than it is to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_port: Option<u16>,
    /// File systems under the data directory, its WAL directory and its tablespaces.
    pub disks: Vec<Disk>,
    /// The file systems where the inventory puts tablespaces, and every mount point: where something else would go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_systems: Vec<Disk>,
    /// The backup mount, if the inventory has one.
    pub mount: Option<Mount>,
    /// The backup engine's own program.
    #[serde(default, skip_serializing_if = "Tool::is_unknown")]
    pub tool: Tool,
    /// The step of a run that is gone and that is still at work on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_work: Option<String>,
    /// Who holds the lock of the cluster there, in the words of the lock: a run that changes something now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Long work that runs on the host on its own.
    pub jobs: Vec<Job>,
    /// How many seconds the oldest WAL file that is not archived waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_waits_s: Option<u64>,
    /// The timer that takes backups; `None` if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer: Option<Timer>,
    /// Whether the health port of the cluster listens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub health: bool,
    /// The address that the primary alone holds.
    #[serde(default, skip_serializing_if = "AddressFacts::is_unknown")]
    pub address: AddressFacts,
    /// What its systemd says against the schedule of the inventory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_refused: Option<String>,
    /// A clone that was begun beside the data directory.
    pub staging: Option<Staging>,
    /// Data directories set aside beside the data directory.
    pub set_aside: Vec<SetAside>,
    /// Copies of the cluster that run beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Copy>,
    /// What the host was asked for that a server's settings need, and what is wrong with it; nothing where it is fine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub asked: BTreeMap<String, String>,
    /// What its running server has beside its settings, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub able: Option<Able>,
    /// Programs and libraries that its running server has loaded and that were replaced or removed since.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub replaced: BTreeSet<String>,
    /// Whether an update that has not ended holds its packages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub packages_held: bool,
    /// What its package manager offers, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered: Option<Offered>,
}

impl Facts {
    /// Returns the server where it runs, answers, and writes.
    pub fn primary(&self) -> Option<&Server> {
        self.server.as_ref().filter(|server| !server.in_recovery)
    }

    /// Returns the server where it runs, answers, and replays what another one writes.
    pub fn standby(&self) -> Option<&Server> {
        self.server.as_ref().filter(|server| server.in_recovery)
    }

    /// Says whether the host lacks the program that tells what a stopped instance holds.
    pub fn cannot_read_control(&self) -> bool {
        self.data.control().is_none() && !self.packages.tools.contains("pg_controldata")
    }
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
    /// What of the way there is not root's alone, where the inventory names it: the part, and whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strange: Option<String>,
    /// The version the package manager would install; read only when the server is not installed.
    pub candidate: Option<String>,
    /// Whether the host can unpack what zstd compressed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zstd: bool,
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
    /// The content, its bytes as [`crate::postgres::bytes`] writes them; `None` where it could not be read.
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
    /// Whether the service was made known (Debian: /etc/postgresql/V/NAME exists; else its unit is enabled or fenced, or an
    /// instance is there).
    pub registered: bool,
    /// Debian's start.conf; elsewhere its words for a unit: enabled is `auto`, fenced `disabled`, neither `manual`.
    pub start: String,
}

/// The backup mount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Its path.
    pub path: String,
    /// Whether something is really mounted there.
    pub mounted: bool,
    /// Whether it gives no answer, or only errors, as the mount of a dead file server does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
    /// Whether what is there is closed to the service user: then it is not known what that is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// The number of the service user on this host: a file server knows users by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<u32>,
    /// What this host's server has seen there, and is not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// Whether the service user may write there; `None` when the service user does not exist yet.
    pub writable: Option<bool>,
    /// Whose archive the cluster's directory on it is; `None` if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_of: Option<SystemId>,
    /// What was written there once and is on no other file system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How many files it can still take; `None` where that has no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_inodes: Option<u64>,
    /// File system type.
    pub fstype: String,
    /// Size in bytes.
    pub size: u64,
    /// Free bytes.
    pub free: u64,
}

impl Mount {
    /// Says why nothing can be read or written there; `whose` follows the path: " of server1", or nothing.
    pub fn absence(&self, whose: &str) -> Option<String> {
        if !self.mounted {
            Some(format!("nothing is mounted on {}{whose}", self.path))
        } else if self.stale {
            Some(format!("{}{whose} does not answer", self.path))
        } else if self.closed {
            Some(format!(
                "what is in {}{whose} is closed to the service user",
                self.path
            ))
        } else {
            None
        }
    }
}

/// The program of a backup engine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// What it says of its version; `None` if it is not installed.
    pub version: Option<String>,
    /// Whether its repository on the mount was made.
    pub repository: bool,
}

impl Tool {
    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
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

/// The timer that takes backups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// Whether it waits for its next moment.
    pub active: bool,
    /// When its service ended last since the host was booted, as systemd writes it.
    pub last: Option<String>,
    /// Whether that went wrong.
    pub failed: bool,
}

/// A data directory that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Its path.
    pub path: String,
}

impl SetAside {
    /// Returns the moment in its name, that of the run that set it aside; `None` for what a failed run had made.
    pub fn stamp(&self) -> Option<&str> {
        let stamp = name_beside(&self.path)?;
        Some(stamp).filter(|stamp| !stamp.starts_with("failed-"))
    }
}
