//! Logical slots that a change of roles leaves behind.

use crate::facts::server::{LogicalSlot, Server};
use crate::inventory::Cluster;
use crate::plan::lead::lack::{About, Lack, Side};

/// Returns the logical slots that did not come along, or that nothing keeps up to date there.
pub(in crate::plan) fn slots(cluster: &Cluster, leads: &Side, follows: &Side) -> Vec<Lack> {
    let (Some(leads), Some(server)) = (&leads.facts.server, &follows.facts.server) else {
        return Vec::new();
    };
    let syncs = follows.is_on("sync_replication_slots");
    let standby = |name: &String, slot: &LogicalSlot| match server.logical_slots.get(name) {
        Some(found) if found.is_valid() && found.is_kept() => None,
        // It comes along, or is waited for.
        _ if slot.failover && syncs => None,
        Some(_) => Some("one that is not kept up to date"),
        None => Some("does not"),
    };
    let lack = |(name, slot): (&String, &LogicalSlot)| {
        let failover = match cluster.major.caps().syncs_slots && !slot.failover {
            true => "has it, no failover slot",
            false => "has it",
        };
        Some(Lack {
            about: About::LogicalSlot,
            what: format!("logical slot {name}"),
            primary: failover.into(),
            standby: standby(name, slot)?.into(),
            means: "its reader misses changes, or begins anew".into(),
            needs_word: true,
        })
    };
    let mut valid: Vec<_> = leads.logical_slots.iter().collect();
    valid.retain(|(_, slot)| slot.is_valid());
    valid.into_iter().filter_map(lack).collect()
}

/// Returns the failover slots of a primary that a standby does not have ready, by name.
pub(in crate::plan) fn not_synced(primary: &Server, standby: &Server) -> Vec<String> {
    let ready = |name: &str| {
        let found = standby.logical_slots.get(name);
        found.is_some_and(|slot| slot.is_valid() && slot.is_kept())
    };
    let slots = primary.logical_slots.iter();
    slots
        .filter(|(name, slot)| slot.failover && slot.is_valid() && !ready(name))
        .map(|(name, _)| name.clone())
        .collect()
}
