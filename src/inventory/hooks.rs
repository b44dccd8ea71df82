//! Commands that run while the primary changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before the primary is asked to stop.
    BeforeDemote,
    /// Once another one leads.
    AfterPromote,
    /// Once everybody follows it.
    AfterFollow,
    /// When something of it went wrong.
    OnFailure,
}

impl Moment {
    /// Returns its key in the inventory.
    pub fn as_str(self) -> &'static str {
        match self {
            Moment::BeforeDemote => "before_demote",
            Moment::AfterPromote => "after_promote",
            Moment::AfterFollow => "after_follow",
            Moment::OnFailure => "on_failure",
        }
    }
}

/// A command, where it runs and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// When it runs.
    pub moment: Moment,
    /// Shell text.
    pub command: String,
    /// The host it runs on as root; here, as whoever runs pgrepl, if there is none.
    pub host: Option<String>,
    /// How many seconds it may take.
    pub seconds: u32,
}

impl Hook {
    /// Returns the name under which it stands in plans.
    pub fn lane(&self) -> String {
        format!("hooks@{}", self.host.as_deref().unwrap_or("here"))
    }
}
