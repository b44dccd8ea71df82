//! What is wrong with an inventory, and where.

use std::ops::Range;

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

/// Finds the word most like this one, if any is near.
pub(in crate::inventory) fn nearest<'a>(
    word: &str,
    among: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    among
        .map(|known| (strsim::damerau_levenshtein(known, word), known))
        .filter(|(distance, known)| *distance <= 2.max(known.len() / 4))
        .min()
        .map(|(_, known)| known)
}
