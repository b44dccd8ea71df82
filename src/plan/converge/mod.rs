//! Makes every server match the inventory.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::facts::leader::leader;
use crate::facts::{Advice, Observation};
use crate::inventory::{Cluster, NodeName};
use crate::plan::backup::{program, schedule};
use crate::plan::builder::Builder;
use crate::plan::converge::passes::passes;
use crate::plan::converge::prepare::prepare;
use crate::plan::converge::wanted::refuse;
use crate::plan::space::to_stop;
use crate::plan::versions::versions;
use crate::plan::{Goal, Plan, PlanError, risks};
use crate::render::Templates;

pub(super) mod adoption;
pub(super) mod clone;
pub(super) mod configure;
pub(super) mod cut_off;
pub(super) mod firewall;
pub(super) mod leftovers;
pub(super) mod lowered;
pub(super) mod made;
pub(super) mod moved_wal;
pub(super) mod passes;
pub(super) mod password;
pub(super) mod port;
pub(super) mod preflight;
pub(super) mod prepare;
pub(super) mod primary;
pub(super) mod sensitive;
pub(super) mod slots;
pub(super) mod standbys;
pub(super) mod tablespaces;
pub(super) mod wanted;

/// Plans what makes every server match; with `limit`, only these nodes are touched.
pub fn converge(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    limit: Option<&BTreeSet<NodeName>>,
) -> Result<Plan, PlanError> {
    converge_with_room(cluster, templates, seen, limit, true)
}

/// Plans the same for a command with another goal: WAL that the inventory has elsewhere stays where it is.
pub fn converge_in_place(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    limit: Option<&BTreeSet<NodeName>>,
) -> Result<Plan, PlanError> {
    converge_with_room(cluster, templates, seen, limit, false)
}

fn converge_with_room(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    limit: Option<&BTreeSet<NodeName>>,
    moves_wal: bool,
) -> Result<Plan, PlanError> {
    let but = |alone: &BTreeMap<NodeName, Advice>| {
        converge_but(cluster, templates, seen, limit, alone, moves_wal)
    };
    let plan = but(&BTreeMap::new())?;
    // Who would be stopped or restarted and has no room for its last checkpoint is left alone.
    let restarts = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Restart(_) | Action::Stop(_)));
    let full: BTreeMap<NodeName, Advice> = restarts
        .filter_map(|step| {
            Some((
                step.node.clone(),
                to_stop(&step.node, seen.facts(&step.node)?)?,
            ))
        })
        .collect();
    if full.is_empty() {
        return Ok(plan);
    }
    but(&full)
}

/// Plans what makes every server match but those that must be left alone, with why and what to type.
fn converge_but(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    limit: Option<&BTreeSet<NodeName>>,
    alone: &BTreeMap<NodeName, Advice>,
    moves_wal: bool,
) -> Result<Plan, PlanError> {
    let lead = leader(cluster.major, seen, &cluster.primary)?;
    let mut b = Builder::new(cluster, templates, seen, lead.node().clone(), limit);
    for (node, Advice { message, help }) in alone {
        b.block(node, message, help);
    }
    if b.leader != cluster.primary {
        let (leads, wished) = (b.leader.clone(), &cluster.primary);
        b.cluster_note(
            format!("{leads} leads, but the inventory says {wished}; the servers are planned as they are"),
            format!("swap the two names in the inventory: primary: {leads}, and {wished} among the standbys; or switch back: pgrepl switchover --to {wished}"),
        );
    }
    adoption::losses(&b)?;
    password::not_compared(&mut b);
    program::notes(&mut b, cluster);
    versions(&mut b);
    for node in cluster.nodes.keys() {
        refuse(&mut b, node);
        moved_wal::tell(&mut b, node, moves_wal);
    }
    made::tell(&mut b);
    cut_off::tell(&mut b, seen.unseen().map(|(node, _)| node).next());
    risks::tell(&mut b);
    schedule::refuse(&mut b);
    prepare(&mut b);
    passes(&mut b, &lead)?;
    Ok(b.finish(Goal::Converge))
}
