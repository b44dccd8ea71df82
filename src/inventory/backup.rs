//! Backups, as the inventory wants them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::postgres::Major;

/// Where backups live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The mount point, on every host.
    pub mount: String,
    /// Which engine takes them.
    pub tool: BackupTool,
    /// How many are kept.
    pub keep: Keep,
    /// When they are taken: a systemd calendar expression.
    pub schedule: Option<String>,
    /// On which kind of host they are taken.
    pub from: BackupFrom,
}

impl Backup {
    /// Returns the cluster's directory on the mount.
    pub fn top(&self, cluster: &str) -> String {
        format!("{}/{cluster}", self.mount.trim_end_matches('/'))
    }
}

/// A backup engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupTool {
    /// pg_basebackup.
    #[default]
    Basebackup,
    /// pgBackRest.
    Pgbackrest,
    /// pitrery.
    Pitrery,
}

impl BackupTool {
    /// All of them.
    pub const ALL: [BackupTool; 3] = [
        BackupTool::Basebackup,
        BackupTool::Pgbackrest,
        BackupTool::Pitrery,
    ];

    /// Returns what is wrong with it for servers of a version, why, and what to use.
    pub fn unfit(self, major: Major) -> Option<(String, &'static str, &'static str)> {
        (self == BackupTool::Pitrery && !major.caps().has_start_backup).then(|| {
            (
                format!("pitrery does not work with PostgreSQL {major}"),
                "up to version 14 only",
                "use `tool: basebackup` or `tool: pgbackrest`",
            )
        })
    }
}

/// How many backups are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The newest ones.
    Count(u32),
    /// Those younger than this many days.
    Days(u32),
}

/// On which kind of host backups are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupFrom {
    /// A standby if there is one.
    #[default]
    Standby,
    /// The primary.
    Primary,
}
