//! Whose a parameter is: every server's of a cluster alike, the host's that a server runs on, or a standby's.

use super::value::{self, Value};
use super::{Major, parameters};

/// Whose a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Clients, archiving and replication meet it wherever the primary is: it belongs to all alike.
    Cluster,
    /// It follows from the host: paths, memory, disks, the system's log, and what each server is told by its own file.
    Host,
    /// It counts on a standby only.
    Standby,
}

const HOST: [&str; 81] = [
    // Where it lives.
    "bonjour",
    "bonjour_name",
    "cluster_name",
    "config_file",
    "data_directory",
    "data_directory_mode",
    "dynamic_library_path",
    "extension_control_path",
    "external_pid_file",
    "hba_file",
    "hosts_file",
    "ident_file",
    "jit_provider",
    "krb_server_keyfile",
    "listen_addresses",
    "port",
    "stats_temp_directory",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
    // Its certificates.
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_crl_dir",
    "ssl_crl_file",
    "ssl_dh_params_file",
    "ssl_key_file",
    "ssl_passphrase_command",
    "ssl_passphrase_command_supports_reload",
    // Its log.
    "event_source",
    "lc_messages",
    "log_destination",
    "log_directory",
    "log_file_mode",
    "log_filename",
    "log_rotation_age",
    "log_rotation_size",
    "log_timezone",
    "log_truncate_on_rotation",
    "logging_collector",
    "syslog_facility",
    "syslog_ident",
    "syslog_sequence_numbers",
    "syslog_split_messages",
    "update_process_title",
    // Its memory.
    "commit_timestamp_buffers",
    "dynamic_shared_memory_type",
    "effective_cache_size",
    "huge_page_size",
    "huge_pages",
    "max_files_per_process",
    "max_stack_depth",
    "min_dynamic_shared_memory",
    "multixact_member_buffers",
    "multixact_offset_buffers",
    "notify_buffers",
    "serializable_buffers",
    "shared_buffers",
    "shared_memory_type",
    "subtransaction_buffers",
    "transaction_buffers",
    "wal_buffers",
    // Its disks.
    "backend_flush_after",
    "bgwriter_flush_after",
    "checkpoint_flush_after",
    "effective_io_concurrency",
    "file_copy_method",
    "file_extend_method",
    "io_combine_limit",
    "io_max_combine_limit",
    "io_max_concurrency",
    "io_max_workers",
    "io_method",
    "io_min_workers",
    "io_worker_idle_timeout",
    "io_worker_launch_interval",
    "io_workers",
    "maintenance_io_concurrency",
    "max_wal_size",
    "min_wal_size",
    "timing_clock_source",
    "wal_sync_method",
];

const STANDBY: [&str; 21] = [
    "archive_cleanup_command",
    "hot_standby",
    "hot_standby_feedback",
    "ignore_invalid_pages",
    "log_recovery_conflict_waits",
    "max_standby_archive_delay",
    "max_standby_streaming_delay",
    "primary_conninfo",
    "primary_slot_name",
    "promote_trigger_file",
    "recovery_end_command",
    "recovery_init_sync_method",
    "recovery_min_apply_delay",
    "recovery_prefetch",
    "restore_command",
    "sync_replication_slots",
    "trace_recovery_messages",
    "wal_receiver_create_temp_slot",
    "wal_receiver_status_interval",
    "wal_receiver_timeout",
    "wal_retrieve_retry_interval",
];

/// Returns whose a parameter is, by its name in lower case.
pub fn scope(name: &str) -> Scope {
    if HOST.contains(&name) {
        Scope::Host
    } else if STANDBY.contains(&name) || name.starts_with("recovery_target") {
        Scope::Standby
    } else {
        Scope::Cluster
    }
}

/// What a server's own processes do at their pace, beside those that go by their beginnings.
const WORK: [&str; 14] = [
    "application_name",
    "autovacuum_work_mem",
    "checkpoint_completion_target",
    "checkpoint_timeout",
    "checkpoint_warning",
    "compute_query_id",
    "gin_pending_list_limit",
    "maintenance_work_mem",
    "max_parallel_maintenance_workers",
    "stats_fetch_consistency",
    "trace_notify",
    "trace_sort",
    "vacuum_buffer_usage_limit",
    "wal_summary_keep_time",
];

/// Says whether a parameter of the cluster tells only what a server writes into its log, counts, or does at its own pace:
/// whoever leads, clients, their commits and the archive meet the same.
pub fn is_its_own(name: &str) -> bool {
    let starts = [
        "log_",
        "debug_",
        "track_",
        "bgwriter_",
        "wal_writer_",
        "vacuum_cost_",
    ];
    WORK.contains(&name)
        || starts.iter().any(|start| name.starts_with(start)) && name != "track_commit_timestamp"
}

/// Says whether a server with one value of a parameter of the cluster is no equal to one with another, once it leads.
pub fn falls_short(major: Major, name: &str, has: &str, wanted: &str) -> bool {
    let Some(parameter) = parameters::lookup(major, name) else {
        return false;
    };
    // What a session has of these follows from whether the server is a standby.
    let of_session = name.starts_with("transaction_") && parameter.context == "user";
    let of_session = of_session && name != "transaction_timeout";
    if scope(name) != Scope::Cluster || parameter.context == "internal" || of_session {
        return false;
    }
    let number = |text: &str| match value::parse(major, &parameter.kind, text) {
        Ok(Value::Int(number)) => Some(number),
        _ => None,
    };
    match name {
        // A server that archives while it follows archives when it leads.
        "archive_mode" => matches!(has, "off") && !matches!(wanted, "off"),
        "max_replication_slots" | "max_wal_senders" | "max_repack_replication_slots" => {
            number(has) < number(wanted)
        }
        "timezone" if is_utc(has) && is_utc(wanted) => false,
        _ if name.starts_with("lc_") && is_plain(has) && is_plain(wanted) => false,
        _ if parameters::hot_standby_sensitive(major).any(|known| known == name) => {
            number(has) < number(wanted)
        }
        _ => !value::same(major, name, &parameter.kind, has, wanted),
    }
}

fn is_utc(zone: &str) -> bool {
    matches!(
        zone.to_ascii_lowercase().as_str(),
        "utc" | "etc/utc" | "gmt" | "etc/gmt" | "uct" | "etc/uct" | "zulu" | "universal"
    )
}

fn is_plain(locale: &str) -> bool {
    matches!(locale, "C" | "POSIX" | "C.UTF-8" | "C.utf8")
}

/// Says whether a command of a server that archives does nothing.
pub fn is_idle(command: &str) -> bool {
    matches!(
        command.trim(),
        "" | "(disabled)" | "true" | "/bin/true" | "/usr/bin/true" | ":" | "exit 0"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_no_less() {
        let major = "15".parse().unwrap();
        for (name, has, wanted, expected) in [
            ("work_mem", "4096", "4MB", false),
            ("work_mem", "4096", "7MB", true),
            ("work_mem", "8MB", "7MB", true),
            ("max_connections", "200", "100", false),
            ("max_connections", "100", "200", true),
            ("archive_mode", "off", "on", true),
            ("archive_mode", "always", "on", false),
            ("archive_mode", "on", "off", false),
            ("shared_buffers", "1GB", "2GB", false),
            ("timezone", "Etc/UTC", "GMT", false),
            ("timezone", "Europe/Paris", "GMT", true),
            ("lc_time", "C.UTF-8", "C", false),
            ("lc_time", "fr_FR.UTF-8", "C", true),
            ("max_standby_streaming_delay", "1h", "30s", false),
            ("shared_preload_libraries", "a, b", "a,b", false),
            ("server_version", "15.1", "15.2", false),
            ("transaction_read_only", "on", "off", false),
        ] {
            assert_eq!(falls_short(major, name, has, wanted), expected, "{name}");
        }
    }

    #[test]
    fn what_is_only_written_down_is_its_own() {
        for (name, own) in [
            ("log_min_duration_statement", true),
            ("log_statement", true),
            ("log_lock_failures", true),
            ("track_io_timing", true),
            ("maintenance_work_mem", true),
            ("track_commit_timestamp", false),
            ("logical_decoding_work_mem", false),
            ("autovacuum", false),
            ("work_mem", false),
            ("fsync", false),
            ("archive_timeout", false),
        ] {
            assert_eq!(is_its_own(name), own, "{name}");
        }
    }

    #[test]
    fn every_name_is_a_parameter_of_some_version() {
        for name in HOST.iter().chain(&STANDBY).chain(&WORK) {
            assert!(
                Major::all().any(|major| parameters::lookup(major, name).is_some()),
                "{name}"
            );
        }
        for (name, whose) in [
            ("work_mem", Scope::Cluster),
            ("archive_mode", Scope::Cluster),
            ("shared_preload_libraries", Scope::Cluster),
            ("shared_buffers", Scope::Host),
            ("recovery_target_time", Scope::Standby),
        ] {
            assert_eq!(scope(name), whose, "{name}");
        }
    }
}
