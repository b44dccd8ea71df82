//! What a command that changes hosts has done, as the one document that it prints.

use serde::Serialize;
use serde_json::Value;

use super::event::Outcome;
use crate::inventory::NodeName;
use crate::plan::{Advice, Plan};

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The version of this shape.
    pub format_version: String,
    /// The command.
    pub command: String,
    /// The cluster's name.
    pub cluster: String,
    /// What it says at its end to a person.
    pub message: String,
    /// How each step ended, in the order of the plan.
    pub steps: Vec<Ended>,
    /// The hosts that are left alone.
    pub left_alone: Vec<Left>,
}

/// A step that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Where.
    pub node: NodeName,
    /// What.
    pub title: String,
    /// How.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// A host that is left alone although something would have to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Which.
    pub node: NodeName,
    /// Why, and what to type.
    #[serde(flatten)]
    pub why: Advice,
}

impl Done {
    /// Begins with nothing done.
    pub fn begin(command: &str, cluster: &str) -> Self {
        Self {
            format_version: "1.0".into(),
            command: command.into(),
            cluster: cluster.into(),
            ..Self::default()
        }
    }

    /// Adds how the steps of a plan ended.
    pub fn add(&mut self, plan: &Plan, outcomes: &[Outcome]) {
        let ended = plan.steps.iter().zip(outcomes);
        self.steps.extend(ended.map(|(step, outcome)| Ended {
            node: step.node.clone(),
            title: step.action.act().title(),
            outcome: outcome.clone(),
        }));
    }

    /// Says which hosts the last plan leaves alone.
    pub fn leave(&mut self, plan: &Plan) {
        let left = plan.blocked().map(|(node, why)| Left {
            node: node.clone(),
            why: why.clone(),
        });
        self.left_alone = left.collect();
    }

    /// Adds the steps to the document of a failure, where there were any.
    pub fn beside(&self, mut failure: Value) -> Value {
        if !self.steps.is_empty()
            && let Ok(steps) = serde_json::to_value(&self.steps)
        {
            failure["steps"] = steps;
        }
        failure
    }
}
