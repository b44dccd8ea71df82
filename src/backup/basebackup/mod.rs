//! pg_basebackup: needs nothing but PostgreSQL, and two small programs for the archive.
//! A backup is a directory of tar files with their checksums, `<top>/base/<id>`.

use crate::backup::interface::{Depth, Engine, Program, Scripts};
use crate::facts::backups::{Backups, parse};
use crate::postgres::Major;
use crate::script::{library, program, script};

/// The engine.
pub struct Basebackup;

static SCRIPTS: Scripts = Scripts {
    prepare: None,
    list: script!(["wal_runs.sh"] "list.sh"),
    take: script!(["job.sh"] "take.sh"),
    work: program!(["mount_lock.sh", "sums.sh", "kept.sh", "sync.sh", "take.sh"] "work.sh"),
    verify: script!(["sums.sh"] "verify.sh"),
    verify_wal: Some(script!([] "verify_wal.sh")),
    prune: script!(["mount_lock.sh", "remove.sh"] "prune.sh"),
};

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

    fn scripts(&self) -> &'static Scripts {
        &SCRIPTS
    }

    fn take_variables(&self, major: Major, compress: &str) -> Vec<(&'static str, String)> {
        vec![
            ("finish", library!("finish.sh").to_owned()),
            ("wal_method", major.caps().backup_wal_method.to_owned()),
            ("compress", compress.to_owned()),
        ]
    }

    fn names_by_run(&self) -> bool {
        true
    }

    fn backs_up_standbys(&self) -> bool {
        true
    }

    fn depths(&self, major: Major) -> &'static [Depth] {
        if major.caps().has_incremental_backups {
            &[Depth::Full, Depth::Incremental]
        } else {
            &[Depth::Full]
        }
    }

    fn archived(&self) -> &'static str {
        "/wal/SEGMENT.gz"
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    use crate::script::library;

    #[test]
    fn what_is_not_what_its_checksum_says_is_named_with_either_program() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let damaged = |without: &str| {
            let script = format!(
                "set -eu\n{without}\n{}\ndamaged_files '{}'\n",
                library!("sums.sh"),
                place.path().display()
            );
            let ran = Command::new("sh").arg("-c").arg(script).output().unwrap();
            assert!(ran.status.success(), "{ran:?}");
            String::from_utf8(ran.stdout).unwrap()
        };
        for without in ["", "openssl() { return 1; }"] {
            std::fs::write(at("empty"), "").unwrap();
            let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
            std::fs::write(at("SHA256SUMS"), format!("{sum}  empty\n{sum}  gone")).unwrap();
            assert_eq!(damaged(without), "gone\n");
            std::fs::write(at("empty"), "x").unwrap();
            assert_eq!(damaged(without), "empty\ngone\n");
            std::fs::write(at("SHA256SUMS"), "").unwrap();
            assert_eq!(damaged(without), "SHA256SUMS\n");
            std::fs::remove_file(at("SHA256SUMS")).unwrap();
            assert_eq!(damaged(without), "SHA256SUMS\n");
        }
    }

    /// Asks for the first names to go, where `info` of this one cannot be read, and returns whether that was done, and what is
    /// left of a chain 1, 2, 3 and a backup 4.
    fn left(gone: &str, unreadable: Option<&str>) -> (bool, BTreeSet<String>) {
        let top = tempfile::tempdir().unwrap();
        for (id, parent) in [("1", ""), ("2", "parent=1"), ("3", "parent=2"), ("4", "")] {
            let info = top.path().join("base").join(id).join("info");
            std::fs::create_dir_all(info.parent().unwrap()).unwrap();
            std::fs::write(&info, format!("id={id}\n{parent}\n")).unwrap();
            // Root may read any file, and no directory as one.
            if unreadable == Some(id) {
                std::fs::remove_file(&info).unwrap();
                std::fs::create_dir(&info).unwrap();
            }
        }
        let script = format!(
            "set -eu\ntop='{}'\n{}\nwho_builds\nremove_backups {gone}\n",
            top.path().display(),
            library!("remove.sh")
        );
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        let names = std::fs::read_dir(top.path().join("base")).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        (output.status.success(), names.collect())
    }

    #[test]
    fn a_chain_goes_at_once_and_never_what_something_builds_on() {
        let names = |ids: &[&str]| {
            ids.iter()
                .map(|id| (*id).to_owned())
                .collect::<BTreeSet<_>>()
        };
        let left = |gone: &str| {
            let (done, left) = left(gone, None);
            assert!(done, "{gone}");
            left
        };
        assert_eq!(left(""), names(&["1", "2", "3", "4"]));
        assert_eq!(left("1 2 3"), names(&["4"]));
        assert_eq!(left("1 2"), names(&["1", "2", "3", "4"]));
        assert_eq!(left("4"), names(&["1", "2", "3"]));
    }
    #[test]
    fn what_cannot_be_read_is_not_taken_for_what_builds_on_nothing() {
        for unreadable in ["1", "2", "3", "4"] {
            for gone in ["1", "1 2 3", "4"] {
                let (done, left) = left(gone, Some(unreadable));
                assert!(!done && left.len() == 4, "{unreadable}, {gone}: {left:?}");
            }
        }
    }
}
