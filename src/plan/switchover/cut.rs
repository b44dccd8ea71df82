//! What a switchover does when its handover ended in the middle: the primary is stopped, or may be, and nobody leads.

use crate::action::Action;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::plan::Plan;
use crate::plan::restore::put_back::Ended;

/// How a handover ended in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nobody was promoted.
    Clear,
    /// The promotion was asked for, and what became of it is not known.
    Undecided,
}

/// What is done then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// A new plan is executed: the standby leads already, or is given what it lacks.
    GoOn,
    /// The old primary is started again.
    GoBack,
    /// Nobody is started, because there could be two primaries: the standby cannot be read.
    Unread,
    /// Nobody is started, because there would be two primaries: the standby leads, and something forbids the rest.
    Leads,
    /// Nobody is started, because there could be two primaries: the standby may still do what it was asked for.
    StillStandby,
}

/// Says whether the primary was stopped, or may have been, without another one in its place.
pub fn cut_short(plan: &Plan, ended: &[Ended]) -> Option<Cut> {
    let end_of = |wanted: &dyn Fn(&Action) -> bool| {
        let steps = plan.steps.iter().zip(ended);
        steps
            .filter(|(step, _)| wanted(&step.action))
            .map(|(_, ended)| *ended)
            .next()
    };
    let stop = end_of(&|action| matches!(action, Action::Stop(_)));
    let promote = end_of(&|action| matches!(action, Action::Promote(_)))?;
    match (promote, stop) {
        (Ended::Good, _) | (_, Some(Ended::NotBegun)) => None,
        (Ended::Unknown, _) => Some(Cut::Undecided),
        _ => Some(Cut::Clear),
    }
}

/// Decides what follows, from what is seen of the standby that was to lead.
///
/// A new plan exists where nothing forbids it; `last` says that a standby is not given a further try: it had one, or a
/// person has interrupted.
pub fn after_cut(cut: Cut, to: &NodeName, seen: &Observation, planned: bool, last: bool) -> Course {
    let server = seen.facts(to).and_then(|facts| facts.server.as_ref());
    decide(cut, server.map(|server| server.in_recovery), planned, last)
}

/// The standby recovers, or leads, or cannot be read.
fn decide(cut: Cut, recovers: Option<bool>, planned: bool, last: bool) -> Course {
    match (cut, recovers) {
        (_, Some(false)) if planned => Course::GoOn,
        (_, Some(true)) if planned && !last => Course::GoOn,
        (_, Some(false)) => Course::Leads,
        (Cut::Undecided, None) => Course::Unread,
        (Cut::Undecided, Some(true)) => Course::StillStandby,
        (Cut::Clear, None | Some(true)) => Course::GoBack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is seen of the standby that was to lead.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Standby {
        Unread,
        Recovers,
        Leads,
    }

    #[test]
    fn nobody_is_started_where_there_could_be_two_primaries() {
        for cut in [Cut::Clear, Cut::Undecided] {
            for standby in [Standby::Unread, Standby::Recovers, Standby::Leads] {
                for planned in [true, false] {
                    for last in [true, false] {
                        let recovers = match standby {
                            Standby::Unread => None,
                            Standby::Recovers => Some(true),
                            Standby::Leads => Some(false),
                        };
                        let course = decide(cut, recovers, planned, last);
                        let told = format!("{cut:?} {standby:?} planned {planned} last {last}");
                        if course == Course::GoBack {
                            assert!(cut == Cut::Clear && standby != Standby::Leads, "{told}");
                        }
                        if planned && standby == Standby::Leads {
                            assert_eq!(course, Course::GoOn, "{told}");
                        }
                        if planned && standby == Standby::Recovers && !last {
                            assert_eq!(course, Course::GoOn, "{told}");
                        }
                        if course == Course::GoOn {
                            assert!(planned && standby != Standby::Unread, "{told}");
                        }
                    }
                }
            }
        }
    }
}
