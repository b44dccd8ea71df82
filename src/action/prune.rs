//! Removes backups and WAL that are not needed any more.

use serde::{Deserialize, Serialize};

use super::{Act, Kind, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;

const SCRIPT: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("prune.sh"),
    "\nrun_main\n"
);

/// What removes them, as the owner of the archive, while nobody else works on the mount.
const PROGRAM: &str = concat!(
    "set -eu\numask 077\nas_owner() { \"$@\"; }\n",
    include_str!("../files/mount_lock.sh"),
    include_str!("../files/remove.sh"),
    "lock_mount prune 20 || { echo \"it $why\"; exit 1; }\ntrap unlock_mount EXIT\nremoved=0\n\
     # shellcheck disable=SC2086 # one word for each\nremove_backups $backups\nif [ -n \"$before\" ]; then remove_wal \"$before\"; fi\necho \"$removed\"\n",
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

    fn kind(&self) -> Kind {
        Kind::Remove
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
    use std::collections::BTreeSet;
    use std::process::Command;

    /// Asks for the first names, and returns what is left of a chain 1, 2, 3 and a backup 4.
    fn left(gone: &str) -> BTreeSet<String> {
        let top = tempfile::tempdir().unwrap();
        for (id, parent) in [("1", ""), ("2", "parent=1"), ("3", "parent=2"), ("4", "")] {
            let place = top.path().join("base").join(id);
            std::fs::create_dir_all(&place).unwrap();
            std::fs::write(place.join("info"), format!("id={id}\n{parent}\n")).unwrap();
        }
        let script = format!(
            "set -eu\ntop='{}'\n{}\nremove_backups {gone}\n",
            top.path().display(),
            include_str!("../files/remove.sh")
        );
        let status = Command::new("sh").arg("-c").arg(script).status().unwrap();
        assert!(status.success());
        std::fs::read_dir(top.path().join("base"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_chain_goes_at_once_and_never_what_something_builds_on() {
        let names = |ids: &[&str]| {
            ids.iter()
                .map(|id| (*id).to_owned())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(left(""), names(&["1", "2", "3", "4"]));
        assert_eq!(left("1 2 3"), names(&["4"]));
        assert_eq!(left("1 2"), names(&["1", "2", "3", "4"]));
        assert_eq!(left("4"), names(&["1", "2", "3"]));
    }
}
