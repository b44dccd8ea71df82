//! From servers that run already to the inventory that changes them least.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Facts;
use crate::facts::server::Setting;
use crate::inventory::NodeName;
use crate::inventory::write::{Draft, DraftHost, Said};
use crate::platform;
use crate::postgres::{Major, conf, conninfo, parameters, value};

mod archive;
mod complete;
mod remarks;

pub use complete::complete;

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
    /// Where a pitrery that was set up there keeps its backups.
    pub pitrery: Option<String>,
}

/// Where another server of the cluster may be found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trace {
    /// Its address, or its name in a connection string.
    pub host: String,
    /// What it calls itself in `pg_stat_replication`, if it has chosen a name.
    pub name: Option<String>,
    /// Whether it is the one that is followed.
    pub upstream: bool,
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
    let follows = facts
        .server
        .as_ref()
        .is_some_and(|server| server.in_recovery);
    setting(facts, "primary_conninfo")
        .filter(|_| follows)
        .and_then(|text| conninfo::parse(&text))
        .unwrap_or_default()
        .into_iter()
        .collect()
}

/// Returns the traces of other servers that one server shows: whom it follows, and who follows it.
pub fn traces(facts: &Facts) -> Vec<Trace> {
    let mut found = BTreeSet::new();
    let Some(server) = &facts.server else {
        return Vec::new();
    };
    let pairs = upstream(facts);
    let sender = server.receiver.as_ref().and_then(|r| r.sender_host.clone());
    let said = pairs.get("hostaddr").or(pairs.get("host")).cloned();
    if let Some(host) = sender.or(said).filter(|_| server.in_recovery) {
        // Of several hosts without a connection nobody knows which is followed: each is a trace.
        for host in host.split(',').filter(|host| !host.starts_with('/')) {
            found.insert(Trace {
                host: host.to_owned(),
                name: None,
                upstream: true,
            });
        }
    }
    for sender in &server.senders {
        let Some(host) = sender.address.clone() else {
            continue;
        };
        if sender.state != "backup" {
            let chosen = !matches!(sender.name.as_str(), "" | "walreceiver");
            found.insert(Trace {
                host,
                name: chosen.then(|| sender.name.clone()),
                upstream: false,
            });
        }
    }
    found.into_iter().collect()
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
fn written(major: Major, facts: &Facts, name: &str, loaded: &Setting) -> String {
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
fn common<T: Clone + PartialEq>(values: &[T]) -> Option<T> {
    let first = values.first()?;
    values
        .iter()
        .all(|value| value == first)
        .then(|| first.clone())
}

/// Describes what needs no second look: roles, ports, places, how replication is set up. The primary stands first.
pub fn describe(
    major: Major,
    cluster: &str,
    ssh_config: Option<&str>,
    members: &[Member],
) -> Draft {
    let mut draft = Draft {
        cluster: cluster.to_owned(),
        ssh_config: ssh_config.map(str::to_owned),
        version: major.to_string(),
        password: format!("{}_REPLICATION_PASSWORD", cluster.to_ascii_uppercase()),
        ..Draft::default()
    };
    let Some((primary, standbys)) = members.split_first() else {
        return draft;
    };
    draft.primary = primary.name.to_string();
    draft.standbys = standbys.iter().map(|m| m.name.to_string()).collect();
    if let Some((mount, tool)) = archive::own(&primary.facts) {
        (draft.mount, draft.tool) = (Some(mount), tool);
    }
    draft.remarks = archive::foreign(cluster, primary).into_iter().collect();
    draft.hosts = members
        .iter()
        .map(|member| (member.name.to_string(), DraftHost::default()))
        .collect();
    let mut host = |name: &NodeName, change: &dyn Fn(&mut DraftHost)| {
        change(draft.hosts.entry(name.to_string()).or_default());
    };

    for member in standbys {
        let upstream = member.upstream.as_ref().map(ToString::to_string);
        host(&member.name, &|host| {
            host.upstream = upstream.clone().filter(|name| *name != draft.primary);
        });
        let server = member.facts.server.as_ref();
        let delay = server
            .and_then(|server| server.settings.get("recovery_min_apply_delay"))
            .filter(|delay| delay.setting != "0")
            .map(|delay| written(major, &member.facts, "recovery_min_apply_delay", delay))
            .or_else(|| setting(&member.facts, "recovery_min_apply_delay"))
            .filter(|delay| delay != "0");
        host(&member.name, &|host| host.apply_delay = delay.clone());
        for (oid, place) in &member.facts.data.tablespaces {
            let there = primary
                .facts
                .data
                .tablespaces
                .iter()
                .find(|(known, _)| known == oid);
            if let Some((_, from)) = there.filter(|(_, from)| from != place) {
                host(&member.name, &|host| {
                    host.tablespaces.insert(from.clone(), place.clone());
                });
            }
        }
    }

    let of = |name: &str| -> Vec<String> {
        members
            .iter()
            .map(|member| setting(&member.facts, name).unwrap_or_default())
            .collect()
    };
    let ports: Vec<Option<u16>> = of("port").iter().map(|port| port.parse().ok()).collect();
    let listen = of("listen_addresses");
    let places: Vec<Option<String>> = members
        .iter()
        .map(|member| {
            let os = &member.facts.os;
            let usual = platform::choose(None, &os.id, &os.like, major, &member.instance, None);
            Some(member.data_directory.clone())
                .filter(|place| usual.is_none_or(|usual| usual.data_directory != *place))
        })
        .collect();
    let instances: Vec<Option<String>> = members
        .iter()
        .map(|member| {
            Some(member.instance.clone()).filter(|name| !matches!(name.as_str(), "" | "main"))
        })
        .collect();
    draft.shared.instance = common(&instances).flatten();
    draft.shared.port = common(&ports).flatten().filter(|port| *port != 5432);
    draft.shared.listen_addresses = common(&listen).filter(|listen| listen != "*");
    draft.shared.data_directory = common(&places).flatten();
    for (at, member) in members.iter().enumerate() {
        let said = &mut draft.hosts.entry(member.name.to_string()).or_default().said;
        said.instance = instances[at]
            .clone()
            .filter(|_| common(&instances).is_none());
        said.port = ports[at].filter(|_| common(&ports).is_none());
        said.listen_addresses = Some(listen[at].clone()).filter(|_| common(&listen).is_none());
        said.data_directory = places[at].clone().filter(|_| common(&places).is_none());
    }

    let follows: Vec<BTreeMap<String, String>> = standbys
        .iter()
        .map(|member| upstream(&member.facts))
        .collect();
    draft.user = follows
        .iter()
        .filter_map(|pairs| pairs.get("user").cloned())
        .find(|user| user != "postgres" && !user.starts_with("pg_"))
        .filter(|user| user != "replicator");
    let modes: Vec<Option<&String>> = follows.iter().map(|pairs| pairs.get("sslmode")).collect();
    draft.sslmode = common(&modes)
        .flatten()
        .filter(|mode| *mode != "prefer")
        .cloned();
    let sslmode = draft.sslmode.clone().unwrap_or_else(|| "prefer".into());
    let own: Vec<Option<String>> = standbys
        .iter()
        .map(|member| {
            let text = setting(&member.facts, "primary_conninfo")?;
            let special = conninfo::special(&conninfo::parse(&text)?, &sslmode);
            // A secret has no place in an inventory; the plan tells what to do instead.
            let pairs: Vec<(&str, &str)> = special
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .filter(|(keyword, _)| *keyword != "sslpassword")
                .collect();
            (!pairs.is_empty()).then(|| conninfo::conninfo(&pairs))
        })
        .collect();
    let as_now = |said: &mut Said, own: String| {
        let why = "with pgrepl's own keywords".to_owned();
        said.parameters
            .insert("primary_conninfo".into(), (own, why));
    };
    match common(&own).flatten() {
        // Whoever leads now follows some day.
        Some(own) => as_now(&mut draft.shared, own),
        None => {
            for (member, own) in standbys.iter().zip(own) {
                let host = draft.hosts.entry(member.name.to_string()).or_default();
                own.into_iter().for_each(|own| as_now(&mut host.said, own));
            }
        }
    }
    let with_slot = standbys.iter().any(|member| {
        let server = member.facts.server.as_ref();
        server.is_some_and(|s| s.receiver.as_ref().is_some_and(|r| r.slot.is_some()))
            || setting(&member.facts, "primary_slot_name").is_some_and(|slot| !slot.is_empty())
    });
    draft.slots = (!with_slot && !standbys.is_empty()).then_some(false);
    let direct = draft
        .standbys
        .iter()
        .filter_map(|name| draft.hosts.get(name))
        .filter(|host| host.upstream.is_none() && host.apply_delay.is_none())
        .count();
    draft.synchronous = setting(&primary.facts, "synchronous_standby_names")
        .map_or(0, |names| confirmations(&names))
        .min(u32::try_from(direct).unwrap_or(0));
    draft
}

/// How many standbys confirm a commit by `synchronous_standby_names` (manual, 20.6.2): `ANY 2 (…)`, `2 (…)`, `a, b`.
fn confirmations(names: &str) -> u32 {
    let names = names.trim();
    if names.is_empty() {
        return 0;
    }
    let head = names.split('(').next().unwrap_or_default();
    names
        .contains('(')
        .then(|| head.split_whitespace().last()?.parse().ok())
        .flatten()
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_synchronous_standby_names_is_counted() {
        for (names, count) in [
            ("", 0),
            ("*", 1),
            ("a, b", 1),
            ("2 (a, b, c)", 2),
            ("FIRST 1 (a, b)", 1),
            ("ANY 3 (\"x y\", b, c, d)", 3),
            ("ANY 2(a,b)", 2),
        ] {
            assert_eq!(confirmations(names), count, "{names}");
        }
    }
}
