//! pg_basebackup: needs nothing but PostgreSQL, and two small programs for the archive.
//!
//! Its backups are taken, restored, verified and removed by verbs of pgrepl's own: `TakeBackup`, `UnpackBackup`,
//! `VerifyBackup`, `Prune`.

use super::{Engine, Program};
use crate::facts::backups::{Backups, parse};

/// The engine.
pub struct Basebackup;

impl Engine for Basebackup {
    fn name(&self) -> &'static str {
        "basebackup"
    }

    fn archive_program(&self) -> Program {
        Program {
            name: "archive-wal",
            text: program!("../files/archive-wal.sh"),
        }
    }

    fn restore_program(&self) -> Program {
        Program {
            name: "restore-wal",
            text: program!("../files/restore-wal.sh"),
        }
    }

    fn listed(&self, facts: &[(String, String)]) -> Backups {
        parse(facts)
    }

    fn scheduled(&self) -> &'static str {
        concat!(
            "#!/bin/sh\nset -eu\numask 077\nLC_ALL=C\nexport LC_ALL\n",
            include_str!("../files/mount_lock.sh"),
            include_str!("../files/sums.sh"),
            include_str!("../files/kept.sh"),
            include_str!("../files/take.sh"),
            include_str!("../files/finish.sh"),
            include_str!("../files/remove.sh"),
            include_str!("../files/tell_position.sh"),
            include_str!("../files/scheduled_backup.sh"),
            "main\n"
        )
    }

    fn unpack(&self) -> &'static str {
        concat!(
            include_str!("../files/sums.sh"),
            include_str!("../action/unpack.sh")
        )
    }

    fn archived(&self) -> &'static str {
        "/wal/SEGMENT.gz"
    }
}
