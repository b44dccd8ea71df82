//! The order between hosts: what waits for what on another host, as turns that a person can follow.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::Plan;
use crate::inventory::NodeName;

/// Steps that run before all of the next turn, and after all of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Turn {
    /// Its number, from 1.
    pub turn: usize,
    /// The phases of its steps.
    pub phases: BTreeSet<u32>,
    /// The hosts that have steps in it; on each of them these follow each other.
    pub nodes: BTreeSet<NodeName>,
}

/// Returns the turns of a plan; none where no host waits for another.
pub fn turns(plan: &Plan) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let phases: BTreeSet<u32> = plan.steps.iter().map(|step| step.phase).collect();
    for phase in phases {
        let steps = plan.steps.iter().filter(|step| step.phase == phase);
        let nodes: BTreeSet<NodeName> = steps.map(|step| step.node.clone()).collect();
        match turns.last_mut() {
            // On one host alone steps follow each other in any case.
            Some(last) if nodes.len() == 1 && last.nodes == nodes => {
                last.phases.insert(phase);
            }
            _ => turns.push(Turn {
                turn: turns.len() + 1,
                phases: [phase].into(),
                nodes,
            }),
        }
    }
    if turns.len() < 2 {
        turns.clear();
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Checkpoint;
    use crate::plan::{Goal, Step};

    /// A plan whose phases have steps on these hosts.
    fn plan(phases: &[&[&str]]) -> Plan {
        let steps = phases.iter().zip(0..).flat_map(|(nodes, phase)| {
            nodes.iter().map(move |node| Step {
                phase,
                node: NodeName::from(*node),
                action: Checkpoint {}.into(),
                why: String::new(),
                needs: Vec::new(),
            })
        });
        Plan {
            format_version: String::new(),
            cluster: "shop".into(),
            major: "15".parse().unwrap(),
            goal: Goal::Converge,
            leader: "a".into(),
            nodes: Vec::new(),
            steps: steps.collect(),
            notes: Vec::new(),
            lacks: Vec::new(),
            words: Vec::new(),
        }
    }

    #[test]
    fn a_turn_begins_where_one_host_waits_for_another() {
        let numbers = |phases: &[&[&str]]| -> Vec<Vec<u32>> {
            let turns = turns(&plan(phases));
            turns
                .iter()
                .map(|turn| turn.phases.iter().copied().collect())
                .collect()
        };
        assert_eq!(numbers(&[]), Vec::<Vec<u32>>::new());
        assert_eq!(numbers(&[&["a"], &["a"], &["a"]]), Vec::<Vec<u32>>::new());
        assert_eq!(numbers(&[&["a", "b"]]), Vec::<Vec<u32>>::new());
        assert_eq!(
            numbers(&[&["a"], &["a"], &["b"], &["a", "b"], &["b"]]),
            [vec![0, 1], vec![2], vec![3], vec![4]]
        );
    }
}
