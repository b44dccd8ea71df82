//! What is said of the archive behind the table of backups, in a status and after a check.

use serde::Serialize;

use super::style::bytes;
use crate::facts::archive_state::{Finding, findings, timeline_of};
use crate::facts::backups::Backups;
use crate::facts::history::{Tree, Window};
use crate::postgres::Timeline;

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
    /// The moments that can be restored, of each timeline, that on which the cluster lives first: "from … until …".
    pub restorable: Vec<String>,
    /// What is wrong with the archive, in sentences.
    pub findings: Vec<String>,
}

/// Sums up; `moment` writes seconds since 1970. There is nothing to sum up without a backup.
pub fn summary(there: &Backups, moment: &dyn Fn(u64) -> String) -> Option<Summary> {
    let last = there.backups.last()?;
    let restorable = ranges(there, moment).into_iter().map(|range| range.words);
    Some(Summary {
        last: last.id.clone(),
        ended: moment(last.ended),
        bytes: last.bytes,
        verified: last.verified.is_some(),
        restorable: restorable.collect(),
        findings: problems(there),
    })
}

impl Summary {
    /// Writes the lines of a status.
    pub fn line(&self) -> String {
        let verified = if self.verified {
            "verified"
        } else {
            "not verified"
        };
        let mut text = format!(
            "backups  last {}, {}, {verified}\n",
            self.ended,
            bytes(self.bytes)
        );
        for range in &self.restorable {
            text += &format!("         restorable: any moment {range}\n");
        }
        if self.restorable.is_empty() {
            text += &format!("         restorable: {NO_MOMENT}\n");
        }
        text
    }
}

/// What can be restored where no WAL came since the end of the oldest backup.
const NO_MOMENT: &str = "what the backups hold, no moment since: no WAL leads on from them yet";

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

/// Says whether WAL came since the end of the oldest backup: before that there is no moment to choose.
fn is_open(window: &Window) -> bool {
    let came = window.until.zip(window.since);
    came.is_none_or(|(until, since)| until >= since)
}

/// The moments of a timeline that can be restored.
struct Range {
    timeline: Timeline,
    dated: bool,
    words: String,
}

/// Returns the moments of each timeline that can be restored, the one that the cluster lives on first.
fn ranges(there: &Backups, moment: &dyn Fn(u64) -> String) -> Vec<Range> {
    if there.backups.is_empty() {
        return Vec::new();
    }
    let tree = Tree::of(there);
    let several = tree.timelines().len() > 1;
    let windows = tree.windows().into_iter();
    let range = |window: Window| {
        let timeline = window.timeline;
        let archive = there.wal_until.filter(|_| timeline == tree.newest());
        let words = match (window.since, window.until.or(archive)) {
            (Some(since), Some(until)) => {
                format!("from {} until {}", moment(since), moment(until))
            }
            (Some(since), None) => format!("from {}", moment(since)),
            (None, _) => "and nothing tells which there are".into(),
        };
        Range {
            timeline,
            dated: window.since.is_some(),
            words: match several {
                true => format!("{words} on timeline {timeline}"),
                false => words,
            },
        }
    };
    windows.filter(is_open).map(range).collect()
}

/// Says that no backup is on the way to the timeline that the cluster lives on.
pub fn leads_nowhere(there: &Backups) -> Option<String> {
    let tree = Tree::of(there);
    let newest = tree.newest();
    let lives = tree
        .windows()
        .iter()
        .any(|window| window.timeline == newest);
    // What follows the backup of this timeline itself may just not have come yet.
    let own = there.backups.iter().any(|backup| backup.timeline == newest);
    let nowhere = !there.backups.is_empty() && !lives && !own;
    nowhere.then(|| format!("no backup leads to timeline {newest}, which the cluster lives on"))
}

/// Says which moments can be restored, a sentence for each timeline, the one that the cluster lives on first.
pub fn windows(there: &Backups, moment: &dyn Fn(u64) -> String) -> Vec<String> {
    if there.backups.is_empty() {
        return Vec::new();
    }
    let tree = Tree::of(there);
    let newest = tree.newest();
    let several = tree.timelines().len() > 1;
    let lives = tree
        .windows()
        .iter()
        .any(|window| window.timeline == newest);
    let mut said = Vec::new();
    if let Some(nowhere) = leads_nowhere(there) {
        let nowhere = nowhere.replacen("no", "No", 1);
        said.push(format!("{nowhere}: pgrepl backup run"));
    }
    let ranges = ranges(there, moment);
    if ranges.is_empty() {
        said.push(format!("Restorable: {NO_MOMENT}."));
    }
    for Range {
        timeline,
        dated,
        words,
    } in &ranges
    {
        let mut last = there.wal.iter().map(|(_, last)| last);
        let last = last.rfind(|last| !several || timeline_of(last) <= *timeline);
        said.push(match (dated, last) {
            (false, _) => format!(
                "Timeline {timeline} can be restored, and nothing tells when it was written: --timeline {timeline}"
            ),
            (true, Some(last)) if *timeline == newest => {
                format!("Restorable: any moment {words}; the archive reaches to {last}.")
            }
            (true, _) => format!("Restorable: any moment {words}."),
        });
    }
    if lives && there.backups.iter().all(|backup| backup.timeline != newest) {
        said.push(format!(
            "There is no backup of timeline {newest} yet: pgrepl backup run"
        ));
    }
    said
}
