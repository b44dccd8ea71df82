//! What parts of an update are made of.

use crate::facts::Observation;
use crate::inventory::{Cluster, NodeName};
use crate::plan::switchover::{Pending, SwitchoverRequest, switchover_with};
use crate::plan::update::request::{Part, UpdateRequest};
use crate::plan::{Plan, PlanError, Refusal};
use crate::render::Templates;

/// A part that changes no roles.
pub(super) fn part(plan: Plan) -> Part {
    Part {
        plan,
        hands_over: None,
    }
}

/// Refuses all of it.
pub(super) fn refuse<T>(message: String, help: &str) -> Result<T, PlanError> {
    Err(PlanError::Refused(Refusal {
        message,
        details: Vec::new(),
        help: help.into(),
    }))
}

/// The standby that takes over: one that follows the primary itself, is not behind, and delays nothing.
pub(super) fn candidate(
    cluster: &Cluster,
    seen: &Observation,
    leads: &NodeName,
    behind: &[NodeName],
) -> Option<NodeName> {
    let able = cluster.in_order().find(|node| {
        node.name != *leads
            && node.apply_delay.is_none()
            && node.upstream.as_ref().is_none_or(|up| up == leads)
            && !behind.contains(&node.name)
            && seen
                .facts(&node.name)
                .is_some_and(|facts| facts.standby().is_some())
    });
    able.map(|node| node.name.clone())
}

/// The change of roles.
pub(super) fn hand_over(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    to: &NodeName,
    wish: &UpdateRequest,
    pending: Pending,
) -> Result<Part, PlanError> {
    let request = SwitchoverRequest {
        to: Some(to),
        token: wish.token,
        seconds: wish.seconds,
        pause: wish.pause,
    };
    Ok(Part {
        plan: switchover_with(cluster, templates, seen, &request, pending)?,
        hands_over: Some(to.clone()),
    })
}

/// Appends another plan, which begins when the first one has ended.
pub(super) fn join(plan: &mut Plan, next: &Plan) {
    let phases = plan.steps.iter().map(|step| step.phase + 1).max();
    plan.steps
        .extend(next.steps.iter().cloned().map(|mut step| {
            step.phase += phases.unwrap_or(0);
            step
        }));
    for note in &next.notes {
        if !plan.notes.contains(note) {
            plan.notes.push(note.clone());
        }
    }
}
