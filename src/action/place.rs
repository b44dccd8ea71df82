//! Where an action is done: the node, its platform and its version.

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::inventory::NodeName;
use crate::platform::Platform;
use crate::postgres::Major;

/// One node with everything a script has to know about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The cluster's name.
    pub cluster: String,
    /// The node.
    pub node: NodeName,
    /// Paths, unit and user.
    pub platform: Platform,
    /// The major version.
    pub major: Major,
    /// The port of PostgreSQL.
    pub port: u16,
}

impl Place {
    /// Makes a command of a script, with the variables that every script may use.
    pub fn command(&self, what: impl Into<String>, script: &'static str) -> Command {
        let command = Command::new(what, script)
            .var("cluster", &self.cluster)
            .var("node", &self.node)
            .var("major", self.major)
            .var("port", self.port);
        let options = self.major.caps().session_options;
        let command = match options {
            "" => command,
            options => command.var("session_options", options),
        };
        variables(&self.platform)
            .into_iter()
            .fold(command, |command, (name, value)| command.var(name, value))
    }

    /// Makes a command that works on the mount and needs root for nothing: the service user runs it whole, because a file
    /// server may give root no right at all (root_squash).
    pub fn mount_command(&self, what: impl Into<String>, script: &'static str) -> Command {
        self.command(what, script).by(&self.platform.user)
    }

    /// Returns the directory a copy is made in before it is renamed to the data directory.
    pub fn staging(&self) -> String {
        staging(&self.platform.data_directory)
    }

    /// Returns the mark on the mount of what a node reads for `what`; a node's name holds no `~`.
    pub fn reader(node: &NodeName, what: &str) -> String {
        format!("{node}~{what}")
    }

    /// Returns the name of the transient unit that copies the data directory.
    pub fn clone_unit(&self) -> String {
        clone_unit(&self.cluster, &self.node)
    }
}

/// Returns what scripts know of a platform, by the names of their variables.
pub fn variables(platform: &Platform) -> Vec<(&'static str, &str)> {
    let mut variables = vec![
        ("installer", platform.installer.word()),
        ("keeper", platform.keeper.word()),
        ("bindir", &platform.bindir),
        ("config_directory", &platform.config_directory),
        ("data_directory", &platform.data_directory),
        ("home", &platform.home),
        ("service_user", &platform.user),
        ("unit", &platform.unit),
        ("instance", &platform.instance),
        ("socket_directory", &platform.socket_directory),
        ("log", &platform.log),
    ];
    if let Some((start, stop)) = &platform.commands {
        variables.extend([("start_command", start.as_str()), ("stop_command", stop)]);
    }
    variables
}

/// Returns the staging directory that belongs to a data directory: beside it, so that a rename suffices.
pub fn staging(data_directory: &str) -> String {
    format!("{data_directory}.pgrepl-new")
}

/// Returns the mark on the mount of what a node reads for `what`; a node's name holds no `~`.
pub fn reader(node: &NodeName, what: &str) -> String {
    format!("{node}~{what}")
}

/// Returns the name of the transient unit that copies a data directory to a node.
pub fn clone_unit(cluster: &str, node: &NodeName) -> String {
    let node: String = node
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    format!("pgrepl-{cluster}-{node}-clone.service")
}
