//! What a server's settings say so that logical slots outlive a change of roles, from 17 on.

use std::collections::BTreeMap;

use super::view::View;
use crate::inventory::{Node, NodeName, Role};
use crate::postgres::slot_name;

/// The slots whose standbys must have what a logical slot sends on.
pub const WAITED_FOR: &str = "synchronized_standby_slots";
/// What turns it on.
const SYNCS: &str = "sync_replication_slots";

/// Sets what follows from the roles: a standby keeps slots up to date if it follows the primary itself, and a primary waits for
/// the standbys that do, so that no reader of a slot is ahead of whoever leads next.
pub(super) fn follow_roles(view: &View, parameters: &mut BTreeMap<String, String>) {
    let cluster = view.cluster;
    if !cluster.major.caps().syncs_slots {
        return;
    }
    let cascades = matches!(view.role, Role::Standby { upstream } if upstream != view.leader);
    if cascades && syncs(view, view.node) {
        parameters.insert(SYNCS.into(), "off".into());
    }
    let said = parameters.get(WAITED_FOR).cloned();
    let waited: Vec<String> = match &said {
        _ if *view.role != Role::Primary => Vec::new(),
        Some(said) => named(view, said),
        None if cluster.replication.slots && syncs(view, view.node) => direct(view)
            .filter(|node| syncs(view, node))
            .map(|node| slot_name(node.name.as_str()))
            .collect(),
        None => return,
    };
    let mut known = Vec::new();
    for slot in waited {
        if !known.contains(&slot) && is_there(view, &slot) {
            known.push(slot);
        }
    }
    if said.is_some() || !known.is_empty() {
        parameters.insert(WAITED_FOR.into(), known.join(", "));
    }
}

fn syncs(view: &View, node: &Node) -> bool {
    node.syncs_slots(view.cluster.major)
}

/// The standbys that follow this server and do not delay.
fn direct<'v>(view: &'v View) -> impl Iterator<Item = &'v Node> {
    view.cluster.nodes.values().filter(|node| {
        let upstream = node.upstream.as_ref();
        node.name != view.node.name
            && node.apply_delay.is_none()
            && upstream.is_none_or(|upstream| *upstream == view.node.name)
    })
}

/// The slots that the inventory names: whoever leads in the place of its primary is waited for no more, but that one is.
fn named(view: &View, said: &str) -> Vec<String> {
    let own = slot_name(view.node.name.as_str());
    let replaced =
        (view.node.name != view.cluster.primary).then(|| slot_name(view.cluster.primary.as_str()));
    said.split(',')
        .map(str::trim)
        .filter(|slot| !slot.is_empty())
        .filter_map(|slot| match slot == own {
            true => replaced.clone(),
            false => Some(slot.to_owned()),
        })
        .collect()
}

/// Says whether a standby can be waited for: it streams, or is waited for already. One that is away and was waited for never
/// would stop every reader, as the old primary after a failover. Of the slots of others nothing is known.
fn is_there(view: &View, slot: &str) -> bool {
    let mut nodes = view.cluster.nodes.keys();
    let owner: Option<&NodeName> = nodes.find(|node| slot_name(node.as_str()) == slot);
    let (Some(owner), Some(facts)) = (owner, view.world.facts(&view.node.name)) else {
        return owner.is_none();
    };
    let Some(server) = &facts.server else {
        return facts.data.slots.iter().any(|found| found == slot);
    };
    let loaded = server.settings.get(WAITED_FOR);
    let waited = loaded.is_some_and(|loaded| {
        let mut slots = loaded.setting.split(',');
        slots.any(|found| found.trim() == slot)
    });
    server.slots.contains_key(slot) && (waited || server.streams_to(owner))
}
