//! The file systems of a host, and which of them a path is on.

use serde::{Deserialize, Serialize};

/// A file system, with what it is used for here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// `data`, `wal`, or a tablespace's path; empty where it is used for nothing yet.
    pub used_for: String,
    /// Where it is mounted.
    pub mounted_on: String,
    /// Size in bytes.
    pub size: u64,
    /// Bytes that the service user may still write.
    pub free: u64,
    /// The device, where it has one: several mount points of one device share its space.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
}

impl Disk {
    /// Reads a line of the probe; `None` if a number is missing.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = line.split('\t');
        let mut next = || words.next();
        Some(Self {
            used_for: next()?.into(),
            mounted_on: next()?.into(),
            size: next()?.parse().ok()?,
            free: next()?.parse().ok()?,
            // What has none says its type: "tmpfs".
            device: next()
                .filter(|device| device.starts_with('/'))
                .unwrap_or_default()
                .into(),
        })
    }

    /// Returns what is the same for all mount points that share their space.
    pub fn shared(&self) -> &str {
        if self.device.is_empty() {
            &self.mounted_on
        } else {
            &self.device
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::library;

    #[test]
    fn a_device_is_told_from_what_has_none() {
        let disk = Disk::read("wal\t/srv/my wal\t9\t4\t/dev/sdb1").unwrap();
        assert_eq!((disk.mounted_on.as_str(), disk.free), ("/srv/my wal", 4));
        assert_eq!(disk.shared(), "/dev/sdb1");
        assert_eq!(Disk::read("\t/srv\t9\t4\ttmpfs").unwrap().shared(), "/srv");
        assert_eq!(Disk::read("data\t/\t9\t4").unwrap().shared(), "/");
        assert_eq!(Disk::read("data\t/\t9\t-"), None);
    }

    #[test]
    fn a_place_that_is_not_there_yet_is_where_its_links_lead() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/dev/shm", &link).unwrap();
        let (real, place) = (
            directory.path().display(),
            format!("{}/a b/c", link.display()),
        );
        let script = format!(
            "{}\nreal='{real}/data' wal_link='/dev/shm/wal' spaces='{real}\n' tablespace_places='{place}\n'\n{}\nread_file_systems 7>&1\n",
            library!("prelude.sh"),
            include_str!("disks.sh"),
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let read = |key: &str| -> Vec<Disk> {
            said.lines()
                .filter_map(|line| line.strip_prefix(&format!("@fact {key} ")))
                .map(|line| Disk::read(line).unwrap())
                .collect()
        };
        let disks = read("disk");
        let uses: Vec<&str> = disks.iter().map(|disk| disk.used_for.as_str()).collect();
        assert_eq!(uses, ["data", "wal", &real.to_string()], "{said}");
        assert_eq!(disks[0].mounted_on, disks[2].mounted_on);
        assert_eq!(disks[1].mounted_on, "/dev/shm");
        assert!(disks.iter().all(|disk| disk.size > 0), "{said}");
        let others = read("file_system");
        let of = |path: &str| others.iter().find(|disk| disk.used_for == path);
        assert_eq!(of(&place).unwrap().mounted_on, "/dev/shm", "{said}");
        assert!(others.iter().any(|disk| disk.mounted_on == "/"), "{said}");
    }
}
