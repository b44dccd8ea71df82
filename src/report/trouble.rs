//! Something that a status tells.

use serde::Serialize;

use crate::inventory::NodeName;

/// Something wrong, and what to type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The host.
    pub node: NodeName,
    /// One line.
    pub message: String,
    /// What to type, or empty.
    pub help: String,
}

impl Trouble {
    /// Makes one.
    pub fn new(node: &NodeName, message: String, help: String) -> Self {
        let node = node.clone();
        Self {
            node,
            message,
            help,
        }
    }
}
