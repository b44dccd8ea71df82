//! Options that every command has.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::report::style::Style;

/// Options of every command, which stand before it or behind it.
#[derive(Args, Clone)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Shows what programs on the hosts say, and the original words of errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Shows nothing but results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// How results are written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Never asks: what needs an answer is refused
    #[arg(long, global = true)]
    pub no_input: bool,
    /// The inventory
    // Its name is not that of the argument which some commands have: clap would take the two for one.
    #[arg(
        id = "inventory-file",
        short,
        long = "inventory",
        global = true,
        value_name = "FILE",
        env = "PGREPL_INVENTORY"
    )]
    pub inventory: Option<std::path::PathBuf>,
    /// The document that is printed at the end.
    #[arg(skip)]
    pub held: Held,
}

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How results are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// One JSON document
    Json,
    /// One JSON object per event
    Jsonl,
    /// For pull requests
    Markdown,
}

impl Global {
    /// Says whether a stream gets colours.
    pub fn style(&self, terminal: bool) -> Style {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = match self.color {
            _ if matches!(self.format, Format::Json | Format::Jsonl) => false,
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !plain,
        };
        let width = terminal.then(terminal_size::terminal_size).flatten();
        let width = width.map(|(width, _)| usize::from(width.0));
        Style { color, width }
    }

    /// The style of results.
    pub fn out(&self) -> Style {
        self.style(std::io::stdout().is_terminal())
    }

    /// The style of progress and errors.
    pub fn err(&self) -> Style {
        self.style(std::io::stderr().is_terminal())
    }
}

/// The document that a command has made, until it has ended.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<Option<Value>>>);

impl Held {
    /// Takes another one in its place, or none.
    pub fn replace(&self, document: Option<Value>) -> Option<Value> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut held, document)
    }

    pub(in crate::cli) fn is_empty(&self) -> bool {
        let held = self.0.lock();
        held.unwrap_or_else(PoisonError::into_inner).is_none()
    }
}
