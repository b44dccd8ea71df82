//! Values of the hot-standby-sensitive parameters that go down.

use crate::action::{WaitReplayed, WaitStreaming};
use crate::facts::Facts;
use crate::inventory::NodeName;
use crate::plan::Role;
use crate::plan::builder::Builder;
use crate::plan::converge::configure::Wanted;
use crate::plan::converge::sensitive::loaded_sensitive;
use crate::plan::converge::wanted::sensitive;
use crate::postgres::slot_name;

/// A standby whose values go down must first have replayed that its primary's went down, or it refuses to start: before its
/// file says so, for it may be stopped in between.
pub(in crate::plan) fn wait_for_lowered(
    b: &mut Builder,
    name: &NodeName,
    facts: &Facts,
    wanted: &Wanted,
) {
    if *name == b.leader || facts.server.is_none() {
        return;
    }
    let major = b.cluster.major;
    let (new, old) = (sensitive(major, wanted), loaded_sensitive(major, facts));
    let lowered = new
        .iter()
        .any(|(parameter, value)| old.get(parameter).is_some_and(|old| value < old));
    let leader = b.leader.clone();
    if lowered && !facts.packages.tools.contains("pg_controldata") {
        // Its control file cannot be read; the sender shows it: a primary writes its values before it lets anybody in.
        let Role::Standby { upstream } = b.role(name) else {
            return;
        };
        let wait = WaitStreaming {
            standby: name.clone(),
            slot: b
                .cluster
                .replication
                .slots
                .then(|| slot_name(name.as_str())),
            delayed: false,
            cascading: upstream != b.leader,
        };
        b.step(&upstream, wait).because("lowered values");
        b.next_phase();
        return;
    }
    if let (true, Some(leader)) = (lowered, b.facts(&leader)) {
        let settings = loaded_sensitive(major, leader)
            .into_iter()
            .filter(|(parameter, _)| new.get(parameter) < old.get(parameter))
            .filter_map(|(parameter, value)| {
                let shown = match parameter.as_str() {
                    "max_prepared_transactions" => "max_prepared_xacts".to_owned(),
                    "max_locks_per_transaction" => "max_locks_per_xact".to_owned(),
                    _ => parameter,
                };
                Some((shown, u64::try_from(value).ok()?))
            })
            .collect();
        b.step(name, WaitReplayed { settings })
            .because("lowered values");
    }
}
