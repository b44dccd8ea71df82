//! What makes a server able to lead belongs to the cluster: it is said for all as the primary has it, and what a standby
//! has of its own is shown as a choice.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::remarks::Remarks;
use crate::adopt::member::{cluster_name, setting, written};
use crate::facts::needs::of_settings;
use crate::facts::{Facts, Observation};
use crate::files::{Source, rules_and_lines};
use crate::inventory::{self, Cluster, NodeName};
use crate::platform::{self, Platform};
use crate::postgres::hba::Rule;
use crate::postgres::scope::{Scope, falls_short, is_idle, scope};
use crate::postgres::way_in::{Gap, gap, may_meet};
use crate::postgres::{Major, conf, hba, parameters, value};

/// Parameters by name, with the remark behind each.
pub(super) type Said = BTreeMap<String, (String, String)>;

/// A server with what its next postgresql.conf would change, and say.
pub(super) struct Next {
    pub(super) node: NodeName,
    /// What has to be said so that it does not.
    pub(super) said: Said,
    pub(super) text: BTreeMap<String, String>,
}

/// What is said for all, and what is a choice: a host, a parameter and its value with a remark.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) said: Said,
    pub(super) choices: Vec<(NodeName, String, String, String)>,
}

/// Returns where PostgreSQL lives on a host.
pub(super) fn place(cluster: &Cluster, facts: &Facts, name: &NodeName) -> Option<Platform> {
    let node = cluster.nodes.get(name)?;
    platform::choose(
        None,
        &facts.os.id,
        &facts.os.like,
        cluster.major,
        &node.instance,
        node.data_directory.as_deref(),
    )
}

/// Returns a value as it is in force, or would be: what a server shows while it does not archive is no command.
fn in_force(facts: &Facts, name: &str) -> Option<String> {
    let loaded = setting(facts, name)?;
    if loaded != "(disabled)" {
        return Some(loaded);
    }
    // postgresql.auto.conf comes before postgresql.conf by name, and counts more.
    let files = facts.files.iter().rev();
    let texts = files.filter(|(path, _)| path.ends_with(".conf"));
    let texts = texts.filter_map(|(_, file)| file.content.as_deref());
    let said = texts
        .flat_map(conf::settings)
        .filter(|(known, _)| known == name);
    Some(said.last().map_or_else(String::new, |(_, value)| value))
}

/// A value as a remark may show it: the arguments of a command may hold what is nobody's business.
fn shown(name: &str, value: &str) -> String {
    let shown = match name.ends_with("_command") {
        true => value.split_whitespace().next().unwrap_or_default(),
        false => value,
    };
    match shown {
        "" => "''".to_owned(),
        shown => shown.to_owned(),
    }
}

/// Says whether a command looks as if a secret were part of it, which no inventory holds.
fn holds_secret(name: &str, value: &str) -> bool {
    const WORDS: [&str; 7] = [
        "passw",
        "passphrase",
        "secret",
        "token",
        "--key",
        "apikey",
        "api_key",
    ];
    let value = value.to_ascii_lowercase();
    name.ends_with("_command") && WORDS.iter().any(|word| value.contains(word))
}

/// Moves from the hosts to all what belongs to all.
pub(super) fn settings(
    cluster: &Cluster,
    seen: &Observation,
    next: &mut [Next],
    found: &mut Remarks,
) -> Shared {
    let mut shared = Shared::default();
    let major = cluster.major;
    let Some(leads) = seen.facts(&cluster.primary) else {
        return shared;
    };
    let Some(server) = &leads.server else {
        return shared;
    };
    for (name, loaded) in &server.settings {
        let outside = matches!(loaded.source.as_str(), "command line" | "override");
        if outside
            || scope(name) != Scope::Cluster
            || loaded.context == "internal"
            || parameters::lookup(major, name).is_none()
            || inventory::is_written_by_pgrepl(name, cluster.backup.is_some())
            || name.starts_with("archive_") && archives_nowhere(leads)
        {
            continue;
        }
        let wanted = in_force(leads, name).unwrap_or_default();
        let differ: Vec<(usize, String)> = next
            .iter()
            .enumerate()
            .filter(|(_, standby)| standby.node != cluster.primary)
            .filter_map(|(at, standby)| {
                let facts = seen.facts(&standby.node)?;
                let has = in_force(facts, name)?;
                (!is_decided(facts, name) && falls_short(major, name, &has, &wanted))
                    .then_some((at, has))
            })
            .collect();
        let alike = |standby: &Next| {
            let facts = seen.facts(&standby.node);
            let said = standby.said.contains_key(name);
            said && facts.is_some_and(|facts| !is_decided(facts, name))
        };
        if differ.is_empty() {
            // One that has it by itself, and one that has it from its file.
            let all = next.iter().all(|standby| {
                let facts = seen.facts(&standby.node);
                let has = facts.and_then(|facts| in_force(facts, name));
                has.is_some_and(|has| !unequal(major, name, &has, &wanted))
            });
            if all
                && next.iter().any(alike)
                && !next.iter().all(|each| each.said.contains_key(name))
            {
                let said = next
                    .iter_mut()
                    .find_map(|each| each.said.get(name).cloned());
                next.iter_mut()
                    .for_each(|each| drop(each.said.remove(name)));
                shared.said.extend(said.map(|said| (name.clone(), said)));
            }
            continue;
        }
        let mut value = written(major, leads, name, loaded);
        if value == "(disabled)" {
            value = wanted.clone();
        }
        let differ: Vec<(usize, String)> = differ
            .into_iter()
            .map(|(at, has)| {
                let own = seen.facts(&next[at].node).and_then(|facts| {
                    let loaded = facts.server.as_ref()?.settings.get(name)?;
                    Some(written(major, facts, name, loaded)).filter(|own| own != "(disabled)")
                });
                (at, own.unwrap_or(has))
            })
            .collect();
        let who: Vec<String> = differ
            .iter()
            .map(|(at, has)| format!("{} has {}", next[*at].node, shown(name, has)))
            .collect();
        let who = who.join(", ");
        if let Some(why) = unsayable(cluster, seen, next, &differ, (name, &value)) {
            found.add(format!(
                "{name} is {} on {}, and {who}: {why}",
                shown(name, &value),
                cluster.primary
            ));
            // Not even as it is: it would be no choice.
            for (at, _) in differ.iter().filter(|_| name.starts_with("archive_")) {
                next[*at].said.remove(name);
            }
            continue;
        }
        let comes = |at: &usize| {
            let text = next[*at].text.get(name);
            text.is_some_and(|text| !unequal(major, name, text, &value))
        };
        if !differ.iter().all(|(at, _)| comes(at)) {
            let why = format!("as on {}; {who}", cluster.primary);
            shared.said.insert(name.clone(), (value.clone(), why));
            next.iter_mut()
                .filter(|each| each.node == cluster.primary)
                .for_each(|each| drop(each.said.remove(name)));
        }
        for (at, has) in differ {
            let standby = &mut next[at];
            standby.said.remove(name);
            // Nobody takes a command that does nothing.
            let idle = name == "archive_command" && is_idle(&has);
            if idle || holds_secret(name, &has) || has.chars().any(char::is_control) {
                continue;
            }
            let mut why = format!("as now; {} has {}", cluster.primary, shown(name, &value));
            if name == "archive_mode" && !archives_nothing(leads) {
                why += "; as primary it would archive nothing";
            }
            let node = standby.node.clone();
            shared.choices.push((node, name.clone(), has, why));
        }
    }
    shared
}

fn unequal(major: Major, name: &str, one: &str, other: &str) -> bool {
    let kind = parameters::lookup(major, name).map(|parameter| parameter.kind);
    kind.is_none_or(|kind| !value::same(major, name, &kind, one, other))
}

fn archives_nowhere(leads: &Facts) -> bool {
    setting(leads, "archive_mode").as_deref() == Some("off")
}

fn archives_nothing(leads: &Facts) -> bool {
    let says = |name: &str| setting(leads, name).unwrap_or_default();
    archives_nowhere(leads)
        || is_idle(&says("archive_command")) && says("archive_library").is_empty()
}

/// Says whether an inventory has decided about a host already: what stands in a file of ours is what was wanted. That it
/// archives nothing as primary was never wanted.
fn is_decided(facts: &Facts, name: &str) -> bool {
    cluster_name(facts).is_some() && name != "archive_mode"
}

/// Says why a value cannot be said for all.
fn unsayable(
    cluster: &Cluster,
    seen: &Observation,
    next: &[Next],
    differ: &[(usize, String)],
    (name, value): (&str, &str),
) -> Option<String> {
    if holds_secret(name, value) {
        return Some(
            "its arguments may hold a secret, put that into a file and say the command for all"
                .into(),
        );
    }
    if value.chars().any(char::is_control) || cluster.breaks_replication(name, value) {
        return Some("that cannot be said for all".into());
    }
    let settings = BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let needs = of_settings(&settings);
    differ.iter().find_map(|(at, _)| {
        let node = &next[*at].node;
        let facts = seen.facts(node)?;
        if let Some((kind, what, why)) = facts.lacks(&needs) {
            return Some(format!(
                "there {kind} {what} {why}; once it does, say {name} for all"
            ));
        }
        let certificate = || place(cluster, facts, node)?.certificate;
        let own = || setting(facts, "ssl_cert_file").filter(|file| file.starts_with('/'));
        (name == "ssl" && certificate().is_none() && own().is_none())
            .then(|| format!("give {node} a certificate, then say `ssl: on` for all"))
    })
}

/// Returns the rules of clients that are said for all, each with a remark: those of the primary, in their order, where a
/// standby decides in another way.
pub(super) fn rules(
    cluster: &Cluster,
    seen: &Observation,
    found: &mut Remarks,
) -> Vec<(String, String)> {
    let leads = &cluster.primary;
    let Some((all, facts)) = rules_at(cluster, seen, leads) else {
        return Vec::new();
    };
    let rules: Vec<Rule> = all.iter().map(|(rule, _)| rule.clone()).collect();
    let peers: BTreeSet<IpAddr> = seen
        .seen()
        .flat_map(|(_, facts)| &facts.addresses)
        .copied()
        .collect();
    let mut gaps: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for node in cluster.in_order().filter(|node| node.name != *leads) {
        let name = &node.name;
        let Some((others, standby)) = rules_at(cluster, seen, name) else {
            continue;
        };
        if is_decided(standby, "hba") {
            continue;
        }
        let others: Vec<Rule> = others.into_iter().map(|(rule, _)| rule).collect();
        for (at, (rule, line)) in all.iter().enumerate() {
            if line.is_none() || is_ours(rule, &cluster.replication.user, &peers) {
                continue;
            }
            let gap = gap(&rules, at, &others, &facts.addresses, &standby.addresses);
            gaps.entry(at).or_default().extend(gap.map(|gap| match gap {
                Gap::Missing => format!("{name} does not have it"),
                Gap::Otherwise(other) => format!("{name} decides by {} instead", other.method),
            }));
        }
    }
    // A rule that is said stands in front: so are those in front of it that may decide about the same logins.
    let mut needed: Vec<usize> = Vec::new();
    for (at, why) in gaps.iter().rev() {
        let meets = |behind: &usize| may_meet(&rules[*at], &rules[*behind]);
        if !why.is_empty() || needed.iter().any(meets) {
            needed.push(*at);
        }
    }
    let mut said = Vec::new();
    let mut hidden: Vec<usize> = Vec::new();
    for at in needed.into_iter().rev() {
        let (Some((_, Some(line))), Some(why)) = (all.get(at), gaps.get(&at)) else {
            continue;
        };
        if hidden
            .iter()
            .any(|front| may_meet(&rules[*front], &rules[at]))
        {
            continue;
        }
        if hba::masked(line) != *line {
            hidden.push(at);
            found.add(format!(
                "{leads} has a rule with a secret, which no inventory holds: bring it and those behind it to every server's \
                 pg_hba.conf: {}",
                hba::masked(line.trim())
            ));
            continue;
        }
        let bare = line.split_once('#').filter(|(bare, _)| !bare.contains('"'));
        let bare = bare.map_or(line.as_str(), |(bare, _)| bare).trim();
        said.push((bare.to_owned(), why.join(", ")));
    }
    said
}

/// Whether a rule is about what pgrepl's own rules are about: its role, or the servers of the cluster that replicate.
fn is_ours(rule: &Rule, user: &str, peers: &BTreeSet<IpAddr>) -> bool {
    let own = |token: &String| hba::unquoted(token).0 == user;
    let address = || rule.address.as_deref()?.split('/').next()?.parse().ok();
    rule.users.iter().all(own)
        || rule
            .databases
            .iter()
            .all(|database| database == "replication")
            && address().is_some_and(|address: IpAddr| peers.contains(&address))
}

type Lines = Vec<(Rule, Option<String>)>;

fn rules_at<'s>(
    cluster: &Cluster,
    seen: &'s Observation,
    name: &NodeName,
) -> Option<(Lines, &'s Facts)> {
    let facts = seen.facts(name)?;
    let platform = place(cluster, facts, name)?;
    let source = Source::named(facts, &platform, "pg_hba.conf")?;
    Some((rules_and_lines(&source, cluster.major)?, facts))
}
