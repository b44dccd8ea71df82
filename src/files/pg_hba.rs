//! pg_hba.conf: pgrepl's own rules, which take nobody's way in, and those that others wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use super::kept::{self, kept_rules};
use super::own_rules::Old;
use super::peers::{addresses, network};
use super::{Rendered, Source};
use crate::facts::Facts;
use crate::files::view::View;
use crate::postgres::hba::{self, HbaLine};
use crate::render::{TemplateError, Templates};

/// A rule that lets another server in.
#[derive(Debug, Clone, Serialize)]
struct OwnRule {
    /// Whose.
    name: String,
    /// From where.
    address: String,
    /// To which database.
    database: &'static str,
    /// The whole line.
    rule: String,
}

/// Renders pg_hba.conf; see [`postgresql_conf`] for `before`.
pub fn pg_hba_conf(
    view: &View,
    templates: &Templates,
    before: Option<&Source>,
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
    // It comes and goes, and the rule stays.
    own.extend(cluster.address.as_ref().map(|address| address.ip));
    let mut own: Vec<String> = own.iter().map(network).collect();
    own.push("127.0.0.1/32".into());
    own.push("::1/128".into());
    let peers: Vec<(String, String)> = cluster
        .nodes
        .values()
        .filter(|peer| peer.name != *node)
        .flat_map(|peer| {
            let mut found: Vec<String> = addresses(cluster, view.world, node, &peer.name)
                .iter()
                .map(network)
                .collect();
            if found.is_empty() && view.world.hosts.is_empty() {
                found.extend(peer.address.clone());
            }
            found
                .into_iter()
                .map(|address| (peer.name.to_string(), address))
        })
        .collect();
    let user = &cluster.replication.user;
    let plain = user.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && user != "all";
    let user = if plain {
        user.clone()
    } else {
        format!("\"{}\"", user.replace('"', "\"\""))
    };
    let method = if cluster.major.caps().has_scram {
        "scram-sha-256"
    } else {
        "md5"
    };
    let old = Old::of(view, before);
    let logins = old.logins();
    let (mut front, mut behind) = (Vec::new(), Vec::new());
    for (name, address) in peers {
        for database in ["replication", "postgres"] {
            let rule = format!("host    {database:<15} {user}      {address}      {method}");
            let wish = OwnRule {
                name: name.clone(),
                address: address.clone(),
                database,
                rule: format!("{rule}    # {name}"),
            };
            let place = if old.lets_in(&wish.rule) {
                &mut behind
            } else {
                &mut front
            };
            place.push(wish);
        }
    }
    let rejects: Vec<String> = own
        .iter()
        .map(|address| format!("host replication {user} {address} reject"))
        .collect();
    let fronts = front.iter().map(|wish| &wish.rule);
    let closed = old.closed(rejects.iter().chain(&logins).chain(fronts));
    let context = |kept: &[String], behind: &[OwnRule]| {
        serde_json::json!({
            "node": node,
            "cluster": cluster.name,
            "superuser": view.platform.user,
            "user": user,
            "own": own,
            "logins": logins,
            "peers": front,
            "behind": behind,
            "method": method,
            "rules": view.node.hba,
            "kept": kept,
        })
    };
    let empty = (BTreeMap::new(), BTreeSet::new());
    let render = |kept: &[String], behind: &[OwnRule]| {
        let context = context(kept, behind);
        templates.render("pg_hba.conf.j2", context, &empty.0, &empty.1)
    };
    // What the template writes by itself is not kept a second time; the marker keeps the defaults of new servers out.
    let bare = render(&["#".to_owned()], &[])?;
    let kept = before
        .map(|source| kept_rules(view, source, &bare))
        .unwrap_or_default();
    let text = render(&kept.lines, &behind)?;
    for (at, line) in kept::written(&text) {
        if let HbaLine::Bad(problem) = hba::parse_line(cluster.major, line) {
            return Err(TemplateError {
                name: "pg_hba.conf.j2".into(),
                line: None,
                message: format!(
                    "PostgreSQL would not load line {at} of what it makes: {}",
                    problem.why
                ),
            });
        }
    }
    Ok(Rendered {
        effective: text.clone(),
        text,
        kept,
        closed,
        stays: Vec::new(),
    })
}
