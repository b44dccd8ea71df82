//! pitrery, for servers up to version 14: an installation that is there already, 2.x or 3.x.
//!
//! Its exit codes cannot be trusted: a missing configuration file, an unknown option and a purge without a condition all
//! end with 0. What counts is what is on the mount afterwards: backups in `<top>/pitrery/<stop time>`, WAL in
//! `<top>/pitrery/archived_wal` (its manual pages and UPGRADE notes; measured with 2.1 and 3.4).

use crate::backup::interface::{Configuration, Engine, Program, Scripts, value};
use crate::backup::scripts::{as_user, verb};
use crate::facts::backups::{Backups, parse};
use crate::inventory::Keep;
use crate::script::program;

/// The engine.
pub struct Pitrery;

static SCRIPTS: Scripts = Scripts {
    prepare: None,
    list: verb!("list.sh"),
    take: verb!("../tool_take.sh"),
    work: as_user!([] "work.sh", "../tool_work.sh"),
    verify: verb!("verify.sh"),
    verify_wal: None,
    prune: verb!("prune.sh"),
};

impl Engine for Pitrery {
    fn name(&self) -> &'static str {
        "pitrery"
    }

    // 2.x names its file with -c, 3.x with -f; both tell their version without one.
    fn version_argument(&self) -> &'static str {
        "-V"
    }

    fn directory(&self) -> &'static str {
        "pitrery/"
    }

    fn words(&self, top: &str) -> Vec<(&'static str, String)> {
        vec![
            ("backup_directory", format!("{top}/pitrery")),
            ("archive_directory", format!("{top}/pitrery/archived_wal")),
        ]
    }

    fn kept(&self, configuration: &str) -> Option<Keep> {
        let number = |key: &str| value(configuration, key)?.parse().ok();
        let days = number("PURGE_OLDER_THAN=").map(Keep::Days);
        days.or_else(|| number("PURGE_KEEP_COUNT=").map(Keep::Count))
    }

    /// By its name in 1.x and 2.x, or in 3.x.
    fn is_foreign(&self, archive_command: &str) -> bool {
        let program = archive_command
            .split_whitespace()
            .next()
            .unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or_default();
        matches!(name, "archive_xlog" | "archive_wal")
    }

    fn find(&self) -> &'static str {
        include_str!("find.sh")
    }

    fn archive_program(&self) -> Program {
        Program {
            name: "pitrery-archive",
            text: program!(["patience.sh", "fork.sh"] "archive.sh"),
        }
    }

    fn restore_program(&self) -> Program {
        Program {
            name: "pitrery-restore",
            text: program!(["patience.sh", "fork.sh"] "restore.sh"),
        }
    }

    fn scheduled(&self) -> &'static str {
        concat!(
            as_user!(["tell_position.sh", "kept.sh"] "work.sh", "../scheduled.sh", "scheduled.sh"),
            "main\n"
        )
    }

    fn archived(&self) -> &'static str {
        "/pitrery/archived_wal/SEGMENT.gz"
    }

    fn configuration(&self) -> Option<Configuration> {
        Some(Configuration {
            name: "pitrery.conf",
            template: "pitrery.conf.j2",
            directory: "/etc/pitrery",
        })
    }

    fn is_older(&self, version: &str) -> bool {
        version
            .trim_start_matches(|c: char| !c.is_ascii_digit())
            .split('.')
            .next()
            .and_then(|generation| generation.parse::<u32>().ok())
            .is_some_and(|generation| generation < 3)
    }

    fn unpack(&self) -> &'static str {
        concat!(
            include_str!("../as_user.sh"),
            include_str!("own.sh"),
            include_str!("unpack.sh")
        )
    }

    fn scripts(&self) -> &'static Scripts {
        &SCRIPTS
    }

    fn listed(&self, facts: &[(String, String)]) -> Backups {
        parse(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_is_read_from_what_it_says_of_itself() {
        assert!(Pitrery.is_older("pitrery 2.1"));
        assert!(!Pitrery.is_older("pitrery 3.4"));
        assert!(!Pitrery.is_older(""));
    }
}
