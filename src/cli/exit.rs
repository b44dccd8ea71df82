//! Exit codes and the one way to fail.

use crate::cli::global::{Format, Global};
use crate::report::done::Done;
use crate::report::foreign::{line as line_of, lines};
use crate::report::layout::folded_lines;
use crate::report::sink;
use crate::report::style::Style;

/// Why a command did not succeed; each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
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

/// What every command ends with, as the help and the manual page tell it.
pub const CODES: &str = "\
Exit codes:
    0  done, or nothing was to do
    1  failed, and nothing was changed
    2  changes are pending or problems were found: plan --detailed-exitcode, status --exit-code, check
    3  the inventory or a template is invalid
    4  a host could not be reached, logged in to, or sudo was refused
    5  the saved plan is out of date
    6  another run holds the lock
    7  refused by a guard, or not approved
    8  failed part-way: the same command again goes on
   64  wrong usage
  130  interrupted";

impl FailureKind {
    /// Returns the exit code.
    pub fn code(self) -> u8 {
        match self {
            FailureKind::Failed => 1,
            FailureKind::Invalid => 3,
            FailureKind::Unreachable => 4,
            FailureKind::Stale => 5,
            FailureKind::Locked => 6,
            FailureKind::Refused => 7,
            FailureKind::PartWay => 8,
            FailureKind::Usage => 64,
            FailureKind::Interrupted => 130,
        }
    }
}

/// A failure, ready to be shown.
#[derive(Debug)]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// What could not be done, and below it why.
    pub error: anyhow::Error,
    /// What to type, or empty.
    pub help: String,
    /// The original words of a program, shown with `-v`.
    pub original: String,
    /// What is shown to people in place of message and help, laid out already.
    pub laid_out: Option<String>,
    /// What had been done by then.
    pub done: Box<Done>,
}

impl Failure {
    /// Makes a failure of one line.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::of(kind)(anyhow::Error::msg(message.into()))
    }

    /// Makes failures of a kind from errors with their causes.
    pub fn of(kind: FailureKind) -> impl Fn(anyhow::Error) -> Self {
        move |error| Self {
            kind,
            error,
            help: String::new(),
            original: String::new(),
            laid_out: None,
            done: Box::default(),
        }
    }

    /// Shows people a text in place of message and help.
    #[must_use]
    pub fn laid_out(mut self, text: String) -> Self {
        self.laid_out = Some(text);
        self
    }

    /// Adds what to type.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Returns what could not be done and the last cause, on one line.
    pub fn message(&self) -> String {
        let last = self.error.root_cause().to_string();
        match self.error.chain().len() {
            1 => last,
            _ => format!("{}: {last}", self.error),
        }
    }

    /// Returns the failure as the JSON document that stands for a result.
    pub fn document(&self) -> serde_json::Value {
        let error = serde_json::json!({ "error": {
            "kind": self.kind,
            "code": self.kind.code(),
            "message": self.message().trim_end(),
            "help": self.help,
        } });
        self.done.beside(error)
    }

    /// Lays the failure out: what could not be done with the last cause; all that is between them if `verbose`.
    pub fn shown(&self, style: Style, verbose: bool) -> String {
        if let Some(text) = &self.laid_out {
            return text.clone();
        }
        let message = folded_lines(&self.message(), 7, style);
        let mut text = format!("{} {message}\n", style.red("error:"));
        if verbose {
            let causes = self.error.chain().map(ToString::to_string);
            let between = self.error.chain().len().saturating_sub(2);
            for cause in causes.skip(1).take(between) {
                text += &format!("  because {}\n", lines(&cause));
            }
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

/// Tells why a command ended, and returns its exit code.
pub(in crate::cli) fn tell(global: &Global, failure: &Failure) -> u8 {
    if global.format == Format::Json {
        sink::json(&failure.document());
    }
    sink::err(&failure.shown(global.err(), global.verbose > 0));
    failure.kind.code()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn every_exit_code_is_in_the_help() {
        let kinds = [
            FailureKind::Failed,
            FailureKind::Invalid,
            FailureKind::Unreachable,
            FailureKind::Stale,
            FailureKind::Locked,
            FailureKind::Refused,
            FailureKind::PartWay,
            FailureKind::Usage,
            FailureKind::Interrupted,
        ];
        for code in kinds.map(FailureKind::code).into_iter().chain([0, PENDING]) {
            let line = format!("{code:>5}  ");
            assert_eq!(CODES.matches(&line).count(), 1, "{code}");
        }
    }

    #[test]
    fn a_chain_is_told_once_with_its_last_cause() {
        let failure = std::fs::read("/nowhere")
            .context("cannot read /nowhere")
            .context("cannot make a plan")
            .map_err(Failure::of(FailureKind::Invalid))
            .unwrap_err();
        let plain = Style::plain();
        let last = "error: cannot make a plan: No such file or directory (os error 2)\n";
        assert_eq!(failure.shown(plain, false), last);
        let all = format!("{last}  because cannot read /nowhere\n");
        assert_eq!(failure.shown(plain, true), all);
        let one = Failure::new(FailureKind::Usage, "no").help("yes");
        assert_eq!(one.shown(plain, true), "error: no\nhelp: yes\n");
    }
}
