//! What happens during a run, as data; every display reads only these.

use serde::Serialize;

use crate::facts::Unreachable;
use crate::inventory::NodeName;

/// Something that happened. One JSON object per event in `--format jsonl`, tagged by `event`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// First of all: who speaks.
    Begin {
        /// "pgrepl".
        program: &'static str,
        /// Its version.
        version: &'static str,
        /// The version of this stream's shape.
        format_version: &'static str,
        /// The command.
        command: String,
        /// The cluster's name.
        cluster: String,
    },
    /// Hosts are being read.
    Observing {
        /// Which.
        nodes: Vec<NodeName>,
    },
    /// A host was read, or not.
    Observed {
        /// Which.
        node: NodeName,
        /// Why not.
        unreachable: Option<Unreachable>,
        /// Milliseconds since the reading began.
        ms: u64,
    },
    /// A step of a run that is gone is still at work on a host, and is waited for.
    AtWork {
        /// Where.
        node: NodeName,
        /// What it does.
        title: String,
    },
    /// A step begins.
    StepStarted {
        /// Its place in the plan, from 0.
        step: usize,
        /// How many the plan has.
        steps: usize,
        /// Where.
        node: NodeName,
        /// "restart".
        title: String,
    },
    /// A step goes on.
    StepProgress {
        /// Its place in the plan.
        step: usize,
        /// Where.
        node: NodeName,
        /// Its title.
        title: String,
        /// Bytes done.
        done: u64,
        /// Bytes in all; 0 if unknown.
        total: u64,
    },
    /// A line that a step's program said, shown with `-v`, or that the step itself notes, shown to everybody.
    StepSaid {
        /// Its place in the plan.
        step: usize,
        /// Where.
        node: NodeName,
        /// The line, still to be escaped for a terminal.
        line: String,
        /// Whether the step itself notes it, because it may change what a person decides.
        note: bool,
    },
    /// A step ended.
    StepEnded {
        /// Its place in the plan.
        step: usize,
        /// Where.
        node: NodeName,
        /// "restarted, accepting connections".
        title: String,
        /// How.
        outcome: Outcome,
        /// Milliseconds it took.
        ms: u64,
    },
    /// The first interrupt arrived: running steps are brought to their end.
    Interrupted,
    /// The run is over.
    End {
        /// The exit code.
        code: i32,
    },
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It changed something.
    Changed {
        /// What is worth telling, or empty.
        detail: String,
    },
    /// There was nothing left to do.
    AlreadyDone,
    /// The host is not as planned; nothing was done.
    Refused {
        /// What the plan expects.
        expected: String,
        /// What the host has.
        found: String,
    },
    /// It failed.
    Failed {
        /// One line of cause.
        message: String,
        /// The last lines its programs said.
        output: Vec<String>,
    },
    /// It was not begun.
    Skipped {
        /// Why.
        because: String,
    },
    /// The connection broke or the run was cut short: whether it was done is unknown until the host is read again.
    Unknown {
        /// Why.
        because: String,
    },
}

impl Outcome {
    /// Says whether the world is now as the step wanted it.
    pub fn is_good(&self) -> bool {
        matches!(self, Outcome::Changed { .. } | Outcome::AlreadyDone)
    }
}
