//! What was seen, as a table for people: roles, lag, slots, archiver, disk, and what is wrong.

use serde::Serialize;

use super::style::{bytes, duration};
use crate::facts::leader::leader;
use crate::facts::{Content, Facts, Observation, Process, Server};
use crate::inventory::{Cluster, NodeName};
use crate::postgres::slot_name;

/// Something wrong, and what to type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The host.
    pub node: NodeName,
    /// One line.
    pub message: String,
    /// What to type, or empty.
    pub help: String,
}

/// The status of a cluster as data: `--format json`.
#[derive(Serialize)]
pub struct Status<'a> {
    /// The version of this shape.
    pub format_version: &'static str,
    /// The cluster's name.
    pub cluster: &'a str,
    /// Who leads, if that can be said.
    pub leader: Option<NodeName>,
    /// Everything seen.
    pub hosts: &'a Observation,
    /// What is wrong.
    pub problems: Vec<Trouble>,
}

/// Concludes a status from what was seen.
pub fn conclude<'a>(cluster: &'a Cluster, seen: &'a Observation) -> Status<'a> {
    let lead = leader(cluster.major, seen, &cluster.primary);
    let leader = lead.as_ref().ok().map(|lead| lead.node().clone());
    let mut problems = Vec::new();
    if let Err(no) = &lead {
        problems.push(Trouble {
            node: cluster.primary.clone(),
            message: no.message.clone(),
            help: no.help.clone(),
        });
    }
    for node in cluster.in_order() {
        let name = &node.name;
        let mut add = |message: String, help: String| {
            problems.push(Trouble {
                node: name.clone(),
                message,
                help,
            })
        };
        if let Some((_, reason)) = seen.unseen().find(|(unseen, _)| *unseen == name) {
            add(reason.message.clone(), reason.help.clone());
            continue;
        }
        let Some(facts) = seen.facts(name) else {
            continue;
        };
        host_troubles(cluster, seen, name, facts, leader.as_ref(), &mut add);
    }
    Status {
        format_version: "1.0",
        cluster: &cluster.name,
        leader,
        hosts: seen,
        problems,
    }
}

fn host_troubles(
    cluster: &Cluster,
    seen: &Observation,
    name: &NodeName,
    facts: &Facts,
    leader: Option<&NodeName>,
    add: &mut dyn FnMut(String, String),
) {
    let apply = || "pgrepl apply".to_owned();
    match (&facts.data.content, &facts.server) {
        (Content::Nothing, _) => add("holds no instance".into(), apply()),
        (Content::Foreign(_), _) => add(
            format!("{} holds something else than PostgreSQL", facts.data.path),
            format!("ssh {name} sudo ls -la {}", facts.data.path),
        ),
        (Content::Instance(_), None) if facts.process == Process::Busy => add(
            "starts or recovers, and answers no SQL".into(),
            String::new(),
        ),
        (Content::Instance(_), None) => add("its server is stopped".into(), apply()),
        (Content::Instance(_), Some(server)) => {
            server_troubles(cluster, seen, name, server, leader, add)
        }
    }
    for disk in &facts.disks {
        if disk.size > 0 && disk.free * 10 < disk.size {
            add(
                format!(
                    "{} has {} of {} left",
                    disk.mounted_on,
                    bytes(disk.free),
                    bytes(disk.size)
                ),
                format!("ssh {name} df -h {}", disk.mounted_on),
            );
        }
    }
    for aside in &facts.set_aside {
        add(
            format!("{} is set aside and takes space", aside.path),
            format!(
                "when it is not needed any more: ssh {name} sudo rm -r {}",
                aside.path
            ),
        );
    }
    if let Some(mount) = facts.mount.as_ref().filter(|mount| !mount.mounted) {
        add(
            format!("nothing is mounted on {}", mount.path),
            format!("ssh {name} sudo mount {}", mount.path),
        );
    }
}

fn server_troubles(
    cluster: &Cluster,
    seen: &Observation,
    name: &NodeName,
    server: &Server,
    leader: Option<&NodeName>,
    add: &mut dyn FnMut(String, String),
) {
    if server.in_recovery {
        let upstream = cluster
            .nodes
            .get(name)
            .and_then(|node| node.upstream.as_ref())
            .or(leader);
        let sends = upstream
            .and_then(|upstream| seen.facts(upstream)?.server.as_ref())
            .is_some_and(|up| {
                up.senders
                    .iter()
                    .any(|s| s.name == name.as_str() && s.state == "streaming")
            });
        if server
            .receiver
            .as_ref()
            .is_none_or(|receiver| receiver.status != "streaming")
            || !sends
        {
            add(
                "does not stream".into(),
                format!(
                    "ssh {name} sudo tail -n 20 /var/log/postgresql/postgresql-{}-main.log",
                    cluster.major
                ),
            );
        }
        if server.paused {
            add(
                "replay is paused".into(),
                format!("on {name}: SELECT pg_wal_replay_resume();"),
            );
        }
    }
    for (slot, state) in &server.slots {
        let owner = cluster
            .nodes
            .keys()
            .find(|node| slot_name(node.as_str()) == *slot);
        let kept = bytes(state.retained.unwrap_or(0));
        match owner {
            Some(owner) if !state.active && !state.temporary => add(
                format!(
                    "slot {slot} is not used: {owner} does not stream, {kept} of WAL are kept for it"
                ),
                String::new(),
            ),
            None if !state.temporary => add(
                format!("slot {slot} belongs to no host of the inventory and keeps {kept} of WAL"),
                format!("if nobody needs it: SELECT pg_drop_replication_slot('{slot}');"),
            ),
            _ => {}
        }
        if state.wal_status.as_deref() == Some("lost") {
            add(
                format!("slot {slot} has lost WAL its standby needs"),
                String::new(),
            );
        }
    }
    for error in server.conf_errors.iter().chain(&server.hba_errors) {
        add(
            format!(
                "configuration line {}: {}",
                error.line.unwrap_or(0),
                error.error
            ),
            "pgrepl plan".into(),
        );
    }
    if let Some(archiver) = &server.archiver
        && let (Some(failed), Some(age)) = (&archiver.last_failed, archiver.last_failed_age_s)
        && archiver.last_archived_age_s.is_none_or(|good| good > age)
    {
        add(
            format!("archiving {failed} failed {} ago", duration(age)),
            format!(
                "ssh {name} sudo tail -n 20 /var/log/postgresql/postgresql-{}-main.log",
                cluster.major
            ),
        );
    }
}
