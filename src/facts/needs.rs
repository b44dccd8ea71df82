//! What the settings of a server need of the host that it runs on: certificates, libraries, locales.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Observation, Server};
use crate::inventory::{Cluster, Initdb, NodeName};
use crate::postgres::conf;

/// Settings by lower-case name, as they take effect.
pub type Settings = BTreeMap<String, String>;

/// Returns what settings need, as the host is asked for it: a kind, a blank and a name.
pub fn of_settings(settings: &Settings) -> BTreeSet<String> {
    let value = |name: &str| settings.get(name).map_or("", |value| value.trim());
    let on = |name: &str| {
        matches!(
            value(name).to_ascii_lowercase().as_str(),
            "on" | "true" | "yes" | "1"
        )
    };
    let path = |kind: &str, name: &str| {
        // What is relative lies in the data directory and comes with it.
        let path = value(name);
        path.starts_with('/').then(|| format!("{kind} {path}"))
    };
    let mut needs = BTreeSet::new();
    if on("ssl") {
        needs.extend(path("key", "ssl_key_file"));
        for name in [
            "ssl_cert_file",
            "ssl_ca_file",
            "ssl_crl_file",
            "ssl_crl_dir",
            "ssl_dh_params_file",
        ] {
            needs.extend(path("file", name));
        }
    }
    if on("logging_collector") {
        needs.extend(path("directory", "log_directory"));
    }
    // What lies below /run is made when the server starts.
    let sockets = value("unix_socket_directories").split(',').map(str::trim);
    let sockets = sockets.filter(|path| {
        path.starts_with('/') && !path.starts_with("/run/") && !path.starts_with("/var/run/")
    });
    needs.extend(sockets.map(|path| format!("sockets {path}")));
    if !value("unix_socket_group").is_empty() {
        needs.insert(format!("group {}", value("unix_socket_group")));
    }
    let zones = ["timezone", "log_timezone"].map(value);
    // What has no slash every system has, or it is no name.
    let zones = zones.into_iter().filter(|zone| is_zone(zone));
    needs.extend(zones.map(|zone| format!("timezone {zone}")));
    if matches!(value("dynamic_library_path"), "" | "$libdir") {
        let lists = [
            "shared_preload_libraries",
            "session_preload_libraries",
            "local_preload_libraries",
            "archive_library",
            "oauth_validator_libraries",
        ];
        let names = lists.into_iter().flat_map(|name| value(name).split(','));
        let names = names
            .map(|name| name.trim().trim_matches('"'))
            .filter(|name| !name.is_empty());
        needs.extend(names.map(|name| format!("library {name}")));
    }
    let locales = ["lc_messages", "lc_monetary", "lc_numeric", "lc_time"].map(value);
    needs.extend(locales.into_iter().filter_map(of_locale));
    if on("huge_pages") {
        needs.insert(huge_pages(settings));
    }
    needs
}

/// How a host is asked for huge pages: as many as the server says since 15, before that as its buffers fill.
pub fn huge_pages(settings: &Settings) -> String {
    let number = |name: &str| settings.get(name)?.trim().parse::<u64>().ok();
    let buffers = || Some(number("shared_buffers")?.saturating_mul(8) / 2048);
    let pages = number("shared_memory_size_in_huge_pages").or_else(buffers);
    format!("huge_pages {}", pages.unwrap_or(1).max(1))
}

/// Says whether a time zone is one of the files of time zones.
fn is_zone(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.contains('/')
        && name.chars().all(plain)
}

/// What a server must be built with whose databases sort by ICU.
pub const ICU: &str = "built_with ICU";

/// Returns what the databases of a server need: its locales, and ICU.
pub fn of_databases(server: &Server) -> BTreeSet<String> {
    let locales = server.locales.iter().filter_map(|locale| of_locale(locale));
    let icu = server
        .made
        .as_ref()
        .filter(|made| made.by_icu)
        .map(|_| ICU.to_owned());
    locales.chain(icu).collect()
}

/// Returns what a new database cluster needs of its host.
pub fn of_initdb(how: &Initdb) -> BTreeSet<String> {
    let locale = how.locale.as_deref().and_then(of_locale);
    let icu = how.icu_locale.as_ref().map(|_| ICU.to_owned());
    locale.into_iter().chain(icu).collect()
}

/// Returns a locale as it is asked for; those that every system has are not.
pub fn of_locale(name: &str) -> Option<String> {
    (!matches!(name, "" | "C" | "POSIX")).then(|| format!("locale {name}"))
}

/// Returns the place of a tablespace as it is asked for.
pub fn of_tablespace(place: &str) -> String {
    format!("tablespace {place}")
}

/// Returns what a host is asked for: all that a server of the cluster has, as any of them may be copied to it.
pub fn asked_for(cluster: &Cluster, seen: &Observation, name: &NodeName) -> BTreeSet<String> {
    let mut needs = of_initdb(&cluster.initdb);
    let own = cluster.nodes.get(name).map(|node| node.parameters.clone());
    for (source, facts) in seen.seen() {
        let places = facts.data.tablespaces.iter();
        let places = places.map(|(_, path)| cluster.tablespace_place(source, name, path));
        // What is no place for one is refused without a question.
        let plain = places.filter(|place| !place.contains(char::is_control));
        needs.extend(plain.map(|place| of_tablespace(&place)));
        let mut settings = loaded(facts);
        needs.extend(of_settings(&settings));
        settings.extend(own.clone().unwrap_or_default());
        needs.extend(of_settings(&settings));
        needs.extend(facts.server.iter().flat_map(of_databases));
    }
    // They are asked for one a line.
    needs.retain(|need| !need.contains(char::is_control));
    needs
}

/// Returns the settings that a server has loaded, or that the files of a stopped one say.
pub fn loaded(facts: &Facts) -> Settings {
    let loaded = facts.server.as_ref().map(|server| {
        let settings = server.settings.iter();
        settings
            .map(|(name, setting)| (name.clone(), setting.setting.clone()))
            .collect()
    });
    loaded.unwrap_or_else(|| {
        // postgresql.auto.conf comes before postgresql.conf by name, and counts more.
        let files = facts.files.iter().rev();
        let texts = files.filter(|(path, _)| {
            path.ends_with("postgresql.conf") || path.ends_with("postgresql.auto.conf")
        });
        let texts = texts.filter_map(|(_, file)| file.content.as_deref());
        texts.flat_map(conf::settings).collect()
    })
}

impl Facts {
    /// Returns the first of these needs that the host was seen to lack, with PostgreSQL's word for it, and why.
    pub fn lacks<'a>(&'a self, needs: &'a BTreeSet<String>) -> Option<(&'a str, &'a str, &'a str)> {
        needs.iter().find_map(|need| {
            let why = self.asked.get(need).filter(|why| !why.is_empty())?;
            let (kind, name) = need.split_once(' ')?;
            // What comes with the server's package is not there before it.
            let comes = self.packages.server.is_none() && name.contains("ssl-cert-snakeoil");
            (!comes).then_some((kind, name, why.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(text: &str) -> Vec<String> {
        of_settings(&conf::settings(text).collect())
            .into_iter()
            .collect()
    }

    #[test]
    fn settings_need_what_they_name_where_it_counts() {
        let ssl =
            "ssl_cert_file = '/etc/ssl/shop.crt'\nssl_key_file = 'server.key'\nssl_ca_file = ''\n";
        assert_eq!(needs(ssl), [""; 0]);
        assert_eq!(needs(&format!("{ssl}ssl = on")), ["file /etc/ssl/shop.crt"]);
        assert_eq!(
            needs(
                "shared_preload_libraries = 'pg_stat_statements, \"$libdir/own\"'\narchive_library = basic_archive"
            ),
            [
                "library $libdir/own",
                "library basic_archive",
                "library pg_stat_statements"
            ]
        );
        assert_eq!(
            needs("lc_time = 'C'\nlc_messages = 'de_DE.UTF-8'"),
            ["locale de_DE.UTF-8"]
        );
        assert_eq!(
            needs("huge_pages = try\nlog_directory = '/var/log/pg'"),
            [""; 0]
        );
        assert_eq!(needs("huge_pages = on"), ["huge_pages 1"]);
        assert_eq!(
            needs("huge_pages = on\nshared_buffers = 524288"),
            ["huge_pages 2048"]
        );
        assert_eq!(
            needs(
                "unix_socket_directories = '/run/postgresql, /srv/sockets'\nunix_socket_group = web\ntimezone = 'US/Pacific'\nlog_timezone = 'Etc'"
            ),
            ["group web", "sockets /srv/sockets", "timezone US/Pacific"]
        );
        assert_eq!(
            needs("logging_collector = on\nlog_directory = '/var/log/pg'"),
            ["directory /var/log/pg"]
        );
    }

    #[test]
    fn a_host_tells_what_it_lacks() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().display().to_string();
        let make = |name: &str| {
            std::fs::create_dir_all(directory.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(directory.path().join(name), "").unwrap();
        };
        make("lib/libpqwalreceiver.so");
        make("bin/postgres");
        std::fs::write(
            directory.path().join("bin/postgres"),
            "\0ICU is not supported in this build\0",
        )
        .unwrap();
        make("lib/own.so");
        make("shop.crt");
        let asked = [
            "file TOP/shop.crt",
            "file TOP/gone.crt",
            "library own",
            "library $libdir/own",
            "library TOP/lib/own",
            "library other",
            "locale C.UTF-8",
            "locale xx_XX.UTF-8",
            "huge_pages 1000000000",
            "directory TOP/log",
            "directory /proc/nowhere/log",
            "sockets TOP",
            "sockets TOP/gone",
            "group root",
            "group nobody-here",
            "built_with ICU",
        ];
        let script = format!(
            "set -eu\nfact() {{ printf '%s\\t%s\\n' \"$2\" \"$3\"; }}\nas_service_user() {{ \"$@\"; }}\nbindir='{top}/bin' service_user=nobody-here\nneeds='{}'\n{}\nmain\n",
            asked.join("\n").replace("TOP", &top),
            include_str!("needs.sh"),
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .env("LC_ALL", "C")
            .output();
        let said = String::from_utf8(output.unwrap().stdout)
            .unwrap()
            .replace(&top, "TOP");
        let wrong: Vec<&str> = said.lines().filter(|line| !line.ends_with('\t')).collect();
        let [crt, library, locale, pages, log, sockets, group, icu] = wrong[..] else {
            panic!("{said}");
        };
        assert_eq!(crt, "file TOP/gone.crt\tis not there");
        assert_eq!(library, "library other\tis not installed");
        assert_eq!(locale, "locale xx_XX.UTF-8\tis not installed");
        assert!(
            pages.starts_with("huge_pages 1000000000\tare needed, "),
            "{pages}"
        );
        assert_eq!(sockets, "sockets TOP/gone\tis not there");
        assert_eq!(group, "group nobody-here\tis not there");
        assert_eq!(icu, "built_with ICU\tis not built into PostgreSQL there");
        assert!(
            log.starts_with("directory /proc/nowhere/log\tcannot be written"),
            "{log}"
        );
    }
}
