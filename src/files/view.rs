//! What files are written from.

use std::collections::BTreeMap;

use crate::facts::Observation;
use crate::inventory::{Cluster, Node, NodeName, Role};
use crate::platform::Platform;

/// One node as its files see it.
pub struct View<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The node.
    pub node: &'a Node,
    /// Its role.
    pub role: &'a Role,
    /// Its platform.
    pub platform: &'a Platform,
    /// What was seen everywhere.
    pub world: &'a Observation,
    /// Who leads.
    pub leader: &'a NodeName,
    /// Least values of hot-standby-sensitive parameters, in base units.
    pub floors: BTreeMap<String, String>,
    /// Whether commits may wait for standbys already.
    pub synchronous: bool,
}
