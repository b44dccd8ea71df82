//! What was called xlog up to 9.6 and is WAL since.

/// SQL names that changed when xlog became WAL, in version 10.
#[derive(Debug, PartialEq, Eq)]
pub struct Names {
    /// Current write position of a primary.
    pub current_lsn: &'static str,
    /// Last position a standby received.
    pub receive_lsn: &'static str,
    /// Last position a standby replayed.
    pub replay_lsn: &'static str,
    /// Whether replay is paused.
    pub is_paused: &'static str,
    /// Ends the current segment.
    pub switch_wal: &'static str,
    /// The name of the segment that holds a position.
    pub walfile_name: &'static str,
    /// End of the column names of `pg_stat_replication`: `sent_lsn`.
    pub lsn_suffix: &'static str,
    /// The WAL directory.
    pub wal_directory: &'static str,
    /// Lets a paused replay go on.
    pub resume: &'static str,
    /// The program that prints WAL records.
    pub waldump: &'static str,
}

/// Up to 9.6.
pub(super) const XLOG: Names = Names {
    current_lsn: "pg_current_xlog_location",
    receive_lsn: "pg_last_xlog_receive_location",
    replay_lsn: "pg_last_xlog_replay_location",
    is_paused: "pg_is_xlog_replay_paused",
    switch_wal: "pg_switch_xlog",
    walfile_name: "pg_xlogfile_name",
    lsn_suffix: "location",
    wal_directory: "pg_xlog",
    resume: "pg_xlog_replay_resume",
    waldump: "pg_xlogdump",
};

/// From 10 on.
pub(super) const WAL: Names = Names {
    current_lsn: "pg_current_wal_lsn",
    receive_lsn: "pg_last_wal_receive_lsn",
    replay_lsn: "pg_last_wal_replay_lsn",
    is_paused: "pg_is_wal_replay_paused",
    switch_wal: "pg_switch_wal",
    walfile_name: "pg_walfile_name",
    lsn_suffix: "lsn",
    wal_directory: "pg_wal",
    resume: "pg_wal_replay_resume",
    waldump: "pg_waldump",
};
