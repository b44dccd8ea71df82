//! What an update is told, and what it is made of.

use crate::action::Pause;
use crate::inventory::NodeName;
use crate::plan::Plan;

/// How the primary gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A standby takes over, and it follows.
    Switchover,
    /// It is restarted.
    Restart,
}

/// What an update is told besides the cluster.
#[derive(Clone, Copy)]
pub struct UpdateRequest<'a> {
    /// The minor version; without it the newest that is offered.
    pub to: Option<&'a str>,
    /// Whether it is about settings that need a restart, and no version.
    pub settings: bool,
    /// Whether nothing is installed.
    pub restart_only: bool,
    /// How the primary gets there; without it by a switchover where a standby can lead.
    pub via: Option<Via>,
    /// Whether the inventory's primary leads again in the end.
    pub switch_back: bool,
    /// Whether extensions are brought to what is installed.
    pub extensions: bool,
    /// What the rows say that prove replication, letters and digits.
    pub token: &'a str,
    /// How many seconds a primary has to stop.
    pub seconds: u64,
    /// How clients wait at a pooler.
    pub pause: Pause,
}

/// A part of an update.
pub struct Part {
    /// What is done.
    pub plan: Plan,
    /// Who leads after it, if it changes the roles.
    pub hands_over: Option<NodeName>,
}
