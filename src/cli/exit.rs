//! Exit codes and the one way to fail.

use crate::report::foreign::{line as line_of, lines};
use crate::report::style::Style;

/// Why a command did not succeed; each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1: failed, and nothing was changed.
    Failed,
    /// 3: inventory or template invalid.
    Invalid,
    /// 4: a host could not be reached, logged in to, or `sudo` was refused.
    Unreachable,
    /// 5: saved plan out of date.
    Stale,
    /// 6: locked by another run.
    Locked,
    /// 7: refused by a guard.
    Refused,
    /// 8: failed part-way.
    PartWay,
    /// 64: usage.
    Usage,
    /// 130: interrupted.
    Interrupted,
}

/// 2: changes are pending, or problems were found.
pub const PENDING: u8 = 2;

impl Kind {
    /// Returns the exit code.
    pub fn code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Invalid => 3,
            Kind::Unreachable => 4,
            Kind::Stale => 5,
            Kind::Locked => 6,
            Kind::Refused => 7,
            Kind::PartWay => 8,
            Kind::Usage => 64,
            Kind::Interrupted => 130,
        }
    }
}

/// A failure, ready to be shown.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Its kind.
    pub kind: Kind,
    /// One line or several; shown as they are when `raw`.
    pub message: String,
    /// What to type, or empty.
    pub help: String,
    /// The original words, shown with `-v`.
    pub original: String,
    /// Whether the message is laid out already.
    pub raw: bool,
}

impl Failure {
    /// Makes a failure of one line.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            help: String::new(),
            original: String::new(),
            raw: false,
        }
    }

    /// Makes a failure whose text is laid out already.
    pub fn raw(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            raw: true,
            ..Self::new(kind, message)
        }
    }

    /// Adds what to type.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Lays the failure out.
    pub fn shown(&self, style: Style, verbose: bool) -> String {
        if self.raw {
            return self.message.clone();
        }
        let mut text = format!("{} {}\n", style.red("error:"), lines(&self.message));
        if verbose && !self.original.is_empty() {
            for line in self.original.lines() {
                text += &format!("  {}\n", line_of(line));
            }
        }
        if !self.help.is_empty() {
            text += &format!("{} {}\n", style.dim("help:"), line_of(&self.help));
        }
        text
    }
}
