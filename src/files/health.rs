//! What tells balancers who leads: the units of the health port, and what HAProxy is told.

use crate::files::schedule::assignment;
use crate::inventory::{Cluster, NodeName};
use crate::platform::Platform;

/// The units of the health port of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthUnits {
    /// The text of the socket.
    pub socket: String,
    /// The text of the service for each connection.
    pub service: String,
}

/// Returns the path of the program that answers.
pub fn health_program(cluster: &str) -> String {
    format!("/usr/local/lib/pgrepl/{cluster}/health")
}

/// Returns the path of the unit of this kind, `.socket` or `@.service`.
pub fn health_unit(cluster: &str, kind: &str) -> String {
    format!("/etc/systemd/system/pgrepl-{cluster}-health{kind}")
}

/// Returns the units of a host, if there is to be a health port.
pub fn health_units(
    cluster: &Cluster,
    node: &NodeName,
    platform: &Platform,
) -> Option<HealthUnits> {
    let port = cluster.health?;
    let name = &cluster.name;
    // Whoever asks too often is turned away alone, and never the end of the port for everybody.
    let socket = format!(
        "# written by pgrepl\n[Unit]\nDescription=Health of cluster {name}, by pgrepl\n\n[Socket]\nListenStream={port}\nAccept=yes\n\
         MaxConnections=64\nMaxConnectionsPerSource=16\nTriggerLimitIntervalSec=0\n\n[Install]\nWantedBy=sockets.target\n"
    );
    let mut service = format!(
        "# written by pgrepl\n[Unit]\nDescription=Health of cluster {name}, by pgrepl\nCollectMode=inactive-or-failed\n\n[Service]\n\
         ExecStart=-{program}\nUser={user}\nStandardInput=socket\nStandardOutput=socket\nStandardError=null\nNoNewPrivileges=yes\n\
         ProtectSystem=strict\n",
        program = health_program(name),
        user = platform.user,
    );
    for (name, value) in [
        ("bindir", platform.bindir.clone()),
        ("port", cluster.nodes.get(node)?.port.to_string()),
        ("socket_directory", platform.socket_directory.clone()),
    ] {
        service += &assignment(name, &value);
    }
    Some(HealthUnits { socket, service })
}

/// Returns what HAProxy has to be told, if there is a health port: one port for what writes, one for what reads.
pub fn haproxy(cluster: &Cluster) -> Option<String> {
    let health = cluster.health?;
    let name = &cluster.name;
    let mut text = format!(
        "# Cluster {name}, by pgrepl: for the end of haproxy.cfg. Who leads each server tells itself on port {health}.\n"
    );
    for (kind, port, path, balance) in [
        ("primary", 5000, "/primary", "first"),
        ("replica", 5001, "/replica", "leastconn"),
    ] {
        text += &format!(
            "\nlisten {name}_{kind}\n    bind *:{port}\n    mode tcp\n    option tcplog\n    balance {balance}\n    timeout connect 3s\n    \
             timeout client 30m\n    timeout server 30m\n    option httpchk GET {path}\n    http-check expect status 200\n    \
             default-server check port {health} inter 1s fall 2 rise 1 on-marked-down shutdown-sessions\n"
        );
        for node in cluster.in_order() {
            let address = node.address.as_deref().unwrap_or(node.name.as_str());
            text += &format!("    server {} {address}:{}\n", node.name, node.port);
        }
    }
    Some(text)
}
