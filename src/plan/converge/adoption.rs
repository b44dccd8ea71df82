//! What servers that somebody else set up would lose: refused before anything is changed.

use crate::facts::{Advice, Facts};
use crate::files;
use crate::inventory::{Node, NodeName};
use crate::plan::builder::Builder;
use crate::plan::login::connection_of;
use crate::plan::{PlanError, Refusal, Role};
use crate::postgres::{conninfo, slot_name};

/// Refuses to take over servers that would be cut off from one another, or would make clients wait for ever.
pub(in crate::plan) fn losses(b: &Builder) -> Result<(), PlanError> {
    for (name, facts) in b.seen.seen() {
        let Some(node) = b.node(name).filter(|_| b.within_limit(name)) else {
            continue;
        };
        let found = connection(b, node, facts)
            .or_else(|| waited_for(b, name, facts))
            .or_else(|| one_address(b, name))
            .or_else(|| unread_rules(name, facts));
        if let Some(Advice { message, help }) = found {
            return Err(PlanError::Refused(Refusal {
                message,
                details: Vec::new(),
                help,
            }));
        }
    }
    Ok(())
}

/// Returns the connection string that somebody else gave to a standby.
fn foreign_conninfo(facts: &Facts) -> Option<String> {
    let (said, path) = connection_of(facts)?;
    let content = facts
        .files
        .get(path)
        .and_then(|file| file.content.as_deref());
    let ours = content.is_some_and(|text| text.contains(": written by pgrepl."));
    (!ours).then_some(said)
}

/// A standby whose connection says more than pgrepl's own would: it may not be let in without that.
fn connection(b: &Builder, node: &Node, facts: &Facts) -> Option<Advice> {
    let name = &node.name;
    let pairs = conninfo::parse(&foreign_conninfo(facts)?)?;
    let own = files::own_keywords(node);
    let special = conninfo::special(&pairs, &b.cluster.replication.sslmode);
    let lost: Vec<&str> = special
        .iter()
        .filter(|pair| !own.contains(pair))
        .map(|(keyword, _)| keyword.as_str())
        .collect();
    if lost.contains(&"sslpassword") {
        return Some(Advice::new(
            format!(
                "{name} follows with an sslpassword in its primary_conninfo, which pgrepl writes to no file"
            ),
            "give it a key without a passphrase that nobody else can read, and take sslpassword out",
        ));
    }
    if !lost.is_empty() {
        let all: Vec<(&str, &str)> = special
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        return Some(Advice::new(
            format!(
                "{name} follows with {} in its primary_conninfo, which the inventory does not say: without that it may be cut off",
                lost.join(", ")
            ),
            format!(
                "hosts: {{ {name}: {{ parameters: {{ primary_conninfo: {:?} }} }} }}, or for all under postgresql: parameters:",
                conninfo::conninfo(&all)
            ),
        ));
    }
    let said = pairs.iter().rev().find(|(keyword, _)| keyword == "host")?;
    let Role::Standby { upstream } = b.role(name) else {
        return None;
    };
    let next = files::host(b.cluster, b.seen, name, &upstream)?;
    (files::verifies_name(b.cluster, name) && next != said.1).then(|| {
        Advice::new(format!(
                "{name} compares the certificate of {upstream} with the name {}, and would with {next}",
                said.1
            ), format!("hosts: {{ {upstream}: {{ address: {} }} }}", said.1))
    })
}

/// Logical slots that wait for a standby by the name of a slot that it is to leave.
fn waited_for(b: &Builder, name: &NodeName, facts: &Facts) -> Option<Advice> {
    let server = facts.primary()?;
    let names = &server.settings.get(files::WAITED_FOR)?.setting;
    let mut named = names
        .split(',')
        .map(str::trim)
        .filter(|slot| !slot.is_empty());
    let left = named.find_map(|slot| {
        let mut standbys = b.seen.seen();
        let (standby, _) = standbys.find(|(standby, facts)| {
            let follows = facts.standby();
            let with = follows.and_then(|server| server.settings.get("primary_slot_name"));
            with.is_some_and(|with| with.setting == slot) && slot_name(standby.as_str()) != slot
        })?;
        Some((slot, standby))
    });
    let (slot, standby) = left?;
    let next = slot_name(standby.as_str());
    Some(Advice::new(
        format!(
            "{} of {name} names the slot {slot}, and {standby} is to use the slot {next}: readers of logical slots would wait for ever",
            files::WAITED_FOR
        ),
        format!(
            "on {name}: ALTER SYSTEM RESET {0}; SELECT pg_reload_conf(); then run this again, and then: ALTER SYSTEM SET {0} = '{next}'; SELECT pg_reload_conf();",
            files::WAITED_FOR
        ),
    ))
}

/// Two hosts that are the same address for one another, as where each has it in a network of its own: a standby would follow
/// itself.
fn one_address(b: &Builder, name: &NodeName) -> Option<Advice> {
    let own = |viewer: &NodeName, peer: &NodeName| {
        let found = files::addresses(b.cluster, b.seen, viewer, peer);
        let facts = b.seen.facts(viewer)?;
        found
            .first()
            .copied()
            .filter(|address| facts.addresses.contains(address))
    };
    let port = b.node(name)?.port;
    let mut peers = b
        .cluster
        .nodes
        .values()
        .filter(|peer| peer.name != *name && peer.port == port);
    let (peer, address) = peers.find_map(|peer| {
        let address = own(name, &peer.name)?;
        own(&peer.name, name).map(|_| (&peer.name, address))
    })?;
    Some(Advice::new(
        format!("{name} and {peer} are both {address} for one another: each would follow itself"),
        format!(
            "say by what addresses they are reached: hosts: {{ {name}: {{ address: … }}, {peer}: {{ address: … }} }}; ssh {name} ip -br addr"
        ),
    ))
}

/// A server whose rules were not read, as where its command line names their file: what cannot be read is not absent, and it
/// may never read pgrepl's.
fn unread_rules(name: &NodeName, facts: &Facts) -> Option<Advice> {
    let place = &facts.server.as_ref()?.settings.get("hba_file")?.setting;
    let file = facts.files.get(place);
    let unread = place.starts_with('/') && file.is_none_or(|file| file.content.is_none());
    unread.then(|| {
        Advice::new(
            format!("{name} has its rules in {place}, which could not be read"),
            format!(
                "postgresql.conf has to name that file as hba_file, no command line, and {name}'s service user has to be able \
                 to read it; ssh {name} sudo ls -lL {place}"
            ),
        )
    })
}
