//! Puts a data directory that was set aside back to its place.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::{Facts, Observation, Process};
use crate::inventory::NodeName;
use crate::postgres::SystemId;
use crate::script::script;

const SCRIPT: &str =
    script!(["manager.sh", "job.sh", "places.sh", "exchange.sh", "staging.sh"] "put_back.sh");

/// Gives what was set aside its place again; what a failed run made there is set aside as `<data>.pgrepl-failed-<time>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PutBack {
    /// The directory that was set aside; without one only its tablespaces may have been.
    pub aside: Option<String>,
    /// The place that it gets.
    pub data_directory: String,
    /// The instance that is expected there, where that is known.
    pub system_id: Option<SystemId>,
    /// What the host was before the run, where that is known.
    pub before: Option<Box<Facts>>,
}

impl Act for PutBack {
    fn title(&self) -> String {
        format!("{} put back", self.data_directory)
    }

    fn kind(&self) -> Mark {
        Mark::Replace
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("put the data directory back", SCRIPT)
                .var("aside", self.aside.as_deref().unwrap_or_default())
                .var(
                    "system_id",
                    self.system_id.map_or_else(String::new, |id| id.to_string()),
                )
                .var("staging", place.staging())
                .var("tablespaces", "")
                .var("clone_unit", place.clone_unit())
                .timeout(Some(Duration::from_secs(600))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        facts.process = Process::Stopped;
        facts.server = None;
        facts.staging = None;
        let Some(before) = &self.before else {
            // What it holds is seen when it is read again.
            let aside = |path: &str| self.aside.as_deref() == Some(path);
            facts.set_aside.retain(|one| !aside(&one.path));
            return;
        };
        facts.data = before.data.clone();
        facts.set_aside.clone_from(&before.set_aside);
        let inside = format!("{}/", facts.data.path);
        facts.files.retain(|path, _| !path.starts_with(&inside));
        let old = before.files.iter();
        let old = old.filter(|(path, _)| path.starts_with(&inside));
        facts
            .files
            .extend(old.map(|(path, file)| (path.clone(), file.clone())));
    }
}
