//! HOW WE REACH a host: one verb, [`Host::run`].

use std::future::Future;
use std::pin::Pin;

use crate::command::{Command, Vault};
use crate::facts::Unreachable;

mod answer;
mod errors;
mod gate;
pub mod local;
pub mod lock;
pub mod scripted;
pub mod ssh;

pub use answer::parse_line;

/// A line of a script's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `@fact KEY VALUE`.
    Fact(String, String),
    /// `@ok changed|already TEXT`.
    Ok {
        /// Whether anything changed.
        changed: bool,
        /// What is worth telling.
        text: String,
    },
    /// `@refused EXPECTED<TAB>FOUND`.
    Refused(String, String),
    /// `@fail MESSAGE`.
    Fail(String),
    /// `@note TEXT`.
    Note(String),
    /// `@progress DONE TOTAL`, in bytes.
    Progress(u64, u64),
    /// `@exit N`: the script came to its end.
    Exit(i32),
    /// Anything a program said on standard error.
    Said(String),
}

/// Why a command has no known outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostError {
    /// The host could not be reached, logged in to or made root on.
    Unreachable(Unreachable),
    /// It took longer than it may; whether it was done is unknown.
    TimedOut(String),
    /// The connection broke before the script's last line; whether it was done is unknown.
    Lost(String),
    /// The script was to wait for a word and was never given it: it did nothing.
    NotBegun(String),
}

impl std::fmt::Display for HostError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HostError::Unreachable(reason) => f.write_str(&reason.message),
            HostError::TimedOut(message)
            | HostError::Lost(message)
            | HostError::NotBegun(message) => f.write_str(message),
        }
    }
}

/// The outcome of [`Host::run`], to be awaited on a single thread.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<Vec<Line>, HostError>> + 'a>>;

/// A word that another step will tell, or `None` once it is certain that it never will.
pub type Word<'a> = Pin<Box<dyn Future<Output = Option<String>> + 'a>>;

/// Why a host is not there any more, once it is known.
pub type Gone<'a> = Pin<Box<dyn Future<Output = String> + 'a>>;

/// A host on which scripts can be run as root.
pub trait Host {
    /// Waits until the connection is known to be gone; a host that is gone is not asked again.
    fn gone(&self) -> Gone<'_> {
        Box::pin(std::future::pending())
    }

    /// Runs a command to its end and returns every line of its answer; `say` hears each one as it comes, and a command
    /// with a gate is given `word` when it has come and the host has just shown that it still listens.
    fn run_with<'a>(
        &'a self,
        command: &'a Command,
        vault: &'a Vault,
        say: &'a dyn Fn(&Line),
        word: Word<'a>,
    ) -> Running<'a>;

    /// Runs a command that waits for nothing.
    fn run<'a>(
        &'a self,
        command: &'a Command,
        vault: &'a Vault,
        say: &'a dyn Fn(&Line),
    ) -> Running<'a> {
        self.run_with(command, vault, say, Box::pin(std::future::ready(None)))
    }
}
