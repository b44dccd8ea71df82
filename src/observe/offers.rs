//! Asks hosts what their package managers offer: slow, and wanted by an update alone.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Hosts, OFFERS, place_of};
use crate::command::Vault;
use crate::facts::Observation;
use crate::facts::updates::offered;
use crate::host::Line;
use crate::inventory::Cluster;

/// Asks all hosts that were seen; `fresh` lets them read the lists of their repositories anew.
pub async fn look_for_offers(
    cluster: &Cluster,
    hosts: &Hosts,
    seen: &mut Observation,
    to: Option<&str>,
    fresh: bool,
) {
    let questions: Vec<_> = seen
        .seen()
        .filter_map(|(name, facts)| {
            let command = place_of(cluster, facts, name)?
                .command("ask what is offered", OFFERS)
                .var("to", to.unwrap_or_default())
                .var("fresh", if fresh { "yes" } else { "no" })
                .var("serves", if facts.server.is_some() { "yes" } else { "no" })
                .timeout(Some(Duration::from_secs(300)));
            Some((name.clone(), hosts.get(name)?.clone(), command))
        })
        .collect();
    let answers = join_all(questions.iter().map(|(name, host, command)| async move {
        let lines = host.run(command, &Vault::default(), &|_| {}).await;
        (name, lines)
    }))
    .await;
    for (name, lines) in answers {
        let said: Vec<(String, String)> = match lines {
            Ok(lines) => lines
                .into_iter()
                .filter_map(|line| match line {
                    Line::Fact(key, value) => Some((key, value)),
                    _ => None,
                })
                .collect(),
            Err(error) => vec![("not_offered".into(), error.to_string())],
        };
        if let Some(facts) = seen.facts_mut(name) {
            facts.offered = Some(offered(&said));
        }
    }
}
