//! Opens and closes PostgreSQL's port in the host's firewall.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::facts::firewall::{ANYBODY, FirewallKind, FirewallRule};
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!(["firewall.sh"] "firewall.sh");

/// Lets addresses in to PostgreSQL's port, now and after the next start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenPort {
    /// The firewall that is told.
    pub firewall: FirewallKind,
    /// The port.
    pub port: u16,
    /// Who is let in: addresses, or `any`.
    pub sources: Vec<String>,
}

/// Takes such rules away again; only those that pgrepl made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosePort {
    /// The firewall that is told.
    pub firewall: FirewallKind,
    /// The port.
    pub port: u16,
    /// Who is not let in any more.
    pub sources: Vec<String>,
}

fn named(sources: &[String]) -> String {
    match sources {
        [one] if one == ANYBODY => "everybody".into(),
        sources => sources.join(", "),
    }
}

fn title(firewall: FirewallKind, port: u16, sources: &[String]) -> String {
    format!(
        "{} lets {} in to port {port}",
        firewall.name(),
        named(sources)
    )
}

fn command(
    place: &Place,
    verb: &str,
    firewall: FirewallKind,
    port: u16,
    sources: &[String],
) -> Vec<Command> {
    let what = format!("{verb} the port in {}", firewall.name());
    vec![
        place
            .command(what, SCRIPT)
            .var("verb", verb)
            .var("kind", firewall.name())
            .var("rule_port", port)
            .var("sources", sources.join(" ")),
    ]
}

impl Act for OpenPort {
    fn title(&self) -> String {
        title(self.firewall, self.port, &self.sources)
    }

    fn kind(&self) -> Mark {
        Mark::Add
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        command(place, "open", self.firewall, self.port, &self.sources)
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(firewall) = world
            .facts_mut(node)
            .and_then(|facts| facts.firewall.as_mut())
        else {
            return;
        };
        for source in &self.sources {
            let known = firewall
                .rules
                .iter_mut()
                .find(|rule| rule.source == *source && rule.port == self.port);
            match known {
                Some(rule) => rule.full = true,
                None => firewall.rules.push(FirewallRule {
                    source: source.clone(),
                    port: self.port,
                    ours: true,
                    full: true,
                }),
            }
        }
        firewall.sort();
    }
}

impl Act for ClosePort {
    fn title(&self) -> String {
        title(self.firewall, self.port, &self.sources)
    }

    fn done(&self) -> String {
        let (firewall, sources) = (self.firewall.name(), named(&self.sources));
        format!(
            "{firewall} does not let {sources} in to port {} any more",
            self.port
        )
    }

    fn kind(&self) -> Mark {
        Mark::Remove
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        command(place, "close", self.firewall, self.port, &self.sources)
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(firewall) = world
            .facts_mut(node)
            .and_then(|facts| facts.firewall.as_mut())
        {
            firewall.rules.retain(|rule| {
                !(rule.ours && rule.port == self.port && self.sources.contains(&rule.source))
            });
        }
    }
}
