//! Rules across fields, and the rules that PostgreSQL itself has.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::parameters::{combinations, parameter_values};
use super::{Cluster, Node, NodeName};
use crate::inventory::places::KeySpans;
use crate::inventory::problem::{Problem, nearest};
use crate::postgres::hba::{self, HbaLine};
use crate::postgres::slot_name;

/// Checks what no single key can tell.
pub fn check(
    cluster: &Cluster,
    places: &KeySpans,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<Problem>,
) {
    roles(cluster, places, problems);
    upstreams(cluster, places, problems);
    names(cluster, places, problems);
    parameter_values(cluster, places, problems);
    for (line, span) in &places.hba {
        hba_line(cluster, line, span, problems);
    }
    for node in cluster.nodes.values() {
        combinations(cluster, node, places, problems);
    }
    let direct = cluster
        .standbys
        .iter()
        .filter(|name| {
            cluster
                .nodes
                .get(name)
                .is_some_and(|n| n.upstream.is_none())
        })
        .count();
    if let Some(span) = &places.synchronous
        && cluster.replication.synchronous as usize > direct
    {
        problems.push(Problem::new(
            span.clone(),
            format!(
                "{} standbys cannot confirm a commit: {direct} follow the primary directly",
                cluster.replication.synchronous
            ),
            "every commit would wait for ever",
        ));
    }
    if let (Some(span), Some(backup)) = (&places.tool, &cluster.backup)
        && let Some((what, why, help)) = backup.tool.unfit(cluster.major)
    {
        problems.push(Problem::new(span.clone(), what, why).help(help));
    }
    listening(cluster, places, problems, notes);
    virtual_address(cluster, places, problems);
    risks(places, notes);
    if let Some(span) = &places.version
        && !cluster.major.caps().supported
    {
        notes.push(Problem::new(
            span.clone(),
            format!("PostgreSQL {} is out of support", cluster.major),
            "no more repairs are published for it",
        ));
    }
}

/// Says whether a server listens where nobody but its own host gets through.
fn hears_nobody(listen: &str) -> bool {
    let loopback = |word: &str| {
        let address: Option<std::net::IpAddr> = word.parse().ok();
        word == "localhost" || address.is_some_and(|address| address.is_loopback())
    };
    let words = listen.split(',').map(str::trim);
    words.filter(|word| !word.is_empty()).all(loopback)
}

/// Whoever is followed must be heard on other hosts; a standby that nobody follows may not be able to lead.
fn listening(
    cluster: &Cluster,
    places: &KeySpans,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<Problem>,
) {
    let said = places.listening.iter();
    for (host, _, place) in
        said.filter(|(_, listen, _)| hears_nobody(listen) && cluster.nodes.len() > 1)
    {
        let followed = |name: &NodeName| {
            *name == cluster.primary
                || cluster
                    .nodes
                    .values()
                    .any(|node| node.upstream.as_ref() == Some(name))
        };
        let help = "`listen_addresses: \"*\"`, or the server's own address beside localhost";
        match host {
            Some(host) if !followed(host) => notes.push(
                Problem::new(
                    place.clone(),
                    format!("`{host}` listens on its own host only"),
                    "it cannot lead: no client and no standby would reach it",
                )
                .help(help),
            ),
            _ => problems.push(
                Problem::new(
                    place.clone(),
                    "no standby reaches a server that listens on its own host only",
                    "standbys connect from other hosts",
                )
                .help(help),
            ),
        }
    }
}

/// The primary's address is no server's own, and whoever may lead hears it.
fn virtual_address(cluster: &Cluster, places: &KeySpans, problems: &mut Vec<Problem>) {
    let (Some(address), Some(place)) = (&cluster.address, &places.address) else {
        return;
    };
    let ip = address.ip;
    let is_it = |said: &String| said.parse() == Ok(ip);
    let mut nodes = cluster.nodes.values();
    if let Some(node) = nodes.find(|node| node.address.as_ref().is_some_and(is_it)) {
        let message = format!("`{ip}` is the address of `{}`", node.name);
        let label = "the primary's address is none that a server has of its own";
        problems.push(Problem::new(place.clone(), message, label));
    }
    let deaf = |node: &&Node| !address.is_heard(&node.listen_addresses);
    if let Some(node) = cluster.in_order().find(deaf) {
        let message = format!("`listen_addresses` of `{}` does not hear {ip}", node.name);
        let label =
            "a server opens its sockets when it starts, and has this address only once it leads";
        let help = "`listen_addresses: \"*\"`, or all of the kind: 0.0.0.0 or ::";
        problems.push(Problem::new(place.clone(), message, label).help(help));
    }
}

/// What is allowed and costs data at the next crash.
fn risks(places: &KeySpans, notes: &mut Vec<Problem>) {
    for place in &places.parameters {
        if let Some(risk) = super::risk(&place.name, &place.value) {
            notes.push(Problem::new(
                place.at.clone(),
                format!("`{}` is off", place.name),
                risk,
            ));
        }
    }
}

fn roles(cluster: &Cluster, places: &KeySpans, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for (name, span) in &places.roles {
        if !seen.insert(name) {
            problems.push(
                Problem::new(
                    span.clone(),
                    format!("`{name}` has two roles"),
                    "given before",
                )
                .help("a host is the primary or one standby"),
            );
        }
    }
    for (name, span) in &places.hosts {
        if !cluster.nodes.contains_key(name) {
            let near = nearest(name.as_str(), cluster.nodes.keys().map(NodeName::as_str));
            problems.push(
                Problem::new(
                    span.clone(),
                    format!("host `{name}` has no role"),
                    "neither the primary nor a standby",
                )
                .help(
                    near.map_or("add it to `standbys:` or remove it".into(), |near| {
                        format!("did you mean `{near}`?")
                    }),
                ),
            );
        }
    }
}

fn upstreams(cluster: &Cluster, places: &KeySpans, problems: &mut Vec<Problem>) {
    for (name, span) in &places.upstreams {
        let Some(upstream) = cluster
            .nodes
            .get(name)
            .and_then(|node| node.upstream.as_ref())
        else {
            continue;
        };
        if !cluster.nodes.contains_key(upstream) {
            let near = nearest(
                upstream.as_str(),
                cluster
                    .nodes
                    .keys()
                    .filter(|known| *known != name)
                    .map(NodeName::as_str),
            );
            let help = near.map_or_else(
                || {
                    format!(
                        "the hosts are: {}",
                        cluster
                            .nodes
                            .keys()
                            .map(NodeName::as_str)
                            .collect::<Vec<_>>()
                            .join(", ")
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            problems.push(
                Problem::new(
                    span.clone(),
                    format!("unknown standby `{upstream}` as upstream of `{name}`"),
                    "no host of this name",
                )
                .help(help),
            );
            continue;
        }
        let mut at = upstream;
        let mut visited = BTreeSet::from([name]);
        while visited.insert(at) {
            match cluster
                .nodes
                .get(at)
                .and_then(|node| node.upstream.as_ref())
            {
                Some(next) => at = next,
                None => break,
            }
            if at == name {
                problems.push(Problem::new(
                    span.clone(),
                    format!("the upstreams of `{name}` lead in a circle"),
                    "it would follow itself",
                ));
            }
        }
        if upstream == name {
            problems.push(Problem::new(
                span.clone(),
                format!("`{name}` cannot follow itself"),
                "its own name",
            ));
        }
    }
}

fn names(cluster: &Cluster, places: &KeySpans, problems: &mut Vec<Problem>) {
    let mut slots: BTreeMap<String, &NodeName> = BTreeMap::new();
    let mut sockets: BTreeMap<(&str, u16), &NodeName> = BTreeMap::new();
    for (name, span) in &places.roles {
        let Some(node) = cluster.nodes.get(name) else {
            continue;
        };
        if let Some(other) = slots.insert(slot_name(name.as_str()), name)
            && other != name
        {
            problems.push(Problem::new(
                span.clone(),
                format!(
                    "`{name}` and `{other}` would share the slot name `{}`",
                    slot_name(name.as_str())
                ),
                "rename one of them",
            ));
        }
        if let Some(address) = &node.address
            && let Some(other) = sockets.insert((address, node.port), name)
            && other != name
        {
            problems.push(Problem::new(
                span.clone(),
                format!("`{name}` and `{other}` have the same address and port"),
                "two servers cannot share them",
            ));
        }
    }
}

fn hba_line(cluster: &Cluster, line: &str, span: &Range<usize>, problems: &mut Vec<Problem>) {
    match hba::parse_line(cluster.major, line) {
        HbaLine::Rule(_) | HbaLine::Include { .. } => {}
        HbaLine::Blank => problems.push(Problem::new(
            span.clone(),
            "empty pg_hba.conf line",
            "expected a rule",
        )),
        HbaLine::Bad(problem) => {
            // The text of a quoted scalar begins behind its quote.
            let quote = usize::from(span.len() > line.len());
            let at = (span.start + quote + problem.at).min(span.end.saturating_sub(quote));
            let end = line
                .get(problem.at..)
                .and_then(|rest| rest.find([' ', '\t']))
                .map_or(span.end - quote, |len| at + len);
            problems.push(Problem::new(
                at..end.max(at),
                "bad pg_hba.conf line",
                problem.why,
            ));
        }
    }
}
