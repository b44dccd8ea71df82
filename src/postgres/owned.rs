//! The parameters that are pgrepl's own: which an inventory may not say, which are never kept of a server that is adopted, and
//! which must not come along when a cluster is copied.

use When::{Always, Never, WithBackups};

/// When something goes for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In every cluster.
    Always,
    /// With `backup:`, which decides where WAL goes and comes from.
    WithBackups,
    /// In none.
    Never,
}

impl When {
    /// Says whether it goes for a cluster with backups, or without.
    pub fn goes(self, with_backups: bool) -> bool {
        match self {
            Always => true,
            WithBackups => with_backups,
            Never => false,
        }
    }
}

/// What pgrepl has to do with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owned {
    /// Its name.
    pub name: &'static str,
    /// When no inventory may say it, because pgrepl writes it by itself.
    pub written: When,
    /// When what an older file says of it is not kept, because the template or the inventory decides it.
    pub decided: When,
    /// When it is taken out of postgresql.auto.conf: what a copy brings along would follow, stop, promote or archive by itself.
    pub cleaned: When,
    /// What an inventory says in its stead: a key, or nothing.
    pub instead: &'static str,
}

/// All of them, by name.
pub const OWNED: [Owned; 33] = [
    row("archive_cleanup_command", Always, Always, Always, ""),
    row("archive_command", WithBackups, WithBackups, WithBackups, ""),
    row("archive_library", WithBackups, WithBackups, WithBackups, ""),
    row("archive_mode", WithBackups, WithBackups, Always, ""),
    row(
        "cluster_name",
        Always,
        Always,
        Always,
        "cluster and the host's name",
    ),
    row("config_file", Always, Always, Never, ""),
    row(
        "data_directory",
        Always,
        Always,
        Always,
        "postgresql.data_directory",
    ),
    row("external_pid_file", Always, Always, Never, ""),
    row("hba_file", Always, Always, Always, ""),
    row("hot_standby", Always, Always, Never, ""),
    row("ident_file", Always, Always, Always, ""),
    row("include_dir", Always, Never, Never, ""),
    row(
        "listen_addresses",
        Always,
        Always,
        Never,
        "postgresql.listen_addresses",
    ),
    row("port", Always, Always, Never, "postgresql.port"),
    row("primary_conninfo", Never, Always, Always, ""),
    row(
        "primary_slot_name",
        Always,
        Always,
        Always,
        "replication.slots",
    ),
    row(
        "promote_trigger_file",
        Always,
        Always,
        Always,
        "pgrepl switchover or failover",
    ),
    row("recovery_end_command", Always, Always, Always, ""),
    row(
        "recovery_min_apply_delay",
        Always,
        Always,
        Always,
        "hosts.HOST.apply_delay",
    ),
    row("recovery_target", Always, Always, Always, ""),
    row("recovery_target_action", Always, Always, Always, ""),
    row("recovery_target_inclusive", Always, Always, Always, ""),
    row("recovery_target_lsn", Always, Always, Always, ""),
    row("recovery_target_name", Always, Always, Always, ""),
    row("recovery_target_time", Always, Always, Always, ""),
    row("recovery_target_timeline", Always, Always, Always, ""),
    row("recovery_target_xid", Always, Always, Always, ""),
    row("restore_command", WithBackups, Always, Always, ""),
    row("standby_mode", Always, Never, Never, "primary and standbys"),
    row(
        "synchronous_standby_names",
        Always,
        Always,
        Always,
        "replication.synchronous",
    ),
    row(
        "trigger_file",
        Always,
        Never,
        Never,
        "pgrepl switchover or failover",
    ),
    row("unix_socket_directories", Always, Always, Never, ""),
    row("wal_log_hints", Never, Always, Never, ""),
];

const fn row(
    name: &'static str,
    written: When,
    decided: When,
    cleaned: When,
    instead: &'static str,
) -> Owned {
    Owned {
        name,
        written,
        decided,
        cleaned,
        instead,
    }
}

/// Returns what pgrepl has to do with a parameter; `None` where it is the owner's.
pub fn owned(name: &str) -> Option<&'static Owned> {
    OWNED.iter().find(|owned| owned.name == name)
}

/// Returns the parameters that must not come along when a cluster is copied.
pub fn not_copied() -> impl Iterator<Item = &'static str> {
    let always = OWNED.iter().filter(|owned| owned.cleaned == Always);
    always.map(|owned| owned.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::{Major, parameters};

    #[test]
    fn each_is_a_parameter_of_some_version_or_of_recovery_conf_and_stands_once() {
        let old = ["include_dir", "standby_mode", "trigger_file"];
        for (at, owned) in OWNED.iter().enumerate() {
            let known = Major::all().any(|major| parameters::lookup(major, owned.name).is_some());
            assert!(known || old.contains(&owned.name), "{}", owned.name);
            assert!(OWNED[..at].iter().all(|before| before.name < owned.name));
        }
    }

    #[test]
    fn all_targets_of_a_recovery_are_owned() {
        let lines = include_str!("parameters.tsv").lines();
        let names = lines.filter_map(|line| line.split('\t').next());
        let targets: Vec<&str> = names
            .filter(|name| name.starts_with("recovery_target"))
            .collect();
        assert!(targets.len() > 7);
        targets
            .iter()
            .for_each(|name| assert!(owned(name).is_some(), "{name}"));
    }
}
