//! Makes a standby the primary, and the primary its standby, without losing a commit.

use crate::action::{
    Checkpoint, LONGEST_WAL, MarkStandby, Pause, PlaceWal, Promote, ReadWal, Stop, WaitSlots,
};
use crate::facts::leader::{Leader, leader};
use crate::facts::{Advice, Observation};
use crate::inventory::{Cluster, Moment, NodeName};
use crate::plan::address::{given_up, handed_over};
use crate::plan::builder::Builder;
use crate::plan::check::rows;
use crate::plan::clients;
use crate::plan::converge::passes::passes;
use crate::plan::converge::slots::secure;
use crate::plan::converge::{converge_in_place, password};
use crate::plan::hooks::{self, Change};
use crate::plan::lead::lacks;
use crate::plan::lead::slots::not_synced;
use crate::plan::login::{followers, log_in};
use crate::plan::switchover::checklist::Checks;
pub use crate::plan::switchover::checklist::Pending;
use crate::plan::switchover::checks::{ready, ready_again};
use crate::plan::{Goal, Plan, PlanError, Refusal};
use crate::postgres::lsn;
use crate::render::Templates;

pub(super) mod candidate;
pub(in crate::plan) mod checklist;
pub(super) mod checks;
pub mod cut;

/// Why a login is tried.
const TRIED: &str = "tried before anything stops";

/// What a switchover is told besides the cluster.
pub struct SwitchoverRequest<'a> {
    /// Who is to lead; without it the only standby that can.
    pub to: Option<&'a NodeName>,
    /// What the row says that proves replication afterwards, letters and digits.
    pub token: &'a str,
    /// How many seconds the primary has to stop.
    pub seconds: u64,
    /// How long clients wait for the transactions of others, and what becomes of those then.
    pub pause: Pause,
}

/// Plans a switchover: of a running primary, of one that an earlier run has stopped, or what is left to do after a promotion.
pub fn switchover(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    wish: &SwitchoverRequest,
) -> Result<Plan, PlanError> {
    switchover_with(cluster, templates, seen, wish, Pending::Nothing)
}

/// Plans it with what is left to do of `apply`.
pub fn switchover_with(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    wish: &SwitchoverRequest,
    left: Pending,
) -> Result<Plan, PlanError> {
    let lead = leader(cluster.major, seen, &cluster.primary)?;
    let from = lead.node().clone();
    let to = candidate(cluster, &from, wish.to)?;
    if to == from {
        let mut plan = converge_in_place(cluster, templates, seen, None)?;
        plan.goal = Goal::Switchover(to);
        return Ok(plan);
    }
    let checks = match &lead {
        Leader::Running(_) => ready(cluster, templates, seen, &from, &to, left),
        Leader::Stopped(_) => ready_again(cluster, seen, &from, &to),
        Leader::New(_) => Checks::one("there is no cluster yet", "pgrepl apply"),
    };
    checks.conclude(&to)?;
    let mut b = Builder::new(cluster, templates, seen, to.clone(), None);
    let pausing = match lead {
        Leader::Running(_) => hand_over(&mut b, &from, &to, wish)?,
        _ => {
            take_over(&mut b, &from, &to);
            Vec::new()
        }
    };
    for Advice { message, help } in checks.remarks {
        b.cluster_note(message, help);
    }
    b.next_phase();
    let change = Change {
        from: &from,
        to: &to,
    };
    // First of all the old primary is made unable to start as a second one.
    let system_id = b
        .facts(&from)
        .and_then(|facts| Some(facts.data.control()?.system_id));
    if let (Some(system_id), Some(marker)) = (system_id, b.marker(&from)?) {
        let mark = MarkStandby {
            system_id,
            checkpoint: None,
            marker,
        };
        // Whoever still leads clients there must not lead them to a standby.
        let needs: Vec<&NodeName> = pausing.iter().chain([&to]).collect();
        b.step(&from, mark)
            .because(format!("{to} has everything it had"))
            .after(&needs);
    }
    hooks::run(&mut b, Moment::AfterPromote, change, &[&to]);
    passes(&mut b, &Leader::Running(to.clone()))?;
    hooks::run(&mut b, Moment::AfterFollow, change, &[&to]);
    b.step(&to, Checkpoint {})
        .because("puts the new timeline into its control file");
    b.next_phase();
    rows(&mut b, wish.token, 30);
    let lacks = lacks(cluster, templates, seen, &from, &to)?;
    Ok(Plan {
        lacks,
        ..b.finish(Goal::Switchover(to))
    })
}

fn candidate(
    cluster: &Cluster,
    from: &NodeName,
    to: Option<&NodeName>,
) -> Result<NodeName, PlanError> {
    let refuse = |message: String, help: &str| {
        Err(PlanError::Refused(Refusal {
            message,
            details: Vec::new(),
            help: help.into(),
        }))
    };
    if let Some(to) = to {
        return match cluster.nodes.contains_key(to) {
            true => Ok(to.clone()),
            false => refuse(
                format!("{to} is not in the inventory"),
                "one of its standbys: --to HOST",
            ),
        };
    }
    // Typed again after a switchover, a bare command must not switch back.
    if *from != cluster.primary {
        return refuse(
            format!(
                "{from} leads already, and the inventory says {}: which one is to lead?",
                cluster.primary
            ),
            "--to HOST",
        );
    }
    let able: Vec<&NodeName> = cluster
        .in_order()
        .filter(|node| {
            node.name != *from
                && node.upstream.as_ref().is_none_or(|up| up == from)
                && node.apply_delay.is_none()
        })
        .map(|node| &node.name)
        .collect();
    match able[..] {
        [one] => Ok(one.clone()),
        [] => refuse("no standby could take over".into(), "pgrepl status"),
        _ => refuse(
            "several standbys could take over".into(),
            "say which: --to HOST",
        ),
    }
}

/// From a running primary: everything is tried and prepared while it still serves.
fn hand_over(
    b: &mut Builder,
    from: &NodeName,
    to: &NodeName,
    wish: &SwitchoverRequest,
) -> Result<Vec<NodeName>, PlanError> {
    let (Some(facts), Some(platform)) = (b.facts(from), b.platform(from)) else {
        return Ok(Vec::new());
    };
    let Some(system_id) = facts.server.as_ref().map(|server| server.system_id) else {
        return Ok(Vec::new());
    };
    log_in(b, to, system_id, TRIED);
    b.next_phase();
    // Whatever goes wrong until here ends it before anything stops.
    let everyone: Vec<&NodeName> = b.cluster.nodes.keys().collect();
    slots(b, to, &everyone);
    logical_slots(b, from, to);
    b.next_phase();
    b.step(from, Checkpoint {})
        .because("so that it stops quickly")
        .after(&everyone);
    b.next_phase();
    b.step(to, Checkpoint {})
        .because("so that it is promoted quickly")
        .after(&everyone);
    b.next_phase();
    let change = Change { from, to };
    let hooked = hooks::run(b, Moment::BeforeDemote, change, &everyone);
    // One that fails keeps the primary from stopping.
    let everyone: Vec<&NodeName> = everyone.into_iter().chain(&hooked).collect();
    let pausing = clients::pausing(b, to, wish.pause);
    let address = handed_over(b, from, to);
    let stop = Stop {
        unit: platform.unit,
        system_id,
        hands_over: true,
        pauses: !pausing.is_empty(),
        address: given_up(b, from),
        primary: true,
        seconds: wish.seconds,
    };
    b.step(from, stop).because("writes stop").after(&everyone);
    let promote = Promote {
        system_id,
        handover: true,
        address,
        after: None,
        seconds: 5,
    };
    let why = format!("once it has replayed the last record of {from}");
    b.step(to, promote).because(why).after(&everyone);
    // They have begun to wait before the stop; where they are led then is done last.
    for (pooler, point) in &pausing {
        b.step(pooler, point.clone())
            .because("clients wait from before the stop until it leads")
            .after(&everyone);
    }
    Ok(pausing.into_iter().map(|(pooler, _)| pooler).collect())
}

/// Waits for failover slots that the candidate does not have ready, where it synchronizes them at all.
fn logical_slots(b: &mut Builder, from: &NodeName, to: &NodeName) {
    let server = |node: &NodeName| b.facts(node).and_then(|facts| facts.server.as_ref());
    let (Some(primary), Some(standby)) = (server(from), server(to)) else {
        return;
    };
    let syncs = standby.settings.get("sync_replication_slots");
    let slots = not_synced(primary, standby);
    if slots.is_empty() || syncs.is_none_or(|syncs| syncs.setting != "on") {
        return;
    }
    let primary = from.clone();
    b.step(to, WaitSlots { slots, primary })
        .because("their readers go on with it")
        .after(&[from]);
}

/// Plans the slots of those who will follow a standby that is to lead.
pub(in crate::plan) fn slots(b: &mut Builder, to: &NodeName, needs: &[&NodeName]) {
    if !b.cluster.replication.slots {
        return;
    }
    for name in followers(b, to) {
        secure(b, to, &name, needs);
    }
}

/// From a primary that is stopped already: what the candidate lacks is carried over.
fn take_over(b: &mut Builder, from: &NodeName, to: &NodeName) {
    let Some(control) = b
        .facts(from)
        .and_then(|facts| facts.data.control())
        .cloned()
    else {
        return;
    };
    let replayed = b
        .facts(to)
        .and_then(|facts| facts.server.as_ref()?.replayed)
        .unwrap_or_default();
    if control.checkpoint.bytes_after(replayed) > LONGEST_WAL {
        let lacks = format!("it lacks more than 2 GiB of the WAL that {from} has");
        let help = format!("start the server on {from} until {to} has caught up");
        b.block(to, lacks, help);
        return;
    }
    if replayed <= control.checkpoint {
        let segments = lsn::segments(
            control.timeline,
            replayed,
            control.checkpoint,
            control.wal_segment_size,
        );
        let segment_size = control.wal_segment_size;
        let read = ReadWal {
            segments: segments.clone(),
            segment_size,
        };
        b.step(from, read)
            .because(format!("{to} has replayed up to {replayed} only"));
        b.next_phase();
        let place = PlaceWal {
            segments,
            segment_size,
            end: control.checkpoint,
        };
        b.step(to, place)
            .because(format!("from {from}"))
            .after(&[from]);
        b.next_phase();
    }
    slots(b, to, &[from]);
    let promote = Promote {
        system_id: control.system_id,
        handover: false,
        address: None,
        after: Some(control.checkpoint),
        seconds: 30,
    };
    b.step(to, promote)
        .because(format!("{from} was stopped at {}", control.checkpoint))
        .after(&[from]);
}

/// Plans the logins alone: where something else forbids the switchover, what is wrong with them is told as well.
pub fn logins(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    wish: &SwitchoverRequest,
) -> Option<Plan> {
    let lead = leader(cluster.major, seen, &cluster.primary).ok()?;
    let to = candidate(cluster, lead.node(), wish.to).ok()?;
    let server = seen.facts(&to)?.server.as_ref()?;
    // With a password that nobody has, none works.
    if to == *lead.node() || password::another(cluster, seen).is_some() {
        return None;
    }
    let mut b = Builder::new(cluster, templates, seen, to.clone(), None);
    log_in(&mut b, &to, server.system_id, TRIED);
    Some(b.finish(Goal::Switchover(to)))
}
