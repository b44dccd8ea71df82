//! A whole update as one plan, to be shown: each part on the world that the ones before it leave.

use crate::action::Action;
use crate::facts::{Advice, Observation};
use crate::inventory::Cluster;
use crate::plan::update::behind::stale;
use crate::plan::update::next;
use crate::plan::update::request::{Part, UpdateRequest};
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
    let mut phases = 0;
    for part in parts {
        let steps = part.plan.steps.iter().cloned();
        plan.steps.extend(steps.map(|mut step| {
            step.phase += phases;
            step
        }));
        phases = plan
            .steps
            .iter()
            .map(|step| step.phase + 1)
            .max()
            .unwrap_or(0);
        for note in &part.plan.notes {
            if !plan.notes.contains(note) {
                plan.notes.push(note.clone());
            }
        }
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

/// Says whether a plan restarts a server that leads.
fn restarts_primary(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| matches!(step.action, Action::Restart(_)) && step.node == plan.leader)
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
    let outage = "a switchover keeps writers waiting for about a second, a restart of the primary for as long as it stops and starts, \
                  which is longer the more it has to recover, and every standby connects anew";
    if parts.iter().any(|part| part.hands_over.is_some()) {
        said.push(Advice::new(
            outage,
            "--via restart restarts the primary instead",
        ));
    } else if parts.iter().any(|part| restarts_primary(&part.plan)) {
        said.push(Advice::new(
            outage,
            "with a standby that can lead: --via switchover",
        ));
    }
    if cluster.replication.synchronous > 0 {
        said.push(Advice::new(
            "commits wait while a standby is restarted whose confirmation they need",
            "",
        ));
    }
    let old = seen.seen().filter(|(_, facts)| facts.primary().is_some());
    let old = old.filter_map(|(_, facts)| facts.offered.as_ref());
    let old: Vec<String> = old
        .flat_map(|offered| &offered.extensions)
        .map(|e| {
            format!(
                "{} of {} is {}, installed is {}",
                e.name, e.database, e.has, e.installed
            )
        })
        .collect();
    if !old.is_empty() && !wish.extensions {
        said.push(Advice::new(
            format!(
                "extensions are older than what is installed: {}",
                old.join("; ")
            ),
            "--extensions brings them there",
        ));
    }
    said
}
