//! How far the archive reaches, and how much a restore copies.

use super::builder::Builder;
use super::{PlanError, Refusal};
use crate::facts::Observation;
use crate::facts::backups::{Backup, Backups};
use crate::facts::history::Tree;
use crate::facts::leader::Leader;
use crate::facts::way::Way;
use crate::files::recovery::Target;
use crate::postgres::{ClusterState, Lsn, Timeline, lsn};

/// Returns the end of the WAL on a timeline: that of the archive, or of a primary that runs, because the rest is archived
/// before the recovery begins. Of a timeline that only has its history in the archive nothing is known.
fn end(seen: &Observation, there: &Backups, timeline: Timeline) -> Option<Lsn> {
    let written = seen
        .seen()
        .filter_map(|(_, facts)| facts.server.as_ref())
        .filter(|server| !server.in_recovery && server.timeline == timeline)
        .filter_map(|server| server.current);
    let names = |name: &str| name.get(..8) == Some(&format!("{:08X}", timeline.0));
    let archived = there.wal.iter().any(|(_, last)| names(last));
    let archived = archived.then(|| Tree::of(there).end(timeline));
    written.chain(archived).max()
}

/// Says whether the archive has all that a cluster wrote: its primary is stopped, and its last checkpoint is in there.
pub(super) fn is_whole(seen: &Observation, there: &Backups, lead: &Leader) -> bool {
    let Leader::Stopped(node) = lead else {
        return false;
    };
    let control = seen.facts(node).and_then(|facts| facts.data.control());
    control.is_some_and(|control| {
        let archived = end(&Observation::default(), there, control.timeline);
        control.state == ClusterState::ShutDown
            && control.timeline == Tree::of(there).newest()
            && archived.is_some_and(|end| control.checkpoint < end)
    })
}

/// Returns where the last segment of a timeline in the archive begins, timeline and position in digits that sort: what
/// recovers to its end comes that far. It is not known where the timeline has no segment there.
pub(super) fn last_segment(there: &Backups, target: &Target, timeline: Timeline) -> Option<String> {
    if !matches!(target, Target::Time(_) | Target::Lsn(_) | Target::Latest) {
        return None;
    }
    let end = end(&Observation::default(), there, timeline)?;
    let begin = end.0.saturating_sub(there.segment_size);
    Some(format!("{:08X}{begin:016X}", timeline.0))
}

/// Says whether the archive goes on behind the end of a backup, on its timeline.
pub(super) fn goes_on_behind(there: &Backups, backup: &Backup) -> bool {
    let end = lsn::segments(
        backup.timeline,
        backup.stop,
        backup.stop,
        there.segment_size,
    );
    // Names of segments sort by position, within a timeline.
    end.iter().any(|end| {
        there
            .wal
            .iter()
            .any(|(first, last)| first <= end && last > end && last.get(..8) == end.get(..8))
    })
}

/// Refuses a position that the WAL does not reach, and otherwise tells in the plan what is copied and how far it reaches.
pub(super) fn tell(
    b: &mut Builder,
    seen: &Observation,
    there: &Backups,
    way: &Way,
    target: &Target,
) -> Result<(), PlanError> {
    let (backup, timeline) = (way.backup, way.timeline);
    let end = end(seen, there, timeline);
    if let (Target::Lsn(lsn), Some(end)) = (target, end)
        && *lsn > end
    {
        return Err(PlanError::Refused(Refusal {
            message: format!(
                "the archive ends before {target}: expected {lsn} on timeline {timeline}, found {end} as its end"
            ),
            details: Vec::new(),
            help: format!("--latest, or a position up to {end}"),
        }));
    }
    let parts = || {
        // What depends on a full backup of pgBackRest's has a name that begins with that one's.
        let all = there.backups.iter();
        all.filter(|part| backup.id.starts_with(&part.id) || backup.builds_on.contains(&part.id))
    };
    let copied: u64 = parts().map(|part| part.bytes).sum();
    let took: u64 = parts()
        .map(|part| part.ended.saturating_sub(part.begun))
        .sum();
    let until = match target {
        Target::Immediate => Some(backup.stop),
        Target::Lsn(lsn) => Some(*lsn),
        _ => end,
    };
    let replayed = until.map_or(String::new(), |until| {
        let bytes = until.0.saturating_sub(backup.start.0);
        format!(", up to {} MB of WAL are replayed", bytes.div_ceil(1 << 20))
    });
    let reach = end.map_or(String::new(), |end| {
        format!("; the archive reaches to {end} on timeline {timeline}")
    });
    let took = match took {
        0 => String::new(),
        took => format!(", which took {took} s to take"),
    };
    b.cluster_note(
        format!(
            "about {} MB of backups are copied{took}{replayed}{reach}",
            copied.div_ceil(1 << 20)
        ),
        String::new(),
    );
    Ok(())
}
