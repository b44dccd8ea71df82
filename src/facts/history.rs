//! Which moments on which timeline can be reached from which backup.
//!
//! Timelines are a tree: a recovery to the past and a promotion begin a new one at a fork of another. A cluster has one
//! primary at a time, so that the timeline that was written at a moment is the newest one that was born by then.

use std::collections::BTreeSet;

use super::Observation;
use super::backups::{Backup, Backups};
use crate::postgres::{History, Lsn, Timeline};

/// A part of the WAL that leads to a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    timeline: Timeline,
    begin: Lsn,
    end: Option<Lsn>,
}

/// Segments of a timeline without a gap, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    timeline: Timeline,
    first: u64,
    last: u64,
    came: Option<u64>,
    ended: Option<u64>,
}

/// The tree of timelines of an archive.
pub struct Tree<'a> {
    there: &'a Backups,
    runs: Vec<Run>,
    size: u64,
    dated: bool,
}

/// The moments of a timeline that can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window<'a> {
    /// The timeline.
    pub timeline: Timeline,
    /// The oldest backup from which WAL leads to its end.
    pub oldest: &'a Backup,
    /// Since when, in seconds since 1970; `None` if nothing tells when the timeline was born.
    pub since: Option<u64>,
    /// When its last segment came; of the timeline that the cluster lives on, the end of the archive.
    pub until: Option<u64>,
}

fn number(name: &str, size: u64) -> Option<(Timeline, u64)> {
    let part = |range| u64::from_str_radix(name.get(range)?, 16).ok();
    let per_file = (1_u64 << 32) / size;
    let timeline = u32::try_from(part(0..8)?).ok()?;
    Some((Timeline(timeline), part(8..16)? * per_file + part(16..24)?))
}

/// Returns the history of the timeline that a running primary is on. One that archives nothing, and of whose timeline the
/// archive knows nothing, is on none that anybody could restore: that of a restore which was cut off.
pub fn live(seen: &Observation, there: &Backups) -> Option<History> {
    let writes = seen.seen().filter_map(|(_, facts)| {
        let server = facts.primary()?;
        let archives = server.settings.get("archive_mode");
        if archives.is_some_and(|mode| mode.setting == "off")
            && !Tree::of(there).timelines().contains(&server.timeline)
        {
            return None;
        }
        let known = facts.data.history.clone();
        Some(
            known
                .filter(|line| line.of == server.timeline)
                .unwrap_or(History {
                    of: server.timeline,
                    forks: Vec::new(),
                    promoted: false,
                }),
        )
    });
    writes.max_by_key(|line| line.of)
}

impl<'a> Tree<'a> {
    /// Reads the tree out of an archive.
    pub fn of(there: &'a Backups) -> Self {
        let size = there.segment_size.clamp(1 << 20, 1 << 30);
        let run = |(first, last): &(String, String)| {
            let (timeline, begin) = number(first, size)?;
            Some(Run {
                timeline,
                first: begin,
                last: number(last, size)?.1,
                came: there.arrivals.get(first).copied(),
                ended: there.arrivals.get(last).copied(),
            })
        };
        // What describes a backup is written when it ends; a copy of the archive that lost its times shows there.
        let moved = |backup: &Backup| {
            let written = backup.written.unwrap_or(backup.ended);
            written.abs_diff(backup.ended) > 60
        };
        Self {
            there,
            runs: there.wal.iter().filter_map(run).collect(),
            size,
            dated: !there.backups.iter().any(moved),
        }
    }

    /// Returns every timeline that the archive knows, and the one that the primary is on.
    pub fn timelines(&self) -> BTreeSet<Timeline> {
        let histories = self.there.histories.values().chain(&self.there.live);
        let known = histories.flat_map(|line| line.forks.iter().map(|(t, _)| *t).chain([line.of]));
        known
            .chain(self.runs.iter().map(|run| run.timeline))
            .chain(self.there.backups.iter().map(|backup| backup.timeline))
            .collect()
    }

    /// Returns the timeline that the cluster lives on: that of the primary, else the newest one.
    pub fn newest(&self) -> Timeline {
        let live = self.there.live.as_ref().map(|line| line.of);
        live.or_else(|| self.timelines().last().copied())
            .unwrap_or(Timeline(1))
    }

    /// Returns the history of a timeline, if the archive or the primary has it.
    pub fn history(&self, timeline: Timeline) -> Option<&'a History> {
        let live = self.there.live.as_ref();
        self.there
            .histories
            .get(&timeline)
            .or_else(|| live.filter(|line| line.of == timeline))
    }

    fn path(&self, to: Timeline) -> Vec<Stretch> {
        let forks = self.history(to).map_or(&[][..], |line| &line.forks);
        let mut begin = Lsn(0);
        let mut path = Vec::new();
        for (timeline, end) in forks {
            path.push(Stretch {
                timeline: *timeline,
                begin,
                end: Some(*end),
            });
            begin = *end;
        }
        path.push(Stretch {
            timeline: to,
            begin,
            end: None,
        });
        path
    }

    fn run(&self, timeline: Timeline, segment: u64) -> Option<&Run> {
        self.runs
            .iter()
            .find(|run| run.timeline == timeline && run.first <= segment && segment <= run.last)
    }

    /// Returns where the WAL that is archived without a gap from a position on, on the way to a timeline, ends: at the
    /// beginning of the segment of that position if not even that one is there.
    fn archived_from(&self, to: Timeline, from: Lsn) -> Lsn {
        let path = self.path(to);
        let mut at = from.0 / self.size;
        loop {
            let (begins, ends) = (at * self.size, (at + 1) * self.size);
            let inside =
                |part: &&Stretch| part.begin.0 < ends && part.end.is_none_or(|end| end.0 > begins);
            let mut owners = path.iter().filter(inside).rev();
            let Some(owner) = owners.next() else {
                return Lsn(begins);
            };
            let Some(run) = self.run(owner.timeline, at) else {
                // The segment in which a timeline was left leads up to the fork, and not past it.
                let older = owners.find(|part| self.run(part.timeline, at).is_some());
                return older.and_then(|part| part.end).unwrap_or(Lsn(begins));
            };
            let fork = owner.end.map_or(u64::MAX, |end| end.0 / self.size);
            at = (run.last + 1).min(fork).max(at + 1);
        }
    }

    /// Returns where the archived WAL of a timeline ends, whatever is missing before.
    pub fn end(&self, to: Timeline) -> Lsn {
        let of = |part: &Stretch| {
            let last = self.runs.iter().filter(|run| run.timeline == part.timeline);
            let end = last.map(|run| (run.last + 1) * self.size).max()?;
            (end > part.begin.0).then(|| Lsn(end).min(part.end.unwrap_or(Lsn(u64::MAX))))
        };
        self.path(to).iter().filter_map(of).max().unwrap_or(Lsn(0))
    }

    /// Says whether a backup lies on the way to a timeline: it is of that one, or the history left its timeline at or
    /// behind its end.
    pub fn is_before(&self, backup: &Backup, to: Timeline) -> bool {
        let left = self.history(to).and_then(|line| line.left(backup.timeline));
        backup.timeline == to || left.is_some_and(|fork| fork >= backup.stop)
    }

    /// Returns how far WAL leads from a backup towards a timeline without a gap; `None` if it does not even make the
    /// backup consistent, or the backup is not on the way.
    pub fn leads(&self, backup: &Backup, to: Timeline) -> Option<Lsn> {
        if !self.is_before(backup, to) {
            return None;
        }
        if backup.own_wal {
            return Some(self.archived_from(to, backup.stop).max(backup.stop));
        }
        Some(self.archived_from(to, backup.start)).filter(|end| *end >= backup.stop)
    }

    /// Says whether WAL leads from a backup to the end of a timeline.
    pub fn leads_to_end(&self, backup: &Backup, to: Timeline) -> bool {
        self.leads(backup, to)
            .is_some_and(|end| end >= self.end(to))
    }

    /// Returns when the segment that ends at, or holds, a position on the way to a timeline came.
    pub fn came(&self, to: Timeline, at: Lsn) -> Option<u64> {
        let segment = at.0.checked_sub(1)? / self.size;
        let parts = self.path(to).into_iter().rev();
        let mut runs = parts.filter_map(|part| self.run(part.timeline, segment).copied());
        runs.find_map(|run| {
            let ends = run.ended.filter(|_| run.last == segment);
            ends.or(run.came.filter(|_| run.first == segment))
        })
    }

    /// Returns a moment by which a timeline was born for sure, if there is one.
    fn born_by(&self, timeline: Timeline) -> Option<u64> {
        let later = |of: Timeline| of >= timeline;
        let histories = self.there.history_came.iter().filter(|(of, _)| later(**of));
        let runs = self.runs.iter().filter(|run| later(run.timeline));
        let backups = self.there.backups.iter().filter(|b| later(b.timeline));
        let files = histories
            .map(|(_, at)| *at)
            .chain(runs.filter_map(|run| run.came))
            .filter(|_| self.dated);
        files.chain(backups.map(|backup| backup.begun)).min()
    }

    /// Says whether a timeline was born by a moment; `None` if nothing tells.
    fn born(&self, timeline: Timeline, moment: u64) -> Option<bool> {
        if self.timelines().first() == Some(&timeline)
            || self.born_by(timeline).is_some_and(|at| at <= moment)
        {
            return Some(true);
        }
        let told = self.dated && self.there.history_came.contains_key(&timeline);
        let older = self.there.backups.iter().filter(|b| b.timeline < timeline);
        let before = older.map(|backup| backup.ended).max();
        (told || before.is_some_and(|ended| moment <= ended)).then_some(false)
    }

    /// Returns the timelines that may have been written at a moment, the newest last: one, if it is known when they were
    /// born. Where a server was promoted with all that its timeline had, the newer one has that moment too, and is named.
    pub fn live_at(&self, moment: u64) -> Vec<Timeline> {
        let mut may = Vec::new();
        for timeline in self.timelines() {
            match self.born(timeline, moment) {
                Some(true) => may = vec![timeline],
                None => may.push(timeline),
                Some(false) => {}
            }
        }
        let may: BTreeSet<Timeline> = may.into_iter().map(|t| self.goes_on_as(t)).collect();
        may.into_iter().collect()
    }

    /// Returns the fork of a timeline that only went on with all that its parent had, and that parent.
    fn goes_on_from(&self, timeline: Timeline) -> Option<(Timeline, Lsn)> {
        let line = self.history(timeline).filter(|line| line.promoted)?;
        let (parent, fork) = line.forks.last().copied()?;
        let mut runs = self.runs.iter().filter(|run| run.timeline == parent);
        let beyond = runs.any(|run| run.last > fork.0 / self.size);
        (!beyond && parent < timeline).then_some((parent, fork))
    }

    fn goes_on_as(&self, timeline: Timeline) -> Timeline {
        let children = self.timelines().into_iter().rev();
        let mut next = children.filter(|child| {
            self.goes_on_from(*child)
                .is_some_and(|(parent, _)| parent == timeline)
        });
        next.next().map_or(timeline, |child| self.goes_on_as(child))
    }

    /// Returns the oldest timeline that only goes on as this one.
    fn goes_on_since(&self, timeline: Timeline) -> Timeline {
        let parent = self.goes_on_from(timeline).map(|(parent, _)| parent);
        parent
            .filter(|parent| self.goes_on_as(*parent) == self.goes_on_as(timeline))
            .map_or(timeline, |parent| self.goes_on_since(parent))
    }

    /// Returns a parent whose last archived segment may hold more than the timelines that went on from it have.
    pub fn left_in_its_segment(&self, timeline: Timeline) -> Option<(Timeline, Lsn)> {
        let (parent, fork) = self.goes_on_from(timeline)?;
        let more = self.run(parent, fork.0 / self.size).is_some();
        (more && fork.0 % self.size != 0).then_some((parent, fork))
    }

    /// Returns the timelines that have a position, each other content at it once: the newest one that has it.
    pub fn with_position(&self, at: Lsn) -> Vec<Timeline> {
        let mut owners: BTreeSet<Timeline> = BTreeSet::new();
        let mut found = Vec::new();
        let all = self.timelines().into_iter().rev();
        for timeline in all.filter(|t| self.goes_on_as(*t) == *t) {
            let reached = |backup: &Backup| {
                backup.stop <= at && self.leads(backup, timeline).is_some_and(|end| end >= at)
            };
            let path = self.path(timeline);
            // A position is where a record ends: at a fork it is still the parent's.
            let owner = path
                .iter()
                .find(|part| part.begin < at && part.end.is_none_or(|end| at <= end));
            if let Some(owner) = owner
                && self.there.backups.iter().any(reached)
                && owners.insert(owner.timeline)
            {
                found.push(timeline);
            }
        }
        found.reverse();
        found
    }

    /// Returns what can be restored of each timeline, the one that the cluster lives on first.
    pub fn windows(&self) -> Vec<Window<'a>> {
        let newest = self.newest();
        let all = self.timelines();
        let others = all.iter().rev().copied().filter(|t| *t != newest);
        let ends = [newest].into_iter().chain(others);
        ends.filter(|timeline| self.goes_on_as(*timeline) == *timeline)
            .filter_map(|timeline| self.window(timeline))
            .collect()
    }

    fn window(&self, timeline: Timeline) -> Option<Window<'a>> {
        let begun = self.goes_on_since(timeline);
        // A backup whose end the archive has not reached leads nowhere yet.
        let whole = |backup: &&Backup| {
            let from = if backup.own_wal {
                backup.stop
            } else {
                backup.start
            };
            self.leads_to_end(backup, timeline)
                && self.archived_from(timeline, from) > Lsn(from.0 / self.size * self.size)
        };
        let oldest = self.there.backups.iter().find(whole)?;
        let first = self.timelines().first() == Some(&begun);
        let born = if first { Some(0) } else { self.born_by(begun) };
        let end = self.end(timeline);
        let until = self.came(timeline, end);
        let next = self.timelines().into_iter().filter(|t| *t > timeline);
        let next = next.filter_map(|t| self.born_by(t)).min();
        let window = Window {
            timeline,
            oldest,
            since: born.map(|born| born.max(oldest.ended)),
            until: match next {
                Some(next) if timeline != self.newest() => until.map(|until| until.min(next)),
                _ => until,
            },
        };
        let empty = window.until < window.since && timeline != self.newest();
        (!empty).then_some(window)
    }
}
