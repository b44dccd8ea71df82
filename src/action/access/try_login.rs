//! Tries whether a server could follow another one.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::postgres::SystemId;
use crate::script::script;

const SCRIPT: &str = script!([] "try_login.sh");

/// Logs in to another server with the replication role and the stored password: tried, not guessed. Changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryLogin {
    /// The other server.
    pub server: NodeName,
    /// How it is reached.
    pub conninfo: String,
    /// Whose cluster it must be.
    pub system_id: SystemId,
}

impl Act for TryLogin {
    fn title(&self) -> String {
        format!("logs in to {} for replication", self.server)
    }

    fn kind(&self) -> Mark {
        Mark::Follow
    }

    fn holds_host(&self) -> bool {
        false
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command(format!("log in to {}", self.server), SCRIPT)
                .var("conninfo", &self.conninfo)
                .var("system_id", self.system_id),
        ]
    }

    fn effect(&self, _: &NodeName, _: &mut Observation) {}
}
