//! Whether a server's WAL goes to the archive of the inventory.

use crate::backup::archive_command;
use crate::facts::Server;
use crate::inventory::Cluster;

/// Says what a running primary does with its WAL instead of archiving it where the inventory says; `None` if it does that.
pub fn archives_elsewhere(cluster: &Cluster, server: &Server) -> Option<String> {
    let wanted = archive_command(cluster).filter(|_| !server.in_recovery)?;
    let loaded = |name: &str| {
        let setting = server.settings.get(name);
        setting.map(|setting| setting.setting.as_str())
    };
    if loaded("archive_mode") == Some("off") {
        return Some("archive_mode is off: it archives nothing, although `backup:` is set".into());
    }
    if let Some(library) = loaded("archive_library").filter(|library| !library.is_empty()) {
        return Some(format!(
            "archive_library is {library}: what it archives is not where `backup:` says"
        ));
    }
    // Its arguments may hold what is nobody's business.
    let command = loaded("archive_command").filter(|command| *command != wanted)?;
    Some(match command.split_whitespace().next() {
        None | Some("(disabled)") => {
            "archive_command is empty: it archives nothing, although `backup:` is set".into()
        }
        Some(program) => {
            format!("archive_command calls {program}: what it archives is not where `backup:` says")
        }
    })
}

/// Says the same of any server, and of a standby that it would archive nothing as primary.
pub fn archives_not(cluster: &Cluster, server: &Server) -> Option<String> {
    let mode = server.settings.get("archive_mode");
    let off = mode.is_some_and(|mode| mode.setting == "off") && cluster.backup.is_some();
    let would = || {
        "archive_mode is off: as primary it would archive nothing, although `backup:` is set".into()
    };
    archives_elsewhere(cluster, server).or_else(|| (off && server.in_recovery).then(would))
}
