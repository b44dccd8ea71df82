//! Whose archive it is: pgrepl's own is described, another one is told.

use super::{Member, cluster_name, setting};
use crate::facts::Facts;
use crate::files::archive::engine;
use crate::files::schedule::unit_path;
use crate::inventory::write::Draft;
use crate::inventory::{BackupFrom, BackupTool, Keep};

/// Returns the backup mount and the tool, if it is not the usual one, where pgrepl itself has set up archiving.
pub(super) fn own(facts: &Facts) -> Option<(String, Option<String>)> {
    let name = cluster_name(facts)?;
    let command = setting(facts, "archive_command")?;
    let tools = [
        BackupTool::Basebackup,
        BackupTool::Pgbackrest,
        BackupTool::Pitrery,
    ];
    tools.into_iter().find_map(|tool| {
        let engine = engine(tool);
        let program = engine.archive_program().name;
        let top = command
            .strip_prefix(&format!("/usr/local/lib/pgrepl/{name}/{program} "))?
            .strip_suffix(" %p %f")?;
        let top = top.trim_matches('\'').replace("%%", "%");
        let mount = top.strip_suffix(&format!("/{name}"))?.to_owned();
        let said = (tool != BackupTool::default()).then(|| engine.name().to_owned());
        Some((mount, said))
    })
}

/// Says how many backups pgrepl keeps, and when it takes them, where its own files on a host tell.
pub(super) fn kept(draft: &mut Draft, facts: &Facts) {
    let cluster = &draft.cluster;
    let text = |path: &str| {
        let file = facts.files.get(path)?.content.as_deref()?;
        file.contains("written by pgrepl").then_some(file)
    };
    let value = |text: &str, key: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(key)?.trim_matches('"').to_owned()))
    };
    let keep = |days: bool, number: Option<String>| {
        let number = number?.parse().ok()?;
        Some(if days {
            Keep::Days(number)
        } else {
            Keep::Count(number)
        })
    };
    if let Some(text) = text(&format!("/etc/pgbackrest/{cluster}.conf")) {
        let days = value(text, "repo1-retention-full-type=").is_some_and(|kind| kind == "time");
        draft.keep = keep(days, value(text, "repo1-retention-full="));
    }
    if let Some(text) = text(&format!("/etc/pitrery/{cluster}.conf")) {
        draft.keep = keep(true, value(text, "PURGE_OLDER_THAN="))
            .or_else(|| keep(false, value(text, "PURGE_KEEP_COUNT=")));
    }
    let (service, timer) = (
        text(&unit_path(cluster, "service")),
        text(&unit_path(cluster, "timer")),
    );
    if let (Some(service), Some(timer)) = (service, timer) {
        let said = |name: &str| value(service, &format!("Environment=\"{name}="));
        draft.keep = keep(
            said("keep").is_some_and(|kind| kind == "days"),
            said("keep_number"),
        );
        let from = match said("from").as_deref() {
            Some("primary") => BackupFrom::Primary,
            _ => BackupFrom::Standby,
        };
        draft.schedule = value(timer, "OnCalendar=").map(|schedule| (schedule, from));
    }
    draft.keep = draft.keep.filter(|keep| *keep != Keep::Count(7));
}

/// Says whether a command is pitrery's program for a WAL file, by its name in 1.x and 2.x or in 3.x.
pub(super) fn is_pitrery(command: &str) -> bool {
    let program = command.split_whitespace().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default();
    matches!(name, "archive_xlog" | "archive_wal")
}

/// Tells of an archive that somebody made with pitrery. It stays: pgrepl's own pitrery keeps its files in directories of its
/// own, so that what is in this one would be no part of its backups.
pub(super) fn foreign(cluster: &str, primary: &Member) -> Option<String> {
    let command = setting(&primary.facts, "archive_command")?;
    if !is_pitrery(&command) {
        return None;
    }
    let name = &primary.name;
    let Some(directory) = &primary.pitrery else {
        return Some(format!(
            "{name} archives WAL with pitrery, which stays; `backup: {{ mount: …, tool: pitrery }}` would take that over"
        ));
    };
    // One in the root directory is on no mount of its own.
    let mount = directory
        .trim_end_matches('/')
        .rsplit_once('/')
        .map(|(above, _)| above)
        .filter(|above| !above.is_empty())
        .unwrap_or("/mnt/backups");
    Some(format!(
        "{name} archives WAL with pitrery to {directory}, which stays; `backup: {{ mount: {mount}, tool: pitrery }}` \
         would take that over, begin anew in {mount}/{cluster}/pitrery, and leave the old backups where they are"
    ))
}
