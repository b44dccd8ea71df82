//! Settings that an inventory may ask for and that cost data at the next crash: somebody's word is needed once.

use super::Word;
use super::builder::Builder;
use crate::inventory::{NodeName, risk};

/// Tells of each such setting that a server does not have yet.
pub(super) fn tell(b: &mut Builder) {
    let nodes: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    for name in nodes
        .iter()
        .filter(|name| b.free(name))
        .cloned()
        .collect::<Vec<_>>()
    {
        let Some(node) = b.node(&name) else { continue };
        for (parameter, value) in &node.parameters {
            let Some(risk) = risk(parameter, value) else {
                continue;
            };
            let server = b.facts(&name).and_then(|facts| facts.server.as_ref());
            let loaded = server.and_then(|server| server.settings.get(parameter));
            if loaded.is_some_and(|loaded| loaded.setting == "off") {
                continue;
            }
            let what = format!("{parameter} is switched off on {name}: {risk}");
            b.cluster_note(
                what.clone(),
                format!("if that is wanted: --confirm {parameter}"),
            );
            b.words.push(Word {
                word: parameter.clone(),
                what,
            });
        }
    }
}
