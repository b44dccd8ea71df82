//! One run at a time: the locks of a command that changes hosts.

use futures_util::future::join_all;

use super::drive::Drive;
use super::{Failure, Kind};
use crate::facts::Observation;
use crate::host::lock::{self, Lock, NotLocked};
use crate::inventory::NodeName;

impl Drive<'_> {
    /// Takes the cluster's lock on every host that was seen: on the first of them alone, then on the others at once.
    ///
    /// Two runs that ask all hosts at once can each get one, and then both give up.
    pub async fn lock(&self, seen: &Observation) -> Result<Vec<Lock>, Failure> {
        let who = std::env::var("USER").unwrap_or_else(|_| "someone".into());
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let holder = format!(
            "{who}@{} pid {} since {since} (seconds since 1970): pgrepl {}",
            machine.trim(),
            std::process::id(),
            self.command
        );
        let mut takes = seen.seen().filter_map(|(node, _)| {
            let host = self.connections.hosts.get(node)?.clone();
            let holder = &holder;
            Some(async move {
                lock::take(host, &self.loaded.cluster.name, holder)
                    .await
                    .map_err(|why| not_locked(node, why))
            })
        });
        let mut locks = Vec::new();
        if let Some(first) = takes.next() {
            locks.push(first.await?);
        }
        for taken in join_all(takes).await {
            locks.push(taken?);
        }
        Ok(locks)
    }
}

fn not_locked(node: &NodeName, why: NotLocked) -> Failure {
    match why {
        NotLocked::Held(by) => Failure::new(
            Kind::Locked,
            format!("{node} is locked by another run: {by}"),
        )
        .help("wait for it to end; a run whose connection was cut frees its lock within a minute"),
        NotLocked::AtWork(step) => Failure::new(
            Kind::Locked,
            format!("a step of an earlier run is still at work on {node}: {step}"),
        )
        .help("wait for it to end, then run this again"),
        NotLocked::Failed(error) => {
            Failure::new(Kind::Unreachable, format!("cannot lock {node}: {error}"))
        }
    }
}
