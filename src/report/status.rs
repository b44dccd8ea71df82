//! What was seen, as a table for people: roles, lag, slots, archiver, disk, and what is wrong.

use serde::Serialize;

use super::style::{Style, bytes, duration};
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

/// Shows the table.
pub fn show(status: &Status, cluster: &Cluster, seconds: f64, style: Style) -> String {
    let lead = status
        .leader
        .as_ref()
        .and_then(|leader| status.hosts.facts(leader)?.server.as_ref());
    let version = lead.map_or_else(
        || cluster.major.to_string(),
        |server| server.version.to_string(),
    );
    let timeline = lead.map_or(String::new(), |server| {
        format!(" · timeline {}", server.timeline)
    });
    let mut text = format!(
        "{} · PostgreSQL {version}{timeline} · read in {seconds:.1} s\n\n",
        cluster.name
    );
    let mut rows = vec![
        [
            "HOST", "ROLE", "STATE", "REPLAYED", "LAG", "PENDING", "WRITE", "FLUSH", "REPLAY",
            "SLOT",
        ]
        .map(str::to_owned),
    ];
    for node in cluster.in_order() {
        rows.push(row(status, cluster, &node.name));
    }
    let width: Vec<usize> = (0..rows[0].len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&width)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let line = cells.join("  ").trim_end().to_owned();
        text += &if at == 0 { style.dim(&line) } else { line };
        text.push('\n');
    }
    if let Some(server) = lead {
        text.push('\n');
        text += &archive_line(server);
    }
    for (name, facts) in status.hosts.seen() {
        for disk in facts.disks.iter().filter(|disk| disk.used_for == "data") {
            text += &format!(
                "disk     {name}: {} of {} free on {}\n",
                bytes(disk.free),
                bytes(disk.size),
                disk.mounted_on
            );
        }
    }
    match status.problems.len() {
        0 => text += &format!("\n{}\n", style.green("no problems")),
        1 => text += &format!("\n{}\n", style.red("1 problem")),
        n => text += &format!("\n{}\n", style.red(&format!("{n} problems"))),
    }
    for problem in &status.problems {
        text += &format!("  {}  {}\n", problem.node, problem.message);
        if !problem.help.is_empty() {
            text += &format!(
                "  {}  {} {}\n",
                " ".repeat(problem.node.as_str().len()),
                style.dim("help:"),
                problem.help
            );
        }
    }
    text
}

fn archive_line(server: &Server) -> String {
    let setting = |name: &str| {
        server
            .settings
            .get(name)
            .map_or("", |setting| setting.setting.as_str())
    };
    if setting("archive_mode") == "off" {
        return "archive  off\n".into();
    }
    if matches!(setting("archive_command"), "/bin/true" | "true") {
        return "archive  armed, nothing is archived: no backups are set up\n".into();
    }
    let waiting = server.archive_waiting.unwrap_or(0);
    match server
        .archiver
        .as_ref()
        .and_then(|a| Some((a.last_archived.as_ref()?, a.last_archived_age_s?)))
    {
        Some((last, age)) => format!(
            "archive  last {last} {} ago, {waiting} waiting\n",
            duration(age)
        ),
        None => format!("archive  nothing archived yet, {waiting} waiting\n"),
    }
}

fn row(status: &Status, cluster: &Cluster, name: &NodeName) -> [String; 10] {
    let text = |text: &str| text.to_owned();
    let Some(facts) = status.hosts.facts(name) else {
        return [
            name.to_string(),
            text("?"),
            text("DOWN"),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
        ];
    };
    let Some(server) = &facts.server else {
        let state = match (&facts.data.content, facts.process) {
            (Content::Nothing, _) => "no instance",
            (Content::Foreign(_), _) => "foreign data",
            (_, Process::Stopped) => "stopped",
            _ => "starting",
        };
        return [
            name.to_string(),
            text("-"),
            text(state),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
        ];
    };
    if !server.in_recovery {
        let current = server
            .current
            .map(|lsn| lsn.to_string())
            .unwrap_or_default();
        return [
            name.to_string(),
            text("primary"),
            text("running"),
            current,
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
        ];
    }
    let upstream = cluster
        .nodes
        .get(name)
        .and_then(|node| node.upstream.as_ref())
        .or(status.leader.as_ref());
    let up = upstream.and_then(|upstream| status.hosts.facts(upstream)?.server.as_ref());
    let sender = up.and_then(|up| {
        up.senders
            .iter()
            .find(|sender| sender.name == name.as_str())
    });
    let size = |value: Option<i64>| {
        value.map_or(String::new(), |value| {
            bytes(u64::try_from(value).unwrap_or(0))
        })
    };
    let state = match (&server.receiver, sender) {
        (Some(receiver), Some(sender))
            if receiver.status == "streaming" && sender.sync_state == "async" =>
        {
            text("streaming")
        }
        (Some(receiver), Some(sender)) if receiver.status == "streaming" => {
            format!("streaming, {}", sender.sync_state)
        }
        (Some(receiver), _) => receiver.status.clone(),
        (None, _) => text("not streaming"),
    };
    let lag = sender.map_or(String::new(), |sender| {
        let time = sender
            .replay_lag_ms
            .map_or(String::new(), |ms| format!(" {ms} ms"));
        size(sender.total) + &time
    });
    let slot = up
        .and_then(|up| up.slots.get(&slot_name(name.as_str())))
        .map_or("", |slot| match slot.wal_status.as_deref() {
            Some("lost") => "LOST",
            _ if slot.active => "ok",
            _ => "unused",
        });
    let role = match upstream {
        Some(upstream) if Some(upstream) != status.leader.as_ref() => {
            format!("standby of {upstream}")
        }
        _ => text("standby"),
    };
    [
        name.to_string(),
        role,
        state,
        server
            .replayed
            .map(|lsn| lsn.to_string())
            .unwrap_or_default(),
        lag,
        size(sender.and_then(|s| s.pending)),
        size(sender.and_then(|s| s.write)),
        size(sender.and_then(|s| s.flush)),
        size(sender.and_then(|s| s.replay)),
        text(slot),
    ]
}
