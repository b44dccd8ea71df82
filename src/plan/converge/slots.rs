//! Replication slots: those that standbys need are there and keep WAL, those that nobody of the cluster needs any more go,
//! because they would keep WAL until the disk is full.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{CreateSlot, DropSlot};
use crate::facts::server::{LogicalSlot, Slot};
use crate::facts::{Content, Facts};
use crate::files::archive::fetch;
use crate::inventory::{Cluster, NodeName};
use crate::plan::Role;
use crate::plan::builder::Builder;
use crate::plan::converge::cut_off;
use crate::postgres::slot_name;

/// Plans the slot of a standby on the server that it follows, if it is not there or of no use.
pub(in crate::plan) fn secure(
    b: &mut Builder,
    owner: &NodeName,
    standby: &NodeName,
    needs: &[&NodeName],
) {
    if let Some((create, why)) = unsecured(b, owner, standby) {
        b.step(owner, create).because(why).after(needs);
    }
}

/// Returns the slot that a standby lacks, and why. One that is in use is never touched.
///
/// A copy begins now: what an old slot still keeps is of no use to it, and a slot that may be lost at the next checkpoint,
/// which the copy itself asks for, would end it.
pub(in crate::plan) fn unsecured(
    b: &Builder,
    owner: &NodeName,
    standby: &NodeName,
) -> Option<(CreateSlot, String)> {
    let slot = slot_name(standby.as_str());
    let found = |facts: Option<&Facts>| {
        let server = facts.and_then(|facts| facts.server.as_ref());
        server.and_then(|server| server.slots.get(&slot)).cloned()
    };
    let Some(now) = found(b.facts(owner)) else {
        let create = CreateSlot { slot, anew: false };
        return Some((create, format!("for {standby}")));
    };
    // Steps before this one tell only who uses it; one that they create is in use or new.
    let seen = found(b.seen.facts(owner))?;
    let copied = b
        .facts(standby)
        .is_some_and(|facts| facts.data.content == Content::Nothing);
    let why = match copied {
        _ if now.active || now.temporary || now.restart_lsn != seen.restart_lsn => return None,
        _ if seen.is_lost() => "it is lost",
        true if seen.keeps_nothing_for_certain() => "it keeps nothing for certain",
        _ => return None,
    };
    let why = match &seen.invalidation {
        Some(cause) => format!("for {standby}: {why} ({cause})"),
        None => format!("for {standby}: {why}"),
    };
    Some((CreateSlot { slot, anew: true }, why))
}

/// Plans the slots of those who follow a server that a rebuild has made anew: they went with its old data.
pub(in crate::plan) fn followed(b: &mut Builder, name: &NodeName) {
    let runs = b.facts(name).is_some_and(|facts| facts.server.is_some());
    if !b.cluster.replication.slots || !b.free(name) || !runs {
        return;
    }
    for (_, follower) in b.standbys() {
        let follows = matches!(b.role(&follower), Role::Standby { upstream } if upstream == *name);
        if !follows || b.seen.facts(&follower).is_none() {
            continue;
        }
        if let Some((create, _)) = unsecured(b, name, &follower) {
            let why = format!("{follower} follows {name}");
            b.step(name, create).because(why);
            b.note(
                name,
                format!("{follower} follows it, and misses what is written until it is back, unless that is in the archive"),
                format!("if {follower} does not stream then: pgrepl rebuild {follower}"),
            );
        }
    }
}

/// Says whether the WAL that a standby needs next is gone: its slot has lost it, it does not stream, and there is no archive.
pub(in crate::plan) fn wal_is_lost(
    cluster: &Cluster,
    upstream: &Facts,
    standby: &NodeName,
) -> bool {
    let Some(server) = &upstream.server else {
        return false;
    };
    let slot = server.slots.get(&slot_name(standby.as_str()));
    let follows = |name: &str| name == standby.as_str();
    cluster.replication.slots
        && slot.is_some_and(Slot::has_lost_wal)
        && fetch(cluster).is_none()
        && !server.senders.iter().any(|sender| follows(&sender.name))
}

/// Plans to drop the slots of standbys that left the inventory: our own pg_hba.conf still names them.
pub(in crate::plan) fn drop_left(b: &mut Builder, name: &NodeName) {
    let (Some(facts), Some(platform)) = (b.facts(name), b.platform(name)) else {
        return;
    };
    let Some(server) = &facts.server else { return };
    let text = cut_off::content(facts, &platform.config("pg_hba.conf"));
    let known: BTreeSet<String> = b
        .cluster
        .nodes
        .keys()
        .map(|node| slot_name(node.as_str()))
        .collect();
    let strangers = cut_off::strangers(b, name);
    let named = cut_off::rules(text, &b.cluster.replication.user).filter_map(|(_, node)| node);
    let former: BTreeMap<String, String> = named
        .chain(strangers.iter().map(String::as_str))
        .map(|node| (slot_name(node), node.to_owned()))
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
                    left: false,
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
    let unread = b.seen.unseen().map(|(node, _)| node.clone()).next();
    for (action, node) in drops {
        if let Some(unread) = &unread {
            let stays = format!(
                "slot {} stays while {unread} cannot be read: {node} left the inventory",
                action.slot
            );
            b.note(name, stays, "");
            continue;
        }
        let why = match strangers.contains(&node) {
            true => format!("{node} left the inventory and streams now: this cuts it off"),
            false => format!("{node} left the inventory; that server itself is left alone"),
        };
        b.step(name, action).because(why);
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
pub(in crate::plan) fn drop_stale(b: &mut Builder) {
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
                Role::Primary | Role::Pooler | Role::Hooks => format!("{owner} is the primary"),
                Role::Standby { upstream } => {
                    let needed = upstream == *name && b.cluster.replication.slots;
                    if needed || !streams(b, owner, &upstream) {
                        continue;
                    }
                    format!("{owner} follows {upstream}")
                }
            };
            let drop = DropSlot {
                slot,
                retained,
                left: false,
            };
            b.step(name, drop).because(why).after(&[owner]);
        }
    }
}

/// Plans to drop the failover slots that a standby has from when it was the primary, once the primary has them: they keep those
/// away that are to be synchronized.
pub(in crate::plan) fn drop_left_logical(b: &mut Builder) {
    let leads = b.facts(&b.leader).and_then(|facts| facts.primary());
    let leads = leads.map(|server| server.logical_slots.clone());
    let has = |name: &String| {
        let slot = leads.as_ref().and_then(|slots| slots.get(name));
        slot.is_some_and(|slot| slot.failover && slot.is_valid())
    };
    for (_, name) in b.standbys() {
        let stands = b
            .facts(&name)
            .is_some_and(|facts| facts.standby().is_some());
        let Some(seen) = b.seen.facts(&name).filter(|_| b.free(&name) && stands) else {
            continue;
        };
        let mut left: Vec<(String, Option<u64>)> = match &seen.server {
            Some(server) => {
                let slots = server.logical_slots.iter();
                let read = |slot: &LogicalSlot| slot.active && server.in_recovery;
                slots
                    .filter(|(_, slot)| slot.failover && !slot.synced && !read(slot))
                    .map(|(name, slot)| (name.clone(), slot.retained))
                    .collect()
            }
            // Of a primary that was stopped only the names are known.
            None if seen.data.signals.standby => Vec::new(),
            None => seen
                .data
                .slots
                .iter()
                .map(|name| (name.clone(), None))
                .collect(),
        };
        left.retain(|(slot, _)| has(slot));
        let leader = b.leader.clone();
        for (slot, retained) in left {
            let drop = DropSlot {
                slot,
                retained,
                left: true,
            };
            b.step(&name, drop)
                .because(format!("{leader} has it, and {name} was the primary"))
                .after(&[&leader]);
        }
    }
}

/// Says whether a standby will stream from a server.
pub(in crate::plan) fn streams(b: &Builder, standby: &NodeName, upstream: &NodeName) -> bool {
    b.facts(upstream)
        .and_then(|facts| facts.server.as_ref())
        .is_some_and(|server| server.streams_to(standby))
}
