//! Proves replication end to end: a row written on the primary is read on every standby, and nothing is left behind.

use super::builder::Builder;
use super::space::to_prove;
use super::{Goal, Plan, PlanError, Refusal};
use super::{address, clients};
use crate::action::{
    Archived, DropProof, ReadProof, SeeArchived, SwitchWal, WaitStreaming, WriteProof,
};
use crate::backup::engine;
use crate::facts::leader::{Leader, leader};
use crate::facts::{Advice, Observation};
use crate::inventory::{Backup, Cluster, NodeName};
use crate::postgres::slot_name;
use crate::render::Templates;

/// Plans the proof; `token` is what the row says, letters and digits; each standby has `seconds` to show it.
pub fn check(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    token: &str,
    seconds: u64,
) -> Result<Plan, PlanError> {
    let lead = leader(cluster.major, seen, &cluster.primary)?;
    let name = lead.node().clone();
    if !matches!(lead, Leader::Running(_)) {
        return Err(PlanError::Refused(Refusal {
            message: "no primary is running".into(),
            details: Vec::new(),
            help: "pgrepl apply".into(),
        }));
    }
    // A row and the end of a segment may be what the last bytes are needed for.
    if let Some(Advice { message, help }) =
        seen.facts(&name).and_then(|facts| to_prove(&name, facts))
    {
        return Err(PlanError::Refused(Refusal {
            message,
            details: Vec::new(),
            help,
        }));
    }
    let mut b = Builder::new(cluster, templates, seen, name, None);
    for (_, standby) in b.standbys() {
        let facts = seen.facts(&standby);
        if let Some(Advice { message, help }) = facts.and_then(|facts| to_prove(&standby, facts)) {
            b.block(&standby, message, help);
        }
    }
    let leader = b.leader.clone();
    let poolers = clients::troubles(cluster, seen, &leader).into_iter();
    for (name, Advice { message, help }) in poolers.chain(address::troubles(cluster, seen, &leader))
    {
        b.block(&name, message, help);
    }
    rows(&mut b, token, seconds);
    b.next_phase();
    archive(&mut b, seconds);
    Ok(b.finish(Goal::Check))
}

/// Tells where the engine of a cluster has its archived segments.
pub(super) fn archived(backup: &Backup, cluster: &str) -> Archived {
    Archived {
        top: backup.top(cluster),
        pattern: engine(backup.tool).archived().into(),
    }
}

/// Plans the proof of the archive: what the primary archives is seen on every host's mount.
fn archive(b: &mut Builder, seconds: u64) {
    let Some(backup) = &b.cluster.backup else {
        return;
    };
    let leader = b.leader.clone();
    let place = archived(backup, &b.cluster.name);
    b.step(&leader, SwitchWal {});
    b.next_phase();
    let seen: Vec<NodeName> = b.world.seen().map(|(node, _)| node.clone()).collect();
    for node in &seen {
        let see = SeeArchived {
            place: place.clone(),
            seconds,
        };
        b.step(node, see);
    }
}

/// Plans the proof itself.
pub(super) fn rows(b: &mut Builder, token: &str, seconds: u64) {
    let name = b.leader.clone();
    let cluster = b.cluster;
    let token = token.to_owned();
    // The readers are at work before the row is written: what they wait for is the replication and nothing else.
    for (_, standby) in b.standbys() {
        // Of one that was not read nobody knows whether it runs: why it was not is told.
        let Some(facts) = b.facts(&standby) else {
            continue;
        };
        let running = facts.server.is_some();
        let delayed = b
            .node(&standby)
            .is_some_and(|node| node.apply_delay.is_some());
        if b.blocked(&standby).is_some() {
            continue;
        }
        if !running {
            b.block(&standby, "its server does not run", "pgrepl status");
        } else if !delayed {
            let read = ReadProof {
                token: token.clone(),
                seconds,
            };
            b.step(&standby, read);
        }
    }
    b.step(&name, WriteProof { token });
    b.next_phase();
    for (_, standby) in b.standbys() {
        if let Some(node) = b.node(&standby).filter(|node| node.apply_delay.is_some())
            && b.free(&standby)
        {
            let upstream = node.upstream.clone().unwrap_or_else(|| name.clone());
            let wait = WaitStreaming {
                standby: standby.clone(),
                slot: cluster
                    .replication
                    .slots
                    .then(|| slot_name(standby.as_str())),
                delayed: true,
                cascading: upstream != name,
            };
            b.step(&upstream, wait).because("it replays later");
        }
    }
    b.next_phase();
    b.step(&name, DropProof {});
}
