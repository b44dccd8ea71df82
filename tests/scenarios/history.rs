//! Which moments on which timeline can be reached from which backup, against a model that looks at every quarter of a segment.

use std::collections::BTreeSet;

use pgrepl::facts::backups::{Backup, Backups, parse};
use pgrepl::facts::history::Tree;
use pgrepl::facts::retention::{Rule, kept};
use pgrepl::facts::way::{Aim, Line, No, way};
use pgrepl::inventory::Keep;
use pgrepl::postgres::{Lsn, Timeline};
use proptest::prelude::*;

const SIZE: u64 = 1 << 20;
const QUARTER: u64 = SIZE / 4;

/// A world: of each timeline but the first its parent and the quarter at which it left that, and of each when it was born.
#[derive(Debug, Clone)]
struct World {
    parents: Vec<(usize, u64)>,
    births: Vec<u64>,
    archived: BTreeSet<(usize, u64)>,
    /// Timeline, first quarter, last one, when it ended.
    backups: Vec<(usize, u64, u64, u64)>,
}

impl World {
    /// Parts of the way to a timeline: whose, from which quarter, to which.
    fn path(&self, to: usize) -> Vec<(usize, u64, u64)> {
        let mut path = vec![(to, 0, u64::MAX)];
        let mut at = to;
        while at > 0 {
            let (parent, fork) = self.parents[at - 1];
            path[0].1 = fork;
            path.insert(0, (parent, 0, fork));
            at = parent;
        }
        path
    }

    fn owner(&self, to: usize, quarter: u64) -> usize {
        let path = self.path(to);
        let found = path
            .iter()
            .position(|(_, begin, end)| *begin <= quarter && quarter < *end);
        found.unwrap()
    }

    /// Says whether a file that a recovery to a timeline would read has this quarter.
    fn has(&self, to: usize, quarter: u64) -> bool {
        let path = self.path(to);
        let owner = self.owner(to, quarter);
        path.iter().enumerate().any(|(at, (timeline, begin, end))| {
            let segment = quarter / 4;
            at >= owner
                && begin < end
                && begin / 4 <= segment
                && self.archived.contains(&(*timeline, segment))
        })
    }

    fn reach(&self, to: usize, from: u64) -> u64 {
        (from..).find(|quarter| !self.has(to, *quarter)).unwrap()
    }

    fn leads(&self, backup: usize, to: usize) -> Option<u64> {
        let (timeline, _, stop, _) = self.backups[backup];
        let part = self
            .path(to)
            .into_iter()
            .find(|(of, _, _)| *of == timeline)?;
        (part.2 >= stop).then(|| self.reach(to, stop).max(stop))
    }

    fn there(&self) -> Backups {
        let mut lines: Vec<(String, String)> = vec![
            ("archive".into(), "7".into()),
            ("segment_size".into(), SIZE.to_string()),
        ];
        for (at, (timeline, begin, stop, ended)) in self.backups.iter().enumerate() {
            for said in [
                format!("id={at:03}"),
                "host=server1".into(),
                "major=15".into(),
                "system_id=7".into(),
                format!("timeline={}", timeline + 1),
                format!("start_lsn={}", Lsn(begin * QUARTER)),
                format!("stop_lsn={}", Lsn(stop * QUARTER)),
                format!("start_wal={}", name(*timeline, begin / 4)),
                format!("begun={ended}"),
                format!("ended={ended}"),
                "bytes=1".into(),
            ] {
                lines.push(("about".into(), format!("{at:03}\t{said}")));
            }
        }
        for timeline in 1..=self.parents.len() {
            let of = format!("{:08X}.history", timeline + 1);
            for (parent, _, fork) in self
                .path(timeline)
                .iter()
                .take_while(|part| part.0 != timeline)
            {
                let line = format!(
                    "{of}\t{}\t{}\tbefore a moment",
                    parent + 1,
                    Lsn(fork * QUARTER)
                );
                lines.push(("history_line".into(), line));
            }
            lines.push((
                "history_came".into(),
                format!("{of} {}", self.births[timeline]),
            ));
        }
        let mut runs: Vec<(usize, u64, u64)> = Vec::new();
        for (timeline, segment) in &self.archived {
            match runs.last_mut() {
                Some((of, _, last)) if of == timeline && *last + 1 == *segment => *last = *segment,
                _ => runs.push((*timeline, *segment, *segment)),
            }
        }
        for (timeline, first, last) in runs {
            let run = format!("{} {}", name(timeline, first), name(timeline, last));
            lines.push(("wal".into(), run));
        }
        parse(&lines)
    }
}

fn name(timeline: usize, segment: u64) -> String {
    let per_file = (1 << 32) / SIZE;
    format!(
        "{:08X}{:08X}{:08X}",
        timeline + 1,
        segment / per_file,
        segment % per_file
    )
}

fn worlds() -> impl Strategy<Value = World> {
    let parents = prop::collection::vec((any::<prop::sample::Index>(), 0_u64..24), 0..5);
    let archived = prop::collection::btree_set((0_usize..6, 0_u64..8), 0..40);
    let backups = prop::collection::vec((0_usize..6, 0_u64..20, 1_u64..6), 0..6);
    (parents, archived, backups).prop_map(|(raw, archived, raw_backups)| {
        let mut world = World {
            parents: Vec::new(),
            births: vec![0],
            archived: BTreeSet::new(),
            backups: Vec::new(),
        };
        for (at, (parent, fork)) in raw.into_iter().enumerate() {
            let parent = parent.index(at + 1);
            // Nobody leaves a timeline before it begins.
            let begin = if parent == 0 {
                0
            } else {
                world.parents[parent - 1].1
            };
            world.parents.push((parent, begin + 1 + fork));
            world.births.push(1000 * (at as u64 + 1));
        }
        let begin = |timeline: usize| {
            if timeline == 0 {
                0
            } else {
                world.parents[timeline - 1].1
            }
        };
        world.archived = archived
            .into_iter()
            .filter(|(timeline, _)| *timeline <= world.parents.len())
            .map(|(timeline, segment)| (timeline, begin(timeline) / 4 + segment))
            .collect();
        let mut taken = 0;
        let mut backups: Vec<(usize, u64, u64)> = raw_backups
            .into_iter()
            .filter(|(timeline, _, _)| *timeline <= world.parents.len())
            .map(|(timeline, at, long)| {
                (timeline, begin(timeline) + at, begin(timeline) + at + long)
            })
            .collect();
        backups.sort_unstable();
        let backups = backups.into_iter().map(|(timeline, from, stop)| {
            taken += 1;
            (timeline, from, stop, world.births[timeline] + 10 * taken)
        });
        world.backups = backups.collect();
        world
    })
}

fn timeline(at: usize) -> Timeline {
    Timeline(u32::try_from(at).unwrap() + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_backup_leads_as_far_as_every_quarter_is_there(world in worlds()) {
        let there = world.there();
        let tree = Tree::of(&there);
        for to in 0..=world.parents.len() {
            for (at, backup) in there.backups.iter().enumerate() {
                let wanted = world.leads(at, to).map(|quarter| Lsn(quarter * QUARTER));
                prop_assert_eq!(tree.leads(backup, timeline(to)), wanted, "{} to {}", backup.id, to + 1);
            }
        }
    }

    #[test]
    fn a_moment_lies_on_the_timeline_that_was_written_then(world in worlds(), moment in 0_u64..6000) {
        let there = world.there();
        let tree = Tree::of(&there);
        let born = (0..world.births.len()).rfind(|at| world.births[*at] <= moment).unwrap();
        // Of a timeline of which nothing is left nothing is known.
        if tree.timelines().contains(&timeline(0)) {
            prop_assert_eq!(tree.live_at(moment), vec![timeline(born)]);
        }
        if let Ok(found) = way(&there, Aim::Time(moment), Line::Found, None, &|_| true) {
            prop_assert_eq!(found.timeline, timeline(born));
            prop_assert!(found.backup.ended <= moment);
            prop_assert!(tree.is_before(found.backup, found.timeline));
        }
    }

    #[test]
    fn a_position_is_found_only_where_it_is_one(world in worlds(), quarter in 1_u64..40) {
        let there = world.there();
        let at = Lsn(quarter * QUARTER);
        // The record that ends there lies in the quarter before; whoever leads past it has it.
        let has = |to: usize| {
            (0..world.backups.len()).any(|b| {
                world.backups[b].2 <= quarter && world.leads(b, to).is_some_and(|end| end >= quarter)
            })
        };
        let owners: BTreeSet<usize> = (0..=world.parents.len())
            .filter(|to| has(*to))
            .map(|to| world.path(to)[world.owner(to, quarter - 1)].0)
            .collect();
        match way(&there, Aim::Lsn(at), Line::Found, None, &|_| true) {
            Ok(found) if owners.len() == 1 => {
                let to = found.timeline.0 as usize - 1;
                prop_assert!(has(to));
            }
            Ok(_) => prop_assert!(owners.is_empty(), "{:?}", owners),
            Err(No::Choice(some)) => prop_assert_eq!(some.len(), owners.len()),
            Err(_) => prop_assert!(owners.is_empty(), "{:?}", owners),
        }
    }

    #[test]
    fn what_is_kept_leads_where_all_led(world in worlds(), count in 1_u32..4, days: bool, chains: bool) {
        let there = world.there();
        let tree = Tree::of(&there);
        let newest = tree.newest();
        let keep = if days { Keep::Days(0) } else { Keep::Count(count) };
        let rule = Rule { keep, chains, bridges: chains };
        let gone = kept(&there, rule, 1 << 30).gone;
        let useful = |all: &mut dyn Iterator<Item = &Backup>| all.filter(|b| tree.leads_to_end(b, newest)).count();
        let before = useful(&mut there.backups.iter());
        let after = useful(&mut there.backups.iter().filter(|b| !gone.contains(&b.id)));
        let wanted = match keep {
            Keep::Count(count) => before.min(count as usize),
            Keep::Days(_) => before.min(1),
        };
        prop_assert!(after >= wanted, "{} of {}", after, before);
        if before == 0 {
            prop_assert!(gone.is_empty());
        }
        // What goes is older than all that stays.
        let oldest = there.backups.iter().filter(|b| !gone.contains(&b.id)).map(|b| b.ended).min();
        for one in there.backups.iter().filter(|b| gone.contains(&b.id)) {
            prop_assert!(oldest.is_some_and(|oldest| one.ended < oldest));
        }
    }
}

/// Timeline 2 left 1 before its end at 2000, and 3 left 1 too at 3000; a backup of each.
fn forked() -> World {
    World {
        parents: vec![(0, 10), (0, 14)],
        births: vec![0, 2000, 3000],
        archived: [
            (0, 0),
            (0, 1),
            (0, 2),
            (0, 3),
            (0, 4),
            (1, 2),
            (1, 3),
            (1, 4),
            (2, 3),
        ]
        .into(),
        backups: vec![(0, 1, 2, 1000), (0, 15, 16, 1900), (1, 14, 15, 2100)],
    }
}

#[test]
fn each_target_has_its_timeline_or_is_refused_with_the_choice() {
    let there = forked().there();
    let to = |aim: Aim, line: Line, named: Option<&str>| {
        way(&there, aim, line, named, &|_| true).map(|way| (way.timeline.0, way.backup.id.clone()))
    };
    let found = |timeline: u32, id: &str| Ok((timeline, id.to_owned()));
    assert_eq!(to(Aim::Time(1500), Line::Found, None), found(1, "000"));
    assert_eq!(to(Aim::Time(1950), Line::Found, None), found(1, "001"));
    assert_eq!(to(Aim::Time(2050), Line::Found, None), found(2, "000"));
    assert_eq!(to(Aim::Time(2500), Line::Found, None), found(2, "002"));
    assert_eq!(to(Aim::Time(9999), Line::Found, None), found(3, "000"));
    assert_eq!(to(Aim::Latest, Line::Found, None), found(3, "000"));
    assert_eq!(
        to(Aim::Latest, Line::Id(Timeline(1)), None),
        found(1, "001")
    );
    assert_eq!(
        to(Aim::Immediate, Line::Found, Some("002")),
        found(2, "002")
    );
    assert_eq!(to(Aim::Latest, Line::Current, Some("002")), found(2, "002"));
    assert_eq!(
        to(Aim::Lsn(Lsn(9 * QUARTER)), Line::Found, None),
        found(3, "000")
    );
    assert_eq!(
        to(Aim::Lsn(Lsn(16 * QUARTER)), Line::Found, None),
        Err(No::Choice(vec![Timeline(1), Timeline(2), Timeline(3)]))
    );
    assert_eq!(
        to(Aim::Latest, Line::Found, Some("001")),
        Err(No::Elsewhere("001".into(), Timeline(3)))
    );
    assert_eq!(
        to(Aim::Latest, Line::Id(Timeline(9)), None),
        Err(No::NoSuchTimeline(Timeline(9)))
    );
}

#[test]
fn an_archive_that_lost_its_times_chooses_nothing_by_them() {
    let mut there = forked().there();
    for backup in &mut there.backups {
        backup.written = Some(1_000_000);
    }
    for came in there.history_came.values_mut() {
        *came = 1_000_000;
    }
    let to = |moment: u64| way(&there, Aim::Time(moment), Line::Found, None, &|_| true);
    let choice = |some: &[u32]| Err(No::Choice(some.iter().map(|t| Timeline(*t)).collect()));
    // A backup of a timeline was taken by then, or one of an older timeline later.
    assert_eq!(to(1500).map(|way| way.timeline), Ok(Timeline(1)));
    assert_eq!(to(2050).map(|way| way.timeline), choice(&[1, 2]));
    assert_eq!(to(2500).map(|way| way.timeline), choice(&[2, 3]));
}

#[test]
fn a_promotion_with_all_that_there_was_is_no_fork_for_a_moment() {
    let mut there = forked().there();
    there
        .wal
        .retain(|(first, _)| !first.starts_with("00000001"));
    there.wal.insert(0, (name(0, 0), name(0, 2)));
    there.histories.get_mut(&Timeline(2)).unwrap().promoted = true;
    let tree = Tree::of(&there);
    assert_eq!(tree.live_at(1500), [Timeline(2)]);
    assert_eq!(
        tree.left_in_its_segment(Timeline(2)),
        Some((Timeline(1), Lsn(10 * QUARTER)))
    );
    // Behind the fork the timeline that was left went on.
    there.wal[0].1 = name(0, 3);
    assert_eq!(Tree::of(&there).live_at(1500), [Timeline(1)]);
}
