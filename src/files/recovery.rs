//! The settings of a recovery to a point in time.

use serde::{Deserialize, Serialize};

use super::archive::{Use, restore_command};
use crate::facts::Marker;
use crate::inventory::Cluster;
use crate::postgres::{Lsn, Timeline, conf};

/// Where a recovery ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// With the last commit at or before this moment, written with its offset from UTC.
    Time(String),
    /// With the record at this position.
    Lsn(Lsn),
    /// With this transaction.
    Transaction(u32),
    /// At this restore point.
    Name(String),
    /// As soon as the data is consistent.
    Immediate,
    /// At the end of the archive.
    Latest,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Time(time) => write!(f, "{time}"),
            Target::Lsn(lsn) => write!(f, "{lsn}"),
            Target::Transaction(xid) => write!(f, "transaction {xid}"),
            Target::Name(name) => write!(f, "restore point {name}"),
            Target::Immediate => f.write_str("the end of the backup"),
            Target::Latest => f.write_str("the end of the archive"),
        }
    }
}

/// Which timeline a recovery follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// The one with this number, whose history the archive has.
    Number(Timeline),
    /// That of the backup.
    Own,
}

/// How a restored server recovers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The file that makes it recover.
    pub marker: Marker,
    /// What stands in postgresql.auto.conf until it is done.
    pub settings: String,
}

/// In what language a server recovers: its log is the only place where it says why it ended. A name that nobody gives to it,
/// so that the line is known again (recover.sh).
const SPEAKS: (&str, &str) = ("lc_messages", "POSIX");

/// Returns how a restored server recovers, archives nowhere, and is promoted; the error names a value that no
/// configuration file can hold, or a target that the version does not know.
pub fn recovery(cluster: &Cluster, target: &Target, follow: Follow) -> Result<Recovery, String> {
    let caps = cluster.major.caps();
    let off = conf::assignment("archive_mode", "off")?;
    let off = format!("{off}\n{}", conf::assignment(SPEAKS.0, SPEAKS.1)?);
    let targets = targets(cluster, target, follow)?;
    let marker = Marker::recovery(cluster.major, &targets);
    if caps.has_standby_signal {
        let settings = format!("{off}\n{targets}");
        return Ok(Recovery { marker, settings });
    }
    Ok(Recovery {
        marker,
        settings: off,
    })
}

fn targets(cluster: &Cluster, target: &Target, follow: Follow) -> Result<String, String> {
    let served = match follow {
        Follow::Number(timeline) => Some(timeline),
        Follow::Own => None,
    };
    let mut lines = vec![
        (
            "restore_command",
            restore_command(cluster, Use::Recovery(served)).unwrap_or_default(),
        ),
        ("recovery_target_action", "promote".into()),
    ];
    match follow {
        Follow::Number(timeline) => {
            lines.push(("recovery_target_timeline", timeline.to_string()));
        }
        // Before 12 that is what is done without the setting, and the word is not known.
        Follow::Own if cluster.major.caps().has_standby_signal => {
            lines.push(("recovery_target_timeline", "current".into()));
        }
        Follow::Own => {}
    }
    match target {
        Target::Time(time) => lines.push(("recovery_target_time", time.clone())),
        Target::Lsn(_) if !cluster.major.caps().recovers_to_lsn => {
            return Err(format!(
                "PostgreSQL {} cannot recover to a position in the WAL",
                cluster.major
            ));
        }
        Target::Lsn(lsn) => lines.push(("recovery_target_lsn", lsn.to_string())),
        Target::Transaction(xid) => lines.push(("recovery_target_xid", xid.to_string())),
        Target::Name(name) => lines.push(("recovery_target_name", name.clone())),
        Target::Immediate => lines.push(("recovery_target", "immediate".into())),
        Target::Latest => {}
    }
    let lines: Result<Vec<String>, String> = lines
        .iter()
        .map(|(name, value)| conf::assignment(name, value))
        .collect();
    Ok(lines?.join("\n"))
}
