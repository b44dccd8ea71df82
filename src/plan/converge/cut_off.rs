//! Standbys that stream, are not in the inventory, and will be let in no more: perhaps somebody mistyped a name.

use std::collections::BTreeSet;

use crate::facts::Facts;
use crate::inventory::NodeName;
use crate::plan::Word;
use crate::plan::builder::Builder;
use crate::postgres::slot_name;

/// Tells which standbys the plan cuts off. As long as a host of the inventory could not be read, that may be one of them
/// under a name that is wrong: then the server they stream from is left alone, and so is whoever else lets them in.
pub(in crate::plan) fn tell(b: &mut Builder, unread: Option<&NodeName>) {
    let nodes: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    for upstream in &nodes {
        if !b.free(upstream) {
            continue;
        }
        for standby in strangers(b, upstream) {
            let not_listed =
                format!("{standby} streams from {upstream} now and is not in the inventory");
            match unread {
                Some(unread) => {
                    let message =
                        format!("{not_listed}; nothing is removed while {unread} cannot be read");
                    let help = format!(
                        "if {standby} is meant by {unread}: write its name so in the inventory"
                    );
                    let keep = nodes
                        .iter()
                        .filter(|node| *node == upstream || lets_in(b, node, &standby));
                    let keep: Vec<&NodeName> = keep.collect();
                    for node in keep {
                        b.block(node, &message, &help);
                    }
                }
                None => {
                    let what = format!("{not_listed}: this cuts it off");
                    b.cluster_note(
                        what.clone(),
                        format!(
                            "add it to the inventory, or if that is wanted: --confirm {standby}"
                        ),
                    );
                    b.words.push(Word {
                        word: standby,
                        what,
                    });
                }
            }
        }
    }
}

/// Says whether a host has a rule of ours for a standby: it would follow that one, too, if it led.
fn lets_in(b: &Builder, node: &NodeName, standby: &str) -> bool {
    let (Some(facts), Some(platform)) = (b.seen.facts(node), b.platform(node)) else {
        return false;
    };
    let text = content(facts, &platform.config("pg_hba.conf"));
    let mut rules = rules(text, &b.cluster.replication.user);
    rules.any(|(_, named)| named == Some(standby))
}

/// The standbys that stream by a rule of ours and are not in the inventory.
pub(in crate::plan) fn strangers(b: &Builder, upstream: &NodeName) -> BTreeSet<String> {
    let (Some(facts), Some(platform)) = (b.seen.facts(upstream), b.platform(upstream)) else {
        return BTreeSet::new();
    };
    let text = content(facts, &platform.config("pg_hba.conf"));
    let user = &b.cluster.replication.user;
    let nodes = || b.cluster.nodes.keys();
    let senders = facts.server.iter().flat_map(|server| &server.senders);
    senders
        .filter(|sender| {
            sender.user == *user && matches!(sender.state.as_str(), "streaming" | "catchup")
        })
        .filter(|sender| !nodes().any(|node| slot_name(node.as_str()) == slot_name(&sender.name)))
        .filter(|sender| {
            let address = sender.address.as_deref();
            rules(text, user)
                .any(|(from, node)| Some(from) == address || node == Some(&sender.name))
        })
        .map(|sender| sender.name.clone())
        .collect()
}

/// Returns the text of a file that we wrote, or nothing.
pub(in crate::plan) fn content<'f>(facts: &'f Facts, path: &str) -> &'f str {
    let file = facts
        .files
        .get(path)
        .and_then(|file| file.content.as_deref());
    file.filter(|text| text.contains(": written by pgrepl."))
        .unwrap_or_default()
}

/// The rules of a pg_hba.conf that let the replication role in: from where, and the node that is named behind it.
pub(in crate::plan) fn rules<'t>(
    text: &'t str,
    user: &'t str,
) -> impl Iterator<Item = (&'t str, Option<&'t str>)> {
    text.lines().filter_map(move |line| {
        let (rule, node) = match line.rsplit_once("# ") {
            Some((rule, node)) => (rule, Some(node.trim())),
            None => (line, None),
        };
        let mut words = rule.split_whitespace().map(|word| word.trim_matches('"'));
        let remote = words.next()?.starts_with("host");
        let replicates = words.next()? == "replication" && words.next()? == user;
        let from = words.next()?;
        let from = from.split_once('/').map_or(from, |(address, _)| address);
        let lets = words.next()? != "reject";
        (remote && replicates && lets).then_some((from, node))
    })
}
