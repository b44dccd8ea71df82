//! How the servers of a cluster reach one another.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use crate::facts::Observation;
use crate::files::view::View;
use crate::inventory::{Cluster, Node, NodeName};
use crate::postgres::{conninfo, pgpass};
use crate::render::{TemplateError, Templates};

/// What stands for a password wherever a text may be seen.
pub const HIDDEN: &str = "***";

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
        // What the viewer has itself leads back to it: each virtual machine may have it in a network of its own.
        let own = world.facts(viewer).map(|facts| &facts.addresses);
        let others = |address: &IpAddr| own.is_none_or(|own| !own.contains(address));
        if viewer != peer && found.iter().any(others) {
            found.retain(others);
        }
        found.truncate(1);
    }
    found
}

/// Returns how servers address a node in a connection string: as the inventory says, else by its first address; by its name
/// where that is compared with a certificate.
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
        None if verifies_name(cluster, viewer)
            && world
                .facts(viewer)
                .and_then(|facts| facts.resolved.get(peer))
                .is_some_and(|found| !found.is_empty()) =>
        {
            Some(peer.to_string())
        }
        None => addresses(cluster, world, viewer, peer)
            .first()
            .map(ToString::to_string),
    }
}

/// Says whether a server checks that the certificate of whom it follows bears the name that it connects to.
pub fn verifies_name(cluster: &Cluster, node: &NodeName) -> bool {
    sslmode(cluster, node) == "verify-full"
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
    if view.node.syncs_slots(cluster.major) {
        // Whoever keeps logical slots up to date reads them by SQL.
        pairs.push(("dbname", "postgres"));
    }
    let own = own_keywords(view.node);
    pairs.retain(|(keyword, _)| own.iter().all(|(said, _)| said != keyword));
    pairs.extend(own.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    Some(conninfo::conninfo(&pairs))
}

/// Returns what the inventory says of a node's connection besides whom it follows: `parameters: { primary_conninfo: … }`.
pub fn own_keywords(node: &Node) -> Vec<(String, String)> {
    let said = node.parameters.get("primary_conninfo");
    said.and_then(|said| conninfo::parse(said))
        .unwrap_or_default()
}

/// Returns the `sslmode` of a node's connection.
fn sslmode(cluster: &Cluster, node: &NodeName) -> String {
    let own = cluster.nodes.get(node).map(own_keywords);
    own.unwrap_or_default()
        .into_iter()
        .find(|(keyword, _)| keyword == "sslmode")
        .map_or_else(|| cluster.replication.sslmode.clone(), |(_, mode)| mode)
}

/// Renders the cluster's .pgpass lines for a node and returns each without its password.
pub fn pgpass_entries(
    cluster: &Cluster,
    world: &Observation,
    templates: &Templates,
    node: &NodeName,
) -> Result<Vec<String>, TemplateError> {
    const NAME: &str = "pgpass.j2";
    let user = pgpass::field(&cluster.replication.user).unwrap_or_default();
    // By name: the order does not change with the roles.
    let servers: Vec<serde_json::Value> = cluster
        .nodes
        .values()
        .filter(|peer| peer.name != *node)
        .filter_map(|peer| {
            let host = pgpass::field(&host(cluster, world, node, &peer.name)?).ok()?;
            Some(serde_json::json!({ "name": peer.name, "host": host, "port": peer.port }))
        })
        .collect();
    let context = serde_json::json!({
        "node": node, "cluster": cluster.name, "servers": servers, "user": user, "password": HIDDEN,
    });
    let text = templates.render(NAME, context, &BTreeMap::new(), &BTreeSet::new())?;
    let mut entries = Vec::new();
    for (at, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
    {
        let entry = line
            .strip_suffix(HIDDEN)
            .and_then(|entry| entry.strip_suffix(':'))
            .filter(|entry| !entry.contains(HIDDEN));
        let Some(entry) = entry else {
            return Err(TemplateError {
                name: NAME.into(),
                line: None,
                message: format!(
                    "line {} of what it makes does not end with the password: expected HOST:PORT:DATABASE:USER:{{{{ password }}}}",
                    at + 1
                ),
            });
        };
        entries.push(entry.to_owned());
    }
    Ok(entries)
}
