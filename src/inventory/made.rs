//! How a new database cluster is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the inventory says of that; what is `None` is left to initdb and its host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Initdb {
    /// `--locale`.
    pub locale: Option<String>,
    /// `--encoding`.
    pub encoding: Option<String>,
    /// `--locale-provider`.
    pub locale_provider: Option<LocaleProvider>,
    /// `--icu-locale`.
    pub icu_locale: Option<String>,
    /// `--builtin-locale`.
    pub builtin_locale: Option<String>,
    /// `--data-checksums`.
    pub data_checksums: Option<bool>,
    /// `--wal-segsize`, in megabytes.
    pub wal_segment_size: Option<u32>,
    /// `--allow-group-access`.
    pub group_access: Option<bool>,
}

/// Who sorts and compares text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LocaleProvider {
    /// The C library of the operating system.
    Libc,
    /// The library ICU.
    Icu,
    /// PostgreSQL itself.
    Builtin,
}

impl LocaleProvider {
    /// Returns initdb's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Libc => "libc",
            Self::Icu => "icu",
            Self::Builtin => "builtin",
        }
    }
}
