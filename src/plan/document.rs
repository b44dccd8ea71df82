//! A plan as data.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::facts::Advice;
use crate::inventory::{NodeName, Role};
use crate::plan::lead::lack::Lack;
use crate::postgres::Major;

/// The version of the plan's JSON: the minor number grows with added fields, the major one when readers must refuse.
pub const FORMAT_VERSION: &str = "1.3";

/// What a run is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Make every server match the inventory.
    Converge,
    /// Prove that what is written on the primary is read on every standby.
    Check,
    /// Make this standby the primary, and the primary its standby.
    Switchover(NodeName),
    /// Make this server a standby again, whatever became of it.
    Rebuild(NodeName),
    /// Make this standby the primary, because the primary is gone.
    Failover(NodeName),
    /// Take or remove backups.
    Backup,
    /// Bring this server back to a moment in the past.
    Restore(NodeName),
    /// Bring every server to another minor version, or make it load what is installed.
    Update,
}

/// Everything that will be done, in order, and what is left alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: String,
    /// The cluster's name.
    pub cluster: String,
    /// The major version.
    #[schemars(with = "String")]
    pub major: Major,
    /// What it is for.
    pub goal: Goal,
    /// Who leads now, or will when the plan has run.
    pub leader: NodeName,
    /// Where each node stands in the plan, in the order of the inventory.
    pub nodes: Vec<NodePlan>,
    /// What is done, in order of phases.
    pub steps: Vec<Step>,
    /// What concerns the cluster as a whole and should be read first.
    pub notes: Vec<Advice>,
    /// What the server that is to lead lacks of what the primary has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Lack>,
    /// What somebody's word is needed for, besides what the new primary lacks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Word>,
}

/// One node's place in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodePlan {
    /// The node.
    pub node: NodeName,
    /// Its role once the plan has run.
    pub role: Role,
    /// How its peers reach it, where that is known.
    pub address: Option<String>,
    /// Whether it holds no instance yet.
    pub new: bool,
    /// Why nothing is done here although something would have to be.
    pub blocked: Option<Advice>,
    /// What is worth knowing about it.
    pub notes: Vec<Advice>,
    /// The parameters of the inventory that ALTER SYSTEM has given another value.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub overridden: BTreeSet<String>,
}

/// One thing done on one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Steps of one phase run at the same time on different nodes; phases follow each other.
    pub phase: u32,
    /// Where.
    pub node: NodeName,
    /// What.
    #[schemars(schema_with = "action_schema")]
    pub action: Action,
    /// Why, in a few words; empty where the title says it all.
    pub why: String,
    /// Nodes whose earlier failure makes this step pointless.
    pub needs: Vec<NodeName>,
}

/// An action: its name, and what it works on.
fn action_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["action"],
        "properties": { "action": { "type": "string", "pattern": "^[a-z_]+$" } },
    })
}

/// Something that is done only if somebody says a word for it: `--confirm WORD`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Word {
    /// The word: the name of a host, or of a parameter.
    pub word: String,
    /// What becomes of it.
    pub what: String,
}

/// Nothing may move at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// One line.
    pub message: String,
    /// Further lines: what was seen where.
    pub details: Vec<String>,
    /// What to type.
    pub help: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// What a plan costs, added up from its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Nodes restarted, with their roles.
    pub restarts: Vec<(NodeName, bool)>,
    /// Nodes whose configuration is reloaded.
    pub reloads: Vec<NodeName>,
    /// Bytes copied, as far as known.
    pub copied: u64,
    /// Directories set aside.
    pub set_aside: usize,
    /// Who leads no more and who leads then, when the primary changes while it serves.
    pub handover: Option<(NodeName, NodeName)>,
    /// Whether clients of poolers wait meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pauses: bool,
}

impl Plan {
    /// Says whether there is nothing to do and nothing that could not be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.blocked().next().is_none()
    }

    /// Returns the place of hooks in a plan.
    pub fn lane(node: &NodeName) -> NodePlan {
        NodePlan {
            node: node.clone(),
            role: Role::Hooks,
            address: None,
            new: false,
            blocked: None,
            notes: Vec::new(),
            overridden: BTreeSet::new(),
        }
    }

    /// Iterates over the nodes that are left alone although they do not match.
    pub fn blocked(&self) -> impl Iterator<Item = (&NodeName, &Advice)> {
        self.nodes
            .iter()
            .filter_map(|n| n.blocked.as_ref().map(|b| (&n.node, b)))
    }

    /// Returns the statements that let values of the inventory through which ALTER SYSTEM overrides, by node.
    pub fn overridden(&self) -> impl Iterator<Item = (&NodeName, String)> {
        self.nodes.iter().flat_map(|node| {
            let parameters = node.overridden.iter();
            parameters.map(|name| (&node.node, format!("ALTER SYSTEM RESET {name};")))
        })
    }

    /// Says what somebody's word is needed for: what the server that is to lead would end or shut out.
    pub fn needs_word(&self) -> Option<String> {
        let lacks = self.lacks.iter().filter(|lack| lack.needs_word);
        let said: Vec<String> = lacks
            .map(|lack| format!("{}: {} ({})", lack.what, lack.means, lack.standby))
            .collect();
        (!said.is_empty()).then(|| format!("with {} as primary: {}", self.leader, said.join("; ")))
    }

    /// Adds up what the plan costs.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost::default();
        // Who leads while a step is done: before a handover it is whoever hands over.
        let hands_over =
            |step: &&Step| matches!(&step.action, Action::Stop(stop) if stop.hands_over);
        let before = self.steps.iter().find(hands_over).map(|step| &step.node);
        let mut leads = before.unwrap_or(&self.leader);
        for step in &self.steps {
            match &step.action {
                Action::Promote(_) => leads = &step.node,
                Action::Restart(_) => cost.restarts.push((step.node.clone(), step.node == *leads)),
                Action::Reload(_) => cost.reloads.push(step.node.clone()),
                Action::BaseBackup(copy) => cost.copied += copy.bytes.unwrap_or(0),
                Action::SetAside(_) => cost.set_aside += 1,
                Action::Stop(_) if self.goal == Goal::Converge => {
                    cost.restarts.push((step.node.clone(), false));
                }
                Action::Stop(stop) if stop.hands_over => {
                    cost.handover = Some((step.node.clone(), self.leader.clone()));
                    cost.pauses = stop.pauses;
                }
                _ => {}
            }
        }
        cost
    }

    /// Groups the steps of one phase by node, in the order of the plan.
    pub fn lanes(&self, phase: u32) -> BTreeMap<&NodeName, Vec<&Step>> {
        let mut lanes: BTreeMap<&NodeName, Vec<&Step>> = BTreeMap::new();
        for step in self.steps.iter().filter(|s| s.phase == phase) {
            lanes.entry(&step.node).or_default().push(step);
        }
        lanes
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanError {
    /// Nothing may move at all.
    Refused(Refusal),
    /// A template does not render.
    Template(crate::render::TemplateError),
}

impl From<crate::facts::leader::NoLeader> for PlanError {
    fn from(no: crate::facts::leader::NoLeader) -> Self {
        PlanError::Refused(Refusal {
            message: no.message,
            details: no.details,
            help: no.help,
        })
    }
}

impl From<crate::render::TemplateError> for PlanError {
    fn from(error: crate::render::TemplateError) -> Self {
        PlanError::Template(error)
    }
}
