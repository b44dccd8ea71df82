//! What was changed in the files and waits for a restart.

use super::Facts;
use crate::postgres::{Major, conf, parameters, value};

/// Returns the parameters whose value in the files is not the loaded one and needs a restart to become so.
///
/// `pending_restart` alone would not do: it stays true when a file is changed back (measured on 10, 15 and 18).
pub fn waits_for_restart(major: Major, facts: &Facts) -> Vec<String> {
    let Some(server) = &facts.server else {
        return Vec::new();
    };
    // A primary does not look at how it would follow.
    let follows = ["primary_conninfo", "primary_slot_name", "restore_command"];
    let waits = |name: &&String| {
        if !server.in_recovery && follows.contains(&name.as_str()) {
            return false;
        }
        let (Some(setting), Some(parameter)) =
            (server.settings.get(*name), parameters::lookup(major, name))
        else {
            return true;
        };
        let said = said(facts, name);
        let said = said.as_deref().or(setting.boot_val.as_deref());
        said.is_none_or(|said| !value::same(major, name, &parameter.kind, said, &setting.setting))
    };
    server
        .pending_restart
        .iter()
        .filter(waits)
        .cloned()
        .collect()
}

/// Returns what the files say of a parameter: postgresql.auto.conf wins, then what is included last.
fn said(facts: &Facts, wanted: &str) -> Option<String> {
    let rank = |path: &str| match path {
        path if path.ends_with("/postgresql.auto.conf") => 2,
        path if path.ends_with("/postgresql.conf") => 0,
        _ => 1,
    };
    let mut files: Vec<_> = facts
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(".conf") && !path.ends_with("/pg_hba.conf"))
        .filter(|(path, _)| path.contains("/conf.d/") || rank(path) != 1)
        .collect();
    files.sort_by_key(|(path, _)| (rank(path), path.as_str()));
    files
        .into_iter()
        .filter_map(|(_, file)| file.content.as_deref())
        .flat_map(conf::settings)
        .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
        .last()
        .map(|(_, value)| value)
}
