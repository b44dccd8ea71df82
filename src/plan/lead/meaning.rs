//! What a difference means for clients and for the archive.

use crate::plan::lead::lack::{About, Side};
use crate::postgres::Major;
use crate::postgres::scope::is_its_own;

pub(in crate::plan) const ENDS: &str = "archiving ends: its WAL goes nowhere";

pub(in crate::plan) const DEAF: &str = "it hears nobody on other hosts";

/// Whether a server hears other hosts.
pub(in crate::plan) fn hears_others(side: &Side) -> bool {
    hears(side.says("listen_addresses"))
}

pub(in crate::plan) fn hears(listen_addresses: &str) -> bool {
    let own = |word: &str| {
        let own = ["", "localhost", "127.0.0.1", "::1"];
        own.contains(&word.trim())
    };
    !listen_addresses.split(',').all(own)
}

/// What tells that a setting is not in the hands of the inventory.
pub const BY_HAND: &str = ", by ALTER SYSTEM";

pub(in crate::plan) fn by_hand(side: &Side, name: &str) -> &'static str {
    let server = side.facts.server.as_ref();
    let from = server.and_then(|server| server.settings.get(name)?.sourcefile.as_deref());
    match from.is_some_and(|file| file.ends_with("postgresql.auto.conf")) {
        true => BY_HAND,
        false => "",
    }
}

pub(in crate::plan) fn quoted(value: &str) -> String {
    match value {
        "" => "''".into(),
        value => value.into(),
    }
}

/// What it means that a setting of the cluster differs.
pub(in crate::plan) fn meaning(
    major: Major,
    name: &str,
    wanted: &str,
    has: &str,
) -> (About, &'static str) {
    match name {
        "ssl" if wanted == "on" => (
            About::Certificate,
            "clients that insist on TLS are turned away",
        ),
        _ if name.starts_with("ssl_") || name == "ssl" => (
            About::Certificate,
            "clients may agree on other encryption, or none",
        ),
        "output_plugin_libraries" => (
            About::Setting,
            "readers of logical slots with other plugins are refused",
        ),
        _ if name.ends_with("_libraries") => {
            (About::Library, "extensions that must be loaded do not work")
        }
        "wal_level" if wanted == "logical" && has != "logical" => {
            let means = match major.caps().decodes_on_demand {
                true => "logical decoding is on only while there is a logical slot",
                false => "logical decoding ends",
            };
            (About::Setting, means)
        }
        "archive_mode" => (
            About::Setting,
            "archiving cannot be set up without a restart",
        ),
        "archive_timeout" => (About::Setting, "WAL reaches the archive at other intervals"),
        _ if name.starts_with("log_") => (About::Own, "its log tells other things"),
        _ if is_its_own(name) => (About::Own, "it does its own work in another way"),
        _ if name.starts_with("autovacuum") || name.starts_with("vacuum") => {
            (About::Setting, "tables are vacuumed in another way")
        }
        "fsync" | "full_page_writes" | "synchronous_commit" | "data_sync_retry" => {
            (About::Setting, "commits are kept in another way")
        }
        "max_connections" | "superuser_reserved_connections" | "reserved_connections" => {
            (About::Setting, "fewer clients may connect")
        }
        _ => (About::Setting, "clients meet another value"),
    }
}
