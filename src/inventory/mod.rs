//! WHAT WE WANT: the YAML file, its rules, and the [`Cluster`] it describes.

use std::ops::Range;

pub mod at;
mod calendar;
pub mod cluster;
pub mod file;
mod keys;
mod parameters;
pub mod reach;
mod read;
mod rules;
mod schema;
pub mod swap;
mod walk;
pub mod words;
pub mod write;
mod yaml;

pub use cluster::*;
pub use keys::{KeyEntry, keys};
pub use parameters::{is_written_by_pgrepl, risk};
pub use read::read;
pub use schema::schema;
pub use yaml::LARGEST;

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
    /// What reaches beyond the inventory on the machine that reads it.
    pub reaches: Vec<reach::Reach>,
}

/// Finds the word most like this one, if any is near.
fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    among
        .map(|known| (strsim::damerau_levenshtein(known, word), known))
        .filter(|(distance, known)| *distance <= 2.max(known.len() / 4))
        .min()
        .map(|(_, known)| known)
}
