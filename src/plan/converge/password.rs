//! The password of the replication role. Only `apply` gives the role another one, and every server its own copy with it.

use crate::action::{Action, EnsureRole};
use crate::facts::server::{Server, StoredPassword};
use crate::facts::{Advice, Facts, Observation};
use crate::inventory::{Cluster, NodeName, SecretSource};
use crate::plan::builder::Builder;
use crate::plan::login::log_in;
use crate::plan::{PlanError, Refusal};

/// Tells that the password that was given is not the one that replication uses, and what gives the right one.
pub(in crate::plan) fn another(cluster: &Cluster, seen: &Observation) -> Option<Advice> {
    let differs = |server: &Server| {
        let role = server.role.as_ref();
        role.is_some_and(|role| role.password == StoredPassword::Differs)
    };
    let mut servers = seen.seen().filter_map(|(_, facts)| facts.server.as_ref());
    if !servers.any(differs) {
        return None;
    }
    let (source, help) = match &cluster.replication.password {
        SecretSource::Env(name) => (name.clone(), format!("export {name}=…")),
        SecretSource::File(path) => {
            let path = path.display().to_string();
            (
                path.clone(),
                format!("the password that is in use, in {path}"),
            )
        }
        SecretSource::Command(command) => ("what the command prints".into(), command.clone()),
    };
    let message = format!("{source} is not the password that replication uses");
    Some(Advice { message, help })
}

/// Says whether a step belongs to giving the servers another password.
pub(in crate::plan) fn gives(action: &Action) -> bool {
    matches!(
        action,
        Action::EnsureRole(_) | Action::WritePgpass(_) | Action::TryLogin(_)
    )
}

/// Tells in a plan that it changes the password: perhaps it was mistyped.
fn tell_another(b: &mut Builder) {
    if let Some(Advice { message, help }) = another(b.cluster, b.seen) {
        let message = format!("{message}: this plan gives it to all servers");
        b.cluster_note(message, format!("if it is not a new one: {help}"));
    }
}

/// Refuses to go on with another password than the one that replication uses.
pub(in crate::plan) fn refuse_another(
    cluster: &Cluster,
    seen: &Observation,
) -> Result<(), PlanError> {
    another(cluster, seen).map_or(Ok(()), |Advice { message, help }| {
        Err(PlanError::Refused(Refusal {
            message,
            details: Vec::new(),
            help,
        }))
    })
}

/// Says so where no password was given that could be compared with the one that servers have: then this one stays.
pub(in crate::plan) fn not_compared(b: &mut Builder) {
    let has = |facts: &Facts| {
        let role = facts
            .server
            .as_ref()
            .and_then(|server| server.role.as_ref());
        role.is_some_and(|role| role.password == StoredPassword::NotCompared)
            || facts
                .pgpass
                .as_ref()
                .is_some_and(|file| file.same_password.is_none())
    };
    let servers = b.world.seen().filter(|(_, facts)| has(facts));
    let servers: Vec<&str> = servers.map(|(name, _)| name.as_str()).collect();
    if !servers.is_empty() {
        let message = format!(
            "the replication password could not be read and was not compared with what {} stored",
            match servers[..] {
                [one] => format!("{one} has"),
                _ => format!("{} have", servers.join(", ")),
            }
        );
        b.cluster_note(message, "");
    }
}

/// Plans the role on the primary. Another password is given to all servers at once, or not at all.
pub(in crate::plan) fn replication_role(b: &mut Builder, name: &NodeName) {
    let Some(server) = b.facts(name).and_then(|facts| facts.server.as_ref()) else {
        return;
    };
    let scram = b.cluster.major.caps().has_scram;
    let role = server.role.as_ref();
    let stored = role.map_or(StoredPassword::None, |role| role.password);
    let (password, why) = match stored {
        StoredPassword::SameScram => (false, ""),
        StoredPassword::SameMd5 if !scram => (false, ""),
        StoredPassword::SameMd5 => (true, "its password is stored as md5"),
        StoredPassword::Differs => (true, "another password"),
        StoredPassword::NotCompared => (false, ""),
        StoredPassword::None => (true, ""),
    };
    let rights = role.is_some_and(|role| role.login && role.replication);
    if !password && rights {
        return;
    }
    let action = EnsureRole {
        role: b.cluster.replication.user.clone(),
        exists: role.is_some(),
        password,
        scram,
    };
    if stored == StoredPassword::Differs
        && let Some((_, missing)) = b.standbys().into_iter().find(|(_, name)| !b.free(name))
    {
        b.block(
            name,
            format!("the password of replication is another one than stored, and {missing}, which needs it too, is left alone"),
            format!("make {missing} part of the run, or give the password that is in use"),
        );
        return;
    }
    if stored == StoredPassword::Differs {
        tell_another(b);
    }
    b.step(name, action).because(why);
}

/// Says whether the primary is about to be given another password than it has.
pub(in crate::plan) fn is_another(b: &Builder) -> bool {
    let server = b.facts(&b.leader).and_then(|facts| facts.server.as_ref());
    let role = server.and_then(|server| server.role.as_ref());
    role.is_some_and(|role| role.password == StoredPassword::Differs)
}

/// Lets every standby log in with the other password that the role was given: tried, not believed.
pub(in crate::plan) fn prove_another(b: &mut Builder) {
    let leader = b.leader.clone();
    let control = b.facts(&leader).and_then(|facts| facts.data.control());
    if let (true, Some(control)) = (b.free(&leader), control) {
        let system_id = control.system_id;
        log_in(b, &leader, system_id, "with its new password");
        b.next_phase();
    }
}
