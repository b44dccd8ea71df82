//! Extensions that databases have in an older version than is installed.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::updates::OldExtension;
use crate::facts::{Advice, Observation};
use crate::inventory::NodeName;
use crate::plan::update::request::UpdateRequest;

/// What the primary's databases have that is older than what is installed on its host.
#[derive(Default)]
pub(super) struct Old {
    /// What every standby has installed in that version, too.
    pub(super) everywhere: Vec<OldExtension>,
    /// What some standby does not have, with its name: once it leads, functions of it would fail there.
    pub(super) lacking: Vec<(OldExtension, NodeName)>,
}

/// Finds them.
pub(super) fn old(seen: &Observation, leads: &NodeName) -> Old {
    let mut found = Old::default();
    let offered = seen.facts(leads).and_then(|facts| facts.offered.as_ref());
    for extension in offered.into_iter().flat_map(|offered| &offered.extensions) {
        let lacks = seen.seen().find(|(node, facts)| {
            let has = facts.offered.as_ref().is_some_and(|o| o.has(extension));
            *node != leads && facts.standby().is_some() && !has
        });
        match lacks {
            Some((node, _)) => found.lacking.push((extension.clone(), node.clone())),
            None => found.everywhere.push(extension.clone()),
        }
    }
    found
}

/// Says which there are and what becomes of them.
pub(super) fn remarks(seen: &Observation, leads: &NodeName, wish: &UpdateRequest) -> Vec<Advice> {
    let mut said = Vec::new();
    let old = old(seen, leads);
    if !old.everywhere.is_empty() && !wish.extensions {
        let list = by_extension(old.everywhere.iter()).join("; ");
        said.push(Advice::new(
            format!("extensions are older than what is installed: {list}"),
            "--extensions brings them there",
        ));
    }
    let lacking: BTreeSet<&NodeName> = old.lacking.iter().map(|(_, node)| node).collect();
    for node in lacking {
        let here = old.lacking.iter().filter(|(_, of)| of == node);
        let list = by_extension(here.map(|(extension, _)| extension)).join("; ");
        said.push(Advice::new(
            format!("{list}, but not on {node}: that stays as it is"),
            format!("install it on {node}, then: pgrepl update --extensions"),
        ));
    }
    let closed = seen.facts(leads).and_then(|facts| facts.offered.as_ref());
    let closed = closed.map(|offered| offered.closed.join(", "));
    if let Some(closed) = closed.filter(|closed| wish.extensions && !closed.is_empty()) {
        said.push(Advice::new(
            format!("databases that let nobody in keep their extensions as they are: {closed}"),
            "",
        ));
    }
    said
}

/// Names extensions, each with all of its databases.
fn by_extension<'a>(old: impl Iterator<Item = &'a OldExtension>) -> Vec<String> {
    let mut databases: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for e in old {
        let of = databases
            .entry((&e.name, &e.has, &e.installed))
            .or_default();
        of.push(&e.database);
    }
    let each = databases.into_iter().map(|((name, has, installed), of)| {
        format!(
            "{name} of {} is {has}, installed is {installed}",
            of.join(", ")
        )
    });
    each.collect()
}
