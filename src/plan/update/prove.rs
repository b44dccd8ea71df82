//! That who follows a server that was restarted streams from it again, and it from whom it follows.

use crate::action::WaitStreaming;
use crate::inventory::{NodeName, Role};
use crate::plan::builder::Builder;
use crate::postgres::slot_name;

/// Waits for a server, and then for those that follow it.
pub(super) fn prove(b: &mut Builder, node: &NodeName) {
    follows(b, node, node);
    b.next_phase();
    let followers: Vec<NodeName> = b.standbys().into_iter().map(|(_, name)| name).collect();
    for name in followers {
        if matches!(b.role(&name), Role::Standby { upstream } if upstream == *node) {
            follows(b, &name, node);
        }
    }
    b.next_phase();
}

/// Waits for every standby.
pub(super) fn prove_all(b: &mut Builder) {
    let leader = b.leader.clone();
    for (_, name) in b.standbys() {
        follows(b, &name, &leader);
    }
    b.next_phase();
}

fn follows(b: &mut Builder, name: &NodeName, renewed: &NodeName) {
    let Role::Standby { upstream } = b.role(name) else {
        return;
    };
    let slots = b.cluster.replication.slots;
    let wait = WaitStreaming {
        standby: name.clone(),
        slot: slots.then(|| slot_name(name.as_str())),
        delayed: b.node(name).is_some_and(|node| node.apply_delay.is_some()),
        cascading: upstream != b.leader,
    };
    b.step(&upstream, wait).after(&[renewed, name]);
}
