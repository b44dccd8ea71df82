//! What a host tells of the servers that it has, before anybody knows which of them is meant.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// A PostgreSQL server that its host's service manager knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its major version, "15".
    pub version: String,
    /// Its name there, "main"; empty where servers have none.
    pub instance: String,
    /// Its TCP port; 0 where only one that runs tells it.
    pub port: u16,
    /// Whether it runs.
    pub online: bool,
    /// Its data directory.
    pub data_directory: String,
}

/// What a host told of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Its servers.
    pub servers: Vec<Installed>,
    /// Its own addresses.
    pub addresses: Vec<IpAddr>,
    /// The names it has for the addresses it was asked for.
    pub names: BTreeMap<String, Vec<String>>,
    /// The addresses it has for the names it was asked for.
    pub resolved: BTreeMap<String, Vec<IpAddr>>,
    /// Where a backup tool that somebody set up there keeps its backups.
    pub foreign_backups: Option<String>,
}

impl Found {
    /// Returns the addresses of a host, itself one or a name that was resolved where it was read.
    pub fn resolve(&self, host: &str) -> Vec<IpAddr> {
        match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.resolved.get(host).cloned().unwrap_or_default(),
        }
    }

    /// Says whether one of these addresses is its own.
    pub fn has_one_of(&self, addresses: &[IpAddr]) -> bool {
        addresses
            .iter()
            .any(|address| self.addresses.contains(address))
    }
}
