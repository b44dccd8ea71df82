//! Extensions that databases have in an older version than is installed.

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
    let each = |e: &OldExtension| {
        let (name, database) = (&e.name, &e.database);
        format!(
            "{name} of {database} is {}, installed is {}",
            e.has, e.installed
        )
    };
    let old = old(seen, leads);
    if !old.everywhere.is_empty() && !wish.extensions {
        let list: Vec<String> = old.everywhere.iter().map(each).collect();
        let list = list.join("; ");
        said.push(Advice::new(
            format!("extensions are older than what is installed: {list}"),
            "--extensions brings them there",
        ));
    }
    for (extension, node) in &old.lacking {
        said.push(Advice::new(
            format!("{}, but not on {node}: it stays as it is", each(extension)),
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
