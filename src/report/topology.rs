//! A picture of who follows whom, before and after a plan, in the language of Mermaid.

use crate::facts::{Content, Observation};
use crate::inventory::NodeName;
use crate::plan::{NodePlan, Plan, Role};

/// More than this nobody looks at.
const MOST: usize = 60;

/// What a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Leads,
    Follows(NodeName),
    /// A standby that nobody is seen to send WAL to.
    Alone,
    Stopped,
    New,
    Unseen,
}

/// Returns the picture, or nothing where the plan changes none of it.
pub fn picture(plan: &Plan, seen: &Observation) -> Option<String> {
    let servers: Vec<&NodePlan> = plan
        .nodes
        .iter()
        .filter(|node| !matches!(node.role, Role::Pooler | Role::Hooks))
        .collect();
    let now: Vec<State> = servers.iter().map(|node| state(node, plan, seen)).collect();
    let then: Vec<State> = servers
        .iter()
        .zip(&now)
        .map(|(node, now)| match (&node.role, &node.blocked, now) {
            // What is left alone stays, and of what was not seen nothing is known.
            (_, Some(_), now) | (_, _, now @ State::Unseen) => now.clone(),
            (Role::Primary | Role::Pooler | Role::Hooks, ..) => State::Leads,
            (Role::Standby { upstream }, ..) => State::Follows(upstream.clone()),
        })
        .collect();
    if plan.steps.is_empty() || now == then || servers.len() > MOST {
        return None;
    }
    let mut text = String::from("flowchart LR\n");
    for (title, prefix, states) in [("now", "a", &now), ("then", "b", &then)] {
        text += &format!("  subgraph {title}\n    direction LR\n");
        for (at, (node, state)) in servers.iter().zip(states).enumerate() {
            let says = match state {
                State::Leads => "primary",
                State::Follows(_) => "standby",
                State::Alone => "standby, does not stream",
                State::Stopped => "stopped",
                State::New => "no server",
                State::Unseen => "not seen",
            };
            text += &format!("    {prefix}{at}[\"{}<br/>{says}\"]\n", label(&node.node));
        }
        for (at, state) in states.iter().enumerate() {
            let up = match state {
                State::Follows(up) => servers.iter().position(|node| node.node == *up),
                _ => None,
            };
            if let Some(up) = up {
                text += &format!("    {prefix}{up} --> {prefix}{at}\n");
            }
        }
        text += "  end\n";
    }
    Some(text)
}

fn state(node: &NodePlan, plan: &Plan, seen: &Observation) -> State {
    let Some(facts) = seen.facts(&node.node) else {
        return State::Unseen;
    };
    let Some(server) = &facts.server else {
        return match facts.data.content {
            Content::Instance(_) => State::Stopped,
            _ => State::New,
        };
    };
    if !server.in_recovery {
        return State::Leads;
    }
    let sends = |up: &&NodePlan| {
        let server = seen.facts(&up.node).and_then(|facts| facts.server.as_ref());
        server.is_some_and(|up| {
            up.senders
                .iter()
                .any(|sender| sender.name == node.node.as_str())
        })
    };
    match plan.nodes.iter().find(sends) {
        Some(up) => State::Follows(up.node.clone()),
        None => State::Alone,
    }
}

/// A name with nothing in it that Mermaid or HTML would take for its own.
fn label(name: &NodeName) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._-:".contains(c);
    name.as_str()
        .chars()
        .map(|c| if plain(c) { c } else { '?' })
        .collect()
}
