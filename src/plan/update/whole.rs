//! A whole update as one plan, to be shown: each part on the world that the ones before it leave.

use crate::facts::{Advice, Observation};
use crate::inventory::Cluster;
use crate::plan::update::behind::stale;
use crate::plan::update::outage::outage;
use crate::plan::update::parts::join;
use crate::plan::update::request::{Part, UpdateRequest};
use crate::plan::update::{extensions, next};
use crate::plan::{Goal, Plan, PlanError};
use crate::render::Templates;

/// More parts than any update has.
pub const MOST: usize = 12;

/// Plans all parts.
pub fn parts(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    wish: &UpdateRequest,
) -> Result<Vec<Part>, PlanError> {
    let mut world = seen.clone();
    let mut parts = Vec::new();
    while let Some(part) = next(cluster, templates, &world, wish)? {
        for step in &part.plan.steps {
            step.action.act().effect(&step.node, &mut world);
        }
        parts.push(part);
        if parts.len() == MOST {
            break;
        }
    }
    Ok(parts)
}

/// Returns all parts as one plan; `None` where nothing is to be done.
pub fn whole(
    parts: &[Part],
    cluster: &Cluster,
    seen: &Observation,
    wish: &UpdateRequest,
) -> Option<Plan> {
    let first = &parts.first()?.plan;
    let hands_over: Vec<&Part> = parts
        .iter()
        .filter(|part| part.hands_over.is_some())
        .collect();
    let mut plan = Plan {
        goal: Goal::Update,
        steps: Vec::new(),
        ..first.clone()
    };
    for part in parts {
        join(&mut plan, &part.plan);
        for word in &part.plan.words {
            if !plan.words.contains(word) {
                plan.words.push(word.clone());
            }
        }
    }
    if let Some(part) = hands_over.first() {
        plan.leader = part.plan.leader.clone();
        plan.lacks = part.plan.lacks.clone();
    }
    plan.notes.extend(remarks(parts, cluster, seen, wish));
    Some(plan)
}

/// What should be known before it is begun.
fn remarks(
    parts: &[Part],
    cluster: &Cluster,
    seen: &Observation,
    wish: &UpdateRequest,
) -> Vec<Advice> {
    let mut said = Vec::new();
    for (node, facts) in seen.seen() {
        if let Some(why) = stale(facts) {
            said.push(Advice::new(format!("{node}: {why}"), ""));
        }
        if let Some(why) = facts
            .offered
            .as_ref()
            .and_then(|offered| offered.failed.as_ref())
        {
            said.push(Advice::new(
                format!("the package lists of {node} are as they were: {why}"),
                format!("look at its repositories: ssh {node}"),
            ));
        }
    }
    said.extend(outage(parts, cluster, seen));
    said.extend(old_extensions(seen, wish));
    said
}

/// Says what is to be known of the extensions, whether anything is to be done or not.
pub fn old_extensions(seen: &Observation, wish: &UpdateRequest) -> Vec<Advice> {
    let leads = seen.seen().find(|(_, facts)| facts.primary().is_some());
    leads.map_or_else(Vec::new, |(leads, _)| {
        extensions::remarks(seen, leads, wish)
    })
}
