//! What `pgrepl check` has proven.

use std::collections::BTreeMap;

use serde::Serialize;

use super::event::Outcome;
use super::foreign::line;
use super::layout::folded;
use super::style::{Style, bytes};
use crate::action::Action;
use crate::facts::Observation;
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
    /// What is wrong with the archive besides, in sentences.
    pub problems: Vec<String>,
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
    /// What to type, or empty.
    pub help: String,
}

fn because(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed { message, .. } => message.clone(),
        Outcome::Refused { expected, found } => format!("expected {expected}, found {found}"),
        Outcome::Skipped { because } | Outcome::Unknown { because } => because.clone(),
        Outcome::Changed { .. } | Outcome::AlreadyDone => String::new(),
    }
}

/// Says of a mount that is full that it is: then nothing arrives there.
fn full(seen: &Observation, node: &NodeName) -> String {
    let mount = seen.facts(node).and_then(|facts| facts.mount.as_ref());
    let full = mount.filter(|mount| mount.size > 0 && mount.free < 16 << 20);
    full.map_or_else(String::new, |mount| {
        format!("{} has {} free: ", mount.path, bytes(mount.free))
    })
}

impl Proof {
    /// Concludes from outcomes; `later` tells the milliseconds between the writing and the end of a step.
    pub fn conclude(
        plan: &Plan,
        seen: &Observation,
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
                // What is not told is seen by nobody: the cause is told where it is.
                Action::SwitchWal(_) if !outcome.is_good() => {
                    archive.push((step.node.clone(), Some(because(outcome))));
                    continue;
                }
                Action::SeeArchived(_) if matches!(outcome, Outcome::Skipped { .. }) => continue,
                Action::SeeArchived(_) => {
                    let why =
                        (!outcome.is_good()).then(|| full(seen, &step.node) + &because(outcome));
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
                help: String::new(),
            });
        }
        if not_written.is_some() {
            archive.clear();
        }
        standbys.extend(plan.blocked().map(|(node, blocked)| Arrival {
            node: node.clone(),
            arrived: false,
            within_ms: None,
            delayed: false,
            because: blocked.message.clone(),
            help: blocked.help.clone(),
        }));
        Self {
            format_version: "1.1",
            primary: plan.leader.clone(),
            not_written,
            standbys,
            archive,
            problems: Vec::new(),
            clean,
        }
    }

    /// Says whether the row arrived everywhere and is gone again.
    pub fn holds(&self) -> bool {
        self.not_written.is_none()
            && self.clean
            && self.standbys.iter().all(|s| s.arrived)
            && self.archive.iter().all(|(_, why)| why.is_none())
            && self.problems.is_empty()
    }
}

/// Shows what went wrong on some hosts, and what to type.
fn bad(nodes: &str, why: &str, help: &str, style: Style) -> String {
    let mark = style.red("✘");
    let mut text = match nodes.chars().count() {
        ..=12 => format!("{mark} {nodes:<12} {}\n", folded(why, 15, style)),
        _ => format!("{mark} {}\n", folded(&format!("{nodes}: {why}"), 2, style)),
    };
    if !help.is_empty() {
        text += &format!("  {} {}\n", style.dim("help:"), line(help));
    }
    text
}

/// Shows a proof, one line per server.
pub fn show(proof: &Proof, style: Style) -> String {
    let mut text = match &proof.not_written {
        None => format!("{} {:<12} wrote a row\n", style.green("✔"), proof.primary),
        Some(why) => {
            let why = format!("cannot write a row: {why}");
            bad(proof.primary.as_str(), &why, "", style)
        }
    };
    let mut waited = Vec::new();
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
            // What was not written is missing everywhere: that has been told.
            (false, ..) if proof.not_written.is_some() && standby.help.is_empty() => {
                waited.push(node.as_str());
                continue;
            }
            (false, ..) => bad(node.as_str(), &standby.because, &standby.help, style),
        };
    }
    if !waited.is_empty() {
        text += &format!("  {:<12} nothing to read\n", waited.join(", "));
    }
    let mut told: BTreeMap<&String, Vec<&str>> = BTreeMap::new();
    for (node, why) in &proof.archive {
        match why {
            None => {
                text += &format!(
                    "{} {node:<12} sees the WAL in the archive\n",
                    style.green("✔")
                )
            }
            Some(why) => told.entry(why).or_default().push(node.as_str()),
        }
    }
    for (why, nodes) in told {
        text += &bad(&nodes.join(", "), why, "pgrepl status", style);
    }
    for said in &proof.problems {
        text += &format!("{} {}\n", style.red("✘"), folded(said, 2, style));
    }
    text += if proof.clean {
        "Nothing is left behind.\n"
    } else {
        "The schema pgrepl_check is left on the primary: the next check takes it away.\n"
    };
    text
}
