//! The wish made complete: every default filled in, every name checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::VirtualAddress;
use super::backup::Backup;
use super::hooks::Hook;
use crate::inventory::made::Initdb;
use crate::platform::Custom;
use crate::postgres::{Major, parameters, value};

/// The name of a host in the inventory, which is also its SSH destination.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct NodeName(String);

impl NodeName {
    /// Wraps a name as it is written.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for NodeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for NodeName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

/// A set of servers that hold one database cluster, as the owner wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name: prefixes what pgrepl leaves on hosts.
    pub name: String,
    /// The PostgreSQL major version of every node.
    pub major: Major,
    /// The minor version that is wanted, if the file says one.
    pub minor: Option<String>,
    /// Which host is initialised first, and which one the owner wants to lead.
    pub primary: NodeName,
    /// The standbys in the order of the file.
    pub standbys: Vec<NodeName>,
    /// Every node, the primary included.
    pub nodes: BTreeMap<NodeName, Node>,
    /// The role and the rules of replication.
    pub replication: Replication,
    /// How a new database cluster is made.
    pub initdb: Initdb,
    /// What happens to settings and rules that pgrepl did not write.
    pub unmanaged: Unmanaged,
    /// Whether packages may be installed.
    pub install: bool,
    /// Whether the host's firewall is opened.
    pub firewall: Firewall,
    /// Where backups live, if they are wanted.
    pub backup: Option<Backup>,
    /// The PgBouncers that clients come through, by name.
    pub poolers: BTreeMap<NodeName, Pooler>,
    /// The commands that run while the primary changes, in the order of the file.
    pub hooks: Vec<Hook>,
    /// The port on which each server tells what it is, if it is to.
    pub health: Option<u16>,
    /// The address that the primary alone holds, if there is one.
    pub address: Option<VirtualAddress>,
    /// A directory of templates that override the built-in ones, absolute or relative to the working directory.
    pub templates: Option<PathBuf>,
}

/// One server of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// How pgrepl logs in to it.
    pub ssh: Ssh,
    /// How pgrepl becomes root there.
    pub r#become: Become,
    /// How the other servers reach it, if the file says so; else they resolve its name.
    pub address: Option<String>,
    /// The TCP port of PostgreSQL.
    pub port: u16,
    /// The server's name at its service manager: Debian's cluster name.
    pub instance: String,
    /// `listen_addresses`.
    pub listen_addresses: String,
    /// The data directory, if it is not the platform's.
    pub data_directory: Option<String>,
    /// The WAL directory, if it is not in the data directory.
    pub wal_directory: Option<String>,
    /// Where its PostgreSQL lives, if no known platform tells.
    pub platform: Option<Custom>,
    /// The node it replicates from, if not from the primary.
    pub upstream: Option<NodeName>,
    /// `recovery_min_apply_delay`, as written.
    pub apply_delay: Option<String>,
    /// The interface of the primary's address there, if it is another one than elsewhere.
    pub interface: Option<String>,
    /// Where its tablespaces are, by where they are on the others; absolute paths.
    pub tablespaces: BTreeMap<String, String>,
    /// Parameters by lower-case name, those of the host over those of the cluster; values as written.
    pub parameters: BTreeMap<String, String>,
    /// pg_hba.conf lines of the cluster, then of the host, as written.
    pub hba: Vec<String>,
}

impl Node {
    /// Says whether it keeps the logical slots of its primary up to date while it is a standby.
    pub fn syncs_slots(&self, major: Major) -> bool {
        const NAME: &str = "sync_replication_slots";
        let known = parameters::lookup(major, NAME);
        let (Some(known), Some(said)) = (known, self.parameters.get(NAME)) else {
            return false;
        };
        value::same(major, NAME, &known.kind, said, "on")
    }
}

/// A PgBouncer whose databases lead to the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pooler {
    /// Its name in plans: `pgbouncer@pool1`, for the stem of its configuration file and its host.
    pub name: NodeName,
    /// The host it runs on, which may be one of the servers.
    pub host: NodeName,
    /// How pgrepl logs in there.
    pub ssh: Ssh,
    /// How pgrepl becomes root there.
    pub r#become: Become,
    /// Its configuration file.
    pub config_file: String,
    /// The names in its [databases] section that lead to the primary.
    pub databases: Vec<String>,
    /// Who logs in to its admin console.
    pub admin_user: String,
    /// Where the console listens, if not where the configuration file says.
    pub admin_host: Option<String>,
    /// The console's port, if not the one that the configuration file says.
    pub admin_port: Option<u16>,
}

impl Pooler {
    /// Returns the name of one by its host and its configuration file.
    pub fn named(host: &NodeName, config_file: &str) -> NodeName {
        let file = config_file.rsplit('/').next().unwrap_or(config_file);
        let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
        NodeName::new(format!("{stem}@{host}"))
    }

    /// Says whether it pauses all its databases at once, because one stands for those that are not named.
    pub fn is_whole(&self) -> bool {
        self.databases.iter().any(|database| database == "*")
    }
}

/// A role in replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It takes writes.
    Primary,
    /// It follows this node.
    Standby {
        /// The node it replicates from.
        upstream: NodeName,
    },
    /// It stands in front of the servers.
    Pooler,
    /// Commands of the inventory run there.
    Hooks,
}

/// How replication is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replication {
    /// The replication role.
    pub user: String,
    /// Where its password comes from.
    pub password: SecretSource,
    /// Whether each standby has a slot on its upstream.
    pub slots: bool,
    /// How many standbys must confirm a commit.
    pub synchronous: u32,
    /// libpq's `sslmode` for standbys.
    pub sslmode: String,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// The first line of a file; relative to the inventory.
    File(PathBuf),
    /// The first line that a shell command prints.
    Command(String),
}

/// How pgrepl logs in to a host; what is `None` is left to the user's SSH configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ssh {
    /// Login name.
    pub user: Option<String>,
    /// TCP port of sshd.
    pub port: Option<u16>,
    /// Private key.
    pub identity_file: Option<PathBuf>,
    /// Jump host, as for `ssh -J`.
    pub jump: Option<String>,
    /// A client configuration file in place of the user's.
    pub config_file: Option<PathBuf>,
    /// What to do with a host key never seen before.
    pub known_hosts: KnownHosts,
}

/// What to do with a host key never seen before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KnownHosts {
    /// Refuse.
    #[default]
    Strict,
    /// Remember it.
    AcceptNew,
}

/// How pgrepl becomes root on a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Become {
    /// With `sudo -n`, unless the login is root already.
    #[default]
    Sudo,
    /// Not at all: the login is root.
    None,
}

/// What happens to settings and rules that pgrepl did not write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unmanaged {
    /// They stay, and the plan lists them.
    #[default]
    Keep,
    /// They go, and the plan shows each one.
    Remove,
}

/// Whether the host's firewall is opened for the servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Firewall {
    /// Whatever runs there lets the servers of the cluster in.
    #[default]
    Auto,
    /// Whatever runs there lets everybody in.
    World,
    /// It is left alone.
    Off,
}

impl Cluster {
    /// Returns where a tablespace of one node, or of none that is known, goes on another one.
    pub fn tablespace_place(&self, source: &NodeName, node: &NodeName, path: &str) -> String {
        let source = self.nodes.get(source);
        let everywhere = source
            .and_then(|source| source.tablespaces.iter().find(|(_, there)| *there == path))
            .map_or(path, |(everywhere, _)| everywhere);
        self.nodes
            .get(node)
            .and_then(|node| node.tablespaces.get(everywhere))
            .map_or(everywhere, String::as_str)
            .to_owned()
    }

    /// Returns the name under which the inventory maps a place of a node.
    pub fn named_place(&self, node: &NodeName, place: &str) -> String {
        let node = self.nodes.get(node);
        node.and_then(|node| node.tablespaces.iter().find(|(_, here)| *here == place))
            .map_or(place, |(everywhere, _)| everywhere)
            .to_owned()
    }

    /// Returns the address that the primary alone holds as it is on a node.
    pub fn address_on(&self, node: &NodeName) -> Option<VirtualAddress> {
        let address = self.address.clone()?;
        let own = self.nodes.get(node)?.interface.clone();
        let interface = own.unwrap_or(address.interface);
        Some(VirtualAddress {
            interface,
            ..address
        })
    }

    /// Says whether this is no server, but a pooler or where hooks run.
    pub fn is_beside(&self, name: &NodeName) -> bool {
        let mut hooks = self.hooks.iter();
        self.poolers.contains_key(name) || hooks.any(|hook| hook.lane() == name.as_str())
    }

    /// Iterates over the nodes, the inventory's primary first, then the standbys in the order of the file.
    pub fn in_order(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.primary)
            .chain(&self.standbys)
            .filter_map(|name| self.nodes.get(name))
    }

    /// Returns the least value of `max_wal_senders` or `max_replication_slots` that replication works with: one for each
    /// standby, and two for copies.
    pub fn least(&self, parameter: &str) -> usize {
        let standbys = match parameter {
            "max_replication_slots" if !self.replication.slots => 0,
            _ => self.standbys.len(),
        };
        match parameter {
            "max_wal_senders" => standbys + 2,
            // A copy uses a slot only where there are temporary ones.
            "max_replication_slots" if standbys > 0 || self.major.caps().has_temporary_slots => {
                standbys + 2
            }
            _ => 0,
        }
    }

    /// Says whether replication does not work with a value of a parameter, so that no older file may keep it.
    pub fn breaks_replication(&self, name: &str, value: &str) -> bool {
        match name {
            "wal_level" => value.eq_ignore_ascii_case("minimal"),
            _ => value
                .parse::<usize>()
                .is_ok_and(|value| value < self.least(name)),
        }
    }
}
