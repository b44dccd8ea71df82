//! Counts what would be lost with the WAL that only one server has.

use std::time::Duration;

use super::{Hosts, place_of};
use crate::command::Vault;
use crate::facts::Observation;
use crate::facts::way_back::Own;
use crate::host::Line;
use crate::inventory::{Cluster, NodeName};
use crate::script::script;

const SCRIPT: &str = script!([] "../facts/commits.sh");

/// Counts the transactions in WAL that only this server has; `None` where that cannot be told.
pub async fn count_commits(
    cluster: &Cluster,
    hosts: &Hosts,
    seen: &Observation,
    node: &NodeName,
    own: Own,
) -> Option<u64> {
    let names = &cluster.major.caps().names;
    let command = place_of(cluster, seen.facts(node)?, node)?
        .command("count the transactions that are lost", SCRIPT)
        .var("timeline", own.timeline.0)
        .var("from", own.from)
        .var("waldump", names.waldump)
        .var("wal_directory", names.wal_directory)
        .timeout(Some(Duration::from_secs(30)));
    let lines = hosts
        .get(node)?
        .run(&command, &Vault::default(), &|_| {})
        .await
        .ok()?;
    lines.iter().find_map(|line| match line {
        Line::Fact(key, value) if key == "commits" => value.parse().ok(),
        _ => None,
    })
}
