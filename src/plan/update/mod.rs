//! Brings every server to another minor version, one after the other, and the primary last.
//!
//! An update is a row of parts, each a plan of its own: the standbys, the change of roles, the old primary. What comes next is
//! read from the servers alone, so that a run that was cut goes on when it is typed again.

use crate::action::{Checkpoint, HoldPackages, Restart, UpdateExtensions, UpdatePackages};
use crate::facts::leader::{Leader, leader};
use crate::facts::{Advice, Observation, Process};
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::Builder;
use crate::plan::converge::converge_in_place;
use crate::plan::switchover::Pending;
use crate::plan::update::behind::{Need, need};
use crate::plan::update::extensions::old;
use crate::plan::update::parts::{candidate, hand_over, join, part, refuse};
use crate::plan::update::prove::{prove, prove_all};
use crate::plan::update::request::{Part, UpdateRequest, Via};
use crate::plan::{Goal, Plan, PlanError};
use crate::render::Templates;

pub mod behind;
mod extensions;
mod outage;
mod parts;
mod prove;
pub mod request;
mod settings;
pub mod whole;

/// Plans the next part of an update; `None` where nothing is left to do.
pub fn next(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    wish: &UpdateRequest,
) -> Result<Option<Part>, PlanError> {
    if let Some((node, reason)) = seen.unseen().next() {
        let what = format!("{node} cannot be read: {}", reason.message);
        return refuse(what, &reason.help);
    }
    if wish.settings {
        return settings::next(cluster, templates, seen, wish);
    }
    let lead = leader(cluster.major, seen, &cluster.primary)?;
    let leads = lead.node().clone();
    let needs = needs(cluster, seen, wish)?;
    let behind: Vec<NodeName> = needs.iter().map(|(node, _)| node.clone()).collect();
    let of = |node: &NodeName| needs.iter().find(|(name, _)| name == node);
    let held = seen.seen().any(|(_, facts)| facts.packages_held);
    match lead {
        Leader::Running(_) => {}
        // A run was cut between the stop and the promotion, or a restart brought nothing up.
        Leader::Stopped(_) if held => {
            let to = candidate(cluster, seen, &leads, &behind);
            if let (Some(to), false) = (to, wish.via == Some(Via::Restart)) {
                return hand_over(cluster, templates, seen, &to, wish, Pending::Nothing).map(Some);
            }
        }
        _ => return refuse("no primary runs".into(), "pgrepl apply"),
    }
    if let Some(plan) = pending(cluster, templates, seen, &leads, held.then_some(&needs))? {
        return Ok(Some(part(plan)));
    }
    let standbys: Vec<&(NodeName, Need)> = order(cluster, templates, seen, &leads)
        .iter()
        .filter_map(of)
        .collect();
    let mut b = Builder::new(cluster, templates, seen, leads.clone(), None);
    if !needs.is_empty() && !held {
        hold(&mut b);
    }
    let by_restart = match wish.via {
        Some(via) => via == Via::Restart,
        None => candidate(cluster, seen, &leads, &[]).is_none(),
    };
    let mut before: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    if !standbys.is_empty() {
        for (node, need) in standbys {
            renew(&mut b, node, need, &before);
            prove(&mut b, node);
            before.push(node.clone());
        }
        return Ok(Some(part(b.finish(Goal::Update))));
    }
    if let Some((node, need)) = of(&leads) {
        if by_restart {
            renew(&mut b, node, need, &before);
            prove_all(&mut b);
            return Ok(Some(part(b.finish(Goal::Update))));
        }
        let Some(to) = candidate(cluster, seen, &leads, &behind) else {
            return refuse(
                format!("no standby can take over from {leads}"),
                "--via restart",
            );
        };
        // Where nothing was held yet, only the primary is behind.
        if !held {
            return Ok(Some(part(b.finish(Goal::Update))));
        }
        return hand_over(cluster, templates, seen, &to, wish, Pending::Nothing).map(Some);
    }
    last(b, &leads, wish, held)
}

/// Once every server is there: the way back, then packages are free again, and the extensions come last: whatever becomes of one,
/// nothing is held for it.
fn last(
    mut b: Builder,
    leads: &NodeName,
    wish: &UpdateRequest,
    held: bool,
) -> Result<Option<Part>, PlanError> {
    let (cluster, templates, seen) = (b.cluster, b.templates, b.seen);
    if wish.switch_back && *leads != cluster.primary {
        let to = &cluster.primary;
        return hand_over(cluster, templates, seen, to, wish, Pending::Nothing).map(Some);
    }
    if held {
        for (node, _) in seen.seen().filter(|(_, facts)| facts.packages_held) {
            let free = HoldPackages {
                packages: Vec::new(),
                hold: false,
            };
            b.step(node, free).because("every server is updated");
        }
        return Ok(Some(part(b.finish(Goal::Update))));
    }
    let extensions = old(seen, leads).everywhere;
    if !wish.extensions || extensions.is_empty() {
        return Ok(None);
    }
    b.step(leads, UpdateExtensions { extensions })
        .because("their files are newer");
    Ok(Some(part(b.finish(Goal::Update))))
}

/// Gives servers that do not run what they need before anybody starts them: what is installed may be why they do not.
fn mend<'a>(mut b: Builder<'a>, needs: &[(NodeName, Need)]) -> Builder<'a> {
    for (node, need) in needs {
        let facts = b.facts(node);
        let stopped = facts.is_some_and(|f| f.server.is_none() && f.process == Process::Stopped);
        if stopped && !need.packages.is_empty() {
            install(&mut b, node, need, &[]);
        }
    }
    b.next_phase();
    b
}

/// What each server that is behind needs.
fn needs(
    cluster: &Cluster,
    seen: &Observation,
    wish: &UpdateRequest,
) -> Result<Vec<(NodeName, Need)>, PlanError> {
    let mut needs = Vec::new();
    for (node, facts) in seen.seen() {
        match need(cluster, node, facts, wish) {
            Ok(need) => needs.extend(need.map(|need| (node.clone(), need))),
            Err(Advice { message, help }) => return refuse(message, &help),
        }
    }
    Ok(needs)
}

/// What `apply` would do: a cut run leaves it behind and goes on with it, anybody else does it first.
fn pending(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    leads: &NodeName,
    needs: Option<&Vec<(NodeName, Need)>>,
) -> Result<Option<Plan>, PlanError> {
    let b = Builder::new(cluster, templates, seen, leads.clone(), None);
    let b = mend(b, needs.map_or(&[], Vec::as_slice));
    let world = b.world.clone();
    let mut plan = b.finish(Goal::Update);
    let rest = converge_in_place(cluster, templates, &world, None)?;
    if let Some((node, blocked)) = rest.blocked().next() {
        return refuse(format!("{node}: {}", blocked.message), &blocked.help);
    }
    if let (None, Some(first)) = (needs, rest.steps.first()) {
        let what = format!("{}: {}", first.node, first.action.act().title());
        return refuse(
            format!("steps of apply are pending: {what}"),
            "pgrepl apply",
        );
    }
    join(&mut plan, &rest);
    Ok((!plan.steps.is_empty()).then_some(plan))
}

/// The standbys, those that nobody follows first.
fn order(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    leads: &NodeName,
) -> Vec<NodeName> {
    let b = Builder::new(cluster, templates, seen, leads.clone(), None);
    let mut standbys = b.standbys();
    standbys.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    standbys.into_iter().map(|(_, name)| name).collect()
}

/// Nothing else updates a server or restarts it for that until all are done.
fn hold(b: &mut Builder) {
    let seen: Vec<(NodeName, Vec<String>)> = b
        .seen
        .seen()
        .map(|(node, facts)| {
            let packages = facts
                .offered
                .iter()
                .flat_map(|offered| offered.packages.keys());
            (node.clone(), packages.cloned().collect())
        })
        .collect();
    for (node, packages) in seen {
        let hold = HoldPackages {
            packages,
            hold: true,
        };
        b.step(&node, hold).because("until every server is updated");
    }
    b.next_phase();
}

/// Gives a server what it needs, once those before it are well.
fn renew(b: &mut Builder, node: &NodeName, need: &Need, before: &[NodeName]) {
    let before: Vec<&NodeName> = before.iter().collect();
    let Some(platform) = b.platform(node) else {
        return;
    };
    if !need.packages.is_empty() {
        install(b, node, need, &before);
        b.next_phase();
    }
    b.step(node, Checkpoint {})
        .because("so that it stops quickly")
        .after(&before);
    b.next_phase();
    let restart = Restart {
        because: vec![need.why.clone()],
        unit: platform.unit,
        same_settings: true,
    };
    b.step(node, restart).because(&need.why).after(&before);
    b.next_phase();
}

fn install(b: &mut Builder, node: &NodeName, need: &Need, before: &[&NodeName]) {
    let platform = b.platform(node);
    let server = platform.and_then(|platform| platform.packages.first().cloned());
    let update = UpdatePackages {
        packages: need.packages.clone(),
        server: server.unwrap_or_default(),
    };
    b.step(node, update).after(before);
}
