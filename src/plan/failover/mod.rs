//! Makes a standby the primary because the primary is gone.

use crate::action::{Checkpoint, Disable, Promote, Stop};
use crate::facts::leader::{Leader, leader};
use crate::facts::server::Server;
use crate::facts::{Advice, Observation, Process, turned_away};
use crate::inventory::{Cluster, Moment, NodeName};
use crate::plan::address::given_up;
use crate::plan::builder::Builder;
use crate::plan::check::rows;
use crate::plan::converge::converge_in_place;
use crate::plan::converge::passes::passes;
use crate::plan::converge::password::refuse_another;
use crate::plan::failover::gone::{end, gone};
use crate::plan::failover::no_failover::{alone, starting, still_there};
use crate::plan::hooks::{self, Change};
use crate::plan::lead::lacks;
use crate::plan::switchover::slots;
use crate::plan::{Goal, Plan, PlanError, Refusal};
use crate::render::Templates;

pub(super) mod gone;
pub(super) mod no_failover;

/// What a failover is told besides the cluster.
pub struct FailoverRequest<'a> {
    /// Who is to lead; without it the standby that has the most.
    pub to: Option<&'a NodeName>,
    /// Whether a primary that still answers is no reason to refuse.
    pub force: bool,
    /// What the row says that proves replication afterwards, letters and digits.
    pub token: &'a str,
}

/// A plan with what has to be said before it is approved.
pub struct Failover {
    /// The plan.
    pub plan: Plan,
    /// Who led: its name confirms the loss.
    pub from: NodeName,
    /// What may be lost.
    pub loss: String,
}

/// Plans a failover. Nobody leads while it is planned, so all it goes by is what each standby has.
pub fn failover(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    wish: &FailoverRequest,
) -> Result<Failover, PlanError> {
    let from = gone(cluster, seen);
    let standbys: Vec<(&NodeName, &Server)> = seen
        .seen()
        .filter_map(|(node, facts)| Some((node, facts.server.as_ref()?)))
        .filter(|(_, server)| server.in_recovery)
        .collect();
    let mut details: Vec<String> = standbys
        .iter()
        .map(|(node, server)| {
            format!(
                "{node}: timeline {}, WAL up to {}",
                server.timeline,
                end(server).1
            )
        })
        .collect();
    details.extend(
        seen.unseen()
            .map(|(node, reason)| format!("{node}: {}", reason.message)),
    );
    let refuse = |message: String, help: String| {
        Err(PlanError::Refused(Refusal {
            message,
            details: details.clone(),
            help,
        }))
    };
    let running: Vec<&NodeName> = seen
        .seen()
        .filter(|(_, facts)| facts.primary().is_some())
        .map(|(node, _)| node)
        .collect();
    if let ([_, _, ..], Err(why)) = (&running[..], leader(cluster.major, seen, &cluster.primary)) {
        return Err(why.into());
    }
    if let Some(starting) = starting(seen).filter(|node| !wish.force || **node != from) {
        return refuse(
            format!("{starting} is starting up as a primary and does not answer yet"),
            format!(
                "wait until it accepts connections, then run this again; pgrepl status --watch{}",
                if *starting == from {
                    "; or --force"
                } else {
                    ""
                }
            ),
        );
    }
    // A server that runs and lets nobody ask is as good as a primary.
    let closed = seen.seen().filter(|(_, facts)| !facts.data.signals.standby);
    if let Some(Advice { message: why, help }) = closed
        .filter(|(node, _)| !wish.force || **node != from)
        .find_map(|(node, facts)| turned_away(node, facts))
    {
        return refuse(why, help);
    }
    // Another one leads than the inventory wants: an earlier failover got past its promotion.
    let promoted = running.first().copied();
    let promoted = promoted.filter(|node| **node != cluster.primary && !wish.force);
    let Some(to) = wish.to.or(promoted).or_else(|| most(cluster, &standbys)) else {
        let Advice { message: why, help } = alone(cluster, seen, &from);
        return refuse(why, help);
    };
    if !cluster.nodes.contains_key(to) {
        return refuse(
            format!("{to} is not in the inventory"),
            "one of its standbys: --to HOST".into(),
        );
    }
    if running.contains(&to) {
        let mut plan = converge_in_place(cluster, templates, seen, None)?;
        plan.goal = Goal::Failover(to.clone());
        return Ok(Failover {
            plan,
            from,
            loss: format!("{to} leads already, nothing more is lost"),
        });
    }
    let Some((_, candidate)) = standbys.iter().find(|(node, _)| *node == to) else {
        return refuse(
            format!("{to} does not run as a standby"),
            "pgrepl status".into(),
        );
    };
    if let (false, Some(Advice { message: why, help })) =
        (wish.force, still_there(cluster, seen, &standbys, &from, to))
    {
        return refuse(why, help);
    }
    if let Some((other, _)) = standbys
        .iter()
        .find(|(_, server)| server.system_id != candidate.system_id)
    {
        return refuse(
            format!("{to} and {other} hold different database clusters"),
            "check the inventory".into(),
        );
    }
    let second = seen.seen().find(|(node, facts)| {
        let writes = facts.primary().is_some();
        let silent = facts.process != Process::Stopped && facts.server.is_none();
        **node != from && (writes || silent && !facts.data.signals.standby)
    });
    if let Some((second, _)) = second {
        return refuse(
            format!("{second} runs as a primary too, beside {from}"),
            format!("stop one of them by hand: ssh {second} sudo pg_lsclusters"),
        );
    }
    let ahead = standbys.iter().max_by_key(|(_, server)| end(server));
    if let Some((other, server)) = ahead.filter(|(_, server)| end(server) > end(candidate)) {
        let bytes = end(server).1.bytes_after(end(candidate).1);
        let more = match server.timeline == candidate.timeline {
            true => format!("has {bytes} bytes of WAL more than {to}"),
            false => format!(
                "is on timeline {}, and {to} on {}",
                server.timeline, candidate.timeline
            ),
        };
        return refuse(format!("{other} {more}"), format!("--to {other}"));
    }
    if candidate.paused {
        return refuse(
            format!("replay is paused on {to}"),
            format!("SELECT {}();", cluster.major.caps().names.resume),
        );
    }
    refuse_another(cluster, seen)?;
    let mut b = Builder::new(cluster, templates, seen, to.clone(), None);
    fence(&mut b, &from, to);
    b.next_phase();
    slots(&mut b, to, &[]);
    let promote = Promote {
        system_id: candidate.system_id,
        handover: false,
        address: None,
        after: None,
        seconds: 60,
    };
    let why = format!("it has the most: WAL up to {}", end(candidate).1);
    // A primary that could not be stopped must not get a second one beside it.
    let needs: Vec<&NodeName> = seen.facts(&from).map(|_| &from).into_iter().collect();
    b.step(to, promote).because(why).after(&needs);
    b.next_phase();
    let change = Change { from: &from, to };
    hooks::run(&mut b, Moment::AfterPromote, change, &[to]);
    passes(&mut b, &Leader::Running(to.clone()))?;
    hooks::run(&mut b, Moment::AfterFollow, change, &[to]);
    b.step(to, Checkpoint {})
        .because("puts the new timeline into its control file");
    b.next_phase();
    rows(&mut b, wish.token, 30);
    let lacks = lacks(cluster, templates, seen, &from, to)?;
    if seen.facts(&from).is_none() {
        b.cluster_note(
            format!("what {from} had and {to} lacks is unknown: {to} was compared with the inventory alone"),
            "",
        );
    }
    Ok(Failover {
        loss: loss(seen, &standbys, candidate, &from, to),
        plan: Plan {
            lacks,
            ..b.finish(Goal::Failover(to.clone()))
        },
        from,
    })
}

/// The standby with the most WAL on the newest timeline; among equals one that neither pauses nor delays its replay.
fn most<'a>(cluster: &Cluster, standbys: &[(&'a NodeName, &Server)]) -> Option<&'a NodeName> {
    let place = |name: &NodeName| cluster.in_order().position(|node| node.name == *name);
    let delays = |name: &NodeName| {
        cluster
            .nodes
            .get(name)
            .is_some_and(|node| node.apply_delay.is_some())
    };
    standbys
        .iter()
        .filter(|(name, _)| place(name).is_some())
        .min_by_key(|(name, server)| {
            let behind = std::cmp::Reverse(end(server));
            (behind, server.paused || delays(name), place(name))
        })
        .map(|(name, _)| *name)
}

/// Makes what can be reached of the old primary unable to come back on its own, and says so where it cannot be reached.
fn fence(b: &mut Builder, from: &NodeName, to: &NodeName) {
    let (Some(facts), Some(platform)) = (b.facts(from).cloned(), b.platform(from)) else {
        b.cluster_note(
            format!("{from} cannot be reached and is NOT fenced: if it lives, it still accepts writes, and they will be lost"),
            format!("make sure that it is off before you go on; when it is back: pgrepl rebuild {from}"),
        );
        if let Some(address) = &b.cluster.address {
            let message = format!(
                "{from} may still have {ip}: {to} gets it only if nobody answers for it",
                ip = address.ip
            );
            let help =
                format!("if it is not added: make sure that {from} is off, then: pgrepl apply");
            b.cluster_note(message, help);
        }
        return;
    };
    b.step(
        from,
        Disable {
            unit: platform.unit.clone(),
        },
    )
    .because(format!("it must not come back beside {to}"));
    if let (true, Some(control)) = (facts.process != Process::Stopped, facts.data.control()) {
        let address = given_up(b, from);
        let stop = Stop {
            address,
            ..Stop::alone(platform.unit, control.system_id)
        };
        b.step(from, stop)
            .because(format!("it must not run beside {to}"));
    }
}

/// Says what may be lost, and how certain that is.
fn loss(
    seen: &Observation,
    standbys: &[(&NodeName, &Server)],
    candidate: &Server,
    from: &NodeName,
    to: &NodeName,
) -> String {
    let mut text = format!("{to} has WAL up to {}", end(candidate).1);
    if let Some(age) = candidate.replay_age_ms {
        text += &format!(
            "; the last commit it replayed is {:.1} s old",
            age as f64 / 1000.0
        );
    }
    text += &format!(". Whatever {from} acknowledged after that is lost");
    let announced = candidate
        .receiver
        .as_ref()
        .and_then(|receiver| receiver.latest_end);
    // A stopped primary tells where its last checkpoint is.
    let written = seen
        .facts(from)
        .and_then(|facts| facts.data.control())
        .filter(|control| control.timeline == candidate.timeline)
        .map(|control| control.checkpoint);
    match announced.max(written) {
        Some(known) => match known.bytes_after(end(candidate).1) {
            0 => text += ": nothing of that kind is known",
            bytes => text += &format!(": at least {bytes} bytes"),
        },
        None => text += "; the amount is unknown",
    }
    let history = seen
        .facts(to)
        .and_then(|facts| facts.data.history.as_ref())
        .filter(|history| history.of == candidate.timeline);
    for (node, server) in standbys.iter().filter(|(node, _)| *node != to) {
        let (timeline, end) = end(server);
        text += &format!(". {node} has WAL up to {end} on timeline {timeline}");
        let fork = history.and_then(|history| history.left(timeline));
        if let Some(fork) = fork.filter(|fork| end > *fork) {
            text += &format!(
                ", which {to} left at {fork}: {} bytes of it are lost, and it has to be rebuilt",
                end.bytes_after(fork)
            );
        }
    }
    let silent: Vec<&str> = seen
        .unseen()
        .map(|(node, _)| node.as_str())
        .filter(|node| *node != from.as_str())
        .collect();
    if !silent.is_empty() {
        text += &format!(
            ". Not asked, because they cannot be reached: {}",
            silent.join(", ")
        );
    }
    text
}
