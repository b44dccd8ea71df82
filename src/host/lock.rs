//! One run at a time per cluster: a lock on every host, freed by the kernel when the connection ends.

use std::rc::Rc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Host, HostError, Line};
use crate::command::{Command, Vault};
use crate::script::library;

const SCRIPT: &str = concat!(library!("prelude.sh"), include_str!("lock.sh"));

/// A lock that is held until this is dropped.
pub struct Lock(JoinHandle<()>);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why a lock was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotLocked {
    /// Another run holds it; its own words.
    Held(String),
    /// A step of a run that is gone is still at work there.
    AtWork(String),
    /// The host could not be asked.
    Failed(HostError),
}

/// Takes the lock of a cluster on a host, in the name of `holder`. Needs a running `LocalSet`.
pub async fn take(host: Rc<dyn Host>, cluster: &str, holder: &str) -> Result<Lock, NotLocked> {
    let command = {
        let mut command = Command::new("lock", SCRIPT)
            .var("cluster", cluster)
            .var("holder", holder)
            .timeout(None);
        command.heartbeat = true;
        command
    };
    let (tell, told) = oneshot::channel();
    let task = tokio::task::spawn_local(async move {
        let tell = std::cell::Cell::new(Some(tell));
        let send = |answer| {
            if let Some(tell) = tell.take() {
                let _ = tell.send(answer);
            }
        };
        let vault = Vault::default();
        let hear = |line: &Line| match line {
            Line::Fact(key, _) if key == "locked" => send(Ok(())),
            Line::Fact(key, by) if key == "held_by" => send(Err(NotLocked::Held(by.clone()))),
            Line::Fact(key, step) if key == "at_work" => send(Err(NotLocked::AtWork(step.clone()))),
            _ => {}
        };
        let end = host.run(&command, &vault, &hear).await;
        let error = end
            .err()
            .unwrap_or_else(|| HostError::Lost("the lock was lost".into()));
        send(Err(NotLocked::Failed(error)));
    });
    let lock = Lock(task);
    match told.await {
        Ok(Ok(())) => Ok(lock),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(NotLocked::Failed(HostError::Lost(
            "the lock was not answered".into(),
        ))),
    }
}
