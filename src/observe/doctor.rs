//! Asks hosts that were seen for what a first run needs besides.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;

use super::Hosts;
use crate::command::{Command, Vault};
use crate::facts::Observation;
use crate::facts::doctor::{Checkup, answered, peers};
use crate::host::Line;
use crate::inventory::{Cluster, NodeName};
use crate::script::script;

const SCRIPT: &str = script!([] "../facts/doctor.sh");

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// Asks all that were seen, at once. Who does not answer is not in the result.
pub async fn check_up(
    cluster: &Cluster,
    hosts: &Hosts,
    seen: &Observation,
) -> BTreeMap<NodeName, Checkup> {
    let answers = join_all(seen.seen().filter_map(|(name, _)| {
        let host = hosts.get(name)?.clone();
        let command = Command::new("look at the clock and the ways to the others", SCRIPT)
            .var("peers", peers(cluster, name))
            .timeout(Some(Duration::from_secs(30)));
        Some(async move {
            let asked = now();
            let lines = host.run(&command, &Vault::default(), &|_| {}).await.ok()?;
            let heard = now();
            let facts = lines.into_iter().filter_map(|line| match line {
                Line::Fact(key, value) => Some((key, value)),
                _ => None,
            });
            let said: Vec<(String, String)> = facts.collect();
            Some((name.clone(), answered(&said, asked, heard)))
        })
    }))
    .await;
    answers.into_iter().flatten().collect()
}
