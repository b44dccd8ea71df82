//! Poolers whose clients keep their server connections until they disconnect.

use crate::action::Pause;
use crate::plan::builder::Builder;

/// Tells whom a pause waits for although no transaction of theirs is open: sessions keep their connections.
pub(in crate::plan) fn tell(b: &mut Builder, pause: Pause) {
    let seconds = pause.seconds;
    for name in b.cluster.poolers.keys() {
        let Some(Ok(facts)) = b.world.poolers.get(name).cloned() else {
            continue;
        };
        for pool in facts.sessions {
            let (clients, database, user) = (pool.clients, pool.database, pool.user);
            let end = match pause.terminates {
                true => "then their connections end with the primary",
                false => "if one is left then, nothing is stopped",
            };
            b.note(
                name,
                format!("it pools sessions: the pause waits {seconds} s for {clients} of {user} in {database} to disconnect; {end}"),
                "pool_mode = transaction, where the application bears it; or --terminate-after 30",
            );
        }
    }
}
