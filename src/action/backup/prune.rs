//! Removes backups and WAL that are not needed any more.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::script::{library, script};

const SCRIPT: &str = script!([] "prune.sh");

/// What removes them, as the owner of the archive, while nobody else works on the mount.
const PROGRAM: &str = concat!(
    "set -eu\numask 077\nas_owner() { \"$@\"; }\n",
    library!("mount_lock.sh"),
    library!("remove.sh"),
    "lock_mount prune 20 || { echo \"it $why\"; exit 1; }\ntrap unlock_mount EXIT\nremoved=0\n\
     who_builds || { echo \"$why\"; exit 1; }\n# shellcheck disable=SC2086 # one word for each\nremove_backups $backups\nif [ -n \"$before\" ]; then remove_wal \"$before\"; fi\necho \"$removed\"\n",
);

/// Removes backups, then the WAL before the oldest one that is kept; timeline histories stay for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prune {
    /// The cluster's directory on the mount.
    pub top: String,
    /// The backups that go.
    pub backups: Vec<String>,
    /// The position part of the name of the oldest segment that is needed; without it no WAL goes.
    pub before: Option<String>,
}

impl Act for Prune {
    fn title(&self) -> String {
        let mut parts: Vec<String> = self
            .backups
            .iter()
            .map(|id| format!("backup {id}"))
            .collect();
        if let Some(before) = &self.before {
            parts.push(format!("WAL before {before}"));
        }
        parts.join(", ")
    }

    fn done(&self) -> String {
        format!("removed: {}", self.title())
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .mount_command("remove backups and WAL", SCRIPT)
                .var("top", &self.top)
                .var("program", PROGRAM)
                .var("backups", self.backups.join(" "))
                .var("before", self.before.as_deref().unwrap_or_default())
                .timeout(None),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

#[cfg(test)]
mod tests {
    use crate::script::library;
    use std::collections::BTreeSet;
    use std::process::Command;

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
