//! What was seen, as a table for people: roles, lag, slots, archiver, disk, and what is wrong.

use serde::Serialize;

use super::archive::Summary;
use super::style::{bytes, duration};
use super::trouble::Trouble;
use crate::facts::leader::leader;
use crate::facts::rights::{lost, rights};
use crate::facts::{
    Content, Facts, Mount, Observation, Process, Server, WayBack, turned_away, waits_for_restart,
    way_back,
};
use crate::inventory::{Cluster, NodeName};
use crate::plan::archiving::archives_not;
use crate::postgres::slot_name;

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
    /// The backups, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backups: Option<Summary>,
    /// What is wrong.
    pub problems: Vec<Trouble>,
    /// What is worth knowing and nothing wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Trouble>,
}

/// Concludes a status from what was seen.
pub fn conclude<'a>(cluster: &'a Cluster, seen: &'a Observation) -> Status<'a> {
    let lead = leader(cluster.major, seen, &cluster.primary);
    let leader = lead.as_ref().ok().map(|lead| lead.node().clone());
    let mut problems = Vec::new();
    if let Err(no) = &lead {
        let (message, help) = (no.message.clone(), no.help.clone());
        problems.push(Trouble::new(&cluster.primary, message, help));
    }
    for name in cluster.in_order().map(|node| &node.name) {
        let mut add = |message, help| problems.push(Trouble::new(name, message, help));
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
        backups: None,
        problems,
        notes: Vec::new(),
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
    if let Some(step) = &facts.at_work {
        add(
            format!("a step of a run that is gone is still at work: {step}"),
            String::new(),
        );
    }
    match (&facts.data.content, &facts.server) {
        // Where nobody leads, the reason for that helps.
        (Content::Nothing, _) => {
            let help = leader.map_or_else(String::new, |_| apply());
            add("holds no instance".into(), help)
        }
        (Content::Foreign(_), _) => add(
            format!("{} holds something else than PostgreSQL", facts.data.path),
            format!("ssh {name} sudo ls -la {}", facts.data.path),
        ),
        (Content::Instance(_), None) if facts.process == Process::Busy => {
            let words = facts.turned_away.as_ref().map(|away| &away.words);
            let words = words.map_or_else(String::new, |words| format!(": {words}"));
            add(
                format!("starts or recovers, and answers no SQL{words}"),
                String::new(),
            )
        }
        (Content::Instance(_), None) if facts.process == Process::Running => {
            // Where it is the reason that nobody leads, it is told already.
            if let Some((message, help)) = turned_away(name, facts)
                && (leader.is_some() || facts.data.signals.standby)
            {
                add(message, help)
            }
        }
        (Content::Instance(_), None) => {
            let lost = leader.filter(|leader| *leader != name).and_then(|leader| {
                match way_back(seen.facts(leader)?, facts) {
                    WayBack::Diverged { fork, .. } => {
                        Some(format!("its history left that of {leader} at {fork}"))
                    }
                    WayBack::Unknown(why) => Some(why),
                    WayBack::Attach => None,
                }
            });
            let fenced = if facts.service.start == "disabled" {
                ", and fenced: its service is disabled"
            } else {
                ""
            };
            match lost {
                Some(why) => add(
                    format!("its server is stopped{fenced}; {why}"),
                    format!("pgrepl rebuild {name}"),
                ),
                None => add(format!("its server is stopped{fenced}"), apply()),
            }
        }
        (Content::Instance(_), Some(server)) => {
            server_troubles(cluster, seen, name, server, leader, add)
        }
    }
    for disk in facts.disks_in_use() {
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
    let recovers =
        facts.data.signals.recovery && facts.server.as_ref().is_none_or(|s| s.in_recovery);
    let last = facts
        .set_aside
        .iter()
        .filter_map(|aside| aside.stamp())
        .max();
    for aside in &facts.set_aside {
        let (path, stamp) = (&aside.path, aside.stamp());
        if stamp.is_none() {
            let help = format!("for the reason to be looked for: ssh {name} sudo du -sh {path}");
            add(
                format!("{path} is what a failed run had made, and takes space"),
                help,
            );
        } else if stamp == last && (facts.data.content == Content::Nothing || recovers) {
            let what = if recovers {
                "what is in its place has not recovered"
            } else {
                "nothing has replaced it yet"
            };
            let help = match leader {
                Some(_) => apply(),
                None => "the same restore again; or put back what was there on every host: pgrepl restore --put-back".into(),
            };
            add(format!("{path} is set aside, and {what}"), help);
        } else {
            // It may be the only place that holds what was committed there; what a failed run left is all there is.
            let help =
                format!("it may hold commits that no server has: ssh {name} sudo du -sh {path}");
            add(format!("{path} is set aside and takes space"), help);
        }
    }
    if let Some((message, help)) = rights(seen, name, leader).or_else(|| lost(name, facts)) {
        add(message, help);
    } else if let Some(mount) = &facts.mount {
        mount_troubles(name, mount, add);
    }
    archive_troubles(cluster, name, facts, add);
}

fn mount_troubles(name: &NodeName, mount: &Mount, add: &mut dyn FnMut(String, String)) {
    if let Some(absence) = mount.absence("") {
        let help = if mount.stale {
            format!("ssh {name} grep {} /proc/mounts", mount.path)
        } else {
            format!("ssh {name} sudo mount {}", mount.path)
        };
        add(absence, help);
    } else if mount.size > 0 && mount.free * 10 < mount.size
        || mount.free_inodes.is_some_and(|free| free < 1000)
    {
        let (free, size) = (bytes(mount.free), bytes(mount.size));
        let files = mount
            .free_inodes
            .map_or_else(String::new, |free| format!(" and takes {free} more files"));
        add(
            format!("{} has {free} of {size} left{files}", mount.path),
            "pgrepl backup prune".into(),
        );
    }
}

/// WAL that piles up, and scheduled backups that went wrong.
fn archive_troubles(
    cluster: &Cluster,
    name: &NodeName,
    facts: &Facts,
    add: &mut dyn FnMut(String, String),
) {
    let log = format!(
        "ssh {name} sudo tail -n 20 /var/log/postgresql/postgresql-{}-main.log",
        cluster.major
    );
    if let Some(server) = &facts.server
        && let Some(why) = archives_not(cluster, server)
    {
        add(why, "pgrepl apply".into());
    }
    if let Some(server) = &facts.server
        && let Some(archiver) = &server.archiver
        && let (Some(failed), Some(age)) = (&archiver.last_failed, archiver.last_failed_age_s)
        && archiver.last_archived_age_s.is_none_or(|good| good > age)
    {
        let mut said = format!("archiving {failed} failed {} ago", duration(age));
        let waiting = server.archive_waiting.unwrap_or(0);
        let size = facts
            .data
            .control()
            .map_or(16 << 20, |control| control.wal_segment_size);
        let disk = facts.disks.iter().find(|disk| disk.used_for == "data");
        if waiting > 0 {
            said += &format!("; {waiting} WAL files wait");
        }
        if let (Some(disk), Some(since), true) = (disk, facts.archive_waits_s, waiting > 1) {
            // At the pace of the time since the oldest of them was ready.
            let left = disk.free / (waiting * size / since.max(1)).max(1);
            said += &format!(", and at this pace the disk is full in {}", duration(left));
        }
        add(said, log);
    }
    let Some(timer) = &facts.timer else { return };
    let unit = format!("pgrepl-{}-backup", cluster.name);
    if timer.failed {
        let last = timer.last.as_deref().unwrap_or("never ended");
        add(
            format!("its scheduled backup failed: {last}"),
            format!("ssh {name} sudo journalctl -n 20 -u {unit}.service"),
        );
    } else if !timer.active {
        add(
            "the timer of backups does not run".into(),
            "pgrepl apply".into(),
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
        // An upstream that could not be asked is a problem of its own; the standby's word stands.
        let unseen = upstream.is_some_and(|upstream| seen.facts(upstream).is_none());
        let sends = unseen
            || upstream
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
                format!("on {name}: SELECT {}();", cluster.major.caps().names.resume),
            );
        }
    }
    for slot in &server.stale_slots {
        add(
            format!(
                "logical slot {slot} is not kept up to date on this standby and nobody reads it: if it is left from when {name} \
                 was the primary, it keeps WAL here, and dead rows on the primary"
            ),
            format!("on {name}, if no reader needs it: SELECT pg_drop_replication_slot('{slot}');"),
        );
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
        let again = owner.map_or_else(String::new, |owner| match state.has_lost_wal() {
            true => format!("pgrepl rebuild {owner} --from primary"),
            false => "pgrepl apply".into(),
        });
        if state.is_lost() {
            let why = state
                .invalidation
                .as_deref()
                .unwrap_or("its WAL was removed");
            add(
                format!("slot {slot} is lost ({why}): nobody can stream through it"),
                again,
            );
        } else if state.wal_status.as_deref() == Some("unreserved") {
            add(
                format!("slot {slot} is about to lose WAL that its standby needs"),
                "pgrepl apply".into(),
            );
        }
    }
    let waiting = seen
        .facts(name)
        .map(|facts| waits_for_restart(cluster.major, facts))
        .unwrap_or_default();
    if !waiting.is_empty() {
        add(
            format!(
                "a restart is needed before it uses the new {}",
                waiting.join(", ")
            ),
            "pgrepl plan; or restart it by hand when that suits".into(),
        );
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
}
