//! A port that is somebody else's: found before anything is done.

use crate::facts::{Advice, Content, Facts};
use crate::inventory::Node;
use crate::plan::builder::Builder;

/// Returns why a server cannot have its port, and the way out.
pub(in crate::plan) fn trouble(facts: &Facts, node: &Node) -> Option<Advice> {
    let (name, port) = (&node.name, node.port);
    if facts.server.is_some() {
        return None;
    }
    if let Some(other) = facts.other_port {
        return Some(Advice::new(
            format!("its server runs on port {other}, but the inventory says {port}"),
            format!(
                "`port: {other}`; or stop it first, and apply starts it on {port}: ssh {name} sudo systemctl stop 'postgresql@*-{}'",
                node.instance
            ),
        ));
    }
    let taken = match (&facts.port_taken, &facts.port_set) {
        (Some(by), _) => format!("port {port} is taken by {by}"),
        // A server that exists is not kept from starting by one that does not run.
        (None, Some(file)) if facts.data.content == Content::Nothing => {
            format!("port {port} is set in {file}, whose server starts at boot")
        }
        _ => return None,
    };
    Some(Advice::new(
        taken,
        "give the server another `port:` and, beside another server, another `instance:`; or stop the one that has it, and keep it from starting",
    ))
}

/// Leaves the hosts alone whose port is not free.
pub(in crate::plan) fn ports(b: &mut Builder) {
    let nodes: Vec<&Node> = b.cluster.nodes.values().collect();
    for node in nodes {
        let found = b.facts(&node.name).and_then(|facts| trouble(facts, node));
        if let Some(Advice { message, help }) = found.filter(|_| b.within_limit(&node.name)) {
            b.block(&node.name, message, help);
        }
    }
}
