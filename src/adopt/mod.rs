//! From servers that run already to the inventory that changes them least.

use std::collections::BTreeMap;

use crate::adopt::member::{cluster_name, common, setting, upstream, written};
use crate::inventory::at::{At, Number, Written, say};
use crate::inventory::file::{Common, SslMode, Truth};
use crate::inventory::write::{Draft, password};
use crate::platform;
use crate::postgres::{Major, conninfo};

mod archive;
mod complete;
mod lead;
pub mod member;
pub(in crate::adopt) mod remarks;
pub mod walk;

pub use complete::complete;
pub use member::Member;
pub use walk::{Trace, traces};

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
