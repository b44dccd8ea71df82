//! Whether a server's WAL goes to the archive of the inventory.

use crate::backup::archive_command;
use crate::facts::{Observation, Server};
use crate::inventory::{Cluster, NodeName};
use crate::postgres::scope::is_idle;

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

/// Says that a primary archives nothing where a standby would, as after a switchover among servers that differ.
pub fn has_ended(seen: &Observation, leader: &NodeName) -> Option<String> {
    let archives = |server: &Server| {
        let loaded = |name: &str| {
            let setting = server.settings.get(name);
            setting.map_or("", |setting| setting.setting.as_str())
        };
        let to_somewhere =
            !is_idle(loaded("archive_command")) || !loaded("archive_library").is_empty();
        loaded("archive_mode") != "off" && to_somewhere
    };
    let leads = seen.facts(leader)?.server.as_ref()?;
    if leads.in_recovery || archives(leads) {
        return None;
    }
    let mut standbys = seen.seen().filter(|(node, _)| *node != leader);
    let (standby, _) = standbys.find(|(_, facts)| facts.server.as_ref().is_some_and(archives))?;
    Some(format!(
        "it archives nothing, and {standby} would as primary: archiving has ended"
    ))
}
