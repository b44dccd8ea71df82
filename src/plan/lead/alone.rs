//! What a standby shows that it lacks, should it lead, where the primary cannot be seen.

use crate::inventory::Cluster;
use crate::plan::lead::access::said_rules;
use crate::plan::lead::installed::installed;
use crate::plan::lead::lack::{About, Lack, Side};
use crate::plan::lead::meaning::{DEAF, ENDS, by_hand, hears, hears_others, meaning, quoted};
use crate::postgres::scope::falls_short;

/// Returns what a standby shows that it lacks where nobody can tell what the primary had: archiving, what the inventory says
/// and something there goes before, and what its own databases need of its host.
pub(in crate::plan) fn alone(cluster: &Cluster, follows: &Side) -> Vec<Lack> {
    let said = |about, what: &str, primary: String, means: &str, needs_word| Lack {
        about,
        what: what.into(),
        primary,
        standby: quoted(follows.says(what)) + by_hand(follows, what),
        means: means.into(),
        needs_word,
    };
    let mut found = Vec::new();
    if follows.says("archive_mode") == "off" {
        let primary = "cannot be read".to_owned();
        found.push(said(About::Archiving, "archive_mode", primary, ENDS, true));
    }
    let node = cluster.nodes.get(follows.name);
    let listen = node.map(|node| &node.listen_addresses);
    if let Some(listen) = listen.filter(|listen| hears(listen) && !hears_others(follows)) {
        let primary = format!("the inventory: {listen}");
        found.push(said(
            About::Listen,
            "listen_addresses",
            primary,
            DEAF,
            false,
        ));
    }
    for (name, wanted) in node.into_iter().flat_map(|node| &node.parameters) {
        let Some(has) = follows.settings.get(name) else {
            continue;
        };
        let told = found.iter().any(|lack| lack.what == *name);
        if !told && falls_short(cluster.major, name, has, wanted) {
            let (about, means) = meaning(cluster.major, name, wanted, has);
            let primary = format!("the inventory: {}", quoted(wanted));
            found.push(said(about, name, primary, means, false));
        }
    }
    said_rules(cluster, follows, &mut found);
    installed(cluster, None, follows, &mut found);
    found.sort_by_key(|lack| (!lack.needs_word, lack.about));
    found
}
