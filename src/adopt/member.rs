//! A server that is to be in the inventory.

use std::collections::BTreeMap;

use crate::facts::Facts;
use crate::facts::server::Setting;
use crate::inventory::NodeName;
use crate::postgres::{Major, conf, conninfo, parameters, value};

/// A server of the cluster that is described.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its host, as ssh reaches it.
    pub name: NodeName,
    /// What was seen there.
    pub facts: Facts,
    /// Whom it follows, of those that were found; `None` for the primary.
    pub upstream: Option<NodeName>,
    /// Its name at its host's service manager; empty where servers have none.
    pub instance: String,
    /// Its data directory.
    pub data_directory: String,
    /// Where a backup tool that somebody set up there keeps its backups.
    pub foreign_backups: Option<String>,
}

/// Returns a setting as it is loaded, or as recovery.conf says it.
pub fn setting(facts: &Facts, name: &str) -> Option<String> {
    let loaded = facts
        .server
        .as_ref()
        .and_then(|server| server.settings.get(name));
    if let Some(loaded) = loaded {
        return Some(loaded.setting.clone());
    }
    let recovery = facts
        .files
        .iter()
        .find(|(path, _)| path.ends_with("/recovery.conf"))?;
    conf::settings(recovery.1.content.as_deref()?)
        .filter(|(known, _)| known == name)
        .last()
        .map(|(_, value)| value)
}

/// Returns the connection string of a standby as pairs; nothing for a primary.
pub fn upstream(facts: &Facts) -> BTreeMap<String, String> {
    let follows = facts.standby().is_some();
    setting(facts, "primary_conninfo")
        .filter(|_| follows)
        .and_then(|text| conninfo::parse(&text))
        .unwrap_or_default()
        .into_iter()
        .collect()
}

/// Returns the name of the cluster that pgrepl wrote a server's postgresql.conf for; `None` if it did not.
///
/// The loaded `cluster_name` may be older: it waits for a restart.
pub fn cluster_name(facts: &Facts) -> Option<String> {
    let (_, file) = facts
        .files
        .iter()
        .find(|(path, _)| path.ends_with("/postgresql.conf"))?;
    let head = file.content.as_deref()?.lines().next()?;
    let name = head.strip_suffix(": written by pgrepl.")?;
    Some(name.rsplit_once(", cluster ")?.1.to_owned())
}

/// Returns a value as one of the files says it, if that is what is loaded; else as loaded, with its unit.
pub(in crate::adopt) fn written(
    major: Major,
    facts: &Facts,
    name: &str,
    loaded: &Setting,
) -> String {
    let kind = parameters::lookup(major, name).map(|parameter| parameter.kind);
    let said = facts
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(".conf"))
        .filter_map(|(_, file)| file.content.as_deref())
        .flat_map(conf::settings)
        .filter(|(known, value)| {
            known == name
                && kind
                    .as_ref()
                    .is_some_and(|kind| value::same(major, name, kind, value, &loaded.setting))
        })
        .last();
    if let Some((_, said)) = said {
        return said;
    }
    let number = loaded.setting.parse::<i64>().ok().filter(|n| *n > 0);
    match (number, loaded.unit.as_deref()) {
        (Some(number), Some("8kB")) => format!("{}kB", number.saturating_mul(8)),
        (Some(number), Some(unit)) => format!("{number}{unit}"),
        _ => loaded.setting.clone(),
    }
}

/// Returns the value that all have, if they have the same one.
pub(in crate::adopt) fn common<T: Clone + PartialEq>(values: &[T]) -> Option<T> {
    let first = values.first()?;
    values
        .iter()
        .all(|value| value == first)
        .then(|| first.clone())
}
