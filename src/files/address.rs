//! The unit that adds the primary's address at boot; it is the same whatever the roles are.

use crate::facts::address::unit_path;
use crate::files::schedule::assignment;
use crate::inventory::{Cluster, NodeName};
use crate::platform::Platform;

/// Returns the path of the program that adds it.
pub fn address_program(cluster: &str) -> String {
    format!("/usr/local/lib/pgrepl/{cluster}/address")
}

/// Returns the path of its unit.
pub fn address_unit(cluster: &str) -> String {
    unit_path(cluster)
}

/// Returns the unit of a host, if there is to be an address.
pub fn address_unit_text(
    cluster: &Cluster,
    node: &NodeName,
    platform: &Platform,
) -> Option<String> {
    let address = cluster.address_on(node)?;
    let name = &cluster.name;
    let peers = cluster.nodes.values().filter(|peer| peer.name != *node);
    let peers: Vec<&str> = peers
        .map(|peer| peer.address.as_deref().unwrap_or(peer.name.as_str()))
        .collect();
    let server = match platform.unit.as_str() {
        "" => String::new(),
        unit => format!(" {unit}"),
    };
    let mut text = format!(
        "# written by pgrepl\n[Unit]\nDescription=Address of the primary of cluster {name}, by pgrepl\n\
         Wants=network-online.target\nAfter=network-online.target{server}\n\n[Service]\nExecStart={program}\n\
         ProtectHome=yes\nProtectSystem=full\n",
        program = address_program(name),
    );
    for (name, value) in [
        ("cluster", name.clone()),
        ("address", address.with_prefix()),
        ("interface", address.interface),
        ("bindir", platform.bindir.clone()),
        ("port", cluster.nodes.get(node)?.port.to_string()),
        ("socket_directory", platform.socket_directory.clone()),
        ("service_user", platform.user.clone()),
        ("peers", peers.join(" ")),
    ] {
        text += &assignment(name, &value);
    }
    Some(text + "\n[Install]\nWantedBy=multi-user.target\n")
}
