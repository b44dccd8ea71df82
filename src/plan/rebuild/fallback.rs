//! What a rebuild does when its rewind did not succeed.

use crate::action::Action;
use crate::plan::Plan;
use crate::plan::restore::put_back::Ended;

/// Says whether the server is copied anew: pg_rewind has failed, which pgrepl had chosen by itself, and nobody has interrupted.
/// A rewind of which nobody knows how it ended may still be at work.
pub fn copies_next(plan: &Plan, ended: &[Ended], chosen: bool, interrupted: bool) -> bool {
    let mut rewinds = plan
        .steps
        .iter()
        .zip(ended)
        .filter(|(step, _)| matches!(step.action, Action::Rewind(_)));
    chosen && !interrupted && rewinds.any(|(_, ended)| *ended == Ended::Failed)
}
