//! The pipe that every command which changes hosts runs through: look, plan, show, ask, lock, look again, compare, execute,
//! conclude, verify.

use std::time::Instant;

use super::drive::Drive;
use super::plan::{left, show};
use super::{Failure, FailureKind};
use crate::command::shell_word;
use crate::execute::Outcomes;
use crate::facts::Observation;
use crate::host::lock::Lock;
use crate::inventory::NodeName;
use crate::observe::able::look_closer;
use crate::plan::Plan;
use crate::plan::still::is_still;
use crate::report::plan::{Diff, summary};
use crate::report::sink;
use crate::report::style::Style;

/// What a command planned, and what it says about it.
pub struct Draft<T> {
    /// The plan.
    pub plan: Plan,
    /// What the command wants to know of it later.
    pub more: T,
    /// What is printed below the plan.
    pub remark: String,
    /// The host whose name has to be typed before anything is done, and what becomes of it then.
    pub word: Option<(NodeName, String)>,
    /// Why it is not done although it was asked for.
    pub refused: Option<Failure>,
}

impl<T> Draft<T> {
    /// Makes a draft about which nothing more is said.
    pub fn new(plan: Plan, more: T) -> Self {
        Draft {
            plan,
            more,
            remark: String::new(),
            word: None,
            refused: None,
        }
    }
}

/// How a command goes through the pipe.
#[derive(Default)]
pub struct Way<'w> {
    /// Shows the plan and changes nothing.
    pub dry_run: bool,
    /// Does not show the plan.
    pub silent: bool,
    /// How much of a file's change is shown.
    pub diff: Diff,
    /// The hosts whose names were given as words.
    pub confirm: &'w [String],
    /// Looks again behind the locks although nobody was asked: the plan is an older one.
    pub look_again: bool,
    /// Ends once it was asked: what was shown is done in parts.
    pub only_asks: bool,
    /// A part of what was shown and asked for.
    pub is_part: bool,
}

/// How far a command came in the pipe.
pub enum Course<T> {
    /// Nothing was done: there is nothing to do, or it was only to be shown.
    Idle(Draft<T>, Observation),
    /// The steps were executed, well or not.
    Done(Done<T>),
}

/// A plan that was executed.
pub struct Done<T> {
    /// What was planned behind the locks.
    pub draft: Draft<T>,
    /// What it was planned on.
    pub seen: Observation,
    /// How its steps ended.
    pub outcomes: Outcomes,
    /// Whether the first interrupt arrived meanwhile.
    pub interrupted: bool,
    /// When the work began.
    pub begin: Instant,
    /// Keep other runs away for as long as this lives.
    _locks: Vec<Lock>,
}

impl Drive<'_> {
    /// Takes a command from its first look at the hosts to the end of its last step.
    pub async fn carry_out<T>(
        &self,
        way: &Way<'_>,
        plan: impl AsyncFn(&Observation) -> Result<Draft<T>, Failure>,
    ) -> Result<Course<T>, Failure> {
        let begin = Instant::now();
        let mut seen = self.look_well().await;
        let mut draft = plan(&seen).await?;
        if !way.silent && (self.speaks() || way.dry_run) {
            let seconds = begin.elapsed().as_secs_f64();
            show(
                self.global,
                self.loaded,
                &draft.plan,
                &seen,
                seconds,
                way.diff,
            );
            if self.global.format == super::Format::Human {
                sink::out(&draft.remark);
            }
        }
        if way.dry_run {
            if self.global.format == super::Format::Human && !draft.plan.steps.is_empty() {
                sink::out(&format!("\nTo do this: {}\n", without_dry_run()));
            }
            return Ok(Course::Idle(draft, seen));
        }
        self.done.borrow_mut().leave(&draft.plan);
        if let Some(refused) = draft.refused {
            return Err(refused);
        }
        if draft.plan.steps.is_empty() {
            let nothing = summary(&draft.plan, Style::plain());
            self.done.borrow_mut().message = nothing.trim_end().into();
            return Ok(Course::Idle(draft, seen));
        }
        if !way.is_part {
            if let Some((host, what)) = &draft.word {
                self.confirm(host.as_str(), what, way.confirm)?;
            }
            for said in &draft.plan.words {
                self.confirm(&said.word, &said.what, way.confirm)?;
            }
            self.ask(&draft.plan)?;
        }
        if way.only_asks {
            return Ok(Course::Idle(draft, seen));
        }
        let mut begin = begin;
        if !self.approved {
            begin = Instant::now();
        }
        let locks = self.lock(&seen).await?;
        if !self.approved && !way.is_part || way.look_again {
            seen = self.look_well().await;
            let now = plan(&seen).await?;
            if !is_still(&draft.plan, &now.plan) {
                return Err(stale());
            }
            draft = now;
        }
        let (outcomes, interrupted) = self.execute(&draft.plan, &seen).await?;
        Ok(Course::Done(Done {
            draft,
            seen,
            outcomes,
            interrupted,
            begin,
            _locks: locks,
        }))
    }

    /// Reads every host, and closer where that tells who is able to lead.
    async fn look_well(&self) -> Observation {
        let mut seen = self.look().await;
        if self.leads {
            look_closer(&self.loaded.cluster, &self.connections.hosts, &mut seen).await;
        }
        seen
    }

    /// Reads every host after a plan that was done, and proves that nothing is left to do on these hosts, all where none is
    /// named, and that the right server leads. Returns what was seen.
    pub async fn prove<T>(
        &self,
        done: &Done<T>,
        limit: &[String],
        leader: &NodeName,
        failure: impl FnOnce(&Plan) -> Failure,
    ) -> Result<(Observation, Plan), Failure> {
        let seen = self
            .verify(&done.draft.plan, &done.outcomes, &done.seen)
            .await;
        let left = left(
            self.global,
            self.loaded,
            &seen,
            limit,
            &done.draft.plan.goal,
        )?;
        self.done.borrow_mut().leave(&left);
        if !left.steps.is_empty() || left.leader != *leader {
            return Err(failure(&left));
        }
        Ok((seen, left))
    }

    /// Says what was done, and how long the work took.
    pub fn tell_done(&self, begin: Instant, words: impl FnOnce(&str) -> String) {
        let words = words(&format!("{:.1} s", begin.elapsed().as_secs_f64()));
        if self.speaks() {
            let done = self.global.err().green("Done:");
            sink::err(&format!("{done} {words}\n"));
        }
        self.done.borrow_mut().message = words;
    }
}

/// Returns the command that was typed, but for the option that it only shows what it would do.
fn without_dry_run() -> String {
    let typed = std::env::args().skip(1).filter(|word| word != "--dry-run");
    typed.fold("pgrepl".into(), |line, word| {
        line + " " + &shell_word(&word)
    })
}

/// Returns the failure of a plan that is not what was shown any more.
fn stale() -> Failure {
    Failure::new(
        FailureKind::Stale,
        "a host has changed since the plan was shown; nothing was done",
    )
    .help("run it again")
}
