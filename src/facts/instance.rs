//! What stands on disk: the data directory, its control file, its markers, a clone beside it.

use serde::{Deserialize, Serialize};

use crate::postgres::{ClusterState, ControlData, SystemId};

/// The data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDirectory {
    /// Its path as configured, and where that leads once symlinks are followed.
    pub path: String,
    /// The same with symlinks followed.
    pub real_path: String,
    /// Whether it is itself a mount point: then it cannot be renamed.
    pub is_mount: bool,
    /// Where its WAL directory leads, when that is a symlink.
    pub wal_link: Option<String>,
    /// Tablespaces: OID and location.
    pub tablespaces: Vec<(String, String)>,
    /// What is in it.
    pub content: Content,
    /// Its signal files.
    pub signals: Signals,
}

/// What a data directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// There is no such directory, or it is empty.
    Nothing,
    /// A PostgreSQL instance.
    Instance(Box<Instance>),
    /// Something else: the first names in it.
    Foreign(Vec<String>),
}

/// A PostgreSQL instance on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The text of its PG_VERSION file: "16".
    pub version: String,
    /// pg_controldata, or why it could not be read.
    pub control: Result<ControlData, String>,
}

/// The files in a data directory that decide how it starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signals {
    /// standby.signal.
    pub standby: bool,
    /// recovery.signal.
    pub recovery: bool,
    /// recovery.conf.
    pub recovery_conf: bool,
    /// backup_label: a copy that has not been started yet.
    pub backup_label: bool,
}

/// What a data directory's postmaster is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// No postmaster uses the directory.
    Stopped,
    /// It starts, recovers or stops, and answers no SQL.
    Busy,
    /// It runs.
    Running,
}

/// A clone that was begun beside the data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    /// Its path.
    pub path: String,
    /// Whether the copy ended well.
    pub complete: bool,
    /// Where it is copied from: "server1".
    pub source: String,
    /// The system identifier it was begun for.
    pub system_id: Option<SystemId>,
    /// The end of the copy's own messages.
    pub log: String,
}

impl DataDirectory {
    /// Returns the control file of the instance in it, where it could be read.
    pub fn control(&self) -> Option<&ControlData> {
        match &self.content {
            Content::Instance(instance) => instance.control.as_ref().ok(),
            Content::Nothing | Content::Foreign(_) => None,
        }
    }

    /// Returns the "Database cluster state" of the instance in it.
    pub fn control_state(&self) -> Option<ClusterState> {
        self.control().map(|control| control.state)
    }
}
