//! How far the archive reaches, and how much a restore copies.

use super::builder::Builder;
use super::{PlanError, Refusal};
use crate::facts::Observation;
use crate::facts::backups::{Backup, Backups};
use crate::facts::leader::Leader;
use crate::files::recovery::Target;
use crate::postgres::{ClusterState, Lsn, Timeline, lsn};

/// Returns the end of the WAL on the newest timeline, which a recovery follows: that of the archive, or of a primary
/// that runs, because the rest is archived before the recovery begins.
fn end(seen: &Observation, there: &Backups) -> Option<(Timeline, Lsn)> {
    let archived = there.wal.iter().filter_map(|(_, last)| {
        let part = |range| u64::from_str_radix(last.get(range)?, 16).ok();
        let per_file = (1_u64 << 32) / there.segment_size.max(1);
        let number = part(8..16)? * per_file + part(16..24)?;
        let timeline = u32::try_from(part(0..8)?).ok()?;
        Some((Timeline(timeline), Lsn((number + 1) * there.segment_size)))
    });
    let written = seen
        .seen()
        .filter_map(|(_, facts)| facts.server.as_ref())
        .filter(|server| !server.in_recovery)
        .filter_map(|server| Some((server.timeline, server.current?)));
    let (timeline, end) = archived.chain(written).max()?;
    // Of a timeline that only has its history in the archive nothing is known.
    let known = there.histories.keys().all(|known| *known <= timeline);
    known.then_some((timeline, end))
}

/// Says whether the archive has all that a cluster wrote: its primary is stopped, and its last checkpoint is in there.
pub(super) fn is_whole(seen: &Observation, there: &Backups, lead: &Leader) -> bool {
    let Leader::Stopped(node) = lead else {
        return false;
    };
    let control = seen.facts(node).and_then(|facts| facts.data.control());
    let archived = end(&Observation::default(), there);
    control.is_some_and(|control| {
        control.state == ClusterState::ShutDown
            && archived.is_some_and(|(timeline, end)| {
                timeline == control.timeline && control.checkpoint < end
            })
    })
}

/// Returns where the last segment of the archive begins, timeline and position in digits that sort: what recovers to the end
/// of the archive comes that far. It is not known where the newest timeline has no segment there.
pub(super) fn last_segment(there: &Backups, target: &Target) -> Option<String> {
    if !matches!(target, Target::Time(_) | Target::Lsn(_) | Target::Latest) {
        return None;
    }
    let (timeline, end) = end(&Observation::default(), there)?;
    let newest = there.histories.keys().max().unwrap_or(&Timeline(1));
    let begin = end.0.saturating_sub(there.segment_size);
    (*newest == timeline).then(|| format!("{:08X}{begin:016X}", timeline.0))
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
    backup: &Backup,
    target: &Target,
) -> Result<(), PlanError> {
    let end = end(seen, there);
    if let (Target::Lsn(lsn), Some((timeline, end))) = (target, end)
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
        _ => end.map(|(_, end)| end),
    };
    let replayed = until.map_or(String::new(), |until| {
        let bytes = until.0.saturating_sub(backup.start.0);
        format!(", up to {} MB of WAL are replayed", bytes.div_ceil(1 << 20))
    });
    let reach = end.map_or(String::new(), |(timeline, end)| {
        format!("; the archive reaches to {end} on timeline {timeline}")
    });
    b.cluster_note(
        format!(
            "about {} MB of backups are copied, which took {took} s to take{replayed}{reach}",
            copied.div_ceil(1 << 20)
        ),
        String::new(),
    );
    Ok(())
}
