//! Verifies a backup.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!(["sums.sh"] "verify_backup.sh");

/// Verifies a backup against its checksums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyBackup {
    /// The cluster's directory on the mount.
    pub top: String,
    /// The backup.
    pub id: String,
    /// Those it builds on, oldest first.
    pub builds_on: Vec<String>,
}

impl Act for VerifyBackup {
    fn title(&self) -> String {
        format!("verify backup {}", self.id)
    }

    fn done(&self) -> String {
        format!("backup {} is good", self.id)
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let ids: Vec<&str> = self
            .builds_on
            .iter()
            .chain([&self.id])
            .map(String::as_str)
            .collect();
        vec![
            place
                .mount_command("verify a backup", SCRIPT)
                .var("top", &self.top)
                .var("id", &self.id)
                .var("ids", ids.join(" "))
                .timeout(None),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}

#[cfg(test)]
mod tests {
    use crate::script::library;
    use std::process::Command;

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
}
