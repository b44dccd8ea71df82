//! How the database cluster is made, and what of the one that is there was made otherwise.

use crate::action::InitDb;
use crate::facts::Facts;
use crate::inventory::{Initdb, LocaleProvider, NodeName};
use crate::plan::builder::Builder;
use crate::plan::converge::clone::wal_place;
use crate::plan::converge::tablespaces::named;

/// Returns the step that makes a database cluster where no host has one.
pub(in crate::plan) fn new_cluster(
    b: &Builder,
    name: &NodeName,
    data_directory: &str,
    facts: &Facts,
) -> InitDb {
    let how = &b.cluster.initdb;
    let option = |name: &str, value: Option<&str>| value.map(|value| format!("--{name}={value}"));
    let provider = [
        option(
            "locale-provider",
            how.locale_provider.map(LocaleProvider::as_str),
        ),
        option("icu-locale", how.icu_locale.as_deref()),
        option("builtin-locale", how.builtin_locale.as_deref()),
    ];
    InitDb {
        data_directory: data_directory.to_owned(),
        checksums: how.data_checksums.unwrap_or(true),
        locale: how.locale.clone(),
        encoding: how.encoding.clone(),
        provider: provider.into_iter().flatten().collect(),
        wal_segment_size: how.wal_segment_size,
        group_access: how.group_access.unwrap_or_default(),
        wal: wal_place(b, name, facts),
        named: named(b.cluster, name),
    }
}

/// Tells what the inventory says of the making and the database cluster has otherwise.
pub(in crate::plan) fn tell(b: &mut Builder) {
    let how = &b.cluster.initdb;
    let lead = b.leader.clone();
    let mut found = b
        .facts(&lead)
        .map_or_else(Vec::new, |facts| differs(how, facts));
    if let Some(wanted) = how.group_access {
        for (name, facts) in b.seen.seen() {
            let server = facts.server.as_ref();
            let mode = server.and_then(|server| server.settings.get("data_directory_mode"));
            // It is written in octal.
            let open = mode.map(|mode| mode.setting.ends_with("50"));
            if let Some(open) = open.filter(|open| *open != wanted) {
                found.push(format!("group_access {wanted}, that of {name} has {open}"));
            }
        }
    }
    if !found.is_empty() {
        b.cluster_note(
            format!("initdb: the inventory says {}", found.join("; ")),
            "it stays as it was made: say in the inventory what is there, or leave it out",
        );
    }
}

/// Says what differs, each with what is there.
fn differs(how: &Initdb, facts: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |key: &str, wanted: Option<&str>, has: Option<&str>, same: bool| {
        if let (Some(wanted), Some(has), false) = (wanted, has, same) {
            found.push(format!("{key} {wanted}, the database cluster has {has}"));
        }
    };
    if let Some(control) = facts.data.control() {
        let has = control.checksums;
        let wanted = how.data_checksums;
        let words = |on: bool| if on { "on" } else { "off" };
        compare(
            "data_checksums",
            wanted.map(words),
            Some(words(has)),
            wanted == Some(has),
        );
        let has = control.wal_segment_size >> 20;
        let wanted = how.wal_segment_size;
        let written = |size: u64| format!("{size}MB");
        compare(
            "wal_segment_size",
            wanted.map(|size| written(size.into())).as_deref(),
            Some(&written(has)),
            wanted.map(u64::from) == Some(has),
        );
    }
    let Some(made) = facts
        .server
        .as_ref()
        .and_then(|server| server.made.as_ref())
    else {
        return found;
    };
    let mut text = |key: &str, wanted: &Option<String>, has: Option<&str>| {
        let same = has
            .zip(wanted.as_deref())
            .is_some_and(|(has, wanted)| alike(has) == alike(wanted));
        compare(key, wanted.as_deref(), has, same);
    };
    text("locale", &how.locale, Some(&made.locale));
    text("encoding", &how.encoding, Some(&made.encoding));
    let provider = made.provider.as_deref().map(|letter| match letter {
        "i" => "icu",
        "b" => "builtin",
        _ => "libc",
    });
    let wanted = how
        .locale_provider
        .map(|provider| provider.as_str().to_owned());
    text("locale_provider", &wanted, provider);
    let own = made.provider_locale.as_deref();
    text(
        "icu_locale",
        &how.icu_locale,
        own.filter(|_| provider == Some("icu")),
    );
    text(
        "builtin_locale",
        &how.builtin_locale,
        own.filter(|_| provider == Some("builtin")),
    );
    found
}

/// Names of locales and encodings are spelt in several ways: de_DE.UTF-8 is de_DE.utf8, UTF-8 and unicode are UTF8.
fn alike(name: &str) -> String {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    match plain.as_str() {
        "unicode" => "utf8".into(),
        // As encnames.c has them.
        "iso88591" => "latin1".into(),
        "iso88592" => "latin2".into(),
        "iso88599" => "latin5".into(),
        "iso885915" => "latin9".into(),
        _ => plain,
    }
}
