//! What a switchover needs, each point met or not.

use crate::facts::Advice;
use crate::inventory::NodeName;
use crate::plan::{PlanError, Refusal};

/// What of `apply` may be left to do when the roles change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pending {
    /// Nothing.
    Nothing,
    /// The primary's own files, and the restart that makes it load them: it gets them while it is stopped.
    OfPrimary,
}

/// What was found: problems that forbid it, and remarks that do not.
#[derive(Default)]
pub struct Checks {
    pub(in crate::plan) problems: Vec<Advice>,
    /// What should be known before it is done, each with a help or nothing.
    pub remarks: Vec<Advice>,
}

impl Checks {
    /// Makes the checks of a single problem.
    pub fn one(message: &str, help: &str) -> Self {
        let mut checks = Self::default();
        checks.forbid(message, help);
        checks
    }

    pub(in crate::plan) fn forbid(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Advice::new(message, help));
    }

    pub(in crate::plan) fn remark(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.remarks.push(Advice::new(message, help));
    }

    /// Turns the problems into a refusal.
    pub fn conclude(&self, to: &NodeName) -> Result<(), PlanError> {
        let Some(Advice { help, .. }) = self.problems.first() else {
            return Ok(());
        };
        let told = self.problems.iter().map(|Advice { message, help }| {
            // Where there is one alone, its help is that of all.
            match self.problems.len() {
                1 => message.clone(),
                _ => format!("{message} ({help})"),
            }
        });
        Err(PlanError::Refused(Refusal {
            message: format!("cannot switch over to {to}"),
            details: told.collect(),
            help: help.clone(),
        }))
    }
}
