//! Reads a PgBouncer: its files, and what it has loaded.

use std::time::Duration;

use super::told::{told_facts, unreachable};
use crate::action::Console;
use crate::command::{Command, Vault};
use crate::facts::{PoolerFacts, Unreachable};
use crate::host::{Host, Line};
use crate::inventory::{Cluster, Pooler};
use crate::script::script;

const SCRIPT: &str = script!(["pooler.sh"] "../facts/pooler.sh");

/// Reads one.
pub(super) async fn look(
    cluster: &Cluster,
    pooler: &Pooler,
    host: &dyn Host,
) -> Result<PoolerFacts, Unreachable> {
    let peers: Vec<String> = cluster
        .nodes
        .values()
        .map(|peer| (peer, peer.address.as_deref().unwrap_or(peer.name.as_str())))
        .map(|(peer, address)| format!("{}={address}", peer.name))
        .collect();
    let command = Command::new("read the pooler", SCRIPT)
        .var("cluster", &cluster.name)
        .var("pooler", &pooler.name)
        .var("peers", peers.join(" "))
        .timeout(Some(Duration::from_secs(60)));
    let command = Console::of(pooler).tell(command);
    let lines = host.run(&command, &Vault::default(), &|_| {}).await;
    let lines = lines.map_err(|error| unreachable(&pooler.host, error))?;
    let cannot = |why: String| Unreachable {
        message: format!("cannot read {}: {why}", pooler.name),
        help: format!("ssh {} true", pooler.host),
        original: String::new(),
    };
    for line in &lines {
        match line {
            Line::Exit(0) => {}
            Line::Exit(code) => {
                return Err(cannot(format!("its script ended with exit code {code}")));
            }
            Line::Fail(why) => return Err(cannot(why.clone())),
            _ => {}
        }
    }
    PoolerFacts::read(pooler, &told_facts(&lines)).map_err(cannot)
}
