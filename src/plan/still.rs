//! A plan that was shown may be out of date when it is approved: an answer may have taken hours.

use super::Plan;
use crate::action::Action;

/// Says whether a plan made now does what the one that was shown does: the same steps, in the same order, for the same leader.
///
/// What was only measured may differ, and so may what is said about it: a primary goes on writing while somebody thinks.
pub fn is_still(shown: &Plan, now: &Plan) -> bool {
    let steps = |plan: &Plan| -> Vec<_> {
        let steps = plan.steps.iter();
        steps
            .map(|step| (step.phase, step.node.clone(), settled(&step.action)))
            .collect()
    };
    let told = now.words.iter().all(|word| shown.words.contains(word));
    shown.goal == now.goal && shown.leader == now.leader && told && steps(shown) == steps(now)
}

/// Returns an action without what was measured.
fn settled(action: &Action) -> Action {
    match action.clone() {
        Action::BaseBackup(mut copy) => {
            (copy.bytes, copy.free) = (None, None);
            copy.into()
        }
        Action::DropSlot(mut slot) => {
            slot.retained = None;
            slot.into()
        }
        action => action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{BaseBackup, DropSlot};
    use crate::plan::{Goal, Step};

    fn plan(actions: Vec<Action>) -> Plan {
        let steps = actions.into_iter().map(|action| Step {
            phase: 0,
            node: "server2".into(),
            action,
            why: String::new(),
            needs: Vec::new(),
        });
        Plan {
            format_version: "1.0".into(),
            cluster: "shop".into(),
            major: "15".parse().unwrap(),
            goal: Goal::Converge,
            leader: "server1".into(),
            nodes: Vec::new(),
            steps: steps.collect(),
            notes: Vec::new(),
            lacks: Vec::new(),
            words: Vec::new(),
        }
    }

    fn copy(bytes: u64, source: &str) -> Action {
        BaseBackup {
            source: source.into(),
            conninfo: String::new(),
            slot: None,
            tablespaces: Vec::new(),
            named: Vec::new(),
            wal: None,
            system_id: None,
            bytes: Some(bytes),
            free: Some(2 * bytes),
        }
        .into()
    }

    #[test]
    fn what_is_measured_may_differ_and_what_is_done_may_not() {
        let shown = plan(vec![copy(1, "server1")]);
        assert!(is_still(&shown, &plan(vec![copy(9, "server1")])));
        assert!(!is_still(&shown, &plan(vec![copy(1, "server3")])));
        assert!(!is_still(&shown, &plan(Vec::new())));
        let mut other = shown.clone();
        other.leader = "server2".into();
        assert!(!is_still(&shown, &other));
        let drop = |slot: &str, retained| {
            let slot = slot.into();
            plan(vec![
                DropSlot {
                    slot,
                    retained,
                    left: false,
                }
                .into(),
            ])
        };
        assert!(is_still(&drop("a", None), &drop("a", Some(7))));
        assert!(!is_still(&drop("a", None), &drop("b", None)));
    }
}
