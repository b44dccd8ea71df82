//! WHAT WE WANT: the YAML file, its rules, and the [`Cluster`] it describes.

use std::ops::Range;

pub mod cluster;
mod fields;
mod parameters;
mod place;
mod read;
mod rules;
mod sections;
pub mod swap;
mod tree;
pub mod write;

pub use cluster::*;
pub use parameters::is_written_by_pgrepl;
pub use read::read;

/// The JSON Schema (draft 7) of an inventory, for editors.
pub const SCHEMA: &str = include_str!("schema.json");

/// Something wrong with an inventory, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Place in the text, in bytes.
    pub span: Range<usize>,
    /// One line, lower case.
    pub message: String,
    /// A few words for the marked place.
    pub label: String,
    /// What to write instead, or empty.
    pub help: String,
    /// Whether the marked line may hold a secret and must not be shown.
    pub secret: bool,
}

impl Problem {
    /// Makes a problem without help.
    pub fn new(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            label: label.into(),
            help: String::new(),
            secret: false,
        }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Hides the marked line.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

/// A complete inventory with the remarks that do not stop anything.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The wish.
    pub cluster: Cluster,
    /// Remarks.
    pub notes: Vec<Problem>,
}
