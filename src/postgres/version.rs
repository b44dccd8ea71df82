//! The version table: code asks it for a capability and never for a number.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::names::{Names, WAL, XLOG};

/// A supported major version, `9.6` or `10` to `18`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Major(u16);

/// What differs between major versions (release notes of each; measured on 10 to 18 where a comment says so).
#[derive(Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The version as people write it.
    pub name: &'static str,
    /// Whether the community still repairs it, as of the end of 2026.
    pub supported: bool,
    /// SQL names that changed when xlog became WAL.
    pub names: &'static Names,
    /// Whether a standby is made by standby.signal and ordinary parameters, not by recovery.conf.
    pub has_standby_signal: bool,
    /// Whether a recovery can end at a position in the WAL.
    pub recovers_to_lsn: bool,
    /// Whether pg_promote() exists; before, pg_ctl promotes.
    pub promotes_by_sql: bool,
    /// How pg_basebackup brings WAL along with tar files: streamed beside them, or fetched into them at the end.
    pub backup_wal_method: &'static str,
    /// Whether SCRAM-SHA-256 passwords exist.
    pub has_scram: bool,
    /// Whether libpq knows `require_auth`.
    pub knows_require_auth: bool,
    /// Whether libpq knows `passfile`.
    pub has_passfile: bool,
    /// Whether `pg_hba_file_rules` exists.
    pub has_hba_file_rules: bool,
    /// Whether `pg_ident_file_mappings` exists.
    pub has_ident_mappings: bool,
    /// The parameter that keeps WAL for standbys without a slot.
    pub wal_keep: &'static str,
    /// Its value that keeps about 512 MB.
    pub wal_keep_512mb: &'static str,
    /// Whether `max_slot_wal_keep_size` and `pg_replication_slots.wal_status` exist.
    pub limits_slots: bool,
    /// Whether `pg_replication_slots` has `invalidation_reason`.
    pub tells_invalidation: bool,
    /// Whether a standby can keep the logical slots of its primary up to date.
    pub syncs_slots: bool,
    /// Whether a standby's `max_wal_senders` must not be below the primary's.
    pub senders_are_sensitive: bool,
    /// What a session is told besides, so that no limit of the server's ends it.
    pub session_options: &'static str,
    /// Whether initdb turns data checksums on by itself.
    pub checksums_by_default: bool,
    /// Whether `pg_stat_wal_receiver` tells the sender's host and port.
    pub receiver_knows_sender: bool,
    /// Whether `pg_stat_replication` has the three lags in time.
    pub has_lag_times: bool,
    /// Whether `pg_replication_slots` knows temporary slots.
    pub has_temporary_slots: bool,
    /// Whether `pg_stat_activity` tells clients from the server's own processes.
    pub tells_backend_type: bool,
    /// Whether fractions and exponents are allowed in integer parameters.
    pub has_fractions: bool,
    /// Whether the unit B is known.
    pub has_unit_byte: bool,
    /// Whether the unit us is known.
    pub has_unit_microsecond: bool,
    /// Whether a line of pg_hba.conf can go on after a backslash.
    pub hba_continues: bool,
    /// Whether pg_hba.conf can include files and match by regular expression.
    pub hba_includes: bool,
    /// Whether pg_hba.conf has the method oauth.
    pub has_oauth: bool,
    /// Whether pg_hba.conf has hostgssenc and hostnogssenc.
    pub hba_gssenc: bool,
    /// Whether `synchronous_standby_names` knows FIRST and ANY.
    pub has_sync_methods: bool,
    /// Whether pg_rewind can read a server as a role that is no superuser.
    pub rewinds_without_superuser: bool,
    /// Whether pg_basebackup can take what changed since another backup, and the server summarizes WAL for that.
    pub has_incremental_backups: bool,
    /// pg_basebackup's options for a compressed backup; the server compresses where it can.
    pub backup_compression: &'static str,
    /// The same with zstd, where pg_basebackup knows it: a fraction of the time, both ways. A worker compresses while the
    /// server reads on: a fifth less time (measured on 15); the data is the same for who unpacks it.
    pub backup_zstd: Option<&'static str>,
    /// Whether backups are begun by `pg_start_backup()`, as tools of that time do.
    pub has_start_backup: bool,
    /// Whether collations of ICU exist, and their versions are told.
    pub has_icu_collations: bool,
    /// Whether initdb knows `--wal-segsize` and `--allow-group-access`.
    pub initdb_sizes_segments: bool,
    /// The column of `pg_database` with the locale of a provider that is not the C library; empty where there is none.
    pub provider_locale: &'static str,
    /// The locales of the provider `builtin`; none before there is one.
    pub builtin_locales: &'static [&'static str],
}

const V9_6: Capabilities = Capabilities {
    name: "9.6",
    supported: false,
    names: &XLOG,
    has_standby_signal: false,
    recovers_to_lsn: false,
    promotes_by_sql: false,
    backup_wal_method: "fetch",
    has_scram: false,
    knows_require_auth: false,
    has_passfile: false,
    has_hba_file_rules: false,
    has_ident_mappings: false,
    wal_keep: "wal_keep_segments",
    wal_keep_512mb: "32",
    limits_slots: false,
    tells_invalidation: false,
    syncs_slots: false,
    session_options: "",
    senders_are_sensitive: false,
    checksums_by_default: false,
    receiver_knows_sender: false,
    has_lag_times: false,
    has_temporary_slots: false,
    tells_backend_type: false,
    has_fractions: false,
    has_unit_byte: false,
    has_unit_microsecond: false,
    hba_continues: false,
    hba_includes: false,
    has_oauth: false,
    hba_gssenc: false,
    has_sync_methods: false,
    rewinds_without_superuser: false,
    has_incremental_backups: false,
    backup_compression: "-Z 1",
    backup_zstd: None,
    has_start_backup: true,
    has_icu_collations: false,
    initdb_sizes_segments: false,
    provider_locale: "",
    builtin_locales: &[],
};

const V10: Capabilities = Capabilities {
    name: "10",
    names: &WAL,
    recovers_to_lsn: true,
    backup_wal_method: "stream",
    has_scram: true,
    has_passfile: true,
    has_hba_file_rules: true,
    has_lag_times: true,
    has_temporary_slots: true,
    tells_backend_type: true,
    has_sync_methods: true,
    has_icu_collations: true,
    ..V9_6
};

const V11: Capabilities = Capabilities {
    name: "11",
    receiver_knows_sender: true,
    rewinds_without_superuser: true,
    has_unit_byte: true,
    initdb_sizes_segments: true,
    ..V10
};

const V12: Capabilities = Capabilities {
    name: "12",
    has_standby_signal: true,
    promotes_by_sql: true,
    senders_are_sensitive: true,
    has_fractions: true,
    has_unit_microsecond: true,
    hba_gssenc: true,
    ..V11
};

const V13: Capabilities = Capabilities {
    name: "13",
    wal_keep: "wal_keep_size",
    wal_keep_512mb: "512MB",
    limits_slots: true,
    ..V12
};

const V14: Capabilities = Capabilities {
    name: "14",
    hba_continues: true,
    ..V13
};

const V15: Capabilities = Capabilities {
    name: "15",
    supported: true,
    backup_compression: "--compress=server-gzip:1",
    backup_zstd: Some("--compress=server-zstd:level=1,workers=1"),
    has_start_backup: false,
    has_ident_mappings: true,
    provider_locale: "daticulocale",
    ..V14
};

const V16: Capabilities = Capabilities {
    name: "16",
    knows_require_auth: true,
    hba_includes: true,
    ..V15
};

const V17: Capabilities = Capabilities {
    name: "17",
    has_incremental_backups: true,
    tells_invalidation: true,
    syncs_slots: true,
    session_options: "-c transaction_timeout=0",
    provider_locale: "datlocale",
    builtin_locales: &["C", "C.UTF-8"],
    ..V16
};

const V18: Capabilities = Capabilities {
    name: "18",
    has_oauth: true,
    checksums_by_default: true,
    builtin_locales: &["C", "C.UTF-8", "PG_UNICODE_FAST"],
    ..V17
};

/// The table, oldest version first; its numbers are the first half of `server_version_num`.
const TABLE: [(u16, &Capabilities); 10] = [
    (906, &V9_6),
    (1000, &V10),
    (1100, &V11),
    (1200, &V12),
    (1300, &V13),
    (1400, &V14),
    (1500, &V15),
    (1600, &V16),
    (1700, &V17),
    (1800, &V18),
];

impl Major {
    /// Returns every supported version, oldest first.
    pub fn all() -> impl Iterator<Item = Major> {
        TABLE.iter().map(|(number, _)| Major(*number))
    }

    /// Returns the oldest version of which something holds.
    pub fn first(holds: impl Fn(&Capabilities) -> bool) -> Option<Major> {
        Self::all().find(|major| holds(major.caps()))
    }

    /// Returns what this version can do.
    pub fn caps(self) -> &'static Capabilities {
        let row = TABLE.iter().find(|(number, _)| *number == self.0);
        row.expect("a Major is only made from a row of the table").1
    }
}

impl fmt::Display for Major {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.caps().name)
    }
}

impl FromStr for Major {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        TABLE
            .iter()
            .find(|(_, caps)| caps.name == text)
            .map(|(number, _)| Major(*number))
            .ok_or_else(|| {
                let known: Vec<_> = TABLE.iter().map(|(_, caps)| caps.name).collect();
                format!("expected one of {}, found {text:?}", known.join(", "))
            })
    }
}

impl Serialize for Major {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Major {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A full version as `server_version_num` has it: 90624, 160004.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    /// Reads the version in the answer of a program of the server to `--version`: "postgres (PostgreSQL) 16.4 (Debian …)"; `None` if there is none.
    pub fn from_program(text: &str) -> Option<Self> {
        let word = text
            .split_whitespace()
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
        let numbers: Vec<u32> = word
            .split('.')
            .map(|part| {
                let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().unwrap_or(0)
            })
            .collect();
        match numbers[..] {
            [major, minor, patch, ..] if major < 10 => {
                Some(Self(major * 10_000 + minor * 100 + patch))
            }
            [major, minor, ..] if major < 10 => Some(Self(major * 10_000 + minor * 100)),
            [major, minor, ..] => Some(Self(major * 10_000 + minor)),
            [major] => Some(Self(major * 10_000)),
            [] => None,
        }
    }

    /// Says whether this is a release of that major version.
    pub fn is(self, major: Major) -> bool {
        self.0 / 100 == u32::from(major.0)
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, rest) = (self.0 / 10_000, self.0 % 10_000);
        if major < 10 {
            f.pad(&format!("{major}.{}.{}", rest / 100, rest % 100))
        } else {
            f.pad(&format!("{major}.{rest}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_back_and_is_in_order() {
        let all: Vec<Major> = Major::all().collect();
        assert!(all.is_sorted());
        for major in all {
            assert_eq!(major.to_string().parse(), Ok(major));
        }
        assert!("9.5".parse::<Major>().is_err());
        assert!("19".parse::<Major>().is_err());
    }

    #[test]
    fn versions_are_read_from_programs() {
        for (text, version, major) in [
            ("postgres (PostgreSQL) 9.6.24", "9.6.24", "9.6"),
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
                "15.18",
                "15",
            ),
            ("postgres (PostgreSQL) 18beta1", "18.0", "18"),
        ] {
            let read = ServerVersion::from_program(text).unwrap();
            assert_eq!(read.to_string(), version);
            assert!(read.is(major.parse().unwrap()), "{text}");
        }
    }
}
