//! Where one PostgreSQL cluster lives on a host.

use serde::{Deserialize, Serialize};

/// Where one PostgreSQL cluster lives on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// Who installs packages.
    pub installer: Installer,
    /// What knows of the instance and starts it at boot.
    pub keeper: Keeper,
    /// The directory of binaries.
    pub bindir: String,
    /// The directory of postgresql.conf and pg_hba.conf: the data directory itself on many platforms.
    pub config_directory: String,
    /// The data directory.
    pub data_directory: String,
    /// The home of the service user, with its .pgpass.
    pub home: String,
    /// The service user and group.
    pub user: String,
    /// The systemd unit; empty where the inventory gives commands instead.
    pub unit: String,
    /// The server's name at its service manager: Debian's cluster name, "main".
    pub instance: String,
    /// Directory of the local socket that pgrepl uses.
    pub socket_directory: String,
    /// `unix_socket_directories`: that one, and where else clients of this platform look.
    pub sockets: String,
    /// The server's log file, or the directory that its logging collector writes into.
    pub log: String,
    /// The file PostgreSQL writes its process number to for the service manager.
    pub pid_file: Option<String>,
    /// A certificate and its key that every host of this family has.
    pub certificate: Option<(String, String)>,
    /// The packages to install; empty where pgrepl installs nothing.
    pub packages: Vec<String>,
    /// Shell commands that start and stop the server, where no unit does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<(String, String)>,
}

/// Who installs packages on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Installer {
    /// apt-get.
    Apt,
    /// dnf, or yum.
    Dnf,
    /// Whoever built the server; pgrepl installs nothing.
    Nobody,
}

impl Installer {
    /// Returns its name as scripts know it.
    pub fn word(self) -> &'static str {
        match self {
            Installer::Apt => "apt",
            Installer::Dnf => "dnf",
            Installer::Nobody => "nobody",
        }
    }
}

/// What knows of an instance and starts it at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// postgresql-common: a directory below /etc/postgresql with a start.conf, and a log of its own (pg_createcluster(1)).
    StartConf,
    /// A unit of the packages that names a data directory; another one is told to it in a drop-in.
    PackagedUnit,
    /// The owner's unit or commands.
    Owner,
}

impl Keeper {
    /// Returns its name as scripts know it.
    pub fn word(self) -> &'static str {
        match self {
            Keeper::StartConf => "start_conf",
            Keeper::PackagedUnit => "packaged_unit",
            Keeper::Owner => "owner",
        }
    }
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

    /// Says whether the configuration comes and goes with the data directory.
    pub fn config_inside(&self) -> bool {
        self.config_directory == self.data_directory
            || self
                .config_directory
                .strip_prefix(&self.data_directory)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns the command that shows the end of the server's log.
    pub fn show_log(&self, host: &str) -> String {
        let log = &self.log;
        match self.keeper {
            Keeper::StartConf => format!("ssh {host} sudo tail -n 20 {log}"),
            Keeper::PackagedUnit | Keeper::Owner => {
                format!("ssh {host} \"sudo sh -c 'cd {log} && tail -n 20 \\$(ls -t | head -n 1)'\"")
            }
        }
    }

    /// Returns `log_directory`, relative to the data directory if it lies there, where the server has no log file of its
    /// service.
    pub fn log_directory(&self) -> Option<&str> {
        let inside = self
            .log
            .strip_prefix(&self.data_directory)
            .and_then(|rest| rest.strip_prefix('/'));
        (self.keeper != Keeper::StartConf).then_some(inside.unwrap_or(&self.log))
    }
}
