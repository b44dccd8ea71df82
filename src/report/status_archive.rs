//! What a status says of the archive and of the backups.

use super::archive::{leads_nowhere, summary};
use super::foreign::line as harmless;
use super::style::duration;
use super::trouble::{Trouble, Urgency::Archiving};
use crate::facts::Server;
use crate::facts::backups::Backups;
use crate::inventory::{Cluster, NodeName};
use crate::plan::backup::archiving::archives_elsewhere;
use crate::postgres::is_segment;
use crate::postgres::scope::is_idle;
use crate::report::status_document::Status;

/// Says what the primary's archiver does; `there` is what is in the archive, where that was read.
pub(super) fn line(cluster: &Cluster, server: &Server, there: Option<&Backups>) -> String {
    let setting = |name: &str| {
        let setting = server.settings.get(name);
        setting.map_or("", |setting| setting.setting.as_str())
    };
    if cluster.backup.is_some() && archives_elsewhere(cluster, server).is_some() {
        return "archive  nothing comes where `backup:` says: pgrepl apply\n".into();
    }
    if setting("archive_mode") == "off" {
        return "archive  off\n".into();
    }
    if is_idle(setting("archive_command")) && setting("archive_library").is_empty() {
        return "archive  armed, nothing is archived: no backups are set up\n".into();
    }
    let waiting = server.archive_waiting.unwrap_or(0);
    let archiver = server.archiver.as_ref();
    let last = archiver.and_then(|a| Some((a.last_archived.as_ref()?, a.last_archived_age_s?)));
    // The archiver counts what another archive_command did as well.
    match last.filter(|(last, _)| there.is_none_or(|there| holds(there, last))) {
        Some((last, age)) => format!(
            "archive  last {} {} ago, {waiting} waiting\n",
            harmless(last),
            duration(age)
        ),
        None => format!("archive  nothing archived yet, {waiting} waiting\n"),
    }
}

/// Says whether an archive may hold what the archiver calls archived; a history or a label of a backup is no WAL.
fn holds(there: &Backups, name: &str) -> bool {
    let mut runs = there.wal.iter();
    !is_segment(name)
        || runs.any(|(first, last)| {
            first[..8] == name[..8] && first.as_str() <= name && name <= last.as_str()
        })
}

/// Adds what was read of the archive and of the backups, on the host that has them.
pub fn add(
    status: &mut Status,
    cluster: &Cluster,
    node: &NodeName,
    there: &Backups,
    moment: &dyn Fn(u64) -> String,
) {
    let mut found = Vec::new();
    let mut problem = |node: &NodeName, message: String, help: &str| {
        found.push(Trouble::new(node, message, help).urgent(Archiving));
    };
    let leader = status.leader.as_ref();
    let lead = leader.and_then(|leader| status.hosts.facts(leader)?.server.as_ref());
    let archives = lead.filter(|server| archives_elsewhere(cluster, server).is_none());
    if let (Some(leader), Some(_), true) = (leader, archives, there.wal.is_empty()) {
        let message = "nothing has been archived yet: no WAL is in the archive".into();
        problem(leader, message, "pgrepl check");
    }
    let restorable = summary(there, moment);
    match &restorable {
        // Where WAL does not come yet, that is the first thing to do.
        None => {
            let help = match archives {
                Some(_) => "pgrepl backup run",
                None => "pgrepl apply, then pgrepl backup run",
            };
            problem(node, "no backup was ever taken".into(), help);
        }
        Some(said) => {
            for message in &said.findings {
                problem(node, message.clone(), "pgrepl backup list");
            }
            if let Some(message) = leads_nowhere(there) {
                problem(node, message, "pgrepl backup run");
            }
        }
    }
    let mut lines = lead.map_or_else(String::new, |server| line(cluster, server, Some(there)));
    lines += &match &restorable {
        Some(said) => said.line(),
        None => "backups  none was ever taken\n".into(),
    };
    status.archive = lines;
    status.backups = restorable;
    found.into_iter().for_each(|trouble| status.push(trouble));
}

/// Adds why the archive and the backups could not be read, unless a problem says already why nothing comes there.
pub fn unread(status: &mut Status, why: &str) {
    let why = harmless(why);
    status.archive += &format!("backups  not read: {why}\n");
    let mut known = status.problems.iter();
    if let Some(leader) = &status.leader
        && !known.any(|known| known.urgency == Archiving)
    {
        let trouble = Trouble::new(leader, why, "pgrepl apply");
        status.push(trouble.urgent(Archiving));
    }
}
