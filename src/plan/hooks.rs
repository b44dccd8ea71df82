//! Commands of the inventory that run while the primary changes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::action::RunHook;
use crate::inventory::{Cluster, Hook, Moment, NodeName};
use crate::plan::builder::Builder;
use crate::plan::{Goal, Plan, Step};

/// Who led, and who is to lead.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// Who led.
    pub from: &'a NodeName,
    /// Who is to lead, or leads.
    pub to: &'a NodeName,
}

/// Returns a command with what it is told.
fn hooked(
    cluster: &Cluster,
    hook: &Hook,
    change: Change,
    why: Option<&str>,
) -> (NodeName, RunHook) {
    let server = |name: &NodeName| -> Value {
        let node = cluster.nodes.get(name);
        json!({
            "host": name,
            "address": node.and_then(|node| node.address.as_deref()).unwrap_or(name.as_str()),
            "port": node.map(|node| node.port),
        })
    };
    let facts = json!({
        "event": hook.moment.as_str(),
        "cluster": cluster.name,
        "from": server(change.from),
        "to": server(change.to),
        "failure": why,
    });
    let run = RunHook {
        moment: hook.moment,
        command: hook.command.clone(),
        seconds: hook.seconds,
        facts: facts.to_string(),
    };
    (NodeName::new(hook.lane()), run)
}

/// Plans the commands of a moment, one after the other on each host, and returns where they run.
pub(in crate::plan) fn run(
    b: &mut Builder,
    moment: Moment,
    change: Change,
    needs: &[&NodeName],
) -> Vec<NodeName> {
    let mut lanes = Vec::new();
    b.next_phase();
    for hook in b.cluster.hooks.iter().filter(|hook| hook.moment == moment) {
        let (lane, run) = hooked(b.cluster, hook, change, None);
        b.step(&lane, run).after(needs);
        lanes.push(lane);
    }
    b.next_phase();
    lanes
}

/// Returns a plan of what runs when a change went wrong, if there is anything.
pub fn on_failure(cluster: &Cluster, failed: &Plan, from: &NodeName, why: &str) -> Option<Plan> {
    let (Goal::Switchover(to) | Goal::Failover(to) | Goal::Restore(to)) = &failed.goal else {
        return None;
    };
    let hooks = cluster.hooks.iter();
    let hooks = hooks.filter(|hook| hook.moment == Moment::OnFailure);
    let steps: Vec<Step> = hooks
        .map(|hook| {
            let (node, run) = hooked(cluster, hook, Change { from, to }, Some(why));
            Step {
                phase: 0,
                node,
                action: run.into(),
                why: String::new(),
                needs: Vec::new(),
            }
        })
        .collect();
    let mut plan = Plan {
        steps,
        ..failed.clone()
    };
    let lanes: BTreeSet<&NodeName> = plan.steps.iter().map(|step| &step.node).collect();
    plan.nodes = lanes.into_iter().map(Plan::lane).collect();
    (!plan.steps.is_empty()).then_some(plan)
}
