//! What others left in the configuration: shown, kept or cleaned.

use std::collections::BTreeMap;

use crate::action::CleanAutoConf;
use crate::facts::Facts;
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::Builder;
use crate::plan::converge::configure::Wanted;
use crate::platform::Platform;
use crate::postgres::owned::owned;
use crate::postgres::{conf, hba};

/// Says whether what ALTER SYSTEM has set is taken away: with `backup:` it is decided where WAL goes.
pub(in crate::plan) fn goes(cluster: &Cluster, name: &str) -> bool {
    owned(name).is_some_and(|owned| owned.cleaned.goes(cluster.backup.is_some()))
}

/// Leftovers of ALTER SYSTEM, of copies and of restores that would override what pgrepl writes.
pub(in crate::plan) fn clean_auto_conf(b: &mut Builder, name: &NodeName, platform: &Platform) {
    let path = platform.auto_conf();
    let Some(text) = b
        .facts(name)
        .and_then(|facts| facts.files.get(&path)?.content.clone())
    else {
        return;
    };
    let settings: BTreeMap<String, String> = conf::settings(&text).collect();
    // A restore lets nobody in and archives nothing until it is done; who has only the first of both wants it so.
    let restored = settings
        .get("archive_mode")
        .is_some_and(|mode| mode == "off");
    let closed = |key: &str, value: &str| restored && key == "listen_addresses" && value.is_empty();
    let goes = |key: &str, value: &str| goes(b.cluster, key) || closed(key, value);
    let keys = settings.iter().filter(|(key, value)| goes(key, value));
    let mut keys: Vec<String> = keys.map(|(key, _)| key.clone()).collect();
    // They are taken out one by one: what is known by another one goes first.
    keys.sort_by_key(|key| key != "listen_addresses");
    if !keys.is_empty() {
        b.step(name, CleanAutoConf { path, keys })
            .because("they would override what pgrepl writes");
    }
    for (key, value) in settings.iter().filter(|(key, value)| !goes(key, value)) {
        let wish = b.node(name).and_then(|node| node.parameters.get(key));
        let help = match wish {
            Some(wish) => {
                if wish != value {
                    b.overridden(name, key);
                }
                format!("ALTER SYSTEM RESET {key}; lets the inventory's value through")
            }
            None => String::new(),
        };
        b.note(
            name,
            format!("ALTER SYSTEM has set {key} = {value}; it wins over postgresql.conf"),
            help,
        );
    }
}

/// Lists what is kept and what is dropped of a file that someone else wrote.
pub(in crate::plan) fn explain(b: &mut Builder, name: &NodeName, facts: &Facts, wanted: &Wanted) {
    for (file, rendered, what) in [
        ("postgresql.conf", &wanted.conf, "settings"),
        ("pg_hba.conf", &wanted.hba, "rules"),
    ] {
        let foreign = facts
            .files
            .get(&wanted.platform.config(file))
            .and_then(|f| f.content.as_ref())
            .is_some_and(|text| !text.contains(": written by pgrepl."));
        let lines: Vec<String> = rendered.kept.lines.iter().map(|line| bare(line)).collect();
        if foreign && !rendered.kept.lines.is_empty() {
            b.note(
                name,
                format!(
                    "{file}: {} {what} from before are kept: {}",
                    rendered.kept.lines.len(),
                    lines.join("; ")
                ),
                "`unmanaged: remove` drops them",
            );
        }
        for dropped in &rendered.kept.dropped {
            b.note(name, format!("{file}: removed: {dropped}"), "");
        }
    }
}

/// A line without its comment and with single blanks; a quoted `#` is shown cut, which does no harm in a remark.
fn bare(line: &str) -> String {
    let line = hba::masked(line);
    let line = line.split('#').next().unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
