//! The status as a table for people.

use super::foreign::line;
use super::layout::{folded, table};
use super::stream::{Stream, sender, stream, upstream};
use super::style::{Style, bytes, count};
use super::trouble::Trouble;
use crate::facts::server::LogicalSlot;
use crate::facts::{Content, Process};
use crate::inventory::{Cluster, NodeName};
use crate::postgres::slot_name;
use crate::report::status_document::Status;

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
    let head = [
        ("HOST", 0),
        ("ROLE", 0),
        ("STATE", 0),
        ("REPLAYED", 4),
        ("LAG", 1),
        ("PENDING", 5),
        ("WRITE", 8),
        ("FLUSH", 7),
        ("REPLAY", 6),
        ("SLOT", 2),
    ];
    let mut rows = Vec::new();
    let mut below = Vec::new();
    for node in cluster.in_order() {
        let root = upstream(cluster, status.leader.as_ref(), &node.name)
            .is_none_or(|up| !cluster.nodes.contains_key(up));
        if root || Some(&node.name) == status.leader.as_ref() {
            tree(status, cluster, &node.name, 0, &mut below);
        }
    }
    // A circle, seen in the middle of a change, has no root.
    for node in cluster.in_order() {
        if !below.iter().any(|(name, _)| *name == node.name) {
            below.push((node.name.clone(), 0));
        }
    }
    let mut down = Vec::new();
    for (node, depth) in below {
        down.push(is_down(status, &node));
        let mut cells = row(status, cluster, &node);
        if depth > 1 {
            cells[0] = format!("{}└ {}", "  ".repeat(depth - 2), cells[0]);
        }
        rows.push(cells.to_vec());
    }
    let laid_out = table(&head, &rows, style);
    let down = std::iter::once(false).chain(down);
    for (row, down) in laid_out.lines().zip(down) {
        text += &if down { style.red(row) } else { row.into() };
        text.push('\n');
    }
    if let Some(run) = &status.run {
        text += &format!("\n{}      {}\n", style.yellow("run"), line(run));
    }
    text.push('\n');
    for said in status.archive.lines() {
        text += &format!("{}\n", folded(said, 9, style));
    }
    for said in logical_slots(status) {
        text += &format!("{}\n", folded(&said, 9, style));
    }
    for (name, facts) in status.hosts.seen() {
        for disk in facts.disks.iter().filter(|disk| disk.used_for == "data") {
            text += &format!(
                "disk     {name}: {} of {} free on {}\n",
                bytes(disk.free),
                bytes(disk.size),
                line(&disk.mounted_on)
            );
        }
    }
    match status.problems.len() {
        0 => text += &format!("\n{}\n", style.green("no problems")),
        n => text += &format!("\n{}\n", style.red(&count(n, "problem"))),
    }
    text += &told(&status.problems, style);
    if !status.notes.is_empty() {
        text += "\nworth knowing\n";
        text += &told(&status.notes, style);
    }
    text
}

/// Tells of the primary's logical slots, a line each.
fn logical_slots(status: &Status) -> Vec<String> {
    let lead = status.leader.as_ref();
    let server = lead.and_then(|leader| status.hosts.facts(leader)?.server.as_ref());
    let slots = server.iter().flat_map(|server| &server.logical_slots);
    let line = |(name, slot): (&String, &LogicalSlot)| {
        let has = status.hosts.seen().filter(|(node, facts)| {
            let found = facts.standby().and_then(|s| s.logical_slots.get(name));
            Some(*node) != lead && found.is_some_and(|slot| slot.is_valid() && slot.synced)
        });
        let has: Vec<&str> = has.map(|(node, _)| node.as_str()).collect();
        let read = match (&slot.invalidation, slot.active) {
            (Some(why), _) => format!("of no use any more: {why}"),
            (None, true) => "read now".into(),
            (None, false) => "read by nobody now".into(),
        };
        let failover = match (slot.failover, has.is_empty()) {
            (false, _) => String::new(),
            (true, true) => ", to be synchronized, and no standby has it yet".into(),
            (true, false) => format!(", synchronized on {}", has.join(", ")),
        };
        let (database, plugin) = (slot.database.as_deref(), slot.plugin.as_deref());
        format!(
            "logical  {name} ({}, {}): {read}, keeps {} of WAL{failover}",
            database.unwrap_or("?"),
            plugin.unwrap_or("?"),
            bytes(slot.retained.unwrap_or(0))
        )
    };
    slots.map(line).collect()
}

fn told(troubles: &[Trouble], style: Style) -> String {
    let mut text = String::new();
    for problem in troubles {
        let mark = problem.node.as_str().chars().count() + 4;
        let said = folded(&problem.message, mark, style);
        text += &format!("  {}  {said}\n", problem.node);
        if !problem.help.is_empty() {
            text += &format!(
                "  {}  {} {}\n",
                " ".repeat(problem.node.as_str().len()),
                style.dim("help:"),
                line(&problem.help)
            );
        }
    }
    text
}

/// Lists a node and, below it, those who follow it.
fn tree(
    status: &Status,
    cluster: &Cluster,
    name: &NodeName,
    depth: usize,
    rows: &mut Vec<(NodeName, usize)>,
) {
    if rows.iter().any(|(known, _)| known == name) {
        return;
    }
    rows.push((name.clone(), depth));
    for node in cluster.in_order() {
        if upstream(cluster, status.leader.as_ref(), &node.name) == Some(name) {
            tree(status, cluster, &node.name, depth + 1, rows);
        }
    }
}

/// Says whether no server of a host was seen, and none that starts.
fn is_down(status: &Status, name: &NodeName) -> bool {
    let facts = status.hosts.facts(name);
    facts.is_none_or(|facts| facts.server.is_none() && facts.process != Process::Busy)
}

/// Makes the row of a host that follows nobody now.
fn short(name: &NodeName, role: &str, state: &str, at: &str, slot: &str) -> [String; 10] {
    [name.as_str(), role, state, at, "", "", "", "", "", slot].map(str::to_owned)
}

fn row(status: &Status, cluster: &Cluster, name: &NodeName) -> [String; 10] {
    let text = |text: &str| text.to_owned();
    let Some(facts) = status.hosts.facts(name) else {
        let keeps = upstream(cluster, status.leader.as_ref(), name)
            .and_then(|up| status.hosts.facts(up)?.server.as_ref())
            .and_then(|up| up.slots.get(&slot_name(name.as_str()))?.retained)
            .map_or(String::new(), |kept| {
                format!("keeps {} of WAL", bytes(kept))
            });
        return short(name, "?", "unreachable", "", &keeps);
    };
    let Some(server) = &facts.server else {
        let state = match (&facts.data.content, facts.process) {
            (Content::Nothing, _) => "no instance",
            (Content::Foreign(_), _) => "foreign data",
            (_, Process::Stopped) => "stopped",
            (_, Process::Running) => "closed to pgrepl",
            _ => "starting",
        };
        return short(name, "-", state, "", "");
    };
    if !server.in_recovery {
        let current = server
            .current
            .map(|lsn| lsn.to_string())
            .unwrap_or_default();
        return short(name, "primary", "running", &current, "");
    }
    let upstream = upstream(cluster, status.leader.as_ref(), name);
    let up = upstream.and_then(|upstream| status.hosts.facts(upstream)?.server.as_ref());
    let size = |value: Option<i64>| {
        value.map_or(String::new(), |value| {
            bytes(u64::try_from(value).unwrap_or(0))
        })
    };
    let leader = status.leader.as_ref();
    let sender = sender(cluster, status.hosts, leader, name);
    let state = match stream(cluster, status.hosts, leader, name, server) {
        Stream::Streams(sender) if sender.sync_state == "async" => text("streaming"),
        Stream::Streams(sender) => format!("streaming, {}", sender.sync_state),
        Stream::Receives => text("receiving"),
        Stream::Elsewhere => text("receiving from elsewhere"),
        Stream::Not(state) => text(state),
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
