//! How the servers of a cluster reach one another.

use std::net::IpAddr;

use serde::Serialize;

use super::View;
use crate::facts::Observation;
use crate::inventory::{Cluster, NodeName};
use crate::postgres::{conninfo, pgpass};

/// The addresses of a node as its peers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The node.
    pub name: String,
    /// An address with its mask, `10.0.0.11/32`.
    pub address: String,
}

pub(super) fn network(address: &IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

/// Returns every address of a peer that was found, first choice first; what resolves to a loopback address is no address.
pub fn addresses(
    cluster: &Cluster,
    world: &Observation,
    viewer: &NodeName,
    peer: &NodeName,
) -> Vec<IpAddr> {
    let said = cluster
        .nodes
        .get(peer)
        .and_then(|node| node.address.as_deref());
    if let Some(Ok(address)) = said.map(str::parse::<IpAddr>) {
        return vec![address];
    }
    let useful = |found: &Vec<IpAddr>| -> Vec<IpAddr> {
        let mut found: Vec<IpAddr> = found
            .iter()
            .filter(|a| !a.is_loopback() && !a.is_unspecified())
            .copied()
            .collect();
        found.dedup();
        found
    };
    let seen_by = |name: &NodeName| {
        world
            .facts(name)
            .and_then(|facts| facts.resolved.get(peer))
            .map(useful)
            .unwrap_or_default()
    };
    let mut found = if viewer == peer {
        Vec::new()
    } else {
        seen_by(viewer)
    };
    if found.is_empty() {
        found = cluster
            .nodes
            .keys()
            .filter(|name| *name != peer)
            .map(seen_by)
            .find(|found| !found.is_empty())
            .unwrap_or_default();
    }
    if found.is_empty() {
        found = world
            .facts(peer)
            .map(|facts| useful(&facts.addresses))
            .unwrap_or_default();
        found.truncate(1);
    }
    found
}

/// Returns how servers address a node in a connection string: as the inventory says, else by its first address.
pub fn host(
    cluster: &Cluster,
    world: &Observation,
    viewer: &NodeName,
    peer: &NodeName,
) -> Option<String> {
    match cluster
        .nodes
        .get(peer)
        .and_then(|node| node.address.clone())
    {
        Some(address) => Some(address),
        None => addresses(cluster, world, viewer, peer)
            .first()
            .map(ToString::to_string),
    }
}

/// Returns the connection string with which a node follows another one; the password comes from .pgpass.
pub fn primary_conninfo(view: &View, upstream: &NodeName) -> Option<String> {
    let cluster = view.cluster;
    let host = host(cluster, view.world, &view.node.name, upstream)?;
    let port = cluster.nodes.get(upstream)?.port.to_string();
    let passfile = format!("{}/.pgpass", view.platform.home);
    let mut pairs = vec![
        ("host", host.as_str()),
        ("port", port.as_str()),
        ("user", cluster.replication.user.as_str()),
        ("application_name", view.node.name.as_str()),
        ("sslmode", cluster.replication.sslmode.as_str()),
        ("connect_timeout", "10"),
    ];
    if cluster.major.caps().has_passfile {
        pairs.push(("passfile", passfile.as_str()));
    }
    Some(conninfo::conninfo(&pairs))
}

/// Returns the cluster's .pgpass lines for a node, each without its password: one for every other server, whatever the roles.
pub fn pgpass_entries(cluster: &Cluster, world: &Observation, node: &NodeName) -> Vec<String> {
    let user = pgpass::field(&cluster.replication.user).unwrap_or_default();
    cluster
        .in_order()
        .filter(|peer| peer.name != *node)
        .filter_map(|peer| {
            let host = pgpass::field(&host(cluster, world, node, &peer.name)?).ok()?;
            Some(format!("{host}:{}:replication:{user}", peer.port))
        })
        .collect()
}
