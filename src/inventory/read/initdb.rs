//! From `initdb:` to what it says, and what initdb of a version does not know.

use std::ops::Range;

use crate::inventory::file::{self, May, Truth};
use crate::inventory::problem::Problem;
use crate::inventory::said::{path_of, place, said};
use crate::inventory::spelling::megabytes;
use crate::inventory::words::AbsolutePath;
use crate::inventory::{Initdb, LocaleProvider};
use crate::postgres::{Capabilities, Major};

/// Reads the mapping, for servers of a version.
pub(super) fn initdb(
    file: &file::Initdb,
    major: Option<Major>,
    problems: &mut Vec<Problem>,
) -> Initdb {
    let truth = |key| said(key).map(|Truth(truth)| truth);
    let read = Initdb {
        locale: said(&file.locale).map(|text| text.0),
        encoding: said(&file.encoding).map(|text| text.0),
        locale_provider: said(&file.locale_provider),
        icu_locale: said(&file.icu_locale).map(|text| text.0),
        builtin_locale: said(&file.builtin_locale).map(|text| text.0),
        data_checksums: truth(&file.data_checksums),
        wal_segment_size: said(&file.wal_segment_size).and_then(|text| megabytes(&text.0)),
        group_access: truth(&file.group_access),
    };
    if let Some(major) = major {
        unknown(file, &read, major, problems);
    }
    together(file, &read, problems);
    read
}

/// Returns where WAL goes on every host: the key stands beside `initdb` and may stand in it.
pub(super) fn wal_directory(
    initdb: Option<&file::Initdb>,
    beside: &May<AbsolutePath>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let inside = &initdb?.wal_directory;
    let (here, there) = (path_of(inside), path_of(beside));
    if let (Some(here), Some(there), Some(span)) = (&here, &there, place(inside))
        && here != there
    {
        problems.push(
            Problem::new(
                span,
                "`wal_directory` is said twice",
                format!("{there} beside `initdb`"),
            )
            .help("say it once: postgresql: { wal_directory: … }"),
        );
    }
    here
}

/// What initdb of this version does not know.
fn unknown(file: &file::Initdb, read: &Initdb, major: Major, problems: &mut Vec<Problem>) {
    let mut since =
        |span: Option<Range<usize>>, what: &str, knows: &dyn Fn(&Capabilities) -> bool| {
            let Some(span) = span.filter(|_| !knows(major.caps())) else {
                return;
            };
            let first = Major::first(knows).map_or_else(String::new, |first| first.to_string());
            problems.push(
                Problem::new(
                    span,
                    format!("initdb of PostgreSQL {major} has no {what}"),
                    format!("since PostgreSQL {first}"),
                )
                .help("leave it out"),
            );
        };
    let sizes = |caps: &Capabilities| caps.initdb_sizes_segments;
    let provides = |caps: &Capabilities| !caps.provider_locale.is_empty();
    let builds_in = |caps: &Capabilities| !caps.builtin_locales.is_empty();
    since(place(&file.wal_segment_size), "`wal_segment_size`", &sizes);
    since(place(&file.group_access), "`group_access`", &sizes);
    match read.locale_provider {
        Some(LocaleProvider::Builtin) => {
            since(
                place(&file.locale_provider),
                "locale provider `builtin`",
                &builds_in,
            );
        }
        _ => since(place(&file.locale_provider), "`locale_provider`", &provides),
    }
    since(place(&file.icu_locale), "`icu_locale`", &provides);
    let locale = read.builtin_locale.as_deref();
    let known =
        |caps: &Capabilities| locale.is_none_or(|locale| caps.builtin_locales.contains(&locale));
    match locale {
        Some(_) if builds_in(major.caps()) && Major::first(known).is_none() => {
            if let Some(span) = place(&file.builtin_locale) {
                let all = major.caps().builtin_locales.join(", ");
                problems.push(Problem::new(
                    span,
                    "unknown locale of the provider `builtin`",
                    format!("expected one of {all}"),
                ));
            }
        }
        Some(locale) if builds_in(major.caps()) => {
            since(
                place(&file.builtin_locale),
                &format!("`builtin_locale` {locale}"),
                &known,
            );
        }
        _ => since(place(&file.builtin_locale), "`builtin_locale`", &builds_in),
    }
}

/// What initdb refuses together (its man page, and setlocales() of initdb.c).
fn together(file: &file::Initdb, read: &Initdb, problems: &mut Vec<Problem>) {
    let mut needs = |span: Option<Range<usize>>, message: &str, label: &str, help: &str| {
        if let Some(span) = span {
            problems.push(Problem::new(span, message, label).help(help));
        }
    };
    let provider = read.locale_provider.unwrap_or(LocaleProvider::Libc);
    if provider != LocaleProvider::Icu {
        needs(
            place(&file.icu_locale),
            "`icu_locale` is for the provider icu",
            "not the provider that is used",
            "locale_provider: icu",
        );
    } else if read.icu_locale.is_none() && file.icu_locale.is_none() {
        needs(
            place(&file.locale_provider),
            "the provider icu needs an `icu_locale`",
            "which one?",
            "icu_locale: de-DE",
        );
    }
    if provider != LocaleProvider::Builtin {
        needs(
            place(&file.builtin_locale),
            "`builtin_locale` is for the provider builtin",
            "not the provider that is used",
            "locale_provider: builtin",
        );
    } else if read.builtin_locale.is_none() && file.builtin_locale.is_none() {
        needs(
            place(&file.locale_provider),
            "the provider builtin needs a `builtin_locale`",
            "which one?",
            "builtin_locale: C.UTF-8",
        );
    }
    let utf8 = |name: &str| {
        matches!(
            name.to_ascii_lowercase().as_str(),
            "utf8" | "utf-8" | "unicode"
        )
    };
    if read
        .builtin_locale
        .as_deref()
        .is_some_and(|locale| locale != "C")
        && read
            .encoding
            .as_deref()
            .is_some_and(|encoding| !utf8(encoding))
    {
        needs(
            place(&file.encoding),
            "this `builtin_locale` has the encoding UTF8",
            "another one",
            "encoding: UTF8",
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::inventory::read;

    fn said(version: &str, initdb: &str) -> String {
        let text = format!(
            "cluster: shop\npostgresql: {{ version: {version}, {initdb} }}\nreplication: {{ password: {{ env: P }} }}\nprimary: a\n"
        );
        match read(&text) {
            Ok(_) => String::new(),
            Err(problems) => problems
                .iter()
                .map(|problem| format!("{}; {}", problem.message, problem.label))
                .collect(),
        }
    }

    #[test]
    fn what_initdb_of_a_version_does_not_know_is_refused_with_the_version_that_does() {
        for (version, initdb, refusal) in [
            (
                "10",
                "group_access: true",
                "initdb of PostgreSQL 10 has no `group_access`; since PostgreSQL 11",
            ),
            (
                "9.6",
                "wal_segment_size: 64MB",
                "initdb of PostgreSQL 9.6 has no `wal_segment_size`; since PostgreSQL 11",
            ),
            (
                "14",
                "locale_provider: libc",
                "initdb of PostgreSQL 14 has no `locale_provider`; since PostgreSQL 15",
            ),
            (
                "16",
                "locale_provider: builtin, builtin_locale: C",
                "initdb of PostgreSQL 16 has no locale provider `builtin`; since PostgreSQL 17initdb of PostgreSQL 16 has no `builtin_locale`; since PostgreSQL 17",
            ),
            (
                "17",
                "locale_provider: builtin, builtin_locale: PG_UNICODE_FAST",
                "initdb of PostgreSQL 17 has no `builtin_locale` PG_UNICODE_FAST; since PostgreSQL 18",
            ),
            (
                "17",
                "locale_provider: builtin, builtin_locale: de_DE",
                "unknown locale of the provider `builtin`; expected one of C, C.UTF-8",
            ),
            (
                "15",
                "locale_provider: icu",
                "the provider icu needs an `icu_locale`; which one?",
            ),
            (
                "15",
                "icu_locale: de",
                "`icu_locale` is for the provider icu; not the provider that is used",
            ),
            (
                "16",
                "wal_segment_size: 24MB",
                "not a valid size of a WAL segment; expected a power of two from 1MB to 1GB",
            ),
            (
                "18",
                "locale_provider: builtin, builtin_locale: PG_UNICODE_FAST, data_checksums: no",
                "",
            ),
            (
                "15",
                "locale_provider: icu, icu_locale: de-u-co-phonebk, locale: de_DE.UTF-8, group_access: yes",
                "",
            ),
            (
                "9.6",
                "locale: de_DE.UTF-8, encoding: UTF8, data_checksums: no",
                "",
            ),
        ] {
            assert_eq!(
                said(version, &format!("initdb: {{ {initdb} }}")),
                refusal,
                "{version} {initdb}"
            );
        }
    }

    #[test]
    fn the_place_of_wal_is_one_wherever_it_is_said() {
        assert_eq!(said("16", "initdb: { wal_directory: /wal }"), "");
        assert_eq!(
            said(
                "16",
                "wal_directory: /wal, initdb: { wal_directory: /wal/ }"
            ),
            ""
        );
        assert_eq!(
            said(
                "16",
                "wal_directory: /wal, initdb: { wal_directory: /other }"
            ),
            "`wal_directory` is said twice; /wal beside `initdb`"
        );
    }
}
