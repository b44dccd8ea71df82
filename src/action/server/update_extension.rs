//! Brings an extension of a database to the version that is installed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::inventory::NodeName;
use crate::postgres::{conninfo, sql};
use crate::script::script;

const SCRIPT: &str = script!([] "update_extension.sh");

/// Brings an extension of a database to the version that is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateExtension {
    /// The database.
    pub database: String,
    /// The extension.
    pub name: String,
    /// What the database has.
    pub has: String,
    /// What is installed.
    pub installed: String,
}

impl Act for UpdateExtension {
    fn title(&self) -> String {
        let Self {
            database,
            name,
            has,
            installed,
        } = self;
        format!("extension {name} of {database} {has} -> {installed}")
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        vec![
            place
                .command("update an extension", SCRIPT)
                .var(
                    "sql_database",
                    conninfo::conninfo(&[("dbname", &self.database)]),
                )
                .var(
                    "statement",
                    format!("alter extension {} update", sql::identifier(&self.name)),
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
                .retain(|old| old.database != self.database || old.name != self.name);
        }
    }
}
