//! Which results are written how, and the one document that is printed where one is asked for.

use std::ffi::OsString;

use serde::Serialize;

use super::command::Command;
use super::exit::{Failure, FailureKind};
use super::global::{Format, Global};
use crate::report::sink;

impl Command {
    /// Says whether a result is written in a format; what is not is refused, and not ignored.
    fn has(&self, format: Format) -> bool {
        match (self, format) {
            (_, Format::Human) => true,
            (Command::Completions { .. } | Command::Man(_), _) => false,
            // What is watched is a document again and again.
            (Command::Status(status), Format::Json) => !status.watch,
            (_, Format::Json) => true,
            (
                Command::Init(_)
                | Command::Validate(_)
                | Command::Render(_)
                | Command::Schema(_)
                | Command::Version(_),
                _,
            ) => false,
            (_, Format::Jsonl) => true,
            (
                Command::Plan(_) | Command::Status(_) | Command::Check(_) | Command::Doctor(_),
                Format::Markdown,
            ) => true,
            (Command::Backup(backup), Format::Markdown) => backup.has_markdown(),
            (Command::Apply(apply), Format::Markdown) => apply.dry_run,
            (Command::Switchover(switchover), Format::Markdown) => switchover.dry_run,
            (Command::Update(update), Format::Markdown) => update.dry_run,
            (Command::Failover(failover), Format::Markdown) => failover.dry_run,
            (Command::Rebuild(rebuild), Format::Markdown) => rebuild.dry_run,
            (Command::Restore(restore), Format::Markdown) => restore.dry_run,
        }
    }

    /// Refuses a format that this command has not.
    pub fn allow(&self, format: Format) -> Result<(), Failure> {
        if self.has(format) {
            return Ok(());
        }
        let (what, help) = match format {
            Format::Markdown => (
                "this command shows nothing as Markdown",
                "--format markdown is for plan, status, check, backup list and --dry-run",
            ),
            Format::Json => (
                "this command has no result that is one JSON document",
                "completions and man are text for other programs; status --watch: --format jsonl",
            ),
            Format::Jsonl | Format::Human => (
                "this command has no events to tell",
                "--format json; --format jsonl is for what looks at hosts",
            ),
        };
        Err(Failure::new(FailureKind::Usage, what).help(help))
    }
}

impl Global {
    /// Takes what a command results in: one document is printed once the command has ended well, a line at once.
    pub fn result(&self, result: &impl Serialize) {
        match self.format {
            Format::Json => {
                self.held.replace(sink::shown(result).ok());
            }
            Format::Jsonl => sink::json(result),
            Format::Human | Format::Markdown => {}
        }
    }

    /// Says whether there is a document already.
    pub fn has_result(&self) -> bool {
        !self.held.is_empty()
    }

    /// Says whether somebody may be asked: who reads documents sees no plan to say yes to.
    pub fn may_ask(&self) -> bool {
        !self.no_input && !matches!(self.format, Format::Json | Format::Jsonl)
    }
}

/// Says whether a command line that does not read asks for a document.
pub fn asks_for_document(arguments: &[OsString]) -> bool {
    let words: Vec<_> = arguments
        .iter()
        .map(|word| word.to_string_lossy())
        .collect();
    let pairs = words.windows(2);
    words.iter().any(|word| word == "--format=json")
        || pairs.into_iter().any(|pair| pair == ["--format", "json"])
}
