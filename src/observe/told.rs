//! What a host answered, or why it did not.

use crate::facts::Unreachable;
use crate::host::{HostError, Line};
use crate::inventory::NodeName;

/// Returns the facts among the lines of an answer.
pub(super) fn told_facts(lines: &[Line]) -> Vec<(String, String)> {
    let facts = lines.iter().filter_map(|line| match line {
        Line::Fact(key, value) => Some((key.clone(), value.clone())),
        _ => None,
    });
    facts.collect()
}

/// Says why a host was not read.
pub(super) fn unreachable(name: &NodeName, error: HostError) -> Unreachable {
    match error {
        HostError::Unreachable(reason) => reason,
        other => Unreachable {
            message: other.to_string(),
            help: format!("ssh {name} true"),
            original: String::new(),
        },
    }
}
