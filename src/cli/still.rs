//! A plan that was shown may be out of date when it is approved: an answer may have taken hours.

use super::{Failure, Kind};
use crate::plan::Plan;

/// Refuses to go on where the steps of a plan are not those that were shown. What they were planned on may have changed in a way
/// that changes none of them: a primary goes on writing.
pub fn still(shown: &Plan, now: &Plan) -> Result<(), Failure> {
    let steps = |plan: &Plan| -> Vec<_> {
        let steps = plan.steps.iter();
        steps
            .map(|step| (step.phase, step.node.clone(), step.action.act().title()))
            .collect()
    };
    if shown.leader == now.leader && steps(shown) == steps(now) {
        return Ok(());
    }
    Err(stale())
}

/// Returns the failure that tells so.
pub fn stale() -> Failure {
    Failure::new(
        Kind::Stale,
        "a host has changed since the plan was shown; nothing was done",
    )
    .help("run it again")
}
