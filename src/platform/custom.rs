//! A PostgreSQL that lives where the inventory says.

use serde::{Deserialize, Serialize};

use crate::platform::place::{Installer, Keeper, Platform};

/// What the inventory says of a PostgreSQL that no known package put there; with it stands `data_directory:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custom {
    /// The directory of binaries.
    pub bindir: String,
    /// The directory of postgresql.conf; the data directory if it is not said.
    pub config_directory: Option<String>,
    /// The service user and group.
    pub user: String,
    /// Its home.
    pub home: String,
    /// Directory of the local socket.
    pub socket_directory: String,
    /// The directory of the server's log; `log` in the data directory if it is not said.
    pub log_directory: Option<String>,
    /// What starts and stops it.
    pub service: Service,
}

/// What starts and stops a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// A systemd unit that exists.
    Unit(String),
    /// Shell commands, run as root.
    Commands {
        /// Starts it.
        start: String,
        /// Stops it in fast mode.
        stop: String,
    },
}

impl Custom {
    /// Returns the platform that it describes.
    pub fn platform(&self, data_directory: &str) -> Platform {
        let (unit, commands) = match &self.service {
            Service::Unit(unit) => (unit.clone(), None),
            Service::Commands { start, stop } => {
                (String::new(), Some((start.clone(), stop.clone())))
            }
        };
        Platform {
            installer: Installer::Nobody,
            keeper: Keeper::Owner,
            bindir: self.bindir.clone(),
            config_directory: self
                .config_directory
                .clone()
                .unwrap_or_else(|| data_directory.to_owned()),
            data_directory: data_directory.to_owned(),
            home: self.home.clone(),
            user: self.user.clone(),
            unit,
            instance: String::new(),
            socket_directory: self.socket_directory.clone(),
            sockets: self.socket_directory.clone(),
            log: self
                .log_directory
                .clone()
                .unwrap_or_else(|| format!("{data_directory}/log")),
            pid_file: None,
            certificate: None,
            packages: Vec::new(),
            commands,
        }
    }
}
