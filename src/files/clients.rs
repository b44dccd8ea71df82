//! The rules of a server as they decide about clients, and the maps that they name.

use super::Source;
use super::kept::foreign_pieces;
use crate::postgres::Major;
use crate::postgres::hba::{self, HbaLine, Rule};

/// Returns the rules of a pg_hba.conf that would say `text` where this one stands, those of its includes in their place;
/// `None` if one of these cannot be read.
pub fn rules_of(source: &Source, text: &str, major: Major) -> Option<Vec<Rule>> {
    let whole = source.instead(text);
    let pieces = whole.rules(major).ok()?;
    let rules = pieces.iter().filter_map(|piece| rule(major, &piece.raw));
    Some(rules.collect())
}

/// Returns the rules in force, and for each that others than pgrepl wrote its line.
pub fn rules_and_lines(source: &Source, major: Major) -> Option<Vec<(Rule, Option<String>)>> {
    let whole = source.instead(source.text);
    let pieces = foreign_pieces(&whole, major).ok()?;
    let rules = pieces.into_iter().filter_map(|(raw, foreign)| {
        let line = hba::lines(major, &raw).pop()?;
        match line.read {
            HbaLine::Rule(rule) => Some((rule, foreign.then_some(line.joined))),
            _ => None,
        }
    });
    Some(rules.collect())
}

fn rule(major: Major, line: &str) -> Option<Rule> {
    match hba::lines(major, line).pop()?.read {
        HbaLine::Rule(rule) => Some(rule),
        _ => None,
    }
}

/// Returns the lines of a pg_ident.conf that would say `text` where this one stands, each as its words; `None` if something in
/// them cannot be read.
pub fn map_lines(source: &Source, text: &str, major: Major) -> Option<Vec<Vec<String>>> {
    let whole = source.instead(text);
    let pieces = whole.rules(major).ok()?;
    let words = pieces.iter().map(|piece| {
        let tokens = hba::tokens(&piece.raw).into_iter();
        tokens.map(|token| hba::unquoted(&token).0).collect()
    });
    Some(
        words
            .filter(|line: &Vec<String>| !line.is_empty())
            .collect(),
    )
}
