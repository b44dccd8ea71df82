//! pg_controldata's answer, in the C locale.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Lsn, SystemId, Timeline};

/// The control file of a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlData {
    /// The system identifier.
    pub system_id: SystemId,
    /// "Database cluster state".
    pub state: ClusterState,
    /// Timeline of the latest checkpoint.
    pub timeline: Timeline,
    /// Where the latest checkpoint record begins.
    pub checkpoint: Lsn,
    /// Its REDO location; equal to `checkpoint` for a shutdown checkpoint.
    pub redo: Lsn,
    /// Where recovery must at least arrive.
    pub minimum_recovery_end: Lsn,
    /// The timeline of that position; 0 when there is none.
    pub minimum_recovery_timeline: Timeline,
    /// Whether pages carry checksums.
    pub checksums: bool,
    /// The `wal_log_hints` the primary ran with last.
    pub wal_log_hints: bool,
    /// Bytes per WAL segment.
    pub wal_segment_size: u64,
    /// The values of the hot-standby-sensitive parameters the primary ran with last, by parameter name.
    pub sensitive: BTreeMap<String, u64>,
}

/// The states of a control file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterState {
    /// "starting up".
    StartingUp,
    /// "shut down": a primary that was stopped cleanly.
    ShutDown,
    /// "shut down in recovery": a standby that was stopped cleanly.
    ShutDownInRecovery,
    /// "shutting down".
    ShuttingDown,
    /// "in crash recovery".
    InCrashRecovery,
    /// "in archive recovery": a running standby, or one that died.
    InArchiveRecovery,
    /// "in production": a running primary, or one that died.
    InProduction,
}

impl ClusterState {
    /// Returns PostgreSQL's own words.
    pub fn as_str(self) -> &'static str {
        STATES
            .iter()
            .find(|(_, state)| *state == self)
            .map_or("", |(words, _)| words)
    }
}

const STATES: [(&str, ClusterState); 7] = [
    ("starting up", ClusterState::StartingUp),
    ("shut down", ClusterState::ShutDown),
    ("shut down in recovery", ClusterState::ShutDownInRecovery),
    ("shutting down", ClusterState::ShuttingDown),
    ("in crash recovery", ClusterState::InCrashRecovery),
    ("in archive recovery", ClusterState::InArchiveRecovery),
    ("in production", ClusterState::InProduction),
];

/// Says whether WAL segments can have this size: a power of two from 1 MB to 1 GB (manual, initdb).
pub fn is_segment_size(bytes: u64) -> bool {
    bytes.is_power_of_two() && (1 << 20..=1 << 30).contains(&bytes)
}

/// How pg_controldata calls the hot-standby-sensitive parameters.
const SENSITIVE: [(&str, &str); 5] = [
    ("max_connections setting", "max_connections"),
    ("max_worker_processes setting", "max_worker_processes"),
    ("max_wal_senders setting", "max_wal_senders"),
    ("max_prepared_xacts setting", "max_prepared_transactions"),
    ("max_locks_per_xact setting", "max_locks_per_transaction"),
];

impl ControlData {
    /// Reads the answer of pg_controldata; the error names the line that is missing or strange.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let field = |name: &str| {
            fields
                .get(name)
                .copied()
                .ok_or_else(|| format!("pg_controldata does not tell {name:?}"))
        };
        let strange = |name: &str| format!("pg_controldata tells a strange {name:?}");
        let number =
            |name: &str| -> Result<u64, String> { field(name)?.parse().map_err(|_| strange(name)) };
        let lsn =
            |name: &str| -> Result<Lsn, String> { field(name)?.parse().map_err(|_| strange(name)) };
        let timeline = |name: &str| -> Result<Timeline, String> {
            field(name)?
                .parse()
                .map(Timeline)
                .map_err(|_| strange(name))
        };
        let words = field("Database cluster state")?;
        let state = STATES
            .iter()
            .find(|(known, _)| *known == words)
            .map(|(_, state)| *state)
            .ok_or_else(|| format!("unknown cluster state {words:?}"))?;
        Ok(Self {
            system_id: SystemId(number("Database system identifier")?),
            state,
            timeline: timeline("Latest checkpoint's TimeLineID")?,
            checkpoint: lsn("Latest checkpoint location")?,
            redo: lsn("Latest checkpoint's REDO location")?,
            minimum_recovery_end: lsn("Minimum recovery ending location")?,
            minimum_recovery_timeline: timeline("Min recovery ending loc's timeline")?,
            checksums: number("Data page checksum version")? > 0,
            wal_log_hints: field("wal_log_hints setting")? == "on",
            wal_segment_size: Some(number("Bytes per WAL segment")?)
                .filter(|size| is_segment_size(*size))
                .ok_or_else(|| strange("Bytes per WAL segment"))?,
            sensitive: SENSITIVE
                .iter()
                .filter_map(|(line, name)| {
                    Some(((*name).to_owned(), fields.get(line)?.parse().ok()?))
                })
                .collect(),
        })
    }
}
