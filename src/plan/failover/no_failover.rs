//! Why there is no failover: a primary runs, starts, or could run again without any loss.

use crate::facts::server::Server;
use crate::facts::{Advice, Facts, Observation, Process};
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::platform_of;
use crate::postgres::ClusterState;

/// Receivers hear of their primary at least this often, in milliseconds (wal_sender_timeout / 2 by default).
const SILENCE: u64 = 30_000;

/// Who is starting up as a primary: the old one, or one that an earlier failover has promoted.
pub(in crate::plan) fn starting(seen: &Observation) -> Option<&NodeName> {
    let starts = |facts: &Facts| {
        facts.server.is_none()
            && facts.process == Process::Busy
            && facts.other_port.is_none()
            && facts.data.control().is_some()
            && !facts.data.signals.standby
    };
    let mut found = seen.seen().filter(|(_, facts)| starts(facts));
    found.next().map(|(node, _)| node)
}

/// Why nobody can take over, where no standby runs.
pub(in crate::plan) fn alone(cluster: &Cluster, seen: &Observation, from: &NodeName) -> Advice {
    let leads = |facts: &Facts| facts.primary().is_some();
    if let Some((node, _)) = seen.seen().find(|(_, facts)| leads(facts)) {
        return Advice::new(
            format!("{node} is the primary and runs, and no standby runs that could take over"),
            "pgrepl status",
        );
    }
    let mut starting = seen.seen().filter(|(_, facts)| {
        facts.server.is_none() && facts.process == Process::Busy && facts.other_port.is_none()
    });
    if let Some(facts) = seen.facts(from).filter(|facts| is_only_stopped(facts)) {
        return Advice::new(
            format!("{from} is only stopped, and no standby runs that could take over"),
            start(cluster, seen, facts, from),
        );
    }
    match starting.next() {
        Some((node, _)) => Advice::new(
            format!(
                "{node} is starting up and does not answer yet, and no standby runs that could take over"
            ),
            "wait until it accepts connections, then run this again; pgrepl status --watch",
        ),
        None => Advice::new("no standby runs that could take over", "pgrepl status"),
    }
}

/// Why this is no failover: the primary runs, or could run again without any loss.
pub(in crate::plan) fn still_there(
    cluster: &Cluster,
    seen: &Observation,
    standbys: &[(&NodeName, &Server)],
    from: &NodeName,
    to: &NodeName,
) -> Option<Advice> {
    let switchover = format!("pgrepl switchover --to {to}");
    if let Some(facts) = seen.facts(from) {
        if facts.primary().is_some() {
            return Some(Advice::new(
                format!("{from} is the primary and runs"),
                switchover,
            ));
        }
        if facts.process == Process::Busy {
            return Some(Advice::new(
                format!("{from} is starting up or recovering"),
                "wait for it: pgrepl status --watch; or --force",
            ));
        }
        if facts.data.control_state() == Some(ClusterState::ShutDown) {
            return Some(Advice::new(
                format!("{from} was stopped cleanly: nothing has to be lost"),
                switchover,
            ));
        }
        if is_only_stopped(facts) {
            return Some(Advice::new(
                format!(
                    "{from} can be reached and is only stopped: starting it again loses nothing"
                ),
                format!(
                    "{}; or, if it cannot be started: --force",
                    start(cluster, seen, facts, from)
                ),
            ));
        }
    }
    standbys
        .iter()
        .find(|(_, server)| {
            server.receiver.as_ref().is_some_and(|receiver| {
                receiver.status == "streaming"
                    && receiver
                        .last_message_age_ms
                        .is_some_and(|age| age < SILENCE / 3)
            })
        })
        .map(|(node, _)| {
            Advice::new(
                format!("{node} still hears from its primary: {from} lives"),
                "pgrepl status; or --force",
            )
        })
}

fn is_only_stopped(facts: &Facts) -> bool {
    facts.server.is_none() && facts.process != Process::Busy && facts.data.control().is_some()
}

/// What starts a server again: `apply` starts nothing while a host is silent, for the primary may be running there.
fn start(cluster: &Cluster, seen: &Observation, facts: &Facts, node: &NodeName) -> String {
    let unit = platform_of(cluster, facts, node).map(|platform| platform.unit);
    match unit.filter(|unit| seen.unseen().next().is_some() && !unit.is_empty()) {
        Some(unit) => format!("ssh {node} sudo systemctl start {unit}"),
        None => "pgrepl apply".into(),
    }
}
