//! Which package has an extension.

use crate::platform::place::Installer;
use crate::postgres::Major;

/// Those of PostgreSQL's own source that come apart from the server where they do.
const CONTRIB: [&str; 51] = [
    "adminpack",
    "amcheck",
    "auth_delay",
    "auto_explain",
    "autoinc",
    "basebackup_to_shell",
    "basic_archive",
    "bloom",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dblink",
    "dict_int",
    "dict_xsyn",
    "earthdistance",
    "file_fdw",
    "fuzzystrmatch",
    "hstore",
    "insert_username",
    "intagg",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "moddatetime",
    "old_snapshot",
    "pageinspect",
    "passwordcheck",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_logicalinspect",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_surgery",
    "pg_trgm",
    "pg_visibility",
    "pg_walinspect",
    "pgcrypto",
    "pgrowlocks",
    "pgstattuple",
    "postgres_fdw",
    "refint",
    "seg",
    "sepgsql",
    "sslinfo",
    "tablefunc",
    "tcn",
    "test_decoding",
    "unaccent",
    "uuid-ossp",
];

/// Extensions with the rest of the name of their package at Debian (`postgresql-15-…`), and of the PostgreSQL project's RPM,
/// where `{}` is the version.
const KNOWN: [(&str, &str, &str); 28] = [
    ("credcheck", "credcheck", "credcheck_{}"),
    ("hll", "hll", "hll_{}"),
    ("hypopg", "hypopg", "hypopg_{}"),
    ("ip4r", "ip4r", "ip4r{}"),
    ("mysql_fdw", "mysql-fdw", "mysql_fdw_{}"),
    ("orafce", "orafce", "orafce_{}"),
    ("pg_cron", "cron", "pg_cron_{}"),
    (
        "pg_failover_slots",
        "pg-failover-slots",
        "pg_failover_slots_{}",
    ),
    ("pg_hint_plan", "pg-hint-plan", "pg_hint_plan_{}"),
    ("pg_partman", "partman", "pg_partman_{}"),
    ("pg_qualstats", "pg-qualstats", "pg_qualstats_{}"),
    ("pg_repack", "repack", "pg_repack_{}"),
    ("pg_squeeze", "squeeze", "pg_squeeze_{}"),
    ("pg_stat_kcache", "pg-stat-kcache", "pg_stat_kcache_{}"),
    (
        "pg_wait_sampling",
        "pg-wait-sampling",
        "pg_wait_sampling_{}",
    ),
    ("pgaudit", "pgaudit", "pgaudit_{}"),
    ("pglogical", "pglogical", "pglogical_{}"),
    ("pgrouting", "pgrouting", "pgrouting_{}"),
    ("plr", "plr", "plr_{}"),
    ("postgis", "postgis-3", "postgis3*_{}"),
    ("postgis_raster", "postgis-3", "postgis3*_{}"),
    ("postgis_topology", "postgis-3", "postgis3*_{}"),
    ("powa", "powa", "powa_{}"),
    ("prefix", "prefix", "prefix_{}"),
    ("set_user", "set-user", "set_user_{}"),
    ("tds_fdw", "tds-fdw", "tds_fdw_{}"),
    ("vector", "pgvector", "pgvector_{}"),
    ("wal2json", "wal2json", "wal2json_{}"),
];

/// Libraries that the server's own package has everywhere.
const SERVER: [&str; 4] = ["dict_snowball", "libpqwalreceiver", "pgoutput", "plpgsql"];

/// Returns the package that has a library, as `shared_preload_libraries` names it; nothing where it is not known, and an empty
/// text where it is the server's.
pub fn package_of_library(installer: Installer, major: Major, library: &str) -> Option<String> {
    let name = library.trim_start_matches("$libdir/");
    let name = name.trim_end_matches(".so");
    if SERVER.contains(&name) {
        return Some(String::new());
    }
    package(installer, major, name)
}

/// Returns the package that has an extension, where it is known.
pub fn package(installer: Installer, major: Major, extension: &str) -> Option<String> {
    let number = major.to_string().replace('.', "");
    let language = match extension {
        "plperl" | "plperlu" | "hstore_plperl" | "jsonb_plperl" => Some("plperl"),
        "plpython3u" | "hstore_plpython3u" | "jsonb_plpython3u" | "ltree_plpython3u" => {
            Some("plpython3")
        }
        "pltcl" | "pltclu" => Some("pltcl"),
        _ => None,
    };
    let known = KNOWN.iter().find(|(name, ..)| *name == extension);
    match installer {
        Installer::Apt => language
            .map(|language| format!("postgresql-{language}-{major}"))
            // Since 10 the server's own package has them.
            .or_else(|| {
                CONTRIB
                    .contains(&extension)
                    .then(|| format!("postgresql-{major}"))
            })
            .or_else(|| known.map(|(_, rest, _)| format!("postgresql-{major}-{rest}"))),
        Installer::Dnf => language
            .map(|language| format!("postgresql{number}-{language}"))
            .or_else(|| {
                CONTRIB
                    .contains(&extension)
                    .then(|| format!("postgresql{number}-contrib"))
            })
            .or_else(|| known.map(|(.., name)| name.replace("{}", &number))),
        Installer::Nobody => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_named_as_each_installer_names_them() {
        let of = |installer, extension| package(installer, "15".parse().unwrap(), extension);
        let names = |extension| {
            let name = |installer| of(installer, extension).unwrap_or_default();
            [name(Installer::Apt), name(Installer::Dnf)]
        };
        assert_eq!(
            names("postgis"),
            ["postgresql-15-postgis-3", "postgis3*_15"]
        );
        assert_eq!(names("vector"), ["postgresql-15-pgvector", "pgvector_15"]);
        assert_eq!(names("hstore"), ["postgresql-15", "postgresql15-contrib"]);
        assert_eq!(
            names("plpython3u"),
            ["postgresql-plpython3-15", "postgresql15-plpython3"]
        );
        assert_eq!(names("of_nobody"), ["", ""]);
        assert_eq!(of(Installer::Nobody, "postgis"), None);
    }
}
