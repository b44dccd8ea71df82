//! The backup that a recovery begins with, and the timeline that it follows.

use super::backups::{Backup, Backups};
use super::history::Tree;
use crate::postgres::{Lsn, Timeline};

/// Where a recovery is to end, as far as that decides on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// At a moment, in seconds since 1970.
    Time(u64),
    /// At a position.
    Lsn(Lsn),
    /// At the end of a transaction.
    Transaction(u32),
    /// Somewhere in the WAL, at what only the WAL tells.
    Mark,
    /// As soon as the data is consistent.
    Immediate,
    /// At the end.
    Latest,
}

/// Which timeline is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// The one that the target tells.
    Found,
    /// The one that the cluster lives on.
    Latest,
    /// The one of the backup.
    Current,
    /// This one.
    Id(Timeline),
}

/// A way to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way<'a> {
    /// The backup it begins with.
    pub backup: &'a Backup,
    /// The timeline it follows.
    pub timeline: Timeline,
}

/// Why there is no way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum No {
    /// There is no backup with this name, or it cannot be used.
    NoSuchBackup(String),
    /// The archive does not know this timeline.
    NoSuchTimeline(Timeline),
    /// Each of these timelines may be meant.
    Choice(Vec<Timeline>),
    /// The history of the timeline does not lead through the named backup.
    Elsewhere(String, Timeline),
    /// No backup, or not the named one, ended before the target.
    TooLate(Option<String>, Timeline),
    /// WAL is missing between the backups and the target: it ends here.
    Gap(Timeline, Lsn),
    /// The timeline was left before the target: its archive ends at this moment.
    Over(Timeline, u64),
}

/// Finds the way to a target: the newest backup that leads there, or the named one. `usable` tells which ones count.
pub fn way<'a>(
    there: &'a Backups,
    aim: Aim,
    line: Line,
    named: Option<&str>,
    usable: &dyn Fn(&Backup) -> bool,
) -> Result<Way<'a>, No> {
    let tree = Tree::of(there);
    let all: Vec<&Backup> = there.backups.iter().filter(|b| usable(b)).collect();
    let begins: Vec<&Backup> = match named {
        None => all,
        Some(id) => {
            let found = all.into_iter().find(|backup| backup.id == id);
            vec![found.ok_or_else(|| No::NoSuchBackup(id.to_owned()))?]
        }
    };
    let on = |timeline: Timeline| {
        let mut newest = begins.iter().rev();
        newest
            .find(|backup| fits(&tree, backup, timeline, aim, named.is_some()))
            .map(|backup| Way { backup, timeline })
    };
    let timelines = match (line, aim) {
        (Line::Id(id), _) if !tree.timelines().contains(&id) => return Err(No::NoSuchTimeline(id)),
        (Line::Id(id), _) => vec![id],
        (Line::Current, _) | (Line::Found, Aim::Immediate) if named.is_some() => {
            begins.iter().map(|backup| backup.timeline).collect()
        }
        (Line::Current, _) => {
            // The newest backup that fits on its own timeline.
            let own = begins.iter().rev().map(|backup| backup.timeline);
            let fit = own.clone().find(|timeline| on(*timeline).is_some());
            vec![fit.or_else(|| own.clone().next()).unwrap_or(tree.newest())]
        }
        (Line::Latest, _)
        | (Line::Found, Aim::Latest | Aim::Transaction(_) | Aim::Mark | Aim::Immediate) => {
            vec![tree.newest()]
        }
        (Line::Found, Aim::Time(moment)) => tree.live_at(moment),
        (Line::Found, Aim::Lsn(at)) => match tree.with_position(at) {
            none if none.is_empty() => vec![tree.newest()],
            some => some,
        },
    };
    let mut ways: Vec<Way> = timelines.iter().filter_map(|t| on(*t)).collect();
    if ways.len() > 1 {
        return Err(No::Choice(ways.iter().map(|way| way.timeline).collect()));
    }
    if let Some(mut way) = ways.pop() {
        let Aim::Time(moment) = aim else {
            if aim == Aim::Immediate && line == Line::Found {
                way.timeline = way.backup.timeline;
            }
            return Ok(way);
        };
        let came = tree.came(way.timeline, tree.end(way.timeline));
        return match came.filter(|came| *came < moment && way.timeline != tree.newest()) {
            Some(came) => Err(No::Over(way.timeline, came)),
            None => Ok(way),
        };
    }
    let timeline = timelines.last().copied().unwrap_or(tree.newest());
    let named = named.map(str::to_owned);
    let before: Vec<&&Backup> = begins
        .iter()
        .filter(|b| tree.is_before(b, timeline))
        .collect();
    if let (true, Some(id)) = (before.is_empty(), &named) {
        return Err(No::Elsewhere(id.clone(), timeline));
    }
    let gap = before
        .iter()
        .filter(|backup| in_time(backup, aim, named.is_some()))
        .map(|backup| tree.leads(backup, timeline).unwrap_or(backup.start))
        .max();
    Err(gap.map_or(No::TooLate(named, timeline), |end| No::Gap(timeline, end)))
}

/// Says whether a transaction had no number yet when the next one would have got this one: numbers begin anew after 2^32, and
/// those in use are never half of that apart.
fn is_to_come(xid: u32, next: u64) -> bool {
    (u64::from(xid).wrapping_sub(next) & u64::from(u32::MAX)) < 1 << 31
}

fn in_time(backup: &Backup, aim: Aim, named: bool) -> bool {
    match aim {
        Aim::Time(moment) => backup.ended <= moment,
        Aim::Lsn(at) => backup.stop <= at,
        // One that had its number may have ended later all the same: who names the backup knows.
        Aim::Transaction(xid) => named || backup.next_xid.is_none_or(|next| is_to_come(xid, next)),
        Aim::Mark | Aim::Immediate | Aim::Latest => true,
    }
}

fn fits(tree: &Tree, backup: &Backup, timeline: Timeline, aim: Aim, named: bool) -> bool {
    let Some(end) = tree.leads(backup, timeline) else {
        return false;
    };
    let reaches = match aim {
        Aim::Time(moment) => tree.came(timeline, end).is_some_and(|came| came >= moment),
        Aim::Lsn(at) => end >= at,
        Aim::Transaction(_) | Aim::Mark => named,
        Aim::Immediate => true,
        Aim::Latest => false,
    };
    in_time(backup, aim, named) && (reaches || end >= tree.end(timeline))
}

#[cfg(test)]
mod tests {
    use super::is_to_come;

    #[test]
    fn numbers_of_transactions_begin_anew() {
        for (next, xid, right) in [
            (700, 699, false),
            (700, 700, true),
            (700, 90_000, true),
            // 0 to 2 are none.
            ((1 << 32) - 5, 3, true),
            ((1 << 32) + 10, u32::MAX - 5, false),
            ((5 << 32) + 10, 11, true),
            ((5 << 32) + 10, 9, false),
        ] {
            assert_eq!(is_to_come(xid, next), right, "{next} {xid}");
        }
    }
}
