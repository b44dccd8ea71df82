//! Asks running servers for what makes them able to lead beside their settings: a luxury, apart from what decisions need.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Hosts, NEEDS, place_of};
use crate::command::Vault;
use crate::facts::Observation;
use crate::facts::able::{Able, answered};
use crate::facts::asked::asked_for;
use crate::host::Line;
use crate::inventory::Cluster;

/// How long is waited for it: a failover does not wait for what it can be without.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks all hosts whose servers run and that were not asked yet. Who does not answer is known to have been asked.
pub async fn look_closer(cluster: &Cluster, hosts: &Hosts, seen: &mut Observation) {
    let questions: Vec<_> = seen
        .seen()
        .filter(|(_, facts)| facts.able.is_none())
        .filter_map(|(name, facts)| {
            let needs = asked_for(facts);
            let command = place_of(cluster, facts, name)?
                .command("look for certificates and extensions", NEEDS)
                .var("needs", needs.join("\n"))
                .timeout(Some(PATIENCE));
            let host = hosts.get(name)?.clone();
            (!needs.is_empty()).then(|| (name.clone(), host, command))
        })
        .collect();
    let answers = join_all(questions.iter().map(|(name, host, command)| async move {
        let lines = host.run(command, &Vault::default(), &|_| {}).await;
        (name, lines.unwrap_or_default())
    }))
    .await;
    for (name, lines) in answers {
        let said: Vec<(String, String)> = lines
            .into_iter()
            .filter_map(|line| match line {
                Line::Fact(key, value) => Some((key, value)),
                _ => None,
            })
            .collect();
        if let Some(facts) = seen.facts_mut(name) {
            facts.able = Some(match said.is_empty() {
                true => Able::default(),
                false => answered(&said),
            });
        }
    }
}
