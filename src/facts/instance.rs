//! What stands on disk: the data directory, its control file, its markers, a clone beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Layout;
use super::server::Server;
use crate::facts::lines::Lines;
use crate::postgres::parameters::ParameterKind;
use crate::postgres::value::{self, Value};
use crate::postgres::{ClusterState, ControlData, History, Major, SystemId, conf};

/// The data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDirectory {
    /// Its path as configured, and where that leads once symlinks are followed.
    pub path: String,
    /// The same with symlinks followed.
    pub real_path: String,
    /// Whether it is itself a mount point: then it cannot be renamed.
    pub is_mount: bool,
    /// How it lies on its host otherwise.
    #[serde(default, skip_serializing_if = "Layout::is_plain")]
    pub layout: Layout,
    /// Where its WAL directory leads, when that is a symlink.
    pub wal_link: Option<String>,
    /// Tablespaces: OID and location.
    pub tablespaces: Vec<(String, String)>,
    /// What is in it.
    pub content: Content,
    /// Its signal files.
    pub signals: Signals,
    /// The newest timeline history in its WAL directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Whether a rewind of it was begun and has not ended: its files are half changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rewinding: bool,
    /// Whether an initdb was cut short in it: it holds no database but template1.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub half_made: bool,
    /// The replication slots on disk: they outlive every stop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<String>,
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
    /// It starts as a standby: standby.signal, or before 12 a recovery.conf that says `standby_mode`.
    pub standby: bool,
    /// It starts with a recovery to a point in time: recovery.signal, or before 12 a recovery.conf without `standby_mode`.
    pub recovery: bool,
    /// There is a recovery.conf, with which 12 and later do not start.
    pub recovery_conf: bool,
    /// backup_label: a copy that has not been started yet.
    pub backup_label: bool,
}

impl Signals {
    /// Tells how an instance starts that has these files, in the way of its version (manual, 26.2.2 and its like in 11).
    pub fn of(major: Major, files: &[&str], recovery_conf: Option<&str>) -> Self {
        let has = |name: &str| files.contains(&name);
        let mut signals = Self {
            standby: has("standby.signal"),
            recovery: has("recovery.signal"),
            recovery_conf: has("recovery.conf"),
            backup_label: has("backup_label"),
        };
        if !major.caps().has_standby_signal {
            let on = standby_mode(major, recovery_conf.unwrap_or_default());
            signals.standby = signals.recovery_conf && on;
            signals.recovery = signals.recovery_conf && !on;
        }
        signals
    }
}

fn standby_mode(major: Major, recovery_conf: &str) -> bool {
    let said = conf::settings(recovery_conf)
        .filter(|(name, _)| name == "standby_mode")
        .last();
    said.is_some_and(|(_, said)| {
        value::parse(major, &ParameterKind::Bool, &said) == Ok(Value::Bool(true))
    })
}

/// The file that makes an instance start as a standby, or with a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Its name: "standby.signal", "recovery.signal" or, before 12, "recovery.conf".
    pub name: String,
    /// What stands in it: nothing, except in recovery.conf.
    pub text: String,
}

impl Marker {
    /// Returns a signal file.
    pub fn signal(name: &str) -> Self {
        Self {
            name: name.into(),
            text: String::new(),
        }
    }

    /// Returns the file that makes a restored server recover; `settings` stand in it where it can hold some.
    pub fn recovery(major: Major, settings: &str) -> Self {
        if major.caps().has_standby_signal {
            return Self::signal("recovery.signal");
        }
        Self {
            name: RECOVERY_CONF.into(),
            text: format!("standby_mode = 'off'\n{settings}\n"),
        }
    }

    /// Says whether this is a recovery.conf.
    pub fn is_recovery_conf(&self) -> bool {
        self.name == RECOVERY_CONF
    }

    /// Says whether an instance with it starts as a standby.
    pub fn makes_standby(&self, major: Major) -> bool {
        Signals::of(major, &[&self.name], Some(&self.text)).standby
    }
}

/// The name of the file that decides how an instance starts before 12.
pub const RECOVERY_CONF: &str = "recovery.conf";

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
    /// Bytes in it and in the places of its tablespaces, by path, of a copy that is not complete.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub holds: BTreeMap<String, u64>,
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

/// What psql says where a postmaster lives and does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnedAway {
    /// psql's words, in one line.
    pub words: String,
    /// Where the server has its socket, as its postmaster.pid says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub socket_directory: String,
    /// How many processes it has besides its postmaster.
    #[serde(default)]
    pub processes: u64,
    /// Whether it has no database `postgres`, as one who logs in to template1 sees.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_database: bool,
}

impl TurnedAway {
    pub(super) fn read(lines: &Lines, server: &Option<Server>) -> Option<Self> {
        let words = lines.first("sql_refused").or(lines.first("sql_waits"))?;
        server.is_none().then(|| Self {
            words: words.trim().to_owned(),
            socket_directory: lines.first("socket_directory").unwrap_or_default().into(),
            processes: lines
                .first("processes")
                .and_then(|count| count.trim().parse().ok())
                .unwrap_or_default(),
            no_database: lines.first("no_database").is_some(),
        })
    }
}
