//! What must be true before a primary is stopped for another one; all of it is told at once.

use crate::action::Action;
use crate::facts::server::Server;
use crate::facts::{Advice, Observation};
use crate::inventory::{Cluster, NodeName};
use crate::plan::address::no_interface;
use crate::plan::converge::{converge_in_place, password};
use crate::plan::switchover::candidate::candidate_can_lead;
use crate::plan::switchover::checklist::{Checks, Pending};
use crate::plan::{PlanError, Step, space};
use crate::postgres::{ClusterState, slot_name};
use crate::render::Templates;

/// How far a candidate may be behind, in bytes: a segment is caught up in less time than a stop takes.
const MAX_LAG: i64 = 16 << 20;
/// WAL segments that may wait for the archiver: a stopping primary archives them first.
const MAX_WAITING: u64 = 32;

/// Checks a switchover from a running primary.
pub fn ready(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    from: &NodeName,
    to: &NodeName,
    left: Pending,
) -> Checks {
    let mut checks = Checks::default();
    let own = |step: &Step| {
        let settings = matches!(
            step.action,
            Action::WriteFile(_)
                | Action::Restart(_)
                | Action::Reload(_)
                | Action::WaitStreaming(_)
        );
        left == Pending::OfPrimary && step.node == *from && settings
    };
    let another = password::another(cluster, seen);
    let rotates = another.is_some();
    if let Some(Advice { message, help }) = another {
        checks.forbid(message, help);
    }
    everyone_is_seen(&mut checks, seen);
    match converge_in_place(cluster, templates, seen, None) {
        Ok(plan) => {
            // Slots for its followers were made by a run that was cut short: apply would drop them, this uses them.
            let pending: Vec<String> = plan
                .steps
                .iter()
                .filter(|step| step.node != *to || !matches!(step.action, Action::DropSlot(_)))
                .filter(|step| !(own(step) || rotates && password::gives(&step.action)))
                .map(|step| format!("{}: {}", step.node, step.action.act().title()))
                .collect();
            if !pending.is_empty() {
                checks.forbid(
                    format!(
                        "{} pending: {}",
                        match pending.len() {
                            1 => "1 step of apply is".to_owned(),
                            n => format!("{n} steps of apply are"),
                        },
                        pending[..pending.len().min(3)].join("; ")
                    ),
                    "pgrepl apply",
                );
            }
            for (node, blocked) in plan.blocked() {
                if seen.facts(node).is_some() || cluster.is_beside(node) {
                    checks.forbid(format!("{node}: {}", blocked.message), blocked.help.clone());
                }
            }
        }
        Err(PlanError::Refused(no)) => checks.forbid(no.message, no.help),
        Err(PlanError::Template(error)) => checks.forbid(error.to_string(), "pgrepl validate"),
    }
    stop_can_be_proved(&mut checks, seen, from);
    if let Some(Advice { message, help }) = no_interface(cluster, seen, to) {
        checks.forbid(format!("{to}: {message}"), help);
    }
    let server = |node: &NodeName| seen.facts(node).and_then(|facts| facts.server.as_ref());
    if let Some(primary) = server(from) {
        primary_can_stop(&mut checks, primary, from, to);
        if let Some(Advice { message, help }) = seen
            .facts(from)
            .and_then(|facts| space::to_stop(from, facts))
        {
            checks.forbid(message, help);
        }
        match server(to) {
            Some(standby) => {
                no_backup_runs(&mut checks, standby, to);
                candidate_follows(&mut checks, cluster, primary, standby, to);
                if !cluster.replication.slots {
                    wal_is_kept(&mut checks, cluster, seen, (from, primary), to);
                }
                let anew = (left == Pending::OfPrimary).then_some(from);
                candidate_can_lead(&mut checks, cluster, seen, standby, to, anew);
            }
            None => checks.forbid(format!("the server on {to} does not run"), "pgrepl apply"),
        }
    }
    checks
}

/// Checks a switchover whose primary an earlier run has stopped.
pub fn ready_again(
    cluster: &Cluster,
    seen: &Observation,
    from: &NodeName,
    to: &NodeName,
) -> Checks {
    let mut checks = Checks::default();
    everyone_is_seen(&mut checks, seen);
    let control = seen.facts(from).and_then(|facts| facts.data.control());
    match (
        control,
        seen.facts(to).and_then(|facts| facts.server.as_ref()),
    ) {
        (Some(control), Some(standby)) => {
            if control.state != ClusterState::ShutDown || control.redo != control.checkpoint {
                checks.forbid(
                    format!("{from} was not stopped cleanly: {}", control.state.as_str()),
                    "start it again: pgrepl apply",
                );
            }
            if (control.system_id, control.timeline) != (standby.system_id, standby.timeline) {
                checks.forbid(
                    format!(
                        "{to} is on timeline {} of {}, {from} on timeline {} of {}",
                        standby.timeline, standby.system_id, control.timeline, control.system_id
                    ),
                    "pgrepl status",
                );
            }
            paused_or_late(&mut checks, cluster, standby, to);
        }
        _ => checks.forbid(
            format!("the server on {to} does not run"),
            "start the primary again: pgrepl apply",
        ),
    }
    checks
}

fn everyone_is_seen(checks: &mut Checks, seen: &Observation) {
    for (node, reason) in seen.unseen() {
        checks.forbid(
            format!("{node} cannot be read: {}", reason.message),
            reason.help.clone(),
        );
    }
}

/// The last record of a stopped primary is read from its control file; without it nothing shows what the candidate lacks.
fn stop_can_be_proved(checks: &mut Checks, seen: &Observation, from: &NodeName) {
    let packages = seen.facts(from).map(|facts| &facts.packages);
    if let Some(packages) = packages.filter(|packages| !packages.tools.contains("pg_controldata")) {
        let place = packages.bindir.as_deref().unwrap_or("its place");
        checks.forbid(
            format!("{from} has no pg_controldata in {place}: once it is stopped, nothing would show where its WAL ends"),
            format!("install all server programs of that version on {from}"),
        );
    }
}

/// A base backup does not outlive a stop, nor the promotion of the standby it is taken from.
fn no_backup_runs(checks: &mut Checks, server: &Server, node: &NodeName) {
    if server.senders.iter().any(|sender| sender.state == "backup") {
        checks.forbid(
            format!("a base backup of {node} is running"),
            "wait for its end; pgrepl status",
        );
    }
}

fn primary_can_stop(checks: &mut Checks, primary: &Server, from: &NodeName, to: &NodeName) {
    no_backup_runs(checks, primary, from);
    let waiting = primary.archive_waiting.unwrap_or(0);
    let failing = primary.archiver.as_ref().is_some_and(|archiver| {
        archiver.last_failed_age_s.is_some_and(|failed| {
            archiver
                .last_archived_age_s
                .is_none_or(|archived| failed < archived)
        })
    });
    if waiting > MAX_WAITING || failing && waiting > 0 {
        checks.forbid(
            format!(
                "{waiting} WAL segments of {from} wait to be archived{}",
                if failing { ", and archiving fails" } else { "" }
            ),
            "pgrepl status",
        );
    }
    if let Some(age) = primary.oldest_transaction_ms.filter(|age| *age > 10_000) {
        checks.remark(
            format!(
                "the stop will end a transaction that has been open for {} s",
                age / 1000
            ),
            "",
        );
    }
    if primary.prepared > 0 {
        checks.remark(
            format!(
                "{} prepared transactions go with the data: end them on {to}",
                primary.prepared
            ),
            "",
        );
    }
}

fn candidate_follows(
    checks: &mut Checks,
    cluster: &Cluster,
    primary: &Server,
    standby: &Server,
    to: &NodeName,
) {
    if primary.system_id != standby.system_id {
        checks.forbid(
            format!(
                "{to} holds another cluster: its system identifier is {}",
                standby.system_id
            ),
            "check the inventory",
        );
    }
    if primary.timeline != standby.timeline {
        checks.forbid(
            format!(
                "{to} is on timeline {}, the primary on {}",
                standby.timeline, primary.timeline
            ),
            "pgrepl status",
        );
    }
    match primary.sender_to(to) {
        Some(sender) if sender.state == "streaming" => {
            let lag = sender.total.unwrap_or(i64::MAX);
            if lag > MAX_LAG {
                checks.forbid(
                    format!("{to} is {lag} bytes behind"),
                    "wait until it has caught up: pgrepl status --watch",
                );
            }
        }
        Some(sender) => checks.forbid(
            format!("{to} does not stream from the primary: {}", sender.state),
            "pgrepl status --watch",
        ),
        None => checks.forbid(
            format!("{to} does not stream from the primary"),
            "pgrepl apply",
        ),
    }
    if cluster.replication.slots {
        let slot = slot_name(to.as_str());
        match primary.slots.get(&slot) {
            Some(found) if found.active && !matches!(found.wal_status.as_deref(), Some("lost" | "unreserved")) => {}
            Some(found) => checks.forbid(
                format!("its slot {slot} is not in use or has lost WAL: {}", found.wal_status.as_deref().unwrap_or("inactive")),
                "pgrepl status",
            ),
            None => checks.forbid(format!("{to} has no slot on the primary: its last WAL could be recycled before it is sent"), "pgrepl apply"),
        }
    }
    paused_or_late(checks, cluster, standby, to);
}

/// Without a slot a stopping primary may recycle its last segment before it has sent it (measured on 15).
fn wal_is_kept(
    checks: &mut Checks,
    cluster: &Cluster,
    seen: &Observation,
    (from, primary): (&NodeName, &Server),
    to: &NodeName,
) {
    let segment = seen
        .facts(from)
        .and_then(|facts| facts.data.control())
        .map_or(16 << 20, |control| control.wal_segment_size);
    let caps = cluster.major.caps();
    let setting = primary
        .settings
        .get(caps.wal_keep)
        .and_then(|setting| setting.setting.parse::<u64>().ok())
        .unwrap_or(0);
    // The one counts segments, the other megabytes.
    let kept = match caps.wal_keep {
        "wal_keep_segments" => setting.saturating_mul(segment),
        _ => setting.saturating_mul(1 << 20),
    };
    let lag = primary
        .senders
        .iter()
        .find(|sender| sender.name == to.as_str())
        .and_then(|sender| u64::try_from(sender.total?).ok())
        .unwrap_or(0);
    if kept < lag + 2 * segment {
        checks.forbid(
            format!(
                "nothing keeps the last WAL of {from} until {to} has it: there is no slot, and {} is {setting}",
                caps.wal_keep
            ),
            "replication: { slots: true }, then pgrepl apply",
        );
    }
}

fn paused_or_late(checks: &mut Checks, cluster: &Cluster, standby: &Server, to: &NodeName) {
    if !standby.in_recovery {
        checks.forbid(format!("{to} is not a standby"), "pgrepl status");
    }
    if standby.paused {
        let resume = cluster.major.caps().names.resume;
        checks.forbid(
            format!("replay is paused on {to}"),
            format!("SELECT {resume}();"),
        );
    }
    let delay = standby.settings.get("recovery_min_apply_delay");
    if delay.is_some_and(|delay| delay.setting != "0")
        || cluster
            .nodes
            .get(to)
            .is_some_and(|node| node.apply_delay.is_some())
    {
        checks.forbid(
            format!("{to} delays its replay"),
            "choose another one: --to HOST",
        );
    }
}
