//! Taking the keys of a mapping one by one, and complaining of those that nobody took.

use std::ops::Range;

use super::Problem;
use super::tree::{Node, Tree};

/// A mapping being read.
pub struct Fields<'t> {
    what: &'static str,
    span: Range<usize>,
    entries: Vec<(&'t str, &'t Range<usize>, &'t Tree)>,
    asked: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// Opens a mapping; what is none is a problem and reads as empty.
    pub fn open(tree: &'t Tree, what: &'static str, problems: &mut Vec<Problem>) -> Self {
        let entries = match &tree.node {
            Node::Map(entries) => entries.iter().map(|(k, s, v)| (k.as_str(), s, v)).collect(),
            Node::Empty => Vec::new(),
            _ => {
                problems.push(Problem::new(
                    tree.span.clone(),
                    format!("`{what}` must hold keys and values"),
                    "expected `key: value`",
                ));
                Vec::new()
            }
        };
        Self {
            what,
            span: tree.span.clone(),
            entries,
            asked: Vec::new(),
        }
    }

    /// Takes a key.
    pub fn take(&mut self, key: &'static str) -> Option<&'t Tree> {
        self.asked.push(key);
        let at = self.entries.iter().position(|(name, _, _)| *name == key)?;
        Some(self.entries.remove(at).2)
    }

    /// Takes a key that must be there.
    pub fn need(
        &mut self,
        key: &'static str,
        help: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<&'t Tree> {
        let tree = self.take(key);
        if tree.is_none_or(|tree| matches!(tree.node, Node::Empty)) {
            let span = tree.map_or(self.span.start..self.span.start + 1, |tree| {
                tree.span.clone()
            });
            problems.push(
                Problem::new(
                    span,
                    format!("`{key}` is missing in {}", self.what),
                    "expected it here",
                )
                .help(help),
            );
            return None;
        }
        tree
    }

    /// Takes the keys that are left, for mappings whose keys are names.
    pub fn rest(&mut self) -> Vec<(&'t str, &'t Range<usize>, &'t Tree)> {
        std::mem::take(&mut self.entries)
    }

    /// Complains of every key that was not taken.
    pub fn close(self, problems: &mut Vec<Problem>) {
        for (name, span, _) in &self.entries {
            let near = nearest(name, self.asked.iter().copied());
            let help = near.map_or_else(
                || format!("the keys are: {}", self.asked.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            problems.push(
                Problem::new(
                    (*span).clone(),
                    format!("unknown key `{name}` in {}", self.what),
                    "no such key",
                )
                .help(help),
            );
        }
    }
}

/// Finds the word most like this one, if any is near.
pub fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    among
        .map(|known| (strsim::damerau_levenshtein(known, word), known))
        .filter(|(distance, known)| *distance <= 2.max(known.len() / 4))
        .min()
        .map(|(_, known)| known)
}

/// Reads a text; anything else is a problem.
pub fn text(tree: &Tree, what: &str, problems: &mut Vec<Problem>) -> Option<String> {
    match &tree.node {
        Node::Text(text) if text.chars().any(|c| c.is_control()) => {
            problems.push(Problem::new(
                tree.span.clone(),
                format!("`{what}` holds a control character"),
                "a line break, a tab or worse",
            ));
            None
        }
        Node::Text(text) => Some(text.clone()),
        _ => {
            problems.push(Problem::new(
                tree.span.clone(),
                format!("`{what}` must be a text"),
                "expected a text",
            ));
            None
        }
    }
}

/// Reads a number within bounds.
pub fn number(
    tree: &Tree,
    what: &str,
    least: u32,
    most: u32,
    problems: &mut Vec<Problem>,
) -> Option<u32> {
    let number = match &tree.node {
        Node::Text(text) => text.parse().ok().filter(|n| (least..=most).contains(n)),
        _ => None,
    };
    if number.is_none() {
        problems.push(Problem::new(
            tree.span.clone(),
            format!("`{what}` must be a number from {least} to {most}"),
            "not such a number",
        ));
    }
    number
}

/// Reads one of several words.
pub fn word<T: Copy>(
    tree: &Tree,
    what: &str,
    words: &[(&str, T)],
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let found = match &tree.node {
        Node::Text(text) => words
            .iter()
            .find(|(word, _)| word == text)
            .map(|(_, value)| *value),
        _ => None,
    };
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        problems.push(Problem::new(
            tree.span.clone(),
            format!("unknown `{what}`"),
            format!("expected one of {}", known.join(", ")),
        ));
    }
    found
}

/// Reads a list of texts with their places.
pub fn list<'t>(
    tree: &'t Tree,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, &'t Range<usize>)> {
    match &tree.node {
        Node::List(items) => items
            .iter()
            .filter_map(|item| Some((text(item, what, problems)?, &item.span)))
            .collect(),
        Node::Empty => Vec::new(),
        _ => {
            problems.push(Problem::new(
                tree.span.clone(),
                format!("`{what}` must be a list"),
                "expected [ … ]",
            ));
            Vec::new()
        }
    }
}
