//! What the archive is worth: where it has holes, whose timelines are in it, and how far back it leads.

use serde::Serialize;

use super::backups::Backups;
use crate::postgres::{Timeline, lsn};

/// Something in the archive that a recovery cannot pass, or does not follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Segments are missing between these two.
    Gap {
        /// The last one before.
        after: String,
        /// The first one behind.
        before: String,
    },
    /// WAL of a timeline that the newest one does not come from.
    Foreign {
        /// The timeline.
        timeline: Timeline,
        /// Its first and its last segment.
        wal: (String, String),
    },
    /// WAL of a timeline whose history is not in the archive.
    NoHistory {
        /// The timeline.
        timeline: Timeline,
    },
}

/// Reads the timeline out of the name of a segment.
pub fn timeline_of(segment: &str) -> Timeline {
    let number = segment
        .get(..8)
        .and_then(|t| u32::from_str_radix(t, 16).ok());
    Timeline(number.unwrap_or(0))
}

fn position(segment: &str) -> &str {
    segment.get(8..).unwrap_or_default()
}

/// Finds what is wrong with the archive.
pub fn findings(there: &Backups) -> Vec<Finding> {
    let mut found = Vec::new();
    for pair in there.wal.windows(2) {
        let [(_, last), (first, _)] = pair else {
            continue;
        };
        if timeline_of(last) == timeline_of(first) {
            found.push(Finding::Gap {
                after: last.clone(),
                before: first.clone(),
            });
        }
    }
    let newest = there
        .wal
        .iter()
        .map(|(first, _)| timeline_of(first))
        .chain(there.histories.keys().copied())
        .max()
        .unwrap_or(Timeline(1));
    let line = there.histories.get(&newest);
    // Nothing from before the archive began is missing.
    let began = there.wal.iter().map(|(first, _)| timeline_of(first)).min();
    for (first, last) in &there.wal {
        let timeline = timeline_of(first);
        let ours = timeline == newest
            || line.is_some_and(|line| line.forks.iter().any(|(old, _)| *old == timeline));
        if Some(timeline) > began && !there.histories.contains_key(&timeline) {
            found.push(Finding::NoHistory { timeline });
        } else if !ours && line.is_some() {
            found.push(Finding::Foreign {
                timeline,
                wal: (first.clone(), last.clone()),
            });
        }
    }
    // A timeline begins in the segment in which its parent was left.
    let forks = line.map(|line| line.forks.as_slice()).unwrap_or_default();
    for (at, (parent, fork)) in forks.iter().enumerate() {
        let child = forks.get(at + 1).map_or(newest, |(child, _)| *child);
        let first = there
            .wal
            .iter()
            .find(|(first, _)| timeline_of(first) == child);
        let before = there
            .wal
            .iter()
            .rfind(|(_, last)| timeline_of(last) == *parent);
        let begins = lsn::segments(child, *fork, *fork, there.segment_size);
        if let (Some((first, _)), Some((_, last)), Some(begins)) = (first, before, begins.first())
            && position(first) > position(begins)
        {
            found.push(Finding::Gap {
                after: last.clone(),
                before: first.clone(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::backups::parse;

    fn archive(lines: &[(&str, &str)]) -> Backups {
        let lines: Vec<(String, String)> = lines
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        parse(&lines)
    }

    #[test]
    fn holes_and_strange_timelines_are_named() {
        let whole = archive(&[
            ("wal", "000000010000000000000001 000000010000000000000005"),
            ("wal", "000000020000000000000005 000000020000000000000009"),
            (
                "history_line",
                "00000002.history\t1\t0/5000100\tno recovery target specified",
            ),
        ]);
        assert_eq!(findings(&whole), []);
        let gap = archive(&[
            ("wal", "000000010000000000000001 000000010000000000000003"),
            ("wal", "000000010000000000000005 000000010000000000000005"),
        ]);
        let hole = |after: &str, before: &str| Finding::Gap {
            after: after.into(),
            before: before.into(),
        };
        assert_eq!(
            findings(&gap),
            [hole("000000010000000000000003", "000000010000000000000005")]
        );
        // The segment in which the old timeline was left is missing on the new one.
        let late = archive(&[
            ("wal", "000000010000000000000001 000000010000000000000005"),
            ("wal", "000000020000000000000006 000000020000000000000009"),
            ("history_line", "00000002.history\t1\t0/5000100\tx"),
        ]);
        assert_eq!(
            findings(&late),
            [hole("000000010000000000000005", "000000020000000000000006")]
        );
        let foreign = archive(&[
            ("wal", "000000010000000000000001 000000010000000000000005"),
            ("wal", "000000020000000000000003 000000020000000000000004"),
            ("wal", "000000030000000000000005 000000030000000000000006"),
            ("history_line", "00000002.history\t1\t0/3000100\tx"),
            ("history_line", "00000003.history\t1\t0/5000100\tx"),
        ]);
        assert!(
            matches!(
                &findings(&foreign)[..],
                [Finding::Foreign {
                    timeline: Timeline(2),
                    ..
                }]
            ),
            "{:?}",
            findings(&foreign)
        );
        // What was before the archive began is not missing.
        let late = ("wal", "000000020000000000000003 000000020000000000000004");
        assert_eq!(findings(&archive(&[late])), []);
        let early = ("wal", "000000010000000000000001 000000010000000000000003");
        let unknown = archive(&[early, late]);
        assert_eq!(
            findings(&unknown),
            [Finding::NoHistory {
                timeline: Timeline(2)
            }]
        );
    }
}
