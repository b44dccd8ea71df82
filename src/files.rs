//! The managed files: what each holds on each node, from the inventory, the roles and what was there before.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use crate::facts::{Facts, Observation};
use crate::inventory::{Cluster, Node, NodeName, Unmanaged};
use crate::plan::Role;
use crate::platform::Platform;
use crate::postgres::conf::{self, ConfLine};
use crate::postgres::hba::{self, HbaLine};
use crate::postgres::{conninfo, parameters, pgpass, slot_name};
use crate::render::{TemplateError, Templates};

pub use crate::facts::digest;

/// The line that tells a file of ours.
const OURS: &str = ": written by pgrepl.";
const KEPT: &str = "# --- kept";
const KEPT_END: &str = "# --- end of kept";

/// Settings that are never taken over from an older file, because the template or the inventory decides them.
const DECIDED: [&str; 22] = [
    "data_directory",
    "hba_file",
    "ident_file",
    "external_pid_file",
    "unix_socket_directories",
    "listen_addresses",
    "port",
    "cluster_name",
    "wal_log_hints",
    "hot_standby",
    "synchronous_standby_names",
    "primary_conninfo",
    "primary_slot_name",
    "recovery_min_apply_delay",
    "restore_command",
    "archive_cleanup_command",
    "recovery_end_command",
    "promote_trigger_file",
    "config_file",
    "recovery_target_timeline",
    "recovery_target_action",
    "recovery_target",
];

/// One node as its files see it.
pub struct View<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The node.
    pub node: &'a Node,
    /// Its role.
    pub role: &'a Role,
    /// Its platform.
    pub platform: &'a Platform,
    /// What was seen everywhere.
    pub world: &'a Observation,
    /// Who leads.
    pub leader: &'a NodeName,
    /// Least values of hot-standby-sensitive parameters, in base units.
    pub floors: BTreeMap<String, String>,
    /// Whether commits may wait for standbys already.
    pub synchronous: bool,
}

/// The addresses of a node as its peers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The node.
    pub name: String,
    /// An address with its mask, `10.0.0.11/32`.
    pub address: String,
}

/// What an older file said that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Lines to write again.
    pub lines: Vec<String>,
    /// The settings among them.
    pub settings: BTreeSet<String>,
    /// What was dropped, for the plan to show.
    pub dropped: Vec<String>,
}

fn network(address: &IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

/// Returns every address of a peer that was found, first choice first; what resolves to a loopback address is no address.
pub fn addresses(
    cluster: &Cluster,
    world: &Observation,
    viewer: &NodeName,
    peer: &NodeName,
) -> Vec<IpAddr> {
    let said = cluster
        .nodes
        .get(peer)
        .and_then(|node| node.address.as_deref());
    if let Some(Ok(address)) = said.map(str::parse::<IpAddr>) {
        return vec![address];
    }
    let useful = |found: &Vec<IpAddr>| -> Vec<IpAddr> {
        let mut found: Vec<IpAddr> = found
            .iter()
            .filter(|a| !a.is_loopback() && !a.is_unspecified())
            .copied()
            .collect();
        found.dedup();
        found
    };
    let seen_by = |name: &NodeName| {
        world
            .facts(name)
            .and_then(|facts| facts.resolved.get(peer))
            .map(useful)
            .unwrap_or_default()
    };
    let mut found = if viewer == peer {
        Vec::new()
    } else {
        seen_by(viewer)
    };
    if found.is_empty() {
        found = cluster
            .nodes
            .keys()
            .filter(|name| *name != peer)
            .map(seen_by)
            .find(|found| !found.is_empty())
            .unwrap_or_default();
    }
    if found.is_empty() {
        found = world
            .facts(peer)
            .map(|facts| useful(&facts.addresses))
            .unwrap_or_default();
        found.truncate(1);
    }
    found
}

/// Returns how servers address a node in a connection string: as the inventory says, else by its first address.
pub fn host(
    cluster: &Cluster,
    world: &Observation,
    viewer: &NodeName,
    peer: &NodeName,
) -> Option<String> {
    match cluster
        .nodes
        .get(peer)
        .and_then(|node| node.address.clone())
    {
        Some(address) => Some(address),
        None => addresses(cluster, world, viewer, peer)
            .first()
            .map(ToString::to_string),
    }
}

/// Returns the connection string with which a node follows another one; the password comes from .pgpass.
pub fn primary_conninfo(view: &View, upstream: &NodeName) -> Option<String> {
    let cluster = view.cluster;
    let host = host(cluster, view.world, &view.node.name, upstream)?;
    let port = cluster.nodes.get(upstream)?.port.to_string();
    let passfile = format!("{}/.pgpass", view.platform.home);
    let mut pairs = vec![
        ("host", host.as_str()),
        ("port", port.as_str()),
        ("user", cluster.replication.user.as_str()),
        ("application_name", view.node.name.as_str()),
        ("sslmode", cluster.replication.sslmode.as_str()),
        ("connect_timeout", "10"),
    ];
    if cluster.major.caps().has_passfile {
        pairs.push(("passfile", passfile.as_str()));
    }
    Some(conninfo::conninfo(&pairs))
}

/// Returns the cluster's .pgpass lines for a node, each without its password: one for every other server, whatever the roles.
pub fn pgpass_entries(cluster: &Cluster, world: &Observation, node: &NodeName) -> Vec<String> {
    let user = pgpass::field(&cluster.replication.user).unwrap_or_default();
    cluster
        .in_order()
        .filter(|peer| peer.name != *node)
        .filter_map(|peer| {
            let host = pgpass::field(&host(cluster, world, node, &peer.name)?).ok()?;
            Some(format!("{host}:{}:replication:{user}", peer.port))
        })
        .collect()
}

/// Returns what is kept of an older postgresql.conf.
pub fn kept_settings(view: &View, text: &str) -> Kept {
    let ours = text.lines().next().is_some_and(|line| line.contains(OURS));
    let mut kept = Kept::default();
    let mut inside = !ours;
    for (line, read) in text.lines().zip(conf::parse(text)) {
        if ours && line.starts_with(KEPT_END) {
            inside = false;
        } else if ours && line.starts_with(KEPT) {
            inside = true;
        }
        if !inside {
            continue;
        }
        match read {
            ConfLine::Setting { name, value } => {
                let decided =
                    DECIDED.contains(&name.as_str()) || name.starts_with("recovery_target");
                if decided {
                    continue;
                }
                if view.node.parameters.contains_key(&name) {
                    continue;
                }
                if view.cluster.unmanaged == Unmanaged::Remove
                    || breaks_replication(view, &name, &value)
                {
                    kept.dropped.push(format!("{name} = {value}"));
                    continue;
                }
                kept.settings.insert(name);
                kept.lines.push(line.trim_end().to_owned());
            }
            ConfLine::Include { .. } if view.cluster.unmanaged == Unmanaged::Keep => {
                kept.lines.push(line.trim_end().to_owned())
            }
            ConfLine::Include { .. } => kept.dropped.push(line.trim().to_owned()),
            ConfLine::Blank | ConfLine::Bad { .. } => {}
        }
    }
    kept
}

fn breaks_replication(view: &View, name: &str, value: &str) -> bool {
    let needed = view.cluster.standbys.len() + 2;
    match name {
        "wal_level" => value.eq_ignore_ascii_case("minimal"),
        "max_wal_senders" | "max_replication_slots" => {
            value.parse::<usize>().is_ok_and(|n| n < needed)
        }
        _ => false,
    }
}

/// Returns what is kept of an older pg_hba.conf: rules that are not written anyway, with the comments above them.
pub fn kept_rules(view: &View, text: &str, written: &str) -> Kept {
    let major = view.cluster.major;
    let ours = text.lines().next().is_some_and(|line| line.contains(OURS));
    let known: Vec<HbaLine> = hba::parse(major, written);
    let mut kept = Kept::default();
    let mut inside = !ours;
    for (line, read) in text.lines().zip(hba::parse(major, text)) {
        if ours && line.starts_with(KEPT_END) {
            inside = false;
        } else if ours && line.starts_with(KEPT) {
            inside = true;
        }
        if !inside {
            continue;
        }
        match &read {
            HbaLine::Rule(_) if known.contains(&read) => {}
            HbaLine::Rule(_) | HbaLine::Include => {
                if view.cluster.unmanaged == Unmanaged::Keep {
                    kept.lines.push(line.trim_end().to_owned());
                } else {
                    kept.dropped.push(line.trim().to_owned());
                }
            }
            HbaLine::Blank | HbaLine::Bad(_) => {}
        }
    }
    kept
}

/// A rendered file with what became of the one before it.
pub struct Rendered {
    /// The whole text.
    pub text: String,
    /// What was kept and dropped.
    pub kept: Kept,
}

/// Renders postgresql.conf. `before` is the file on the host; `inherited` stands in for it on a node that has none.
pub fn postgresql_conf(
    view: &View,
    templates: &Templates,
    before: Option<&str>,
    inherited: Option<&str>,
) -> Result<Rendered, TemplateError> {
    let cluster = view.cluster;
    let caps = cluster.major.caps();
    let mut kept = before
        .or(inherited)
        .map(|text| kept_settings(view, text))
        .unwrap_or_default();
    if before.is_none() {
        // Files that the first server includes are not on this one.
        kept.lines
            .retain(|line| !line.trim_start().starts_with("include"));
    }
    let upstream = match view.role {
        Role::Primary => None,
        Role::Standby { upstream } => Some(upstream),
    };
    let synchronous =
        (view.synchronous && cluster.replication.synchronous > 0 && *view.role == Role::Primary)
            .then(|| {
                let names: Vec<String> = cluster
                    .in_order()
                    .filter(|node| node.name != view.node.name && node.apply_delay.is_none())
                    .filter(|node| {
                        node.upstream
                            .as_ref()
                            .is_none_or(|upstream| *upstream == view.node.name)
                    })
                    .map(|node| crate::postgres::sql::identifier(node.name.as_str()))
                    .collect();
                let method = if caps.has_sync_methods { "ANY " } else { "" };
                format!(
                    "{method}{} ({})",
                    cluster.replication.synchronous,
                    names.join(", ")
                )
            });
    let ssl = view.platform.certificate.as_ref();
    let context = serde_json::json!({
        "node": view.node.name,
        "cluster": cluster.name,
        "kept": kept.lines,
        "data_directory": view.platform.data_directory,
        "hba_file": view.platform.config("pg_hba.conf"),
        "ident_file": view.platform.config("pg_ident.conf"),
        "external_pid_file": view.platform.pid_file,
        "socket_directory": view.platform.socket_directory,
        "listen_addresses": view.node.listen_addresses,
        "port": view.node.port,
        "standbys": cluster.standbys.len(),
        "wal_keep": caps.wal_keep,
        "wal_keep_512mb": caps.wal_keep_512mb,
        "limits_slots": caps.limits_slots,
        "scram": caps.has_scram,
        "synchronous": synchronous,
        "upstream": upstream,
        "conninfo": upstream.and_then(|upstream| primary_conninfo(view, upstream)),
        "slot": cluster.replication.slots.then(|| slot_name(view.node.name.as_str())),
        "apply_delay": view.node.apply_delay,
        "ssl_cert_file": ssl.map(|(certificate, _)| certificate),
        "ssl_key_file": ssl.map(|(_, key)| key),
        "parameters": view.node.parameters,
        "floors": view.floors,
    });
    let text = templates.render(
        "postgresql.conf.j2",
        context,
        &view.node.parameters,
        &kept.settings,
    )?;
    if let Some(at) = conf::parse(&text)
        .iter()
        .position(|line| matches!(line, ConfLine::Bad { .. }))
    {
        return Err(TemplateError {
            name: "postgresql.conf.j2".into(),
            line: None,
            message: format!("PostgreSQL would not read line {} of what it makes", at + 1),
        });
    }
    for (name, _) in conf::settings(&text) {
        if !name.contains('.')
            && parameters::lookup(cluster.major, &name).is_none()
            && !DECIDED.contains(&name.as_str())
        {
            return Err(TemplateError {
                name: "postgresql.conf.j2".into(),
                line: None,
                message: format!(
                    "it writes `{name}`, which PostgreSQL {} does not have",
                    cluster.major
                ),
            });
        }
    }
    Ok(Rendered { text, kept })
}

/// Renders pg_hba.conf; see [`postgresql_conf`] for `before` and `inherited`.
pub fn pg_hba_conf(
    view: &View,
    templates: &Templates,
    before: Option<&str>,
    inherited: Option<&str>,
) -> Result<Rendered, TemplateError> {
    let cluster = view.cluster;
    let node = &view.node.name;
    let mut own: BTreeSet<IpAddr> = addresses(cluster, view.world, node, node)
        .into_iter()
        .collect();
    own.extend(
        view.world
            .facts(node)
            .map(|facts: &Facts| facts.addresses.clone())
            .unwrap_or_default(),
    );
    let mut own: Vec<String> = own.iter().map(network).collect();
    own.push("127.0.0.1/32".into());
    own.push("::1/128".into());
    let peers: Vec<Peer> = cluster
        .in_order()
        .filter(|peer| peer.name != *node)
        .flat_map(|peer| {
            addresses(cluster, view.world, node, &peer.name)
                .into_iter()
                .map(|address| Peer {
                    name: peer.name.to_string(),
                    address: network(&address),
                })
        })
        .collect();
    let user = &cluster.replication.user;
    let plain = user.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && user != "all";
    let context = |kept: &[String]| {
        serde_json::json!({
            "node": node,
            "cluster": cluster.name,
            "superuser": view.platform.user,
            "user": if plain { user.clone() } else { format!("\"{}\"", user.replace('"', "\"\"")) },
            "own": own,
            "peers": peers,
            "method": if cluster.major.caps().has_scram { "scram-sha-256" } else { "md5" },
            "rules": view.node.hba,
            "kept": kept,
        })
    };
    let empty = (BTreeMap::new(), BTreeSet::new());
    let render =
        |kept: &[String]| templates.render("pg_hba.conf.j2", context(kept), &empty.0, &empty.1);
    // What the template writes by itself is not kept a second time; the marker keeps the defaults of new servers out.
    let bare = render(&["#".to_owned()])?;
    let kept = before
        .or(inherited)
        .map(|text| kept_rules(view, text, &bare))
        .unwrap_or_default();
    let text = render(&kept.lines)?;
    for (at, line) in hba::parse(cluster.major, &text).iter().enumerate() {
        if let HbaLine::Bad(problem) = line {
            return Err(TemplateError {
                name: "pg_hba.conf.j2".into(),
                line: None,
                message: format!(
                    "PostgreSQL would not load line {} of what it makes: {}",
                    at + 1,
                    problem.why
                ),
            });
        }
    }
    Ok(Rendered { text, kept })
}
