//! Who is let in to PostgreSQL's port: the same whatever the roles are.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{ClosePort, OpenPort};
use crate::facts::firewall::{self as facts, ANYBODY};
use crate::files;
use crate::inventory::{Firewall, NodeName};
use crate::plan::builder::Builder;

/// Who must be let in on a node, by source; `complete` tells whether the addresses of all of them are known.
struct Guests {
    names: BTreeMap<String, String>,
    complete: bool,
}

fn guests(b: &Builder, name: &NodeName) -> Guests {
    if b.cluster.firewall == Firewall::World {
        return Guests {
            names: [(ANYBODY.to_owned(), "as the inventory says".to_owned())].into(),
            complete: true,
        };
    }
    peers(b, name)
}

fn peers(b: &Builder, name: &NodeName) -> Guests {
    let mut guests = Guests {
        names: BTreeMap::new(),
        complete: true,
    };
    for peer in b.cluster.nodes.keys().filter(|peer| *peer != name) {
        let found = files::addresses(b.cluster, &b.world, name, peer);
        guests.complete &= !found.is_empty();
        for address in found {
            guests
                .names
                .entry(address.to_string())
                .or_insert_with(|| peer.to_string());
        }
    }
    guests
}

fn nodes(b: &Builder) -> Vec<NodeName> {
    if b.cluster.firewall == Firewall::Off {
        return Vec::new();
    }
    let all = b.cluster.nodes.keys();
    all.filter(|name| b.free(name)).cloned().collect()
}

/// Tells which servers the owner's own rules refuse: those come before the ones that let in, and stay.
fn tell_refused(b: &mut Builder, name: &NodeName, firewall: &facts::Firewall) {
    for (source, peer) in peers(b, name).names {
        let refusing = source.parse().ok().and_then(|ip| firewall.refuses(ip));
        if let Some(denial) = refusing {
            b.note(
                name,
                format!(
                    "{} has a rule of its owner's that keeps {peer} ({source}) out, whatever pgrepl lets in: {}",
                    firewall.kind.name(),
                    denial.words
                ),
                "take that rule away, or let the server in by a rule in front of it",
            );
        }
    }
}

/// Lets every server in at every other one, before any of them has to connect.
pub(in crate::plan) fn open(b: &mut Builder) {
    for name in nodes(b) {
        let guests = guests(b, &name);
        let (Some(node), Some(firewall)) = (
            b.node(&name),
            b.facts(&name).and_then(|facts| facts.firewall.clone()),
        ) else {
            continue;
        };
        tell_refused(b, &name, &firewall);
        let missing: BTreeMap<&String, &String> = guests
            .names
            .iter()
            .filter(|(source, _)| !firewall.lets_in(source, node.port))
            .collect();
        if missing.is_empty() {
            continue;
        }
        let peers: BTreeSet<&str> = missing.values().map(|peer| peer.as_str()).collect();
        let step = OpenPort {
            firewall: firewall.kind,
            port: node.port,
            sources: missing.keys().map(|source| (*source).clone()).collect(),
        };
        let why = peers.into_iter().collect::<Vec<_>>().join(", ");
        b.step(&name, step).because(why);
        if b.cluster.firewall == Firewall::Auto {
            b.note(
                &name,
                format!(
                    "{} is on: pgrepl lets in the other servers only, clients need rules of your own",
                    firewall.kind.name()
                ),
                "`firewall: world` lets everybody in to the port",
            );
        }
    }
}

/// Takes away what pgrepl let in and nobody needs any more.
pub(in crate::plan) fn close(b: &mut Builder) {
    for name in nodes(b) {
        let guests = guests(b, &name);
        let (Some(node), Some(firewall)) = (
            b.node(&name),
            b.facts(&name).and_then(|facts| facts.firewall.clone()),
        ) else {
            continue;
        };
        // A peer whose address is not known just now may be the one that a rule is for.
        if !guests.complete {
            continue;
        }
        let mut left: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        for rule in firewall.rules.iter().filter(|rule| {
            rule.ours && !(rule.port == node.port && guests.names.contains_key(&rule.source))
        }) {
            left.entry(rule.port).or_default().push(rule.source.clone());
        }
        for (port, sources) in left {
            let step = ClosePort {
                firewall: firewall.kind,
                port,
                sources,
            };
            b.step(&name, step)
                .because("no server of the cluster needs it");
        }
    }
}
