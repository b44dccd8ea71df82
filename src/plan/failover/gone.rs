//! Who led, when nobody does any more.

use crate::facts::server::Server;
use crate::facts::{Observation, Process};
use crate::files;
use crate::inventory::{Cluster, NodeName};
use crate::postgres::{Lsn, Timeline, conninfo};

/// Returns who led: a server that runs as primary, or whom the standbys follow, or a server that was a primary when it
/// stopped, or the only one that cannot be reached, or the inventory's.
pub(in crate::plan) fn gone(cluster: &Cluster, seen: &Observation) -> NodeName {
    let runs = seen.seen().find(|(_, facts)| facts.primary().is_some());
    let was = || {
        seen.seen()
            .filter(|(_, facts)| {
                facts.server.is_none()
                    && !facts.data.signals.standby
                    && facts.data.control().is_some()
            })
            .max_by_key(|(_, facts)| facts.data.control().map(|control| control.timeline))
    };
    let unseen = || {
        let mut unseen = seen.unseen().map(|(node, _)| node);
        match (unseen.next(), unseen.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    };
    runs.map(|(node, _)| node)
        .or_else(|| followed(cluster, seen))
        .or_else(|| was().map(|(node, _)| node))
        .or_else(unseen)
        .unwrap_or(&cluster.primary)
        .clone()
}

/// Whom the most advanced standby follows, if that is no standby itself: the inventory may still name an earlier primary.
fn followed<'a>(cluster: &'a Cluster, seen: &'a Observation) -> Option<&'a NodeName> {
    let mut standbys: Vec<(&NodeName, &Server)> = seen
        .seen()
        .filter_map(|(node, facts)| Some((node, facts.server.as_ref()?)))
        .filter(|(_, server)| server.in_recovery)
        .collect();
    standbys.sort_by_key(|(_, server)| std::cmp::Reverse(end(server)));
    standbys.into_iter().find_map(|(standby, server)| {
        let said = server.settings.get("primary_conninfo")?;
        let pairs = conninfo::parse(&said.setting)?;
        let host = &pairs.iter().find(|(key, _)| key == "host")?.1;
        let above = cluster.nodes.get(standby)?.upstream.as_ref();
        cluster.nodes.keys().find(|peer| {
            let stands_by = seen.facts(peer).is_some_and(|facts| {
                facts.data.signals.standby
                    || facts.process == Process::Stopped && facts.data.control().is_none()
            });
            *peer != standby
                && above != Some(*peer)
                && !stands_by
                && files::host(cluster, seen, standby, peer).as_ref() == Some(host)
        })
    })
}

/// How far a standby is.
pub(in crate::plan) fn end(server: &Server) -> (Timeline, Lsn) {
    (
        server.timeline,
        server.received.max(server.replayed).unwrap_or_default(),
    )
}
