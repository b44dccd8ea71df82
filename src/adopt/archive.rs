//! Whose archive it is: pgrepl's own is described, another one is told.

use super::{Member, cluster_name, setting};
use crate::facts::Facts;
use crate::files::archive::engine;
use crate::inventory::{BackupTool, file};

/// Returns the backup section where pgrepl itself has set up archiving.
pub(super) fn own(facts: &Facts) -> Option<file::Backup> {
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
        Some(file::Backup {
            mount: top.strip_suffix(&format!("/{name}"))?.into(),
            tool: (tool != BackupTool::default()).then(|| tool.into()),
            ..file::Backup::default()
        })
    })
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
