//! What is said of the archive behind the table of backups, in a status and after a check.

use serde::Serialize;

use super::style::bytes;
use crate::facts::archive_state::{Finding, findings, oldest_way};
use crate::facts::backups::Backups;

/// The backups in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The newest one.
    pub last: String,
    /// When it ended.
    pub ended: String,
    /// Its size.
    pub bytes: u64,
    /// Whether it was verified.
    pub verified: bool,
    /// The moment since which any other one can be restored.
    pub since: Option<String>,
    /// What is wrong with the archive, in sentences.
    pub findings: Vec<String>,
}

/// Sums up; `moment` writes seconds since 1970. There is nothing to sum up without a backup.
pub fn summary(there: &Backups, moment: &dyn Fn(u64) -> String) -> Option<Summary> {
    let last = there.backups.last()?;
    Some(Summary {
        last: last.id.clone(),
        ended: moment(last.ended),
        bytes: last.bytes,
        verified: last.verified.is_some(),
        since: oldest_way(there).map(|backup| moment(backup.ended)),
        findings: problems(there),
    })
}

impl Summary {
    /// Writes the line of a status.
    pub fn line(&self) -> String {
        let verified = if self.verified {
            "verified"
        } else {
            "not verified"
        };
        let since = self.since.as_ref().map_or_else(
            || "no WAL leads on from it yet".into(),
            |since| format!("can restore any moment since {since}"),
        );
        format!(
            "backups  last {}, {}, {verified}; {since}\n",
            self.ended,
            bytes(self.bytes)
        )
    }
}

/// Says what is wrong with the archive, a sentence each: what a restore leaves behind is not.
pub fn problems(there: &Backups) -> Vec<String> {
    let said = findings(there).into_iter();
    told(
        there,
        said.filter(|finding| !matches!(finding, Finding::Foreign { .. })),
    )
}

/// Says everything that is to be said of the archive, a sentence each.
pub fn sentences(there: &Backups) -> Vec<String> {
    told(there, findings(there).into_iter())
}

fn told(there: &Backups, findings: impl Iterator<Item = Finding>) -> Vec<String> {
    let mut said: Vec<String> = findings
        .map(|finding| match finding {
            Finding::Gap { after, before } => {
                format!("gap in the archive: {after} is followed by {before}; no recovery passes it")
            }
            Finding::Foreign {
                timeline,
                wal: (first, last),
            } => format!(
                "timeline {timeline} is not one that the newest comes from: {first} to {last} were left behind, or come from a server of another history"
            ),
            Finding::NoHistory { timeline } => {
                format!("the archive has WAL of timeline {timeline}, and not its history")
            }
        })
        .collect();
    for orphan in &there.orphans {
        said.push(format!("backup {orphan} lacks one that it builds on"));
    }
    said
}

/// Says how far back and how far on the archive leads.
pub fn window(there: &Backups, moment: &dyn Fn(u64) -> String) -> Option<String> {
    let since = oldest_way(there)?;
    let (_, last) = there.wal.last()?;
    Some(format!(
        "Any moment since {} can be restored; the archive reaches to {last} of {}.",
        moment(since.ended),
        moment(there.wal_until?)
    ))
}
