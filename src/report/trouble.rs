//! Something that a status tells.

use serde::Serialize;

use crate::inventory::NodeName;

/// How soon somebody must act: what is told first comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Nobody leads, or a server is down or was not seen.
    Down,
    /// A standby does not get what it needs.
    Replication,
    /// WAL or backups do not come where they shall be.
    Archiving,
    /// A disk fills.
    Space,
    /// Anything else.
    #[default]
    Rest,
}

/// Something wrong, and what to type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The host.
    pub node: NodeName,
    /// One line.
    pub message: String,
    /// What to type, or empty.
    pub help: String,
    /// What it is told before.
    #[serde(skip)]
    pub urgency: Urgency,
}

impl Trouble {
    /// Makes one that is of no urgency.
    pub fn new(node: &NodeName, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            node: node.clone(),
            message: message.into(),
            help: help.into(),
            urgency: Urgency::Rest,
        }
    }

    /// Makes one that is told before or behind others.
    #[must_use]
    pub fn urgent(mut self, urgency: Urgency) -> Self {
        self.urgency = urgency;
        self
    }
}
