//! pg_basebackup: needs nothing but PostgreSQL, and two small programs for the archive.
//!
//! Its backups are taken, restored, verified and removed by verbs of pgrepl's own: `TakeBackup`, `UnpackBackup`,
//! `VerifyBackup`, `Prune`.

use crate::backup::interface::{Engine, Program};
use crate::facts::backups::{Backups, parse};
use crate::script::{library, program};

/// The engine.
pub struct Basebackup;

impl Engine for Basebackup {
    fn name(&self) -> &'static str {
        "basebackup"
    }

    fn directory(&self) -> &'static str {
        "wal"
    }

    fn archive_program(&self) -> Program {
        Program {
            name: "archive-wal",
            text: program!(["patience.sh", "fork.sh"] "archive.sh"),
        }
    }

    fn restore_program(&self) -> Program {
        Program {
            name: "restore-wal",
            text: program!(["patience.sh", "fork.sh"] "restore.sh"),
        }
    }

    fn listed(&self, facts: &[(String, String)]) -> Backups {
        parse(facts)
    }

    fn scheduled(&self) -> &'static str {
        concat!(
            program!(["mount_lock.sh", "sums.sh", "kept.sh", "sync.sh", "take.sh", "finish.sh", "remove.sh", "tell_position.sh"] "scheduled.sh"),
            "main\n"
        )
    }

    fn unpack(&self) -> &'static str {
        concat!(library!("sums.sh"), library!("unpack.sh"))
    }

    fn archived(&self) -> &'static str {
        "/wal/SEGMENT.gz"
    }
}
