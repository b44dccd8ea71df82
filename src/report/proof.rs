//! What `pgrepl check` has proven.

use serde::Serialize;

use super::event::Outcome;
use super::foreign::line;
use super::style::Style;
use crate::action::Action;
use crate::inventory::NodeName;
use crate::plan::Plan;

/// The proof of a cluster's replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The version of this shape.
    pub format_version: &'static str,
    /// Where the row was written.
    pub primary: NodeName,
    /// Why it could not be written.
    pub not_written: Option<String>,
    /// What became of it on each standby.
    pub standbys: Vec<Arrival>,
    /// Who sees in the archive what the primary has just archived, and why not; empty without backups.
    pub archive: Vec<(NodeName, Option<String>)>,
    /// Whether nothing is left behind.
    pub clean: bool,
}

/// A row on one standby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrival {
    /// The standby.
    pub node: NodeName,
    /// Whether it was read there; on a delayed standby, whether it was received.
    pub arrived: bool,
    /// Milliseconds from its commit to its first reading, at most.
    pub within_ms: Option<u64>,
    /// Whether this standby replays later on purpose.
    pub delayed: bool,
    /// Why it did not arrive.
    pub because: String,
}

fn because(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed { message, .. } => message.clone(),
        Outcome::Refused { expected, found } => format!("expected {expected}, found {found}"),
        Outcome::Skipped { because } | Outcome::Unknown { because } => because.clone(),
        Outcome::Changed { .. } | Outcome::AlreadyDone => String::new(),
    }
}

impl Proof {
    /// Concludes from outcomes; `later` tells the milliseconds between the writing and the end of a step.
    pub fn conclude(
        plan: &Plan,
        outcomes: &[Outcome],
        later: &dyn Fn(usize) -> Option<u64>,
        clean: bool,
    ) -> Self {
        let mut not_written = None;
        let mut standbys = Vec::new();
        let mut archive = Vec::new();
        for (at, (step, outcome)) in plan.steps.iter().zip(outcomes).enumerate() {
            let (node, delayed) = match &step.action {
                Action::ReadProof(_) => (step.node.clone(), false),
                Action::WaitStreaming(wait) => (wait.standby.clone(), true),
                Action::WriteProof(_) if !outcome.is_good() => {
                    not_written = Some(because(outcome));
                    continue;
                }
                Action::SeeArchived(_) => {
                    let why = (!outcome.is_good()).then(|| because(outcome));
                    archive.push((step.node.clone(), why));
                    continue;
                }
                _ => continue,
            };
            standbys.push(Arrival {
                node,
                arrived: outcome.is_good(),
                within_ms: later(at).filter(|_| outcome.is_good() && !delayed),
                delayed,
                because: because(outcome),
            });
        }
        standbys.extend(plan.blocked().map(|(node, blocked)| Arrival {
            node: node.clone(),
            arrived: false,
            within_ms: None,
            delayed: false,
            because: blocked.message.clone(),
        }));
        Self {
            format_version: "1.0",
            primary: plan.leader.clone(),
            not_written,
            standbys,
            archive,
            clean,
        }
    }

    /// Says whether the row arrived everywhere and is gone again.
    pub fn holds(&self) -> bool {
        self.not_written.is_none()
            && self.clean
            && self.standbys.iter().all(|s| s.arrived)
            && self.archive.iter().all(|(_, why)| why.is_none())
    }
}

/// Shows a proof, one line per server.
pub fn show(proof: &Proof, style: Style) -> String {
    let mut text = match &proof.not_written {
        None => format!("{} {:<12} wrote a row\n", style.green("✔"), proof.primary),
        Some(why) => format!(
            "{} {:<12} cannot write a row: {}\n",
            style.red("✘"),
            proof.primary,
            line(why)
        ),
    };
    for standby in &proof.standbys {
        let node = &standby.node;
        text += &match (standby.arrived, standby.delayed, standby.within_ms) {
            (true, true, _) => format!(
                "{} {node:<12} received it, and replays it later\n",
                style.green("✔")
            ),
            (true, false, Some(ms)) => {
                format!("{} {node:<12} read it within {ms} ms\n", style.green("✔"))
            }
            (true, false, None) => format!("{} {node:<12} read it\n", style.green("✔")),
            (false, ..) => format!("{} {node:<12} {}\n", style.red("✘"), line(&standby.because)),
        };
    }
    for (node, why) in &proof.archive {
        text += &match why {
            None => format!(
                "{} {node:<12} sees the WAL in the archive\n",
                style.green("✔")
            ),
            Some(why) => format!("{} {node:<12} {}\n", style.red("✘"), line(why)),
        };
    }
    text += if proof.clean {
        "Nothing is left behind.\n"
    } else {
        "The schema pgrepl_check is left on the primary: the next check takes it away.\n"
    };
    text
}
