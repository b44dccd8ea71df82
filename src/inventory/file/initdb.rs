//! How a new database cluster is made: the keys of initdb's options.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Key, May, Truth};
use crate::inventory::LocaleProvider;
use crate::inventory::words::{AbsolutePath, Encoding, IcuLocale, Locale, SegmentSize};

section! {
    /// How a new database cluster is made; standbys inherit it.
    Initdb {
        /// The locale of its databases; that of the first host if it is not said, and C.UTF-8 where that has none.
        #[schemars(example = json!("de_DE.UTF-8"))]
        locale: May<Locale>,
        /// The encoding of its databases; that of the locale if it is not said, and UTF8 for C.
        #[schemars(example = json!("UTF8"))]
        encoding: May<Encoding>,
        /// Who sorts and compares text.
        #[schemars(extend("default" = "libc"))]
        locale_provider: May<LocaleProvider>,
        /// The locale of the provider icu.
        #[schemars(example = json!("de-DE"))]
        icu_locale: May<IcuLocale>,
        /// The locale of the provider builtin.
        #[schemars(example = json!("C.UTF-8"))]
        builtin_locale: May<Locale>,
        /// Whether pages carry checksums.
        #[schemars(extend("default" = true))]
        data_checksums: May<Truth>,
        /// The size of a WAL segment: a power of two from 1MB to 1GB.
        #[schemars(example = json!("64MB"), extend("default" = "16MB"))]
        wal_segment_size: May<SegmentSize>,
        /// Whether the group of the service user may read the data directory.
        #[schemars(extend("default" = false))]
        group_access: May<Truth>,
        /// The same as `wal_directory` beside it, for all hosts.
        #[schemars(example = json!("/wal/main"))]
        wal_directory: May<AbsolutePath>,
    }
}
