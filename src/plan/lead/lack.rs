//! What the server that is to lead lacks of what the primary has.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::inventory::NodeName;
use crate::postgres::hba::Rule;

/// What a lack is about.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// WAL would not be archived, or elsewhere.
    Archiving,
    /// A client that is connected now.
    Client,
    /// Where it is heard.
    Listen,
    /// A rule of pg_hba.conf.
    Rule,
    /// A line of pg_ident.conf.
    IdentMap,
    /// Encryption.
    Certificate,
    /// A library that is loaded.
    Library,
    /// A library that sorts text.
    Collation,
    /// Another setting.
    Setting,
    /// A setting of its log, its counters or its own work.
    Own,
    /// What nobody could look at.
    Unseen,
    /// A logical slot.
    LogicalSlot,
}

/// Something that the primary has and a standby does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lack {
    /// What it is about.
    pub about: About,
    /// What: a setting's name, a rule, a client.
    pub what: String,
    /// What the primary has.
    pub primary: String,
    /// What the standby has.
    pub standby: String,
    /// What it means once the standby leads.
    pub means: String,
    /// Whether it ends archiving or shuts out clients that are connected: this needs somebody's word.
    pub needs_word: bool,
}

/// A server as it is once everything that is planned for it is done.
pub(in crate::plan) struct Side<'a> {
    pub(in crate::plan) name: &'a NodeName,
    pub(in crate::plan) facts: &'a Facts,
    /// Its settings.
    pub(in crate::plan) settings: BTreeMap<String, String>,
    /// Its rules; `None` if something in them cannot be read.
    pub(in crate::plan) rules: Option<Vec<Rule>>,
    /// The lines of its pg_ident.conf.
    pub(in crate::plan) maps: Option<Vec<Vec<String>>>,
    /// Rules that the inventory says for it.
    pub(in crate::plan) said: &'a [String],
}

impl Side<'_> {
    pub(in crate::plan) fn says(&self, name: &str) -> &str {
        self.settings.get(name).map_or("", String::as_str)
    }

    pub(in crate::plan) fn is_on(&self, name: &str) -> bool {
        self.says(name) == "on"
    }
}
