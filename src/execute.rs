//! Does what a plan says: phases in order, one lane per host inside a phase, and nothing that is not in the plan.

mod board;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::sync::Semaphore;

use board::Board;

use crate::action::{Action, Readiness, settle, told};
use crate::command::{Command, Vault};
use crate::facts::Observation;
use crate::host::{HostError, Line, Word};
use crate::inventory::{Cluster, NodeName};
use crate::observe::{Hosts, look};
use crate::plan::builder::{place_apart, place_of};
use crate::plan::{Plan, Step};
use crate::report::event::{Event, Outcome};
use crate::script::script;

const CANCEL: &str = script!([] "execute/cancel.sh");

/// Everything a run needs besides its plan.
pub struct Run<'a> {
    /// The wish.
    pub cluster: &'a Cluster,
    /// The hosts, connected.
    pub hosts: &'a Hosts,
    /// What was seen before the plan.
    pub seen: &'a Observation,
    /// The secrets.
    pub vault: &'a Vault,
    /// The replication password, to compare with when a host is read again.
    pub password: Option<&'a SecretString>,
    /// How many hosts are worked on at the same time.
    pub parallel: usize,
    /// Set by the first interrupt: no step is begun any more.
    pub stop: &'a Cell<bool>,
    /// The moment of the run, in the names of what it sets aside.
    pub stamp: String,
    /// Hears what happens.
    pub tell: &'a dyn Fn(Event),
}

/// How every step of a plan ended, in the order of the plan.
pub type Outcomes = Vec<Outcome>;

/// Executes a plan to its end, or to the first failure that concerns everyone.
pub async fn execute(plan: &Plan, run: &Run<'_>) -> Outcomes {
    let unknown = Outcome::Unknown {
        because: "the run was cut short".into(),
    };
    let outcomes = RefCell::new(vec![unknown; plan.steps.len()]);
    let failed: RefCell<BTreeSet<NodeName>> = RefCell::default();
    let gate = Semaphore::new(run.parallel.max(1));
    let board = Board::default();
    for word in plan.steps.iter().flat_map(|step| step.action.act().tells()) {
        board.expect(word);
    }
    let phases: BTreeSet<u32> = plan.steps.iter().map(|step| step.phase).collect();
    for phase in phases {
        let lanes = plan.nodes.iter().map(|place| {
            let (outcomes, failed, gate, board) = (&outcomes, &failed, &gate, &board);
            async move {
                let steps = plan
                    .steps
                    .iter()
                    .enumerate()
                    .filter(|(_, step)| step.phase == phase && step.node == place.node);
                let _pass = gate.acquire().await;
                for (at, step) in steps {
                    let act = step.action.act();
                    let never = match act.awaits() {
                        Some(word) => board.wait(word).await.is_none(),
                        None => false,
                    };
                    let skip = skip(plan, run, step, &failed.borrow())
                        .or_else(|| never.then(|| "what it waited for did not happen".into()));
                    let outcome = match skip {
                        Some(because) => Outcome::Skipped { because },
                        None => one(at, step, plan, run, board).await,
                    };
                    // Whoever waits for a word that was not told waits no more.
                    for word in act.tells() {
                        board.tell(at, word, None);
                    }
                    if !outcome.is_good() && act.holds_up() {
                        failed.borrow_mut().insert(step.node.clone());
                    }
                    outcomes.borrow_mut()[at] = outcome;
                }
            }
        });
        join_all(lanes).await;
    }
    outcomes.into_inner()
}

/// Leaves no server behind that its service manager still believes to be starting.
pub async fn settle_started(plan: &Plan, outcomes: &Outcomes, run: &Run<'_>) {
    let started: BTreeSet<&NodeName> = plan
        .steps
        .iter()
        .zip(outcomes)
        .filter(|(step, outcome)| {
            let starts = matches!(step.action, Action::Start(_) | Action::Restart(_));
            starts && matches!(outcome, Outcome::Changed { .. })
        })
        .map(|(step, _)| &step.node)
        .collect();
    join_all(started.into_iter().filter_map(|node| {
        let host = run.hosts.get(node)?;
        let place = place_of(run.cluster, run.seen.facts(node)?, node)?;
        Some(async move {
            // Whatever comes of it, the server was seen to answer.
            let _ = host.run(&settle(&place), run.vault, &|_| {}).await;
        })
    }))
    .await;
}

fn skip(plan: &Plan, run: &Run<'_>, step: &Step, failed: &BTreeSet<NodeName>) -> Option<String> {
    if run.stop.get() {
        return Some("interrupted".into());
    }
    if failed.contains(&step.node) {
        return Some(format!("an earlier step on {} did not succeed", step.node));
    }
    if failed.contains(&plan.leader) {
        return Some(format!(
            "a step on {}, which leads, did not succeed",
            plan.leader
        ));
    }
    step.needs
        .iter()
        .find(|node| failed.contains(node))
        .map(|node| format!("a step on {node} did not succeed"))
}

async fn one(at: usize, step: &Step, plan: &Plan, run: &Run<'_>, board: &Board) -> Outcome {
    let act = step.action.act();
    let begin = Instant::now();
    (run.tell)(Event::StepStarted {
        step: at,
        steps: plan.steps.len(),
        node: step.node.clone(),
        title: act.title(),
    });
    let outcome = attempt(at, step, plan, run, board).await;
    let title = if outcome.is_good() {
        act.done()
    } else {
        act.title()
    };
    let ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    (run.tell)(Event::StepEnded {
        step: at,
        node: step.node.clone(),
        title,
        outcome: outcome.clone(),
        ms,
    });
    outcome
}

async fn attempt(at: usize, step: &Step, plan: &Plan, run: &Run<'_>, board: &Board) -> Outcome {
    let act = step.action.act();
    let failed = |message: String| Outcome::Failed {
        message,
        output: Vec::new(),
    };
    let facts = run.seen.facts(&step.node);
    let was_seen = facts.is_some() || run.cluster.is_beside(&step.node);
    let Some(host) = run.hosts.get(&step.node).filter(|_| was_seen) else {
        return failed(format!("{} was not seen", step.node));
    };
    let place = match facts {
        Some(facts) => place_of(run.cluster, facts, &step.node),
        None => Some(place_apart(run.cluster, &step.node)),
    };
    let Some(place) = place else {
        return failed(format!(
            "the operating system of {} is not known",
            step.node
        ));
    };
    if act.is_delicate() {
        match look(run.cluster, &step.node, host.as_ref(), run.password).await {
            Err(reason) => return failed(reason.message),
            Ok(now) => match act.expects(&now) {
                Readiness::Ready => {}
                Readiness::AlreadyDone => return Outcome::AlreadyDone,
                Readiness::Mismatch { expected, found } => {
                    return Outcome::Refused { expected, found };
                }
            },
        }
    }
    // What is no word is told to nobody.
    let strange = RefCell::new(None);
    let hear = |line: &Line| match line {
        Line::Fact(word, value) if act.tells().contains(&word.as_str()) => {
            let value = told(word, value).map_err(|why| {
                let message = format!("cannot use what {} tells of {word}: {why}", step.node);
                strange.borrow_mut().get_or_insert(message);
            });
            board.tell(at, word, value.ok());
        }
        Line::Progress(done, total) => {
            (run.tell)(Event::StepProgress {
                step: at,
                node: step.node.clone(),
                title: act.title(),
                done: *done,
                total: *total,
            });
        }
        Line::Said(text) | Line::Note(text) => {
            (run.tell)(Event::StepSaid {
                step: at,
                node: step.node.clone(),
                line: text.clone(),
                note: matches!(line, Line::Note(_)),
            });
        }
        _ => {}
    };
    let mut result = Outcome::AlreadyDone;
    for mut command in act.commands(&place) {
        if let Some((variable, word)) = command.takes {
            let Some(value) = board.wait(word).await else {
                return failed("what an earlier step was to tell is missing".into());
            };
            command = command.var(variable, value);
        }
        if act.holds_host() {
            command = command.holding(act.title());
        }
        if let Action::SetAside(_) = step.action {
            command = command.var("stamp", &run.stamp);
        }
        let word: Word = match command.gate {
            Some(word) => Box::pin(board.wait(word)),
            None => Box::pin(std::future::ready(None)),
        };
        let other = act
            .waits_on(&plan.leader)
            .filter(|other| **other != step.node)
            .and_then(|other| run.hosts.get(other));
        let gone = async {
            match other {
                Some(other) => other.gone().await,
                None => std::future::pending().await,
            }
        };
        let vain = async {
            match act.in_vain_without() {
                Some(word) if board.wait(word).await.is_none() => {}
                _ => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            answer = host.run_with(&command, run.vault, &hear, word) => answer,
            why = gone => Err(HostError::NotBegun(format!("not waited for any longer: {why}"))),
            () = vain => Err(HostError::NotBegun("not waited for: it did not happen".into())),
        };
        result = match answer {
            Ok(lines) => read(&lines),
            Err(HostError::Unreachable(reason)) => failed(reason.message),
            Err(HostError::NotBegun(why)) => failed(why),
            Err(HostError::TimedOut(because) | HostError::Lost(because)) => {
                Outcome::Unknown { because }
            }
        };
        if let Some(message) = strange.take() {
            result = failed(message);
        }
        // What was to wait for a word that never came has not begun.
        if let (Action::Stop(_), Some(word), false) = (&step.action, command.gate, result.is_good())
            && board.wait(word).await.is_none()
        {
            let because = "what it waited for did not happen".into();
            return Outcome::Skipped { because };
        }
        if !result.is_good() {
            break;
        }
    }
    result
}

/// Reads how a script ended from its own words.
fn read(lines: &[Line]) -> Outcome {
    let said: Vec<String> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Said(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        })
        .collect();
    let tail = || said[said.len().saturating_sub(10)..].to_vec();
    let mut outcome = None;
    let mut undecided = false;
    for line in lines {
        match line {
            Line::Ok {
                changed: true,
                text,
            } => {
                outcome = Some(Outcome::Changed {
                    detail: text.clone(),
                })
            }
            Line::Ok { changed: false, .. } => outcome = Some(Outcome::AlreadyDone),
            Line::Refused(expected, found) => {
                outcome = Some(Outcome::Refused {
                    expected: expected.clone(),
                    found: found.clone(),
                })
            }
            Line::Fail(message) => {
                outcome = Some(Outcome::Failed {
                    message: message.clone(),
                    output: tail(),
                })
            }
            Line::Fact(key, _) if key == "undecided" => undecided = true,
            Line::Exit(code) if *code != 0 => {
                let message = format!("its script ended with exit code {code}");
                outcome = Some(Outcome::Failed {
                    message,
                    output: tail(),
                });
            }
            _ => {}
        }
    }
    if let (true, Some(Outcome::Failed { message, .. })) = (undecided, &outcome) {
        return Outcome::Unknown {
            because: message.clone(),
        };
    }
    outcome.unwrap_or_else(|| Outcome::Failed {
        message: "its script ended without a result".into(),
        output: tail(),
    })
}

/// Stops the copies that a run has begun: the second interrupt means now.
pub async fn cancel(plan: &Plan, run: &Run<'_>) {
    let copies = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::BaseBackup(_)));
    join_all(copies.filter_map(|step| {
        let host = run.hosts.get(&step.node)?;
        let place = place_of(run.cluster, run.seen.facts(&step.node)?, &step.node)?;
        Some(async move {
            let command: Command = place
                .command("stop the copy", CANCEL)
                .var("clone_unit", place.clone_unit())
                .timeout(Some(std::time::Duration::from_secs(10)));
            let _ = host.run(&command, run.vault, &|_| {}).await;
        })
    }))
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_counts_as_done_only_by_its_own_word() {
        let (changed, text) = (true, String::new());
        let ok = Line::Ok { changed, text };
        assert!(read(&[ok.clone(), Line::Exit(0)]).is_good());
        assert!(!read(&[ok, Line::Exit(1)]).is_good());
        assert!(!read(&[Line::Exit(0)]).is_good());
        assert!(!read(&[Line::Refused("a".into(), "b".into()), Line::Exit(0)]).is_good());
    }
}
