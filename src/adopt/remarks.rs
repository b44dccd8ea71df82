//! What an inventory cannot say, and what the reader of a new one should know.

use super::archive::foreign_tool;
use crate::adopt::member::{cluster_name, setting, upstream};
use crate::facts::server::StoredPassword;
use crate::facts::{Facts, Observation};
use crate::inventory::{Cluster, NodeName};
use crate::postgres::owned::not_copied;
use crate::postgres::{conf, slot_name};

/// Remarks, each once, in the order they were found.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pub(super) lines: Vec<String>,
}

/// What a change of a parameter costs, by its context.
pub(super) fn cost(context: &str) -> &'static str {
    if context == "postmaster" {
        "restart"
    } else {
        "reload"
    }
}

impl Remarks {
    pub(super) fn add(&mut self, line: String) {
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// A setting that pgrepl writes by itself and that has another value now.
    pub(super) fn not_said(
        &mut self,
        node: &NodeName,
        name: &str,
        value: &str,
        will: Option<&str>,
        context: &str,
    ) {
        // They follow from the roles, or change nothing.
        const EXPECTED: [&str; 9] = [
            "cluster_name",
            "primary_conninfo",
            "primary_slot_name",
            "synchronous_standby_names",
            "promote_trigger_file",
            "recovery_target_timeline",
            "recovery_min_apply_delay",
            "restore_command",
            "archive_command",
        ];
        if EXPECTED.contains(&name) {
            return;
        }
        self.add(match will {
            Some(will) => format!(
                "{node}: {name} is {value:?}; pgrepl writes {will:?} (a {})",
                cost(context)
            ),
            None => format!("{node}: {name} = {value:?} has no place in an inventory and goes"),
        });
    }
}

/// What somebody's recovery.conf says and pgrepl's own does not.
fn lost(cluster: &Cluster, facts: &Facts) -> Vec<String> {
    const SAID: [&str; 5] = [
        "standby_mode",
        "primary_conninfo",
        "primary_slot_name",
        "recovery_target_timeline",
        "recovery_min_apply_delay",
    ];
    let text = facts
        .files
        .iter()
        .find(|(path, _)| path.ends_with("/recovery.conf"))
        .and_then(|(_, file)| file.content.as_deref())
        .filter(|text| !text.contains(": written by pgrepl."))
        .unwrap_or_default();
    conf::settings(text)
        .map(|(name, _)| name)
        .filter(|name| !SAID.contains(&name.as_str()))
        // Without backups of pgrepl's own it is a parameter.
        .filter(|name| name != "restore_command" || cluster.backup.is_some())
        .collect()
}

/// Finds what is worth a remark on every server.
pub(super) fn remarks(cluster: &Cluster, seen: &Observation, found: &mut Remarks) {
    for (name, facts) in seen.seen() {
        let Some(server) = &facts.server else {
            continue;
        };
        let pairs = upstream(facts);
        if pairs.contains_key("password") {
            found.add(format!(
                "{name}: primary_conninfo holds a password; pgrepl puts it into .pgpass instead"
            ));
        }
        if pairs
            .get("user")
            .is_some_and(|user| user == "postgres" || user.starts_with("pg_"))
        {
            found.add(format!(
                "{name} replicates as a superuser; it will as {}, a role of its own",
                cluster.replication.user
            ));
        }
        let auto = facts
            .files
            .iter()
            .find(|(path, _)| path.ends_with("/postgresql.auto.conf"))
            .and_then(|(_, file)| file.content.as_deref())
            .unwrap_or_default();
        let set: Vec<String> = conf::settings(auto)
            .map(|(name, _)| name)
            .filter(|name| !not_copied().any(|other| other == *name))
            .collect();
        if !set.is_empty() {
            found.add(format!(
                "{name}: set with ALTER SYSTEM and left so: {}",
                set.join(", ")
            ));
        }
        for (slot, state) in &server.slots {
            let known = cluster
                .nodes
                .keys()
                .any(|node| slot_name(node.as_str()) == *slot);
            if !known && !state.temporary {
                found.add(if state.active {
                    format!("{name}: slot {slot} is in use; pgrepl makes slots of its own, drop it when nobody uses it any more")
                } else {
                    format!("{name}: nobody uses slot {slot}, which keeps WAL; if a standby of this cluster is down, it must be among the standbys before the first apply")
                });
            }
        }
        if setting(facts, "shared_preload_libraries").is_some_and(|list| list.contains("repmgr")) {
            found.add(format!(
                "{name}: repmgr is loaded; stop repmgrd, two tools must not fail over the same servers; and it looks \
                 for its own names in pg_stat_replication, where pgrepl puts the hosts'"
            ));
        }
        let command = setting(facts, "archive_command").unwrap_or_default();
        let idle = matches!(
            command.as_str(),
            "" | "(disabled)" | "true" | "/bin/true" | ":"
        );
        if !server.in_recovery
            && !idle
            && foreign_tool(&command).is_none()
            && cluster_name(facts).is_none()
        {
            found.add(format!(
                "{name} archives WAL with {}, which stays; `backup: {{ mount: … }}` would take that over",
                // Its arguments may hold what is nobody's business.
                command.split_whitespace().next().unwrap_or_default()
            ));
        }
        let lost = lost(cluster, facts);
        if !lost.is_empty() {
            found.add(format!(
                "{name}: recovery.conf is written anew (a restart of this standby), without its {}",
                lost.join(", ")
            ));
        }
        let leads = cluster.primary == *name;
        if let Some(role) = server.role.as_ref().filter(|_| leads) {
            let user = &cluster.replication.user;
            if role.superuser {
                found.add(format!(
                    "role {user} is a superuser; REPLICATION would be enough"
                ));
            }
            if role.password == StoredPassword::None {
                found.add(format!(
                    "role {user} has no password; the one of this inventory will be set"
                ));
            }
        }
        let listens = setting(facts, "listen_addresses").unwrap_or_default();
        if leads && matches!(listens.as_str(), "" | "localhost" | "127.0.0.1" | "::1") {
            found.add(format!(
                "{name} hears nobody but itself; `listen_addresses: \"*\"` lets standbys in (a restart)"
            ));
        }
        let sync = setting(facts, "synchronous_standby_names").unwrap_or_default();
        if leads && !sync.is_empty() && cluster_name(facts).is_none() {
            found.add(match cluster.replication.synchronous {
                0 => format!("{name}: synchronous_standby_names = {sync:?} goes: none of these standbys can confirm a commit"),
                count => format!("{name}: synchronous_standby_names = {sync:?} becomes: any {count} of the standbys that follow it"),
            });
        }
    }
    if !cluster.replication.slots {
        found.add(
            "standbys have no slots, as now; `slots: true` would keep the WAL that they still need"
                .into(),
        );
    }
    if seen.seen().any(|(_, facts)| cluster_name(facts).is_none()) {
        found
            .add("settings and rules in the old files stay as they are, below pgrepl's own".into());
    }
}
