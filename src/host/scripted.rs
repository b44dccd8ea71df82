//! A host for tests that answers what it was told to, and fails on any call it did not expect.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::{Host, HostError, Line, Running, Word};
use crate::command::{Command, Vault};

/// What a scripted host does when asked.
pub type Answer = Result<Vec<Line>, HostError>;

/// A test double: expected commands by the beginning of [`Command::what`], in order, with their answers.
#[derive(Default)]
pub struct ScriptedHost {
    expected: RefCell<VecDeque<(String, Answer)>>,
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
            .push_back((what.to_owned(), answer));
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
            if let Ok(lines) = &answer {
                lines.iter().for_each(say);
            }
            answer
        })
    }
}
