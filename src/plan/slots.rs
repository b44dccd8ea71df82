//! Replication slots that nobody of the cluster needs any more: they would keep WAL until the disk is full.

use std::collections::{BTreeMap, BTreeSet};

use super::Role;
use super::builder::Builder;
use crate::action::DropSlot;
use crate::inventory::NodeName;
use crate::postgres::slot_name;

/// Plans to drop the slots of standbys that left the inventory: our own pg_hba.conf still names them.
pub(super) fn drop_left(b: &mut Builder, name: &NodeName) {
    let (Some(facts), Some(platform)) = (b.facts(name), b.platform(name)) else {
        return;
    };
    let Some(server) = &facts.server else { return };
    let text = facts
        .files
        .get(&platform.config("pg_hba.conf"))
        .and_then(|file| file.content.clone())
        .unwrap_or_default();
    let user = &b.cluster.replication.user;
    let known: BTreeSet<String> = b
        .cluster
        .nodes
        .keys()
        .map(|node| slot_name(node.as_str()))
        .collect();
    let former: BTreeMap<String, String> = text
        .lines()
        .filter(|line| {
            text.contains(": written by pgrepl.")
                && line.starts_with("host    replication")
                && line.contains(user.as_str())
        })
        .filter_map(|line| line.rsplit_once("# "))
        .map(|(_, node)| (slot_name(node.trim()), node.trim().to_owned()))
        .filter(|(slot, _)| !known.contains(slot))
        .collect();
    let drops: Vec<(DropSlot, String)> = former
        .iter()
        .filter_map(|(slot, node)| {
            let found = server.slots.get(slot)?;
            Some((
                DropSlot {
                    slot: slot.clone(),
                    retained: found.retained,
                },
                node.clone(),
            ))
        })
        .collect();
    let idle: Vec<(String, Option<u64>)> = server
        .slots
        .iter()
        .filter(|(slot, state)| {
            !known.contains(*slot)
                && !former.contains_key(*slot)
                && !state.active
                && !state.temporary
        })
        .map(|(slot, state)| (slot.clone(), state.retained))
        .collect();
    for (action, node) in drops {
        b.step(
            name,
            action,
            format!("{node} left the inventory; that server itself is left alone"),
            &[],
        );
    }
    for (slot, retained) in idle {
        b.note(
            name,
            format!(
                "slot {slot} belongs to no host of the inventory and keeps {} bytes of WAL",
                retained.unwrap_or(0)
            ),
            format!("if nobody needs it: SELECT pg_drop_replication_slot('{slot}');"),
        );
    }
}

/// Plans to drop the slots that a standby had on a server it does not follow any more, once it streams from another one.
pub(super) fn drop_stale(b: &mut Builder) {
    let nodes: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    for name in &nodes {
        if !b.free(name) {
            continue;
        }
        for owner in &nodes {
            let slot = slot_name(owner.as_str());
            let Some(found) = b
                .facts(name)
                .and_then(|facts| facts.server.as_ref()?.slots.get(&slot))
            else {
                continue;
            };
            let retained = found.retained;
            let why = match b.role(owner) {
                Role::Primary => format!("{owner} is the primary"),
                Role::Standby { upstream } => {
                    let needed = upstream == *name && b.cluster.replication.slots;
                    if needed || !streams(b, owner, &upstream) {
                        continue;
                    }
                    format!("{owner} follows {upstream}")
                }
            };
            b.step(name, DropSlot { slot, retained }, why, &[owner]);
        }
    }
}

/// Says whether a standby will stream from a server.
pub(super) fn streams(b: &Builder, standby: &NodeName, upstream: &NodeName) -> bool {
    b.facts(upstream)
        .and_then(|facts| facts.server.as_ref())
        .is_some_and(|server| {
            server
                .senders
                .iter()
                .any(|sender| sender.name == standby.as_str() && sender.state == "streaming")
        })
}
