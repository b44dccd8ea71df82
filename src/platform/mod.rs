//! WHERE IT LIVES: paths, units and packages of an operating system family, as one value.

pub mod debian;

use serde::{Deserialize, Serialize};

use crate::postgres::Major;

/// Where one PostgreSQL cluster lives on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The operating system family.
    pub family: Family,
    /// The directory of binaries.
    pub bindir: String,
    /// The directory of postgresql.conf and pg_hba.conf.
    pub config_directory: String,
    /// The data directory.
    pub data_directory: String,
    /// The home of the service user, with its .pgpass.
    pub home: String,
    /// The service user and group.
    pub user: String,
    /// The systemd unit.
    pub unit: String,
    /// The server's name at its service manager: Debian's cluster name, "main".
    pub instance: String,
    /// Directory of the local socket.
    pub socket_directory: String,
    /// The server's log file or directory.
    pub log: String,
    /// The file PostgreSQL writes its process number to for the service manager.
    pub pid_file: String,
    /// A certificate and its key that every host of this family has.
    pub certificate: Option<(String, String)>,
    /// The packages to install.
    pub packages: Vec<String>,
}

/// An operating system family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Debian, Ubuntu and what descends from them.
    Debian,
}

impl Platform {
    /// Returns the path of a configuration file.
    pub fn config(&self, name: &str) -> String {
        format!("{}/{name}", self.config_directory)
    }

    /// Returns the path of postgresql.auto.conf, which always lies in the data directory.
    pub fn auto_conf(&self) -> String {
        format!("{}/postgresql.auto.conf", self.data_directory)
    }
}

/// Returns the platform of an operating system, from the `ID` and `ID_LIKE` of os-release; `None` if it is not known.
pub fn detect(
    id: &str,
    like: &str,
    major: Major,
    data_directory: Option<&str>,
) -> Option<Platform> {
    std::iter::once(id)
        .chain(like.split_whitespace())
        .find_map(|name| match name {
            "debian" | "ubuntu" => Some(debian::platform(major, data_directory)),
            _ => None,
        })
}
