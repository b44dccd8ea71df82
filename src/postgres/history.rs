//! Timeline history files: where each timeline left the one before it.

use serde::{Deserialize, Serialize};

use super::{Lsn, Timeline};

/// The ancestors of a timeline, from its history file (`0000000N.history`; manual, 26.3.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The timeline whose history this is.
    pub of: Timeline,
    /// Each ancestor with the position at which it was left.
    pub forks: Vec<(Timeline, Lsn)>,
    /// Whether a server was promoted with all that it had; a recovery to a target leaves something behind.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub promoted: bool,
}

impl History {
    /// Reads a history file; empty lines and comments are passed over, and so is what does not read.
    pub fn parse(of: Timeline, text: &str) -> Self {
        let fork = |line: &str| {
            let mut words = line.split_whitespace();
            let timeline = words.next()?.parse().ok()?;
            Some((Timeline(timeline), words.next()?.parse().ok()?))
        };
        Self {
            of,
            forks: text.lines().filter_map(fork).collect(),
            promoted: text
                .lines()
                .rfind(|line| fork(line).is_some())
                .is_some_and(|line| line.ends_with("no recovery target specified")),
        }
    }

    /// Returns where this history left a timeline; `None` if that is no ancestor.
    pub fn left(&self, timeline: Timeline) -> Option<Lsn> {
        self.forks
            .iter()
            .find(|(ancestor, _)| *ancestor == timeline)
            .map(|(_, at)| *at)
    }
}

/// Reads the number out of the name of a history file, `0000000A.history`.
pub fn timeline_of(name: &str) -> Option<Timeline> {
    let digits = name.strip_suffix(".history")?;
    (digits.len() == 8)
        .then(|| u32::from_str_radix(digits, 16).ok().map(Timeline))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_tells_where_each_timeline_was_left() {
        let text = "1\t0/3000110\tno recovery target specified\n\n# a comment\n2\t0/50000A0\tbefore 2000-01-01 00:00:00+00\n";
        let history = History::parse(Timeline(3), text);
        assert_eq!(history.left(Timeline(1)), Some(Lsn(0x300_0110)));
        assert_eq!(history.left(Timeline(2)), Some(Lsn(0x500_00A0)));
        assert_eq!(history.left(Timeline(3)), None);
        assert_eq!(timeline_of("0000000A.history"), Some(Timeline(10)));
        assert_eq!(timeline_of("A.history"), None);
        assert_eq!(timeline_of("00000002.history.done"), None);
    }
}
