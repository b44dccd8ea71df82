//! How much room a host has where it matters.

use std::collections::BTreeSet;

use super::Facts;
use super::disk::Disk;

impl Facts {
    /// Returns the file systems in use, each once.
    pub fn disks_in_use(&self) -> impl Iterator<Item = &Disk> {
        let mut known = BTreeSet::new();
        self.disks
            .iter()
            .filter(move |disk| known.insert(disk.shared()))
    }

    /// Returns the file system that something is on, or would be made on: `data`, `wal`, or a path.
    pub fn disk(&self, place: &str) -> Option<&Disk> {
        let all = || self.disks.iter().chain(&self.file_systems);
        let holds = |disk: &&Disk| {
            let root = disk.mounted_on.trim_end_matches('/');
            let rest = place.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        all().find(|disk| disk.used_for == place).or_else(|| {
            all()
                .filter(holds)
                .max_by_key(|disk| disk.mounted_on.trim_end_matches('/').len())
        })
    }
}
