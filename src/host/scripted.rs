//! A host for tests that answers what it was told to, and fails on any call it did not expect.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::{Gone, Host, HostError, Line, Running, Word};
use crate::command::{Command, Vault};

/// What a scripted host does when asked.
pub type Answer = Result<Vec<Line>, HostError>;

/// A test double: expected commands by the beginning of [`Command::what`], in order, with their answers.
#[derive(Default)]
pub struct ScriptedHost {
    expected: RefCell<VecDeque<(String, Option<Answer>)>>,
    gone: Option<String>,
}

impl ScriptedHost {
    /// Makes a host that expects nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects a command next and answers it.
    #[must_use]
    pub fn on(self, what: &str, answer: Answer) -> Self {
        self.expected
            .borrow_mut()
            .push_back((what.to_owned(), Some(answer)));
        self
    }

    /// Expects a command next and never answers it.
    #[must_use]
    pub fn silent(self, what: &str) -> Self {
        self.expected
            .borrow_mut()
            .push_back((what.to_owned(), None));
        self
    }

    /// Loses its connection, for this reason.
    #[must_use]
    pub fn lost(mut self, why: &str) -> Self {
        self.gone = Some(why.to_owned());
        self
    }

    /// Returns what was expected and never asked for.
    pub fn left(&self) -> Vec<String> {
        self.expected
            .borrow()
            .iter()
            .map(|(what, _)| what.clone())
            .collect()
    }
}

impl Host for ScriptedHost {
    fn gone(&self) -> Gone<'_> {
        match &self.gone {
            Some(why) => Box::pin(std::future::ready(why.clone())),
            None => Box::pin(std::future::pending()),
        }
    }

    fn run_with<'a>(
        &'a self,
        command: &'a Command,
        _: &'a Vault,
        say: &'a dyn Fn(&Line),
        _: Word<'a>,
    ) -> Running<'a> {
        let next = self.expected.borrow_mut().pop_front();
        let Some((what, answer)) = next else {
            panic!("nothing more was expected, but asked to {}", command.what);
        };
        assert!(
            command.what.starts_with(&what),
            "expected {what}, but asked to {}",
            command.what
        );
        Box::pin(async move {
            // Hosts that are asked at the same time have all begun before one of them answers.
            tokio::task::yield_now().await;
            let Some(answer) = answer else {
                return std::future::pending().await;
            };
            if let Ok(lines) = &answer {
                lines.iter().for_each(say);
            }
            answer
        })
    }
}
