//! Whom a standby would not let in that the primary lets in: rule by rule, and those who are connected now.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::facts::Observation;
use crate::facts::clients::Client;
use crate::inventory::Cluster;
use crate::plan::lead::lack::{About, Lack, Side};
use crate::postgres::access::{Login, Transport};
use crate::postgres::hba::{self, HbaLine, Rule};
use crate::postgres::way_in::{Gap, Way, gap, way};

/// Compares the rules of both, but for those of replication inside the cluster.
pub(in crate::plan) fn rules(
    cluster: &Cluster,
    seen: &Observation,
    leads: &Side,
    follows: &Side,
    found: &mut Vec<Lack>,
) {
    let (Some(rules), Some(others)) = (&leads.rules, &follows.rules) else {
        let read = |rules: &Option<Vec<Rule>>| match rules {
            Some(_) => "can be read".to_owned(),
            None => "cannot be read".to_owned(),
        };
        found.push(Lack {
            about: About::Rule,
            what: "pg_hba.conf".into(),
            primary: read(&leads.rules),
            standby: read(&follows.rules),
            means: "whom it turns away is unknown".into(),
            needs_word: false,
        });
        return;
    };
    let addresses = seen.seen().flat_map(|(_, facts)| &facts.addresses);
    let peers: BTreeSet<IpAddr> = addresses.copied().collect();
    // What the inventory says for the one and not for the other is wanted so.
    let decided = decided(cluster, leads.said, follows.said);
    let (own, others_own) = (&leads.facts.addresses, &follows.facts.addresses);
    for (at, rule) in rules.iter().enumerate() {
        if is_ours(rule, &cluster.replication.user, &peers) || decided.contains(rule) {
            continue;
        }
        let Some(gap) = gap(rules, at, others, own, others_own) else {
            continue;
        };
        found.push(lack(rule, &gap));
    }
}

/// Rules that the inventory says for a server and that do not decide there as it says.
pub(in crate::plan) fn said_rules(cluster: &Cluster, follows: &Side, found: &mut Vec<Lack>) {
    let Some(others) = &follows.rules else {
        return;
    };
    let own = &follows.facts.addresses;
    let rules = decided(cluster, follows.said, &[]);
    for (at, rule) in rules.iter().enumerate() {
        if let Some(gap) = gap(&rules, at, others, own, own) {
            let primary = format!("the inventory: {}", rule.method);
            found.push(Lack {
                primary,
                ..lack(rule, &gap)
            });
        }
    }
}

/// What it means that another server does not decide as a rule does.
fn lack(rule: &Rule, gap: &Gap) -> Lack {
    let (standby, means) = match gap {
        Gap::Missing => (
            "no such rule".to_owned(),
            "no pg_hba.conf entry for them".to_owned(),
        ),
        Gap::Otherwise(other) if other.method == "reject" => {
            (text(other), "they are rejected".to_owned())
        }
        Gap::Otherwise(other) if rule.method == "reject" => (
            text(other),
            "it lets in whom the primary rejects".to_owned(),
        ),
        Gap::Otherwise(other) if other.method == rule.method => {
            (text(other), "they log in with other options".to_owned())
        }
        Gap::Otherwise(other) => (
            text(other),
            format!("they log in by {} instead of {}", other.method, rule.method),
        ),
    };
    Lack {
        about: About::Rule,
        what: text(rule),
        primary: rule.method.clone(),
        standby,
        means,
        needs_word: false,
    }
}

/// Whether a rule is about replication inside the cluster, which has rules of pgrepl's own on each server.
fn is_ours(rule: &Rule, user: &str, peers: &BTreeSet<IpAddr>) -> bool {
    let replication = rule
        .databases
        .iter()
        .all(|database| database == "replication");
    let address = || rule.address.as_deref()?.split('/').next()?.parse().ok();
    let peer = || address().is_some_and(|address: IpAddr| peers.contains(&address));
    rule.users
        .iter()
        .all(|token| hba::unquoted(token).0 == user)
        || replication && peer()
}

fn decided(cluster: &Cluster, said: &[String], other: &[String]) -> Vec<Rule> {
    let only = said.iter().filter(|line| !other.contains(line));
    let rule = |line: &String| match hba::parse_line(cluster.major, line) {
        HbaLine::Rule(rule) => Some(rule),
        _ => None,
    };
    only.filter_map(rule).collect()
}

/// A rule as a line, without the secrets that options of methods hold.
fn text(rule: &Rule) -> String {
    let mut words = vec![
        rule.connection.clone(),
        rule.databases.join(","),
        rule.users.join(","),
    ];
    words.extend(rule.address.clone());
    words.push(rule.method.clone());
    words.extend(rule.options.iter().cloned());
    hba::masked(&words.join(" "))
}

/// Tries those who are connected to the primary now against the rules of the standby.
pub(in crate::plan) fn clients(
    cluster: &Cluster,
    leads: &Side,
    follows: &Side,
    found: &mut Vec<Lack>,
) {
    let (Some(rules), Some(others)) = (&leads.rules, &follows.rules) else {
        return;
    };
    let Some(server) = &leads.facts.server else {
        return;
    };
    for client in &server.clients {
        let login = |transport| Login {
            transport,
            database: Some(&client.database),
            user: &client.user,
            address: client.address,
        };
        // pgrepl's own tries.
        if client.user == cluster.replication.user {
            continue;
        }
        let mut there = client.transport();
        if there == Transport::Ssl && !follows.is_on("ssl") {
            there = Transport::Plain;
        }
        let now = way(rules, &login(client.transport()), &leads.facts.addresses);
        let then = way(others, &login(there), &follows.facts.addresses);
        let Some((standby, means)) = shut_out(&now, &then, leads, follows, client) else {
            continue;
        };
        let place = client
            .address
            .map_or_else(|| "the socket".into(), |address| address.to_string());
        let primary = match now {
            Way::By(rule) => rule.method.clone(),
            Way::Unknown | Way::NoEntry => "let in".into(),
        };
        found.push(Lack {
            about: About::Client,
            what: format!(
                "{} of {}, connected from {place}",
                client.user, client.database
            ),
            primary,
            standby,
            means: means.into(),
            // Clients on the host of the primary do not move to another one.
            needs_word: !client.is_local(),
        });
    }
}

/// What a standby says to a client, and what that means; nothing where it lets the client in, or nobody can tell.
fn shut_out(
    now: &Way,
    then: &Way,
    leads: &Side,
    follows: &Side,
    client: &Client,
) -> Option<(String, &'static str)> {
    // Somebody who came before the rules were changed has no way in to lose.
    let has_none = |way: &Way| match way {
        Way::NoEntry => true,
        Way::By(rule) => rule.method == "reject",
        Way::Unknown => false,
    };
    if has_none(now) {
        return None;
    }
    let entry = "it is shut out";
    let rule = match then {
        Way::Unknown => return None,
        Way::NoEntry => return Some(("no pg_hba.conf entry".into(), entry)),
        Way::By(rule) => rule,
    };
    if rule.method == "reject" {
        return Some((text(rule), entry));
    }
    if lacks_map(rule, leads, follows, &client.user) {
        return Some((text(rule), "it is shut out: pg_ident.conf has no such map"));
    }
    let password = |method: &str| matches!(method, "md5" | "scram-sha-256" | "password");
    match now {
        Way::By(was) if rule.method == "trust" || was.method == rule.method => None,
        Way::By(was) if password(&was.method) && password(&rule.method) => None,
        Way::By(_) => Some((text(rule), "it has to log in by another method")),
        Way::Unknown | Way::NoEntry => None,
    }
}

/// Whether the map of a rule lacks lines that the primary's has for this role.
fn lacks_map(rule: &Rule, leads: &Side, follows: &Side, user: &str) -> bool {
    let Some(map) = map_of(rule) else {
        return false;
    };
    let (Some(all), Some(own)) = (&leads.maps, &follows.maps) else {
        return false;
    };
    all.iter().any(|line| {
        let fits = matches!(&line[..], [name, _, role] if name == map && role == user);
        fits && !own.contains(line)
    })
}

fn map_of(rule: &Rule) -> Option<&str> {
    let mut options = rule.options.iter();
    options.find_map(|option| option.strip_prefix("map="))
}

/// Compares the lines of the maps that rules of the primary name.
pub(in crate::plan) fn maps(leads: &Side, follows: &Side, found: &mut Vec<Lack>) {
    let (Some(all), Some(own), Some(rules)) = (&leads.maps, &follows.maps, &leads.rules) else {
        return;
    };
    let named: BTreeSet<&str> = rules.iter().filter_map(map_of).collect();
    let missing = all.iter().filter(|line| {
        let named = line.first().is_some_and(|map| named.contains(map.as_str()));
        named && !own.contains(line)
    });
    found.extend(missing.map(|line| Lack {
        about: About::IdentMap,
        what: format!("pg_ident.conf: {}", line.join(" ")),
        primary: "has it".into(),
        standby: "does not".into(),
        means: "whom it maps cannot log in".into(),
        needs_word: false,
    }));
}
