//! Asks a host what is where a copy beside the cluster goes, or is: only who restores or removes one wants to know.

use std::time::Duration;

use super::{Hosts, place_of};
use crate::action::copy_units;
use crate::action::place::staging;
use crate::command::Vault;
use crate::facts::Observation;
use crate::facts::beside::{Beside, answered};
use crate::host::Line;
use crate::inventory::{Cluster, NodeName};
use crate::script::script;

const SCRIPT: &str = script!([] "../facts/beside.sh");

/// Asks about a directory, and about the port that a server in it is to have; `None` where the host does not answer.
pub async fn look_beside(
    cluster: &Cluster,
    hosts: &Hosts,
    seen: &Observation,
    node: &NodeName,
    directory: &str,
    port: Option<u16>,
) -> Option<Beside> {
    let port = port.map_or_else(String::new, |port| port.to_string());
    let [.., (_, copy_unit)] = copy_units(&cluster.name, directory);
    let command = place_of(cluster, seen.facts(node)?, node)?
        .command("look beside the cluster", SCRIPT)
        .var("directory", directory)
        .var("staging", staging(directory))
        .var("copy_unit", copy_unit)
        .var("copy_port", port)
        .timeout(Some(Duration::from_secs(60)));
    let vault = Vault::default();
    let lines = hosts.get(node)?.run(&command, &vault, &|_| {}).await.ok()?;
    let said = lines.into_iter().filter_map(|line| match line {
        Line::Fact(key, value) => Some((key, value)),
        _ => None,
    });
    let said: Vec<(String, String)> = said.collect();
    // Its mark is told of every directory, if only that there is none.
    let told = said.iter().any(|(key, _)| key == "mark");
    told.then(|| answered(&said))
}
