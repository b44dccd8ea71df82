//! Brings extensions of databases to the version that is installed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::facts::updates::OldExtension;
use crate::inventory::NodeName;
use crate::postgres::{conninfo, sql};
use crate::script::script;

const SCRIPT: &str = script!([] "update_extensions.sh");

/// Brings extensions of databases to the version that is installed, each in a transaction of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateExtensions {
    /// The extensions, in the order in which they are updated.
    pub extensions: Vec<OldExtension>,
}

impl Act for UpdateExtensions {
    fn title(&self) -> String {
        let each =
            |e: &OldExtension| format!("{} of {} {} -> {}", e.name, e.database, e.has, e.installed);
        let each: Vec<String> = self.extensions.iter().map(each).collect();
        format!("extensions {}", each.join(", "))
    }

    fn done(&self) -> String {
        "extensions are what is installed".into()
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let each = |e: &OldExtension| {
            let database = conninfo::conninfo(&[("dbname", &e.database)]);
            let statement = format!(
                "alter extension {} update to {}",
                sql::identifier(&e.name),
                sql::literal(&e.installed)
            );
            format!("{database}\t{statement}\n")
        };
        vec![
            place
                .command("update extensions", SCRIPT)
                .var(
                    "extensions",
                    self.extensions.iter().map(each).collect::<String>(),
                )
                .timeout(Some(Duration::from_secs(3600))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let offered = world
            .facts_mut(node)
            .and_then(|facts| facts.offered.as_mut());
        if let Some(offered) = offered {
            offered
                .extensions
                .retain(|old| !self.extensions.contains(old));
        }
    }
}
