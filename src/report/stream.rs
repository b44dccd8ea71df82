//! Whether a standby streams: one judgement, for the table and for the problems.

use super::style::duration;
use crate::facts::Observation;
use crate::facts::server::{Sender, Server};
use crate::inventory::{Cluster, NodeName};

/// What is known of a running standby's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream<'a> {
    /// Both ends say so.
    Streams(&'a Sender),
    /// It receives, and its upstream could not be asked.
    Receives,
    /// It receives, and its upstream sends nothing to it.
    Elsewhere,
    /// What its receiver does instead, or that it has none.
    Not(&'a str),
}

/// Returns whom a node follows, as far as the inventory and the leader tell: nobody if it leads or nobody does.
pub fn upstream<'a>(
    cluster: &'a Cluster,
    leader: Option<&'a NodeName>,
    name: &NodeName,
) -> Option<&'a NodeName> {
    let wanted = cluster.nodes.get(name)?.upstream.as_ref();
    wanted
        .or(leader)
        .filter(|_| leader != Some(name))
        .filter(|up| *up != name)
}

/// Returns what the server that a node follows says of it.
pub fn sender<'a>(
    cluster: &'a Cluster,
    seen: &'a Observation,
    leader: Option<&'a NodeName>,
    name: &NodeName,
) -> Option<&'a Sender> {
    let upstream = seen
        .facts(upstream(cluster, leader, name)?)?
        .server
        .as_ref()?;
    let mut senders = upstream.senders.iter();
    senders.find(|sender| sender.name == name.as_str())
}

/// Judges the stream of a standby that runs.
pub fn stream<'a>(
    cluster: &'a Cluster,
    seen: &'a Observation,
    leader: Option<&'a NodeName>,
    name: &NodeName,
    standby: &'a Server,
) -> Stream<'a> {
    let receives = match &standby.receiver {
        None => return Stream::Not("not streaming"),
        Some(receiver) if receiver.status != "streaming" => return Stream::Not(&receiver.status),
        Some(_) => upstream(cluster, leader, name),
    };
    match sender(cluster, seen, leader, name) {
        Some(sender) if sender.state == "streaming" => Stream::Streams(sender),
        Some(sender) => Stream::Not(&sender.state),
        None if receives.is_none_or(|up| seen.facts(up).is_none()) => Stream::Receives,
        None => Stream::Elsewhere,
    }
}

/// Says what the others see of a host that cannot be reached: whether its server works shows there, if anywhere.
pub fn seen_by_others(
    cluster: &Cluster,
    seen: &Observation,
    leader: Option<&NodeName>,
    name: &NodeName,
) -> Option<String> {
    if let Some(up) = upstream(cluster, leader, name)
        && let Some(server) = seen.facts(up).and_then(|facts| facts.server.as_ref())
    {
        let streams = server.streams_to(name);
        return Some(match streams {
            true => format!("{up} sees it stream"),
            false => format!("{up} does not see it stream"),
        });
    }
    // Whoever follows it hears of it.
    let below = seen.seen().filter(|(below, facts)| {
        let node = cluster.nodes.get(*below);
        let above = node.and_then(|node| node.upstream.as_ref());
        let follows = above.map_or(*name == cluster.primary, |above| above == name);
        follows && facts.standby().is_some()
    });
    let heard = below.map(|(below, facts)| {
        let receiver = facts
            .server
            .as_ref()
            .and_then(|server| server.receiver.as_ref());
        let streams = receiver.filter(|receiver| receiver.status == "streaming");
        match streams.map(|receiver| receiver.last_message_age_ms) {
            Some(Some(age)) => format!("{below} heard from it {} ago", duration(age / 1000)),
            Some(None) => format!("{below} streams from it"),
            None => format!("{below} does not stream from it"),
        }
    });
    let heard: Vec<String> = heard.collect();
    (!heard.is_empty()).then(|| heard.join(", "))
}
