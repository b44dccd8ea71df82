//! Runs a command of the inventory while the primary changes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::{Moment, NodeName};
use crate::script::script;

const SCRIPT: &str = script!([] "run_hook.sh");

/// Runs a command with what happens as JSON on its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHook {
    /// When.
    pub moment: Moment,
    /// Shell text.
    pub command: String,
    /// How many seconds it may take.
    pub seconds: u32,
    /// What happens, as JSON.
    pub facts: String,
}

impl Act for RunHook {
    fn title(&self) -> String {
        format!("{}: {}", self.moment.as_str(), self.command)
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, _: &Place) -> Vec<Command> {
        let seconds = u64::from(self.seconds);
        vec![
            Command::new(format!("run the hook {}", self.moment.as_str()), SCRIPT)
                .var("hook", &self.command)
                .var("facts", &self.facts)
                .var("seconds", seconds)
                .timeout(Some(Duration::from_secs(seconds + 30))),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
