//! The port on every host that tells balancers what its server is: any of them may lead tomorrow.

use crate::action::clients::health::{HealthPaths, PROGRAM};
use crate::action::{DropHealth, SetHealth};
use crate::facts::digest;
use crate::files::health::{health_program, health_unit, health_units};
use crate::inventory::NodeName;
use crate::plan::builder::Builder;

/// Plans the health ports of all nodes.
pub(in crate::plan) fn health_ports(b: &mut Builder) {
    let nodes: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    for node in &nodes {
        health_port(b, node);
    }
}

fn health_port(b: &mut Builder, node: &NodeName) {
    let (true, Some(facts), Some(platform)) = (b.free(node), b.facts(node), b.platform(node))
    else {
        return;
    };
    let name = &b.cluster.name;
    let paths = HealthPaths {
        program: health_program(name),
        socket: health_unit(name, ".socket"),
        service: health_unit(name, "@.service"),
    };
    let is = |path: &str, text: &str| {
        let file = facts.files.get(path);
        file.is_some_and(|file| file.digest == digest(text))
    };
    let Some(units) = health_units(b.cluster, node, &platform) else {
        let files = [&paths.program, &paths.socket, &paths.service];
        if files.iter().any(|path| facts.files.contains_key(*path)) {
            b.step(node, DropHealth { paths })
                .because("the inventory has none any more");
        }
        return;
    };
    let same = is(&paths.program, PROGRAM)
        && is(&paths.socket, &units.socket)
        && is(&paths.service, &units.service)
        && facts.health;
    // Only where there is a server, and so a user whom the service runs as.
    if same || facts.server.is_none() {
        return;
    }
    if !facts.systemd {
        b.note(node, "there is no systemd: no health port", "");
        return;
    }
    let set = SetHealth {
        port: b.cluster.health.unwrap_or_default(),
        paths,
        socket: units.socket,
        service: units.service,
    };
    b.step(node, set)
        .because("tells balancers what its server is");
}
