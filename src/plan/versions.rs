//! What is to be known of the version that the servers have.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::update::behind;
use crate::facts::Facts;
use crate::facts::collation::Sorter;
use crate::inventory::NodeName;
use crate::postgres::ServerVersion;

/// Notes what the version lacks, and minor versions that differ between the hosts.
pub(super) fn versions(b: &mut Builder) {
    let major = b.cluster.major;
    if !major.caps().has_scram {
        b.cluster_note(
            format!("PostgreSQL {major} and its client library have no SCRAM: passwords are stored and sent as md5"),
            "",
        );
    }
    behind(b);
    collations(b);
    let running = |facts: &Facts| {
        let server = facts.server.as_ref().map(|server| server.version);
        server.or(facts.packages.server)
    };
    let mut found: BTreeMap<ServerVersion, Vec<NodeName>> = BTreeMap::new();
    for (node, facts) in b.seen.seen() {
        if let Some(version) = running(facts) {
            found.entry(version).or_default().push(node.clone());
        }
    }
    if found.len() > 1 {
        let list: Vec<String> = found
            .iter()
            .map(|(version, nodes)| {
                let nodes: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
                format!("{version} on {}", nodes.join(", "))
            })
            .collect();
        b.cluster_note(
            format!("the minor versions differ: {}", list.join("; ")),
            "pgrepl update brings all to one, the standbys first",
        );
    }
}

/// Notes servers that do not run what is installed, or what the inventory wants.
fn behind(b: &mut Builder) {
    let told: Vec<(NodeName, String)> = b
        .seen
        .seen()
        .filter_map(|(node, facts)| Some((node.clone(), behind::told(b.cluster, facts)?)))
        .collect();
    for (node, what) in told {
        b.note(&node, what, "pgrepl update");
    }
}

/// Notes libraries that sort text and differ between the hosts: what is in order for one is not for the other.
fn collations(b: &mut Builder) {
    let Some(leads) = b.facts(&b.leader) else {
        return;
    };
    let mut told = Vec::new();
    for library in Sorter::ALL
        .into_iter()
        .filter(|library| library.matters(leads))
    {
        let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (node, facts) in b.seen.seen() {
            if let Some(version) = library.version(facts) {
                found.entry(version).or_default().push(node.as_str());
            }
        }
        let list = found
            .iter()
            .map(|(version, nodes)| format!("{version} on {}", nodes.join(", ")));
        let list: Vec<String> = list.collect();
        if list.len() > 1 {
            told.push(format!(
                "{} differs: {}; it sorts text, and indexes may be corrupt for a server of another version",
                library.as_str(),
                list.join("; ")
            ));
        }
    }
    for message in told {
        b.cluster_note(
            message,
            "bring the hosts to one release of the operating system; or after a switchover to another one: REINDEX DATABASE",
        );
    }
}

/// Leaves a stopped node alone whose files would keep it from starting, or make it start as what it must not be.
pub(super) fn odd_markers(b: &mut Builder, name: &NodeName) {
    let Some(facts) = b.facts(name) else { return };
    let signals = facts.data.signals;
    if facts.server.is_none() && signals.recovery_conf && b.cluster.major.caps().has_standby_signal
    {
        let path = facts.data.path.clone();
        let major = b.cluster.major;
        b.block(
            name,
            format!("{path} holds a recovery.conf, with which PostgreSQL {major} does not start"),
            format!("ssh {name} sudo mv {path}/recovery.conf {path}/recovery.done"),
        );
    }
}
