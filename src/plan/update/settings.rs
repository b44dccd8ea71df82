//! Settings that need a restart, brought in with a change of roles in the place of a restart of the primary.

use std::collections::BTreeSet;

use crate::action::Action;
use crate::facts::Observation;
use crate::facts::leader::leader;
use crate::inventory::{Cluster, NodeName};
use crate::plan::converge::converge_in_place;
use crate::plan::switchover::Pending;
use crate::plan::update::parts::{candidate, hand_over, part, refuse};
use crate::plan::update::request::{Part, UpdateRequest};
use crate::plan::{Plan, PlanError};
use crate::render::Templates;

/// Plans the next part; WAL that the inventory has elsewhere stays where it is, since that is no restart: the standbys, then the change of roles, with which the old primary gets its own.
pub(super) fn next(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    wish: &UpdateRequest,
) -> Result<Option<Part>, PlanError> {
    let all = converge_in_place(cluster, templates, seen, None)?;
    if let Some((node, blocked)) = all.blocked().next() {
        return refuse(format!("{node}: {}", blocked.message), &blocked.help);
    }
    if all.steps.is_empty() {
        return Ok(None);
    }
    let leads = leader(cluster.major, seen, &cluster.primary)?
        .node()
        .clone();
    if !restarts(&all, &leads) {
        return Ok(Some(part(all)));
    }
    let others: BTreeSet<NodeName> = cluster.nodes.keys().cloned().collect();
    let others: BTreeSet<NodeName> = others.into_iter().filter(|name| *name != leads).collect();
    let standbys = converge_in_place(cluster, templates, seen, Some(&others))?;
    if !standbys.steps.is_empty() {
        return Ok(Some(part(standbys)));
    }
    let Some(to) = candidate(cluster, seen, &leads, &[]) else {
        return refuse(
            format!("no standby can take over from {leads}"),
            "pgrepl apply",
        );
    };
    let change = hand_over(cluster, templates, seen, &to, wish, Pending::OfPrimary)?;
    if restarts(&change.plan, &to) {
        return refuse(
            format!(
                "{to} would be restarted once it leads: what is lowered goes to the primary first"
            ),
            "pgrepl apply",
        );
    }
    Ok(Some(change))
}

fn restarts(plan: &Plan, node: &NodeName) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| step.node == *node && matches!(step.action, Action::Restart(_)))
}
