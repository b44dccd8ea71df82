//! What it takes to make a server a standby again: the cheapest way that is proven to work.

use crate::facts::way_back::{Own, own_wal};
use crate::facts::{Content, Facts, WayBack, way_back};
use crate::inventory::{Cluster, NodeName};
use crate::plan::PlanError;
use crate::plan::rebuild::request::{CopySource, RebuildRequest, refuse};

/// What it will take.
pub(in crate::plan) enum Way {
    Settings,
    Rewind,
    Copy,
}

/// Decides what it takes, why, and what would be lost that no other server has; `lost_wal` tells why settings are not enough.
pub(in crate::plan) fn way(
    cluster: &Cluster,
    primary: &Facts,
    lead: &NodeName,
    facts: &Facts,
    wish: &RebuildRequest,
    lost_wal: Option<String>,
) -> Result<(Way, String, Option<String>), PlanError> {
    let node = wish.node;
    match &facts.data.content {
        Content::Nothing => {
            return Ok((
                Way::Copy,
                format!("{node} has no instance: it is copied"),
                None,
            ));
        }
        Content::Foreign(_) => {
            return refuse(
                format!(
                    "{} of {node} holds something that is no PostgreSQL instance",
                    facts.data.path
                ),
                format!("look at it: ssh {node} sudo ls -la {}", facts.data.path),
            );
        }
        Content::Instance(_) => {}
    }
    if facts.cannot_read_control() {
        return Ok((
            Way::Copy,
            format!(
                "{node} is copied anew: it is stopped, and without pg_controldata nothing tells what it holds"
            ),
            Some(format!("{node} may have commits that {lead} does not have")),
        ));
    }
    let (Some(control), Some(leads)) = (facts.data.control(), primary.server.as_ref()) else {
        return refuse(
            format!("the control file of {node} cannot be read"),
            format!("ssh {node} sudo ls -la {}", facts.data.path),
        );
    };
    if control.system_id != leads.system_id {
        return refuse(
            format!(
                "{node} holds another cluster: expected system identifier {}, found {}",
                leads.system_id, control.system_id
            ),
            format!("check the inventory: {} is not touched", facts.data.path),
        );
    }
    let runs_as_primary = facts.primary().is_some();
    if let Some(server) = facts
        .server
        .as_ref()
        .filter(|server| !server.in_recovery && server.timeline >= leads.timeline)
    {
        return refuse(
            format!(
                "{node} runs as primary on timeline {}, not older than timeline {} of {lead}",
                server.timeline, leads.timeline
            ),
            format!("decide which one is right; stop {node} by hand before it is rebuilt"),
        );
    }
    let streams = leads
        .senders
        .iter()
        .any(|sender| sender.name == node.as_str() && sender.state == "streaming");
    let found = match (&facts.server, facts.process) {
        (Some(server), _) if server.in_recovery && streams => WayBack::Attach,
        (Some(_), _) if runs_as_primary => WayBack::Unknown(format!(
            "it runs as a second primary on timeline {}",
            control.timeline
        )),
        _ => way_back(primary, facts),
    };
    let lost = match (&found, own_wal(primary, facts)) {
        (WayBack::Attach, _) => None,
        (_, Some(own)) => Some(lost(node, lead, own, wish.commits)),
        (WayBack::Diverged { fork, .. }, None) => Some(format!(
            "{node} has WAL from {fork} on that {lead} does not have: commits in it are lost"
        )),
        (WayBack::Unknown(why), None) => Some(format!(
            "{node} may have commits that {lead} does not have: {why}"
        )),
    };
    let cannot_rewind = cannot_rewind(cluster, facts, wish.rewind_failed);
    let copy = |why: String| Ok((Way::Copy, why, lost.clone()));
    match (&wish.from, &found, &cannot_rewind) {
        (CopySource::Auto, WayBack::Attach, _) if lost_wal.is_some() => copy(format!(
            "{node} is copied anew: {}",
            lost_wal.unwrap_or_default()
        )),
        (CopySource::Auto, WayBack::Attach, _) if facts.server.is_none() || streams => Ok((
            Way::Settings,
            format!("{node} needs no new data: its history is part of the history of {lead}"),
            None,
        )),
        (CopySource::Auto, WayBack::Attach, _) => copy(format!(
            "{node} is copied anew: it runs, and does not stream"
        )),
        (CopySource::Rewind, WayBack::Attach, _) => refuse(
            format!("{node} needs no rewind: its history is part of the history of {lead}"),
            "--from auto",
        ),
        (CopySource::Auto | CopySource::Rewind, _, None) => Ok((
            Way::Rewind,
            format!(
                "{node} is rewound: only what changed since it left the history of {lead} is copied"
            ),
            lost,
        )),
        (CopySource::Rewind, _, Some(why)) => {
            refuse(format!("{node} cannot be rewound: {why}"), "--from primary")
        }
        (CopySource::Auto, _, Some(why)) => copy(format!(
            "{node} is copied anew, because it cannot be rewound: {why}"
        )),
        (CopySource::Primary, _, _) => copy(format!("{node} is copied anew, as asked")),
        (CopySource::Host(source), _, _) => {
            copy(format!("{node} is copied anew from {source}, as asked"))
        }
        (CopySource::Backup(backup), _, _) => copy(format!(
            "{node} is made from backup {}, as asked",
            backup.id
        )),
    }
}

/// What is lost of the WAL that only one server has; `commits` tells how many transactions it has committed there.
fn lost(node: &NodeName, lead: &NodeName, own: Own, commits: Option<u64>) -> String {
    let Own { from, to, .. } = own;
    let kb = to.bytes_after(from).div_ceil(1 << 10);
    let lost = match commits {
        None => "commits in it are lost".to_owned(),
        Some(0) => "no transaction was committed in it".to_owned(),
        Some(1) => "1 transaction is lost".to_owned(),
        Some(commits) => format!("{commits} transactions are lost"),
    };
    format!("{node} has {kb} kB of WAL, from {from} to {to}, that {lead} does not have: {lost}")
}

/// Why pg_rewind cannot be used, as far as facts tell; whether the WAL it needs is there only its own trial shows.
fn cannot_rewind(cluster: &Cluster, facts: &Facts, failed: bool) -> Option<String> {
    let control = facts.data.control()?;
    if failed {
        return Some("pg_rewind refused".into());
    }
    if facts.data.rewinding && facts.jobs.is_empty() {
        return Some("an earlier rewind was cut short".into());
    }
    if !facts.packages.tools.contains("pg_rewind") {
        return Some("pg_rewind is not installed there".into());
    }
    if !cluster.major.caps().rewinds_without_superuser {
        return Some(format!(
            "pg_rewind of version {} requires a superuser",
            cluster.major
        ));
    }
    if !control.checksums && !control.wal_log_hints {
        return Some("it had neither data checksums nor wal_log_hints".into());
    }
    None
}
