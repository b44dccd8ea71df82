//! Rules across fields, and the rules that PostgreSQL itself has.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::fields::nearest;
use super::read::Places;
use super::{BackupTool, Cluster, Node, NodeName, Problem};
use crate::postgres::hba::{self, HbaLine};
use crate::postgres::{parameters, slot_name, value};

/// Parameters that pgrepl writes itself, with the inventory key to use instead.
const OWNED: [(&str, &str); 22] = [
    ("port", "postgresql.port"),
    ("listen_addresses", "postgresql.listen_addresses"),
    ("data_directory", "postgresql.data_directory"),
    ("hba_file", ""),
    ("ident_file", ""),
    ("config_file", ""),
    ("external_pid_file", ""),
    ("unix_socket_directories", ""),
    ("cluster_name", "cluster and the host's name"),
    ("hot_standby", ""),
    ("wal_log_hints", ""),
    ("primary_conninfo", "replication and hosts.HOST.upstream"),
    ("primary_slot_name", "replication.slots"),
    ("restore_command", "backup"),
    ("archive_cleanup_command", ""),
    ("promote_trigger_file", "pgrepl switchover or failover"),
    ("trigger_file", "pgrepl switchover or failover"),
    ("standby_mode", "primary and standbys"),
    ("recovery_min_apply_delay", "hosts.HOST.apply_delay"),
    ("synchronous_standby_names", "replication.synchronous"),
    ("recovery_end_command", ""),
    ("include_dir", ""),
];

/// Parameters that pgrepl writes itself once backups are wanted.
const ARCHIVE: [&str; 3] = ["archive_mode", "archive_command", "archive_library"];

/// Checks what no single key can tell.
pub fn check(
    cluster: &Cluster,
    places: &Places,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<Problem>,
) {
    roles(cluster, places, problems);
    upstreams(cluster, places, problems);
    names(cluster, places, problems);
    parameter_values(cluster, places, problems);
    for (line, span) in &places.hba {
        hba_line(cluster, line, span, problems);
    }
    for node in cluster.nodes.values() {
        combinations(cluster, node, places, problems);
    }
    let direct = cluster
        .standbys
        .iter()
        .filter(|name| {
            cluster
                .nodes
                .get(name)
                .is_some_and(|n| n.upstream.is_none())
        })
        .count();
    if let Some(span) = &places.synchronous
        && cluster.replication.synchronous as usize > direct
    {
        problems.push(Problem::new(
            span.clone(),
            format!(
                "{} standbys cannot confirm a commit: {direct} follow the primary directly",
                cluster.replication.synchronous
            ),
            "every commit would wait for ever",
        ));
    }
    if let (Some(span), Some(backup)) = (&places.tool, &cluster.backup)
        && backup.tool == BackupTool::Pitrery
        && cluster.major.caps().supported
    {
        problems.push(
            Problem::new(
                span.clone(),
                format!("pitrery does not work with PostgreSQL {}", cluster.major),
                "up to version 14 only",
            )
            .help("use `tool: basebackup` or `tool: pgbackrest`"),
        );
    }
    if let Some(span) = &places.version
        && !cluster.major.caps().supported
    {
        notes.push(Problem::new(
            span.clone(),
            format!("PostgreSQL {} is out of support", cluster.major),
            "no more repairs are published for it",
        ));
    }
}

fn roles(cluster: &Cluster, places: &Places, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for (name, span) in &places.roles {
        if !seen.insert(name) {
            problems.push(
                Problem::new(
                    span.clone(),
                    format!("`{name}` has two roles"),
                    "given before",
                )
                .help("a host is the primary or one standby"),
            );
        }
    }
    for (name, span) in &places.hosts {
        if !cluster.nodes.contains_key(name) {
            let near = nearest(name.as_str(), cluster.nodes.keys().map(NodeName::as_str));
            problems.push(
                Problem::new(
                    span.clone(),
                    format!("host `{name}` has no role"),
                    "neither the primary nor a standby",
                )
                .help(
                    near.map_or("add it to `standbys:` or remove it".into(), |near| {
                        format!("did you mean `{near}`?")
                    }),
                ),
            );
        }
    }
}

fn upstreams(cluster: &Cluster, places: &Places, problems: &mut Vec<Problem>) {
    for (name, span) in &places.upstreams {
        let Some(upstream) = cluster
            .nodes
            .get(name)
            .and_then(|node| node.upstream.as_ref())
        else {
            continue;
        };
        if !cluster.nodes.contains_key(upstream) {
            let near = nearest(
                upstream.as_str(),
                cluster
                    .nodes
                    .keys()
                    .filter(|known| *known != name)
                    .map(NodeName::as_str),
            );
            let help = near.map_or_else(
                || {
                    format!(
                        "the hosts are: {}",
                        cluster
                            .nodes
                            .keys()
                            .map(NodeName::as_str)
                            .collect::<Vec<_>>()
                            .join(", ")
                    )
                },
                |near| format!("did you mean `{near}`?"),
            );
            problems.push(
                Problem::new(
                    span.clone(),
                    format!("unknown standby `{upstream}` as upstream of `{name}`"),
                    "no host of this name",
                )
                .help(help),
            );
            continue;
        }
        let mut at = upstream;
        let mut visited = BTreeSet::from([name]);
        while visited.insert(at) {
            match cluster
                .nodes
                .get(at)
                .and_then(|node| node.upstream.as_ref())
            {
                Some(next) => at = next,
                None => break,
            }
            if at == name {
                problems.push(Problem::new(
                    span.clone(),
                    format!("the upstreams of `{name}` lead in a circle"),
                    "it would follow itself",
                ));
            }
        }
        if upstream == name {
            problems.push(Problem::new(
                span.clone(),
                format!("`{name}` cannot follow itself"),
                "its own name",
            ));
        }
    }
}

fn names(cluster: &Cluster, places: &Places, problems: &mut Vec<Problem>) {
    let mut slots: BTreeMap<String, &NodeName> = BTreeMap::new();
    let mut sockets: BTreeMap<(&str, u16), &NodeName> = BTreeMap::new();
    for (name, span) in &places.roles {
        let Some(node) = cluster.nodes.get(name) else {
            continue;
        };
        if let Some(other) = slots.insert(slot_name(name.as_str()), name)
            && other != name
        {
            problems.push(Problem::new(
                span.clone(),
                format!(
                    "`{name}` and `{other}` would share the slot name `{}`",
                    slot_name(name.as_str())
                ),
                "rename one of them",
            ));
        }
        if let Some(address) = &node.address
            && let Some(other) = sockets.insert((address, node.port), name)
            && other != name
        {
            problems.push(Problem::new(
                span.clone(),
                format!("`{name}` and `{other}` have the same address and port"),
                "two servers cannot share them",
            ));
        }
    }
}

fn parameter_values(cluster: &Cluster, places: &Places, problems: &mut Vec<Problem>) {
    let major = cluster.major;
    for (host, name, at, place) in &places.parameters {
        if let Some((_, instead)) = OWNED.iter().find(|(owned, _)| owned == name)
            && at != place
        {
            let help = if instead.is_empty() {
                "remove it".to_owned()
            } else {
                format!("use `{instead}`")
            };
            problems.push(
                Problem::new(
                    at.clone(),
                    format!("`{name}` is written by pgrepl itself"),
                    "not here",
                )
                .help(help),
            );
            continue;
        }
        if name.starts_with("recovery_target")
            || (cluster.backup.is_some() && ARCHIVE.contains(&name.as_str()))
        {
            problems.push(
                Problem::new(
                    at.clone(),
                    format!("`{name}` is written by pgrepl itself"),
                    "not here",
                )
                .help("remove it"),
            );
            continue;
        }
        if name.contains('.') {
            continue;
        }
        let written = if at == place {
            host.as_ref()
                .and_then(|host| cluster.nodes.get(host)?.apply_delay.as_ref())
        } else {
            match host {
                Some(host) => cluster
                    .nodes
                    .get(host)
                    .and_then(|node| node.parameters.get(name)),
                // A host may say it again; what stands here is checked through a host that does not.
                None => cluster
                    .nodes
                    .values()
                    .find(|node| {
                        !places
                            .parameters
                            .iter()
                            .any(|(h, n, _, _)| h.as_ref() == Some(&node.name) && n == name)
                    })
                    .and_then(|node| node.parameters.get(name)),
            }
        };
        let Some(written) = written else { continue };
        // The delay is no parameter of the old versions' postgresql.conf but has the same form everywhere.
        let kind = if name == "recovery_min_apply_delay" {
            Some(parameters::kind("integer", "ms", "0", "2147483647", ""))
        } else {
            parameters::lookup(major, name).map(|parameter| parameter.kind)
        };
        let Some(kind) = kind else {
            let elsewhere = parameters::elsewhere(major, name);
            let help = match (&elsewhere, parameters::similar(major, name)) {
                (Some(elsewhere), _) => elsewhere.clone(),
                (None, Some(near)) => format!("did you mean `{near}`?"),
                (None, None) => String::new(),
            };
            problems.push(
                Problem::new(
                    at.clone(),
                    format!("PostgreSQL {major} has no parameter `{name}`"),
                    "unknown",
                )
                .help(help),
            );
            continue;
        };
        if let Err(why) = value::parse(major, &kind, written) {
            problems.push(Problem::new(
                place.clone(),
                format!("bad value of `{name}`"),
                why,
            ));
        }
    }
}

fn combinations(cluster: &Cluster, node: &Node, places: &Places, problems: &mut Vec<Problem>) {
    let place = |name: &str| -> Range<usize> {
        places
            .parameters
            .iter()
            .filter(|(host, known, _, _)| {
                known == name && host.as_ref().is_none_or(|host| *host == node.name)
            })
            .map(|(_, _, _, place)| place.clone())
            .next_back()
            .unwrap_or(0..0)
    };
    let number = |name: &str| -> Option<i64> {
        let parameter = parameters::lookup(cluster.major, name)?;
        match value::parse(cluster.major, &parameter.kind, node.parameters.get(name)?) {
            Ok(value::Value::Int(number)) => Some(number),
            _ => None,
        }
    };
    if node
        .parameters
        .get("wal_level")
        .is_some_and(|level| level.eq_ignore_ascii_case("minimal"))
    {
        problems.push(Problem::new(
            place("wal_level"),
            "`wal_level` minimal makes standbys and backups impossible",
            "expected replica or logical",
        ));
    }
    let needed = i64::try_from(cluster.standbys.len())
        .unwrap_or(i64::MAX)
        .saturating_add(2);
    for name in ["max_wal_senders", "max_replication_slots"] {
        if number(name).is_some_and(|number| number < needed) {
            problems.push(Problem::new(
                place(name),
                format!(
                    "`{name}` is too small for {} standbys",
                    cluster.standbys.len()
                ),
                format!("expected {needed} or more: one each, and two for copies"),
            ));
        }
    }
    let reserved = number("superuser_reserved_connections").unwrap_or(3);
    if number("max_connections").is_some_and(|most| most <= reserved) {
        problems.push(Problem::new(
            place("max_connections"),
            "`max_connections` leaves no connection for anyone",
            format!("expected more than {reserved}, which are reserved"),
        ));
    }
}

fn hba_line(cluster: &Cluster, line: &str, span: &Range<usize>, problems: &mut Vec<Problem>) {
    match hba::parse_line(cluster.major, line) {
        HbaLine::Rule(_) | HbaLine::Include => {}
        HbaLine::Blank => problems.push(Problem::new(
            span.clone(),
            "empty pg_hba.conf line",
            "expected a rule",
        )),
        HbaLine::Bad(problem) => {
            // The text of a quoted scalar begins behind its quote.
            let quote = usize::from(span.len() > line.len());
            let at = (span.start + quote + problem.at).min(span.end.saturating_sub(quote));
            let end = line
                .get(problem.at..)
                .and_then(|rest| rest.find([' ', '\t']))
                .map_or(span.end - quote, |len| at + len);
            problems.push(Problem::new(
                at..end.max(at),
                "bad pg_hba.conf line",
                problem.why,
            ));
        }
    }
}
