//! What a running server says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::clients::Client;
use crate::inventory::NodeName;
use crate::postgres::{Lsn, ServerVersion, SystemId, Timeline};

/// A running server, asked over its local socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Its version.
    pub version: ServerVersion,
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// The system identifier.
    pub system_id: SystemId,
    /// The timeline it writes (primary) or replays (standby: the newest of the last checkpoint's, the receiver's and that of
    /// its minimum recovery end, which a rewind brings along before the first restartpoint).
    pub timeline: Timeline,
    /// Current write position of a primary.
    pub current: Option<Lsn>,
    /// Last position received by streaming, of a standby.
    pub received: Option<Lsn>,
    /// Last position replayed, of a standby.
    pub replayed: Option<Lsn>,
    /// Whether replay is paused.
    pub paused: bool,
    /// Milliseconds since the last replayed commit; grows on an idle primary.
    pub replay_age_ms: Option<u64>,
    /// Every parameter by name, in lower case.
    pub settings: BTreeMap<String, Setting>,
    /// Parameters that PostgreSQL says wait for a restart; it goes on saying so when a file was changed back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_restart: Vec<String>,
    /// Complaints of `pg_file_settings` that are not about a missing restart.
    pub conf_errors: Vec<FileError>,
    /// Complaints of `pg_hba_file_rules`.
    pub hba_errors: Vec<FileError>,
    /// The replication role, if it exists.
    pub role: Option<Role>,
    /// The locales of its databases, as the operating system names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locales: Vec<String>,
    /// How its database cluster was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// The version by which its ICU sorts, where its version tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icu: Option<String>,
    /// Physical replication slots by name.
    pub slots: BTreeMap<String, Slot>,
    /// Logical slots by name that outlive their session; before 16 a standby has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub logical_slots: BTreeMap<String, LogicalSlot>,
    /// WAL senders, by application name.
    pub senders: Vec<Sender>,
    /// The WAL receiver, if it runs.
    pub receiver: Option<Receiver>,
    /// The archiver's counters.
    pub archiver: Option<Archiver>,
    /// Number of .ready files, if it could be counted.
    pub archive_waiting: Option<u64>,
    /// Who is connected to a primary, each way once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Client>,
    /// Prepared transactions that wait for their end.
    #[serde(default)]
    pub prepared: u64,
    /// For how many milliseconds the oldest transaction of a client has been open.
    #[serde(default)]
    pub oldest_transaction_ms: Option<u64>,
    /// Bytes of all tablespaces; `None` if counting them took too long.
    pub database_bytes: Option<u64>,
    /// Bytes of each tablespace that is not in the data directory, by OID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tablespace_bytes: BTreeMap<String, u64>,
    /// Bytes in the WAL directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wal_bytes: Option<u64>,
}

impl Server {
    /// Returns the WAL sender of a standby, by the name that it has there.
    pub fn sender_to(&self, standby: &NodeName) -> Option<&Sender> {
        let mut senders = self.senders.iter();
        senders.find(|sender| sender.name == standby.as_str())
    }

    /// Says whether it streams to a standby.
    pub fn streams_to(&self, standby: &NodeName) -> bool {
        let sender = self.sender_to(standby);
        sender.is_some_and(|sender| sender.state == "streaming")
    }
}

/// What initdb gave the database cluster: the row of template0 in `pg_database`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// `datcollate`.
    pub locale: String,
    /// Its encoding, in PostgreSQL's own name for it.
    pub encoding: String,
    /// `datlocprovider`, since 15.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The locale of a provider that is not the C library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_locale: Option<String>,
    /// Whether text of some database is sorted by ICU.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_icu: bool,
}

/// A row of `pg_settings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The loaded value, in `unit`.
    pub setting: String,
    /// The base unit.
    pub unit: Option<String>,
    /// `bool`, `integer`, `real`, `enum` or `string`.
    pub vartype: String,
    /// What a change needs: `postmaster`, `sighup`, …
    pub context: String,
    /// Where the value comes from: `default`, `configuration file`, `command line`, …
    pub source: String,
    /// The file it comes from.
    pub sourcefile: Option<String>,
    /// The built-in value.
    pub boot_val: Option<String>,
}

/// A complaint about a line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileError {
    /// The file.
    pub file: Option<String>,
    /// Its line.
    pub line: Option<u32>,
    /// PostgreSQL's words.
    pub error: String,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// `rolcanlogin`.
    pub login: bool,
    /// `rolreplication`.
    pub replication: bool,
    /// `rolsuper`.
    pub superuser: bool,
    /// How its stored password compares with the wanted one.
    pub password: StoredPassword,
}

/// How a stored password compares with the wanted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredPassword {
    /// There is none.
    None,
    /// The same, stored as SCRAM-SHA-256.
    SameScram,
    /// The same, stored as md5.
    SameMd5,
    /// Another one.
    Differs,
    /// No password was given to compare with.
    NotCompared,
}

/// A physical replication slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Whether someone streams through it.
    pub active: bool,
    /// From where on it keeps WAL; `None` keeps nothing.
    pub restart_lsn: Option<Lsn>,
    /// `reserved`, `extended`, `unreserved`, `lost`; since 13.
    pub wal_status: Option<String>,
    /// Why it was invalidated, since 17: `wal_removed`, `idle_timeout`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalidation: Option<String>,
    /// Bytes of WAL it keeps.
    pub retained: Option<u64>,
    /// Whether it vanishes with its connection.
    pub temporary: bool,
}

impl Slot {
    /// Returns a slot that nobody uses.
    pub fn idle() -> Self {
        Self {
            active: false,
            restart_lsn: None,
            wal_status: None,
            invalidation: None,
            retained: None,
            temporary: false,
        }
    }

    /// Says whether nobody can stream through it any more.
    pub fn is_lost(&self) -> bool {
        self.wal_status.as_deref() == Some("lost") || self.invalidation.is_some()
    }

    /// Says whether the WAL it kept can be gone, and not only the slot.
    pub fn has_lost_wal(&self) -> bool {
        self.is_lost() && self.invalidation.as_deref() != Some("idle_timeout")
    }

    /// Says whether WAL that it is to keep can go at the next checkpoint, or it keeps none.
    pub fn keeps_nothing_for_certain(&self) -> bool {
        self.is_lost()
            || self.wal_status.as_deref() == Some("unreserved")
            || self.restart_lsn.is_none()
    }
}

/// A logical replication slot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogicalSlot {
    /// The database that it decodes.
    pub database: Option<String>,
    /// Its output plugin.
    pub plugin: Option<String>,
    /// Whether somebody reads it now.
    pub active: bool,
    /// Whether standbys are to keep it up to date, since 17.
    pub failover: bool,
    /// Whether it was made by a standby that keeps it up to date; of one that leads since this says nothing.
    pub synced: bool,
    /// Why it is of no use any more, since 17.
    pub invalidation: Option<String>,
    /// Bytes of WAL it keeps.
    pub retained: Option<u64>,
}

impl LogicalSlot {
    /// Says whether somebody can still read it.
    pub fn is_valid(&self) -> bool {
        self.invalidation.is_none()
    }

    /// Says whether it is a standby's, and goes on there: somebody reads it there, or it follows that of the primary.
    pub fn is_kept(&self) -> bool {
        self.active || self.synced
    }
}

/// A row of `pg_stat_replication`; lags in bytes behind the server's own position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// `application_name`.
    pub name: String,
    /// Role.
    pub user: String,
    /// Client address.
    pub address: Option<String>,
    /// `streaming`, `catchup`, `backup`, …
    pub state: String,
    /// `sync`, `async`, `quorum`, `potential`.
    pub sync_state: String,
    /// Not yet sent.
    pub pending: Option<i64>,
    /// Sent, not written.
    pub write: Option<i64>,
    /// Written, not flushed.
    pub flush: Option<i64>,
    /// Flushed, not replayed.
    pub replay: Option<i64>,
    /// Not yet replayed in all.
    pub total: Option<i64>,
    /// `replay_lag` in milliseconds, since 10.
    pub replay_lag_ms: Option<u64>,
    /// `replay_lsn`.
    pub replayed: Option<Lsn>,
}

/// A row of `pg_stat_wal_receiver`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// `streaming`, `waiting`, …
    pub status: String,
    /// Timeline received.
    pub timeline: Option<Timeline>,
    /// Slot used on the sender.
    pub slot: Option<String>,
    /// The sender's host as in conninfo, since 11.
    pub sender_host: Option<String>,
    /// The sender's port, since 11.
    pub sender_port: Option<u16>,
    /// Last position the sender told of.
    pub latest_end: Option<Lsn>,
    /// Milliseconds since the sender's last message.
    pub last_message_age_ms: Option<u64>,
}

/// `pg_stat_archiver`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archiver {
    /// Last segment archived.
    pub last_archived: Option<String>,
    /// Seconds since then.
    pub last_archived_age_s: Option<u64>,
    /// Last segment that failed.
    pub last_failed: Option<String>,
    /// Seconds since then.
    pub last_failed_age_s: Option<u64>,
    /// Failures counted.
    pub failed_count: u64,
}
