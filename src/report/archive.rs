//! What is said of the archive behind the table of backups, in a status and after a check.

use serde::Serialize;

use super::style::bytes;
use crate::facts::archive_state::{Finding, findings, timeline_of};
use crate::facts::backups::Backups;
use crate::facts::history::{Tree, Window};

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
    /// The moment since which any other one can be restored, on the timeline that the cluster lives on.
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
        since: since(there).map(moment),
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
    let mut said = told(there, findings(there).into_iter());
    for useless in &there.useless {
        said.push(format!(
            "backup {useless} cannot be restored: a part is missing, or the label in the archive that tells where it ends"
        ));
    }
    said
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

/// Returns since when any moment of the timeline that the cluster lives on can be restored.
fn since(there: &Backups) -> Option<u64> {
    let tree = Tree::of(there);
    let windows = tree.windows().into_iter();
    let mut live = windows.filter(|window| window.timeline == tree.newest() && is_open(window));
    live.next()?.since
}

/// Says whether WAL came since the end of the oldest backup: before that there is no moment to choose.
fn is_open(window: &Window) -> bool {
    let came = window.until.zip(window.since);
    came.is_none_or(|(until, since)| until >= since)
}

/// Says which moments can be restored, a sentence for each timeline, the one that the cluster lives on first.
pub fn windows(there: &Backups, moment: &dyn Fn(u64) -> String) -> Vec<String> {
    if there.backups.is_empty() {
        return Vec::new();
    }
    let tree = Tree::of(there);
    let newest = tree.newest();
    let several = tree.timelines().len() > 1;
    let windows = tree.windows();
    let lives = windows.iter().any(|window| window.timeline == newest);
    let mut said = Vec::new();
    if !lives && several {
        said.push(format!(
            "No backup leads to timeline {newest}, which the cluster lives on: pgrepl backup run"
        ));
    }
    for window in windows.iter().filter(|window| is_open(window)) {
        let timeline = window.timeline;
        let on = if several {
            format!(" on timeline {timeline}")
        } else {
            String::new()
        };
        let mut last = there.wal.iter().map(|(_, last)| last);
        let last = last.rfind(|last| !several || timeline_of(last) <= timeline);
        match (window.since, window.until, last) {
            (Some(since), until, Some(last)) if timeline == newest => {
                let of = until.or(there.wal_until).map(|of| format!(" of {}", moment(of)));
                said.push(format!(
                    "Any moment since {} can be restored{on}; the archive reaches to {last}{}.",
                    moment(since),
                    of.unwrap_or_default()
                ));
            }
            (Some(since), Some(until), _) => said.push(format!(
                "Any moment from {} to {} can be restored{on}.",
                moment(since),
                moment(until)
            )),
            _ => said.push(format!(
                "Timeline {timeline} can be restored, and nothing tells when it was written: --timeline {timeline}"
            )),
        }
    }
    if lives && there.backups.iter().all(|backup| backup.timeline != newest) {
        said.push(format!(
            "There is no backup of timeline {newest} yet: pgrepl backup run"
        ));
    }
    said
}
