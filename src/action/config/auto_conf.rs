//! Takes parameters out of postgresql.auto.conf.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Observation, digest};
use crate::inventory::NodeName;
use crate::postgres::conf::{self, ConfLine};
use crate::script::script;

const SCRIPT: &str = script!(["marker.sh"] "auto_conf.sh");

/// Takes parameters out of postgresql.auto.conf that would make a standby dangerous or override what pgrepl writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CleanAutoConf {
    /// The file.
    pub path: String,
    /// The parameters.
    pub keys: Vec<String>,
}

impl Act for CleanAutoConf {
    fn title(&self) -> String {
        format!("postgresql.auto.conf without {}", self.keys.join(", "))
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("clean postgresql.auto.conf", SCRIPT)
                .var("keys", self.keys.join(" ")),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(file) = world
            .facts_mut(node)
            .and_then(|facts| facts.files.get_mut(&self.path))
        else {
            return;
        };
        let text = file.content.clone().unwrap_or_default();
        let left: Vec<&str> = text
            .lines()
            .zip(conf::parse(&text))
            .filter(|(_, line)| !matches!(line, ConfLine::Setting { name, .. } if self.keys.contains(name)))
            .map(|(line, _)| line)
            .collect();
        let text = left.join("\n") + "\n";
        file.digest = digest(&text);
        file.content = Some(text);
        file.unloaded = true;
    }
}
