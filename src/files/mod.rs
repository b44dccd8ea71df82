//! The managed files: what each holds on each node, from the inventory, the roles and what was there before.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::facts::{Facts, Observation};
use crate::inventory::{Cluster, Node, NodeName, Role};
use crate::platform::Platform;
use crate::postgres::conf::{self, ConfLine};
use crate::postgres::hba::{self, HbaLine};
use crate::postgres::{parameters, slot_name};
use crate::render::{TemplateError, Templates};

mod kept;
mod peers;

pub use crate::facts::digest;
pub use kept::{Kept, kept_rules, kept_settings};
pub use peers::{HIDDEN, Peer, addresses, host, pgpass_entries, primary_conninfo};

use kept::DECIDED;
use peers::network;

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
            let mut found: Vec<String> = addresses(cluster, view.world, node, &peer.name)
                .iter()
                .map(network)
                .collect();
            if found.is_empty() && view.world.hosts.is_empty() {
                found.extend(peer.address.clone());
            }
            found.into_iter().map(|address| Peer {
                name: peer.name.to_string(),
                address,
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
