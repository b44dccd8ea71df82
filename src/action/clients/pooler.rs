//! What an action about a PgBouncer is told of it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::command::{Command, shell_word};
use crate::inventory::{NodeName, Pooler};

/// A server that cannot be reached, where a PgBouncer may be connected to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The server.
    pub node: NodeName,
    /// An address of its.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
}

/// How the admin console of a PgBouncer is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Console {
    /// Its configuration file.
    pub config_file: String,
    /// Who logs in.
    pub user: String,
    /// Its socket's directory or its address, if not its own.
    pub host: Option<String>,
    /// Its port, if not its own.
    pub port: Option<u16>,
}

impl Console {
    /// Returns that of a pooler.
    pub fn of(pooler: &Pooler) -> Self {
        Self {
            config_file: pooler.config_file.clone(),
            user: pooler.admin_user.clone(),
            host: pooler.admin_host.clone(),
            port: pooler.admin_port,
        }
    }

    /// Tells a command what it needs to find the console.
    pub fn tell(&self, command: Command) -> Command {
        let port = self.port.map(|port| port.to_string());
        command
            .var("config_file", &self.config_file)
            .var("admin_user", &self.user)
            .var("admin_host", self.host.as_deref().unwrap_or_default())
            .var("admin_port", port.unwrap_or_default())
    }

    /// Returns the command with which a person on its host says something to it, from whom it runs as, its host and its port.
    pub fn typed(&self, [runs_as, host, port]: &[String; 3], says: &str) -> String {
        let user = &self.user;
        let words = [
            "psql",
            "-h",
            host,
            "-p",
            port,
            "-U",
            user,
            "-d",
            "pgbouncer",
            "-c",
            says,
        ];
        let words = words.map(shell_word).join(" ");
        shell_word(&format!("sudo -u {runs_as} {words}"))
    }
}

/// How long transactions may still take before a pause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Seconds.
    pub seconds: u64,
    /// Whether those that take longer end with the primary, instead of keeping it from stopping.
    pub terminates: bool,
}

/// Where a database shall lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Led {
    /// The name that clients connect to.
    pub database: String,
    /// The host, as it stands there then.
    pub host: String,
    /// The port.
    pub port: String,
}

/// A text that takes the place of another one in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The database that the line is for.
    pub database: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// Bytes from the beginning of the line.
    pub at: usize,
    /// What stands there.
    pub old: String,
    /// What shall stand there.
    pub new: String,
}
