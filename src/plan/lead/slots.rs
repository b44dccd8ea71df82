//! Logical slots that a change of roles leaves behind.

use crate::plan::lead::lack::{About, Lack, Side};

/// Returns the logical slots that did not come along, or that nothing keeps up to date there.
pub(in crate::plan) fn slots(leads: &Side, follows: &Side) -> Vec<Lack> {
    let (Some(leads), Some(follows)) = (&leads.facts.server, &follows.facts.server) else {
        return Vec::new();
    };
    let standby = |slot: &String| match follows.logical_slots.contains(slot) {
        true if !follows.stale_slots.contains(slot) => None,
        true => Some("one that is not kept up to date"),
        false => Some("does not"),
    };
    let lack = |slot: &String| {
        Some(Lack {
            about: About::LogicalSlot,
            what: format!("logical slot {slot}"),
            primary: "has it".into(),
            standby: standby(slot)?.into(),
            means: "its reader misses changes, or begins anew".into(),
            needs_word: false,
        })
    };
    leads.logical_slots.iter().filter_map(lack).collect()
}
