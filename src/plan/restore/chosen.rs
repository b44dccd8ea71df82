//! The backup a recovery begins with and the timeline it follows, and what is said when there is none.

use crate::facts::backups::{Backup, Backups};
use crate::facts::history::Tree;
use crate::facts::way::{Aim, No, Way, way};
use crate::files::recovery::{Follow, Target};
use crate::inventory::Cluster;
use crate::plan::PlanError;
use crate::plan::builder::Builder;
use crate::plan::restore::request::{RestoreRequest, refuse};
use crate::postgres::Timeline;

fn aim(wish: &RestoreRequest) -> Aim {
    match (wish.target, wish.moment) {
        (Target::Time(_), Some(moment)) => Aim::Time(moment),
        (Target::Lsn(lsn), _) => Aim::Lsn(*lsn),
        (Target::Immediate, _) => Aim::Immediate,
        (Target::Latest, _) => Aim::Latest,
        (Target::Transaction(xid), _) => Aim::Transaction(*xid),
        (Target::Time(_) | Target::Name(_), _) => Aim::Mark,
    }
}

/// Chooses the backup a recovery begins with, the newest one that leads to the target, and the timeline it follows.
pub fn choose<'a>(
    cluster: &Cluster,
    there: &'a Backups,
    wish: &RestoreRequest,
) -> Result<Way<'a>, PlanError> {
    let usable = |backup: &Backup| {
        backup.version == cluster.major.to_string() && Some(backup.system_id) == there.archive_of
    };
    let no = match way(there, aim(wish), wish.timeline, wish.backup, &usable) {
        Ok(way) => return Ok(way),
        Err(no) => no,
    };
    let tree = Tree::of(there);
    let known = there.backups.iter().map(|backup| {
        format!(
            "{}: timeline {}, consistent from {}",
            backup.id, backup.timeline, backup.stop
        )
    });
    let known: Vec<String> = known.collect();
    let target = wish.target;
    let timelines = || {
        let all: Vec<String> = tree.timelines().iter().map(Timeline::to_string).collect();
        all.join(", ")
    };
    match no {
        No::NoSuchBackup(_) | No::TooLate(..) if there.backups.is_empty() => {
            refuse("there is no backup", known, "pgrepl backup run")
        }
        No::NoSuchBackup(id) => refuse(
            format!("there is no backup {id} of this cluster and version"),
            known,
            "pgrepl backup list",
        ),
        No::NoSuchTimeline(timeline) => refuse(
            format!(
                "the archive has no timeline {timeline}: it has {}",
                timelines()
            ),
            known,
            format!("--timeline {}", tree.newest()),
        ),
        No::Choice(some) => refuse(
            format!("{target} may be meant on more than one timeline"),
            some.iter()
                .map(|timeline| describe(&tree, *timeline))
                .collect(),
            some.iter()
                .rev()
                .map(|timeline| format!("--timeline {timeline}"))
                .collect::<Vec<_>>()
                .join(", or "),
        ),
        No::Elsewhere(id, timeline) => refuse(
            format!("backup {id} is not on the way to timeline {timeline}"),
            known,
            "without --backup; or --timeline current, for the timeline of the backup",
        ),
        No::TooLate(Some(id), _) => refuse(
            format!("backup {id} ended after {target}"),
            known,
            "an older one: --backup ID",
        ),
        No::TooLate(None, _) if matches!(target, Target::Transaction(_)) => refuse(
            format!("no backup ended before {target} had its number"),
            known,
            "pgrepl backup list; one that ended before it did: --backup ID",
        ),
        No::TooLate(None, timeline) if tree.timelines().len() > 1 => refuse(
            format!("no backup leads to {target} on timeline {timeline}"),
            known,
            "pgrepl backup list; another timeline: --timeline ID",
        ),
        No::TooLate(None, _) => refuse(
            format!("no backup ended before {target}"),
            known,
            "pgrepl backup list",
        ),
        No::Gap(timeline, end) => refuse(
            format!(
                "WAL is missing on the way to {target} on timeline {timeline}: no backup leads past {end}"
            ),
            known,
            "a target before that: pgrepl backup list",
        ),
        No::Over(timeline, _) => refuse(
            format!(
                "timeline {timeline}, which the cluster was on before {target}, ended before that"
            ),
            known,
            format!("to the end of it: --latest --timeline {timeline}"),
        ),
    }
}

fn describe(tree: &Tree, timeline: Timeline) -> String {
    let fork = tree.history(timeline).and_then(|line| line.forks.last());
    fork.map_or_else(
        || format!("timeline {timeline}"),
        |(parent, at)| format!("timeline {timeline}, which left timeline {parent} at {at}"),
    )
}

/// Tells how a recovery is made to follow the timeline of its way.
pub(in crate::plan) fn follow(there: &Backups, way: &Way) -> Follow {
    // The first timeline has no history, and the archive may not have that of one that it begins with.
    let known = way.timeline == Timeline(1) || Tree::of(there).history(way.timeline).is_some();
    if known || way.timeline != way.backup.timeline {
        Follow::Number(way.timeline)
    } else {
        Follow::Own
    }
}

/// Tells what nobody knows before the recovery, and which timeline is followed, when there is more than one.
pub(in crate::plan) fn tell(b: &mut Builder, there: &Backups, way: &Way, target: &Target) {
    let named = match target {
        Target::Transaction(_) => way.backup.next_xid.is_none(),
        Target::Name(_) => true,
        _ => false,
    };
    if named {
        b.cluster_note(
            format!(
                "whether backup {} ended before {target} only its WAL tells: a recovery that does not find that fails",
                way.backup.id
            ),
            "an older one: --backup ID",
        );
    }
    let tree = Tree::of(there);
    if tree.timelines().len() < 2 {
        return;
    }
    let followed = describe(&tree, way.timeline);
    b.cluster_note(
        format!("the recovery follows {followed}"),
        "another one: --timeline ID",
    );
    if let Some((parent, fork)) = tree.left_in_its_segment(way.timeline) {
        b.cluster_note(
            format!("what timeline {parent} may have had behind {fork} is not part of it"),
            format!("--timeline {parent}"),
        );
    }
}
