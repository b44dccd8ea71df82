//! What older files said that stays.

use std::collections::BTreeSet;

use super::View;
use crate::inventory::Unmanaged;
use crate::postgres::Major;
use crate::postgres::conf::{self, ConfLine};
use crate::postgres::hba::{self, HbaLine};
use crate::postgres::parameters::Kind;
use crate::postgres::value::{self, Value};

/// The line that tells a file of ours.
pub(super) const OURS: &str = ": written by pgrepl.";

pub(super) const KEPT: &str = "# --- kept";

pub(super) const KEPT_END: &str = "# --- end of kept";

/// Settings that are never taken over from an older file, because the template or the inventory decides them.
pub(super) const DECIDED: [&str; 22] = [
    "data_directory",
    "hba_file",
    "ident_file",
    "external_pid_file",
    "unix_socket_directories",
    "listen_addresses",
    "port",
    "cluster_name",
    "wal_log_hints",
    "hot_standby",
    "synchronous_standby_names",
    "primary_conninfo",
    "primary_slot_name",
    "recovery_min_apply_delay",
    "restore_command",
    "archive_cleanup_command",
    "recovery_end_command",
    "promote_trigger_file",
    "config_file",
    "recovery_target_timeline",
    "recovery_target_action",
    "recovery_target",
];

/// What an older file said that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Lines to write again.
    pub lines: Vec<String>,
    /// The settings among them.
    pub settings: BTreeSet<String>,
    /// What was dropped, for the plan to show.
    pub dropped: Vec<String>,
}

/// Returns what is kept of an older postgresql.conf.
pub fn kept_settings(view: &View, text: &str) -> Kept {
    let ours = text.lines().next().is_some_and(|line| line.contains(OURS));
    let mut kept = Kept::default();
    let mut inside = !ours;
    for (line, read) in text.lines().zip(conf::parse(text)) {
        if ours && line.starts_with(KEPT_END) {
            inside = false;
        } else if ours && line.starts_with(KEPT) {
            inside = true;
        }
        if !inside {
            continue;
        }
        match read {
            ConfLine::Setting { name, value } => {
                // With `backup:` it is decided where WAL goes, and that it goes.
                let archives = matches!(name.as_str(), "archive_command" | "archive_library")
                    || name == "archive_mode" && is_off(view.cluster.major, &value);
                let decided = archives && view.cluster.backup.is_some()
                    || DECIDED.contains(&name.as_str())
                    || name.starts_with("recovery_target");
                if decided {
                    continue;
                }
                if view.node.parameters.contains_key(&name) {
                    continue;
                }
                if view.cluster.unmanaged == Unmanaged::Remove
                    || view.cluster.breaks_replication(&name, &value)
                {
                    kept.dropped.push(format!("{name} = {value}"));
                    continue;
                }
                kept.settings.insert(name);
                kept.lines.push(line.trim_end().to_owned());
            }
            ConfLine::Include { .. } if view.cluster.unmanaged == Unmanaged::Keep => {
                kept.lines.push(line.trim_end().to_owned())
            }
            ConfLine::Include { .. } => kept.dropped.push(line.trim().to_owned()),
            ConfLine::Blank | ConfLine::Bad { .. } => {}
        }
    }
    kept
}

fn is_off(major: Major, said: &str) -> bool {
    value::parse(major, &Kind::Bool, said) == Ok(Value::Bool(false))
}

/// Returns what is kept of an older pg_hba.conf: rules that are not written anyway, with the comments above them.
pub fn kept_rules(view: &View, text: &str, written: &str) -> Kept {
    let major = view.cluster.major;
    let ours = text.lines().next().is_some_and(|line| line.contains(OURS));
    let known: Vec<HbaLine> = hba::parse(major, written);
    let mut kept = Kept::default();
    let mut inside = !ours;
    for (line, read) in text.lines().zip(hba::parse(major, text)) {
        if ours && line.starts_with(KEPT_END) {
            inside = false;
        } else if ours && line.starts_with(KEPT) {
            inside = true;
        }
        if !inside {
            continue;
        }
        match &read {
            HbaLine::Rule(_) if known.contains(&read) => {}
            HbaLine::Rule(_) | HbaLine::Include => {
                if view.cluster.unmanaged == Unmanaged::Keep {
                    kept.lines.push(line.trim_end().to_owned());
                } else {
                    kept.dropped.push(line.trim().to_owned());
                }
            }
            HbaLine::Blank | HbaLine::Bad(_) => {}
        }
    }
    kept
}
