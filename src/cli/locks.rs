//! One run at a time: the locks of a command that changes hosts.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::backup::moment;
use super::drive::Drive;
use super::{Failure, FailureKind};
use crate::facts::Observation;
use crate::host::lock::{self, Lock, NotLocked};
use crate::inventory::NodeName;

/// By then a host has noticed that the other end of a lock is gone (`host/lock.sh`).
const RELEASED: Duration = Duration::from_secs(40);

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
            "{who}@{} pid {} since {}: pgrepl {}",
            machine.trim(),
            std::process::id(),
            moment(since),
            self.command
        );
        let mut takes = seen.seen().filter_map(|(node, _)| {
            let host = self.connections.hosts.get(node)?.clone();
            let holder = &holder;
            let machine = machine.trim();
            Some(async move {
                let begin = Instant::now();
                loop {
                    let taken = lock::take(host.clone(), &self.loaded.cluster.name, holder).await;
                    let dead = matches!(&taken, Err(NotLocked::Held(by)) if is_over(by, machine));
                    if !dead || begin.elapsed() > RELEASED {
                        return taken.map_err(|why| not_locked(node, why));
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
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

/// Says whether a lock is that of a run on this machine whose process is gone.
fn is_over(holder: &str, machine: &str) -> bool {
    let Some((at, rest)) = holder.split_once(" pid ") else {
        return false;
    };
    let here = at.split_once('@').is_some_and(|(_, host)| host == machine);
    let pid = rest.split_whitespace().next().unwrap_or_default();
    let pid = pid.parse::<u32>();
    here && pid.is_ok_and(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists())
}

fn not_locked(node: &NodeName, why: NotLocked) -> Failure {
    match why {
        NotLocked::Held(by) => Failure::new(
            FailureKind::Locked,
            format!("{node} is locked by another run: {by}"),
        )
        .help("wait for it to end; a run whose connection was cut frees its lock within half a minute"),
        NotLocked::AtWork(step) => Failure::new(
            FailureKind::Locked,
            format!("a step of an earlier run is still at work on {node}: {step}"),
        )
        .help("wait for it to end, then run this again"),
        NotLocked::Failed(error) => {
            Failure::new(FailureKind::Unreachable, format!("cannot lock {node}: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_over;

    #[test]
    fn only_a_run_of_this_machine_is_known_to_be_over() {
        let me = std::process::id();
        let holder = |host: &str, pid: u32| {
            format!("root@{host} pid {pid} since 2026-11-27 09:00:00+01:00: pgrepl apply")
        };
        assert!(!is_over(&holder("here", me), "here"));
        assert!(is_over(&holder("here", u32::MAX), "here"));
        assert!(!is_over(&holder("there", u32::MAX), "here"));
        assert!(!is_over("somebody", "here"));
    }
}
