//! How a server that is not the primary any more can follow the one that is.

use super::Facts;
use crate::postgres::{ClusterState, Lsn, Timeline};

/// What it takes to make a stopped instance follow the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// Its history is a prefix of the primary's: settings are enough.
    Attach,
    /// It has WAL that the primary's history does not have.
    Diverged {
        /// Where the primary's history left the instance's timeline.
        fork: Lsn,
        /// The last checkpoint of the instance.
        end: Lsn,
    },
    /// Nothing proves one or the other.
    Unknown(String),
}

/// WAL of a server that the primary does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// Its timeline.
    pub timeline: Timeline,
    /// Where the primary's history left that.
    pub from: Lsn,
    /// Up to where it is known to go, at least.
    pub to: Lsn,
}

/// Returns the WAL that only this server has, if it is known to have some.
pub fn own_wal(primary: &Facts, facts: &Facts) -> Option<Own> {
    let (control, leads) = (facts.data.control()?, primary.server.as_ref()?);
    let running = facts.server.as_ref();
    let timeline = running.map_or(
        control.timeline.max(control.minimum_recovery_timeline),
        |server| server.timeline,
    );
    let written =
        running.and_then(|server| server.current.max(server.received).max(server.replayed));
    let to = control
        .checkpoint
        .max(control.minimum_recovery_end)
        .max(written.unwrap_or_default());
    let history = primary.data.history.as_ref();
    let history = history
        .filter(|history| history.of == leads.timeline && control.system_id == leads.system_id);
    let from = history?.left(timeline)?;
    (from < to).then_some(Own { timeline, from, to })
}

/// Decides from the instance's control file and the primary's timeline history.
///
/// After a clean stop nothing follows the shutdown checkpoint's record, so a former primary is a prefix exactly when the
/// primary's history left its timeline behind the beginning of that record (measured on 12 to 18). A former standby is
/// one when its WAL ends before that: it never wrote any of its own.
pub fn way_back(primary: &Facts, facts: &Facts) -> WayBack {
    let (Some(control), Some(server)) = (facts.data.control(), &primary.server) else {
        return WayBack::Unknown("its control file cannot be read".into());
    };
    if control.system_id != server.system_id {
        return WayBack::Unknown("it belongs to another cluster".into());
    }
    if facts.data.rewinding {
        return WayBack::Unknown("a rewind of it was cut short: its files are half changed".into());
    }
    let standby = facts.data.signals.standby;
    let timeline = control.timeline.max(control.minimum_recovery_timeline);
    let end = if standby {
        let running = facts
            .server
            .as_ref()
            .and_then(|server| server.received.max(server.replayed));
        control
            .checkpoint
            .max(control.minimum_recovery_end)
            .max(running.unwrap_or_default())
    } else {
        control.checkpoint
    };
    if standby && timeline == server.timeline {
        return WayBack::Attach;
    }
    let left = primary
        .data
        .history
        .as_ref()
        .filter(|history| history.of == server.timeline)
        .and_then(|history| history.left(timeline));
    let Some(fork) = left else {
        return WayBack::Unknown(format!(
            "timeline {timeline} is not in the primary's history"
        ));
    };
    if end > fork || end == fork && !standby {
        return WayBack::Diverged { fork, end };
    }
    if standby || control.state == ClusterState::ShutDown && control.redo == end {
        return WayBack::Attach;
    }
    WayBack::Unknown(format!(
        "it was not stopped cleanly: {:?}",
        control.state.as_str()
    ))
}
