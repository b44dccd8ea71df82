//! The hot-standby-sensitive parameters: what files say of them, and what servers run with.

use std::collections::BTreeMap;

use crate::facts::Facts;
use crate::postgres::{Major, conf, parameters, value};

/// Which values of the hot-standby-sensitive parameters a standby must not go below, by name, in base units.
pub type Floors = BTreeMap<String, i64>;

/// Returns what a configuration text makes of an integer parameter, its built-in value if it does not say.
pub fn number(major: Major, name: &str, text: &str) -> i64 {
    let said = conf::settings(text)
        .filter(|(known, _)| known == name)
        .last();
    let kind = parameters::lookup(major, name).map(|parameter| parameter.kind);
    match (said, kind) {
        (Some((_, said)), Some(kind)) => match value::parse(major, &kind, &said) {
            Ok(value::Value::Int(number)) => number,
            _ => 0,
        },
        // boot_val of pg_settings.
        _ => match name {
            "max_connections" => 100,
            "max_locks_per_transaction" => major.caps().default_locks,
            "max_worker_processes" => 8,
            "max_wal_senders" => 10,
            _ => 0,
        },
    }
}

/// Returns the sensitive values a server runs with, or ran with last.
pub fn loaded_sensitive(major: Major, facts: &Facts) -> Floors {
    parameters::hot_standby_sensitive(major)
        .filter_map(|name| {
            let loaded = facts
                .server
                .as_ref()
                .and_then(|server| server.settings.get(name)?.setting.parse().ok());
            let stored = || {
                facts
                    .data
                    .control()
                    .and_then(|control| i64::try_from(*control.sensitive.get(name)?).ok())
            };
            Some((name.to_owned(), loaded.or_else(stored)?))
        })
        .collect()
}
