//! What is wrong with a server that runs.

use super::stream::{Stream, stream, upstream};
use super::style::bytes;
use super::trouble::Trouble;
use super::trouble::Urgency::{self, Replication, Rest};
use crate::facts::server::LogicalSlot;
use crate::facts::{Facts, Observation, Server, WayBack, waits_for_restart, way_back};
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::platform_of;
use crate::plan::update::behind::told;
use crate::postgres::{ServerVersion, slot_name};

/// Returns the command that shows the end of a server's log.
pub(super) fn show_log(cluster: &Cluster, facts: &Facts, name: &NodeName) -> String {
    platform_of(cluster, facts, name).map_or_else(
        || format!("ssh {name} sudo journalctl -n 20"),
        |platform| platform.show_log(name.as_str()),
    )
}

/// Tells that a server does not run what is installed, what is wanted, or what another one runs.
pub(super) fn behind(
    cluster: &Cluster,
    seen: &Observation,
    name: &NodeName,
    facts: &Facts,
) -> Option<Trouble> {
    let runs = facts.server.as_ref()?.version;
    let older = || {
        let newest = newest(seen).filter(|newest| *newest > runs)?;
        Some(format!("it runs {runs}, and another server {newest}"))
    };
    let what = told(cluster, facts).or_else(older)?;
    Some(Trouble::new(name, what, "pgrepl update"))
}

/// The newest version that a server runs.
fn newest(seen: &Observation) -> Option<ServerVersion> {
    let servers = seen.seen().filter_map(|(_, facts)| facts.server.as_ref());
    servers.map(|server| server.version).max()
}

/// Tells what keeps a running server from doing its part.
pub(super) fn server_troubles(
    cluster: &Cluster,
    seen: &Observation,
    name: &NodeName,
    (facts, server): (&Facts, &Server),
    leader: Option<&NodeName>,
    add: &mut dyn FnMut(Urgency, String, String),
) {
    if server.in_recovery {
        let log = show_log(cluster, facts, name);
        match stream(cluster, seen, leader, name, server) {
            // An upstream that could not be asked is a problem of its own; the standby's word stands.
            Stream::Streams(_) | Stream::Receives => {}
            Stream::Elsewhere => {
                let from = upstream(cluster, leader, name);
                let from = from.map_or_else(|| "its upstream".into(), ToString::to_string);
                add(
                    Replication,
                    format!(
                        "receives WAL, and {from} does not send any to it: it follows another server, or its stream has just ended"
                    ),
                    "pgrepl plan".into(),
                );
            }
            Stream::Not(state) => {
                let (message, help) = not_streaming(cluster, seen, leader, name, facts)
                    .unwrap_or_else(|| match state {
                        "not streaming" => ("does not stream".into(), log),
                        state => (format!("does not stream: {state}"), log),
                    });
                add(Replication, message, help);
            }
        }
        if server.paused {
            add(
                Replication,
                "replay is paused".into(),
                format!("on {name}: SELECT {}();", cluster.major.caps().names.resume),
            );
        }
    }
    let left = |slot: &LogicalSlot| server.in_recovery && !slot.is_kept();
    for (slot, _) in server.logical_slots.iter().filter(|(_, slot)| left(slot)) {
        add(
            Rest,
            format!(
                "logical slot {slot} is not kept up to date on this standby and nobody reads it: if it is left from when {name} \
                 was the primary, it keeps WAL here, and dead rows on the primary"
            ),
            format!("on {name}, if no reader needs it: SELECT pg_drop_replication_slot('{slot}');"),
        );
    }
    for (slot, state) in &server.slots {
        let owner = cluster
            .nodes
            .keys()
            .find(|node| slot_name(node.as_str()) == *slot);
        let kept = bytes(state.retained.unwrap_or(0));
        match owner {
            Some(owner) if !state.active && !state.temporary => add(
                Replication,
                format!(
                    "slot {slot} is not used: {owner} does not stream, {kept} of WAL are kept for it"
                ),
                format!(
                    "if {owner} is gone for good: take it out of the inventory, then: pgrepl apply"
                ),
            ),
            None if !state.temporary => add(
                Rest,
                format!("slot {slot} belongs to no host of the inventory and keeps {kept} of WAL"),
                format!("if nobody needs it: SELECT pg_drop_replication_slot('{slot}');"),
            ),
            _ => {}
        }
        let again = owner.map_or_else(String::new, |owner| match state.has_lost_wal() {
            true => format!("pgrepl rebuild {owner} --from primary"),
            false => "pgrepl apply".into(),
        });
        if state.is_lost() {
            let why = state
                .invalidation
                .as_deref()
                .unwrap_or("its WAL was removed");
            add(
                Replication,
                format!("slot {slot} is lost ({why}): nobody can stream through it"),
                again,
            );
        } else if state.wal_status.as_deref() == Some("unreserved") {
            add(
                Replication,
                format!("slot {slot} is about to lose WAL that its standby needs"),
                "pgrepl apply".into(),
            );
        }
    }
    let waiting = waits_for_restart(cluster.major, facts);
    if !waiting.is_empty() {
        add(
            Rest,
            format!(
                "a restart is needed before it uses the new {}",
                waiting.join(", ")
            ),
            "pgrepl plan; or restart it by hand when that suits".into(),
        );
    }
    for error in server.conf_errors.iter().chain(&server.hba_errors) {
        add(
            Rest,
            format!(
                "configuration line {}: {}",
                error.line.unwrap_or(0),
                error.error
            ),
            "pgrepl plan".into(),
        );
    }
}

/// Says why a standby does not stream, and what to type, where that is seen.
fn not_streaming(
    cluster: &Cluster,
    seen: &Observation,
    leader: Option<&NodeName>,
    name: &NodeName,
    facts: &Facts,
) -> Option<(String, String)> {
    let way = leader.and_then(|leader| Some(way_back(seen.facts(leader)?, facts)));
    if let Some(WayBack::Diverged { fork, end }) = way {
        let why = format!("its primary left its history at {fork}, and it went on to {end}");
        let help = format!("pgrepl rebuild {name}");
        return Some((format!("does not stream: {why}"), help));
    }
    // Without room for WAL it receives none.
    if let Some(disk) = facts.disks_in_use().find(|disk| disk.free < 16 << 20) {
        let (place, left) = (&disk.mounted_on, bytes(disk.free));
        let help = format!("ssh {name} df -h {place}");
        return Some((format!("does not stream: {place} has {left} left"), help));
    }
    let from = upstream(cluster, leader, name)?;
    lacks_slot(cluster, seen, from, name).then(|| {
        let message = format!("does not stream: {from} has no slot for it");
        (message, "pgrepl apply".into())
    })
}

/// Says whether the server that a standby follows was seen to have no slot for it, where slots are wanted.
fn lacks_slot(cluster: &Cluster, seen: &Observation, from: &NodeName, name: &NodeName) -> bool {
    let server = seen.facts(from).and_then(|facts| facts.server.as_ref());
    let slot = slot_name(name.as_str());
    cluster.replication.slots && server.is_some_and(|server| !server.slots.contains_key(&slot))
}
