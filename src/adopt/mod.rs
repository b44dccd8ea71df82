//! From servers that run already to the inventory that changes them least.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Facts;
use crate::facts::server::Setting;
use crate::inventory::NodeName;
use crate::inventory::at::{At, Number, Written, say};
use crate::inventory::file::{Common, SslMode, Truth};
use crate::inventory::write::{Draft, password};
use crate::platform;
use crate::postgres::{Major, conf, conninfo, parameters, value};

mod archive;
mod complete;
mod lead;
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

/// Returns what all say alike, unless that is the usual; for one of them its own where they differ.
fn one<T: Clone + PartialEq>(all: &[T], at: Option<usize>, usual: &T) -> Option<T> {
    match (at, common(all)) {
        (None, alike) => alike.filter(|value| value != usual),
        (Some(at), None) => all.get(at).cloned(),
        (Some(_), Some(_)) => None,
    }
}

/// Describes what needs no second look: roles, ports, places, how replication is set up. The primary stands first.
pub fn describe(
    major: Major,
    cluster: &str,
    ssh_config: Option<&str>,
    members: &[Member],
) -> Draft {
    let password = password(cluster);
    let Some((primary, standbys)) = members.split_first() else {
        return Draft::new(cluster, &major.to_string(), &password, "");
    };
    let first = primary.name.as_str();
    let mut draft = Draft::new(cluster, &major.to_string(), &password, first);
    draft.ssh_config(ssh_config);
    draft.standbys(standbys.iter().map(|member| member.name.as_str()));
    draft.file.backup = archive::own(&primary.facts).map(Into::into);
    draft.remarks = archive::foreign(cluster, primary).into_iter().collect();
    let mut direct = 0;
    for member in standbys {
        let upstream = member.upstream.as_ref();
        let upstream = upstream.filter(|name| **name != primary.name);
        let host = draft.host(member.name.as_str());
        host.upstream = upstream.and_then(|name| say(name.as_str()));
        let server = member.facts.server.as_ref();
        let delay = server
            .and_then(|server| server.settings.get("recovery_min_apply_delay"))
            .filter(|delay| delay.setting != "0")
            .map(|delay| written(major, &member.facts, "recovery_min_apply_delay", delay))
            .or_else(|| setting(&member.facts, "recovery_min_apply_delay"))
            .filter(|delay| delay != "0");
        host.apply_delay = delay.as_deref().and_then(say);
        direct += u32::from(upstream.is_none() && delay.is_none());
        for (oid, place) in &member.facts.data.tablespaces {
            let there = primary
                .facts
                .data
                .tablespaces
                .iter()
                .find(|(known, _)| known == oid);
            if let Some((_, from)) = there.filter(|(_, from)| from != place) {
                let places = host.tablespaces.get_or_insert_default().made();
                *places.entry(from.as_str().into()) = place.as_str().into();
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
    // Where the primary is heard belongs to the cluster, unless it names addresses of its own.
    let hears = listen.first().filter(|listen| is_for_all(listen));
    let shared: Vec<String> = listen
        .iter()
        .zip(members)
        .map(|(own, member)| match hears {
            Some(hears) if cluster_name(&member.facts).is_none() => hears.clone(),
            _ => own.clone(),
        })
        .collect();
    let told_alike = |at| one(&shared, at, &"*".to_owned());
    let told = |at: Option<usize>| Common {
        port: one(&ports, at, &Some(5432))
            .flatten()
            .map(|port| Number(port.into()).into()),
        instance: one(&instances, at, &None)
            .flatten()
            .as_deref()
            .and_then(say),
        listen_addresses: told_alike(at).as_deref().and_then(say),
        data_directory: one(&places, at, &None).flatten().as_deref().and_then(say),
        ..Common::default()
    };
    draft.file.postgresql.made().say(told(None));
    for (at, member) in members.iter().enumerate() {
        let host = draft.host(member.name.as_str());
        host.say(told(Some(at)));
        if shared[at] != listen[at] {
            let why = format!("as now; {} has {:?}", primary.name, shared[at]);
            host.listen_addresses = say(&listen[at]).map(|said| At {
                written: Written::Choice(why),
                ..said
            });
        }
    }

    let follows: Vec<BTreeMap<String, String>> = standbys
        .iter()
        .map(|member| upstream(&member.facts))
        .collect();
    let replication = draft.file.replication.made();
    replication.user = follows
        .iter()
        .filter_map(|pairs| pairs.get("user"))
        .find(|user| *user != "postgres" && !user.starts_with("pg_"))
        .filter(|user| *user != "replicator")
        .and_then(|user| say(user));
    let modes: Vec<Option<&String>> = follows.iter().map(|pairs| pairs.get("sslmode")).collect();
    replication.sslmode = common(&modes)
        .flatten()
        .and_then(|mode| SslMode::from_libpq(mode))
        .filter(|mode| *mode != SslMode::Prefer)
        .map(Into::into);
    let with_slot = standbys.iter().any(|member| {
        let server = member.facts.server.as_ref();
        server.is_some_and(|s| s.receiver.as_ref().is_some_and(|r| r.slot.is_some()))
            || setting(&member.facts, "primary_slot_name").is_some_and(|slot| !slot.is_empty())
    });
    replication.slots = (!with_slot && !standbys.is_empty()).then(|| Truth(false).into());
    let synchronous = setting(&primary.facts, "synchronous_standby_names")
        .map_or(0, |names| confirmations(&names))
        .min(direct);
    replication.synchronous = (synchronous > 0).then(|| Number(synchronous).into());
    let sslmode = common(&modes)
        .flatten()
        .map_or("prefer", String::as_str)
        .to_owned();
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
    let why = "with pgrepl's own keywords";
    match common(&own).flatten() {
        // Whoever leads now follows some day.
        Some(own) => {
            let shared = &mut draft.file.postgresql.made().parameters;
            let shared = shared.get_or_insert_default().block();
            complete::put(shared, "primary_conninfo", &own, why);
        }
        None => {
            for (member, own) in standbys.iter().zip(own) {
                let Some(own) = own else { continue };
                let host = &mut draft.host(member.name.as_str()).parameters;
                let host = host.get_or_insert_default().block();
                complete::put(host, "primary_conninfo", &own, why);
            }
        }
    }
    draft
}

/// Says whether listen_addresses would mean the same on every host, and let others in.
fn is_for_all(listen: &str) -> bool {
    let mut words = listen.split(',').map(str::trim);
    let all = |word: &str| matches!(word, "*" | "0.0.0.0" | "::");
    listen.split(',').any(|word| all(word.trim()))
        && words.all(|word| all(word) || matches!(word, "localhost" | "127.0.0.1" | "::1"))
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
