//! The managed files: what each holds on each node, from the inventory, the roles and what was there before.

use std::collections::BTreeSet;

use crate::postgres::owned::{When, owned};

use crate::inventory::{Role, Unmanaged};
use crate::postgres::conf::{self, ConfLine};
use crate::postgres::{parameters, slot_name};
use crate::render::{TemplateError, Templates};

pub mod address;
pub mod archive;
mod clients;
pub mod health;
mod kept;
mod logical;
mod own_login;
mod own_rules;
mod peers;
mod pg_hba;
pub mod recovery;
pub mod schedule;
mod source;
mod standby;
mod tool;

pub use crate::facts::digest;
pub use clients::{map_lines, rules_and_lines, rules_of};
pub use kept::{Kept, is_ours, kept_rules, kept_settings};
pub use logical::WAITED_FOR;
pub use own_login::own_conninfo;
pub use peers::{
    HIDDEN, Peer, addresses, host, own_keywords, pgpass_entries, primary_conninfo, verifies_name,
};

pub use pg_hba::pg_hba_conf;
pub use source::{Source, maps};
pub use standby::standby_marker;
pub use tool::{ToolConf, tool_conf};

mod view;

pub use view::View;

/// A rendered file with what became of the one before it.
pub struct Rendered {
    /// The whole text.
    pub text: String,
    /// What was kept and dropped.
    pub kept: Kept,
    /// The same with what it includes in its place.
    pub effective: String,
    /// Ways in that were open before and are closed by rules of pgrepl's own.
    pub closed: Vec<String>,
    /// Parameters whose value is said in what is kept, and nowhere behind it.
    pub stays: Vec<String>,
}

/// Renders postgresql.conf. `before` is the file on the host, or the one that stands in for it on a node that has none.
pub fn postgresql_conf(
    view: &View,
    templates: &Templates,
    before: Option<&Source>,
) -> Result<Rendered, TemplateError> {
    let cluster = view.cluster;
    let caps = cluster.major.caps();
    let kept = before
        .map(|source| kept_settings(view, source))
        .unwrap_or_default();
    let upstream = match view.role {
        Role::Standby { upstream } if caps.has_standby_signal => Some(upstream),
        _ => None,
    };
    let synchronous =
        (view.synchronous && cluster.replication.synchronous > 0 && *view.role == Role::Primary)
            .then(|| {
                // By name: the order in the file changes with the roles, and ANY knows none.
                let standbys: Vec<&str> = cluster
                    .nodes
                    .values()
                    .filter(|node| node.name != view.node.name && node.apply_delay.is_none())
                    .filter(|node| {
                        node.upstream
                            .as_ref()
                            .is_none_or(|upstream| *upstream == view.node.name)
                    })
                    .map(|node| node.name.as_str())
                    .collect();
                if let Some(loaded) = waits_for_others(view, &standbys) {
                    return loaded;
                }
                let names: Vec<String> = standbys
                    .into_iter()
                    .map(crate::postgres::sql::identifier)
                    .collect();
                let method = if caps.has_sync_methods { "ANY " } else { "" };
                format!(
                    "{method}{} ({})",
                    cluster.replication.synchronous,
                    names.join(", ")
                )
            });
    let ssl = view.platform.certificate.as_ref();
    let apart = !view.platform.config_inside();
    // What is included names other places for them.
    let moved = before
        .filter(|_| cluster.unmanaged == Unmanaged::Keep)
        .map(|source| source.included(cluster.major))
        .is_some_and(|said| {
            said.iter()
                .any(|(name, _)| matches!(name.as_str(), "hba_file" | "ident_file"))
        });
    let mut parameters = view.node.parameters.clone();
    if !caps.has_standby_signal {
        // It stands in recovery.conf.
        parameters.remove("restore_command");
    }
    // It is part of the connection string that follows from the roles.
    parameters.remove("primary_conninfo");
    logical::follow_roles(view, &mut parameters);
    let context = serde_json::json!({
        "node": view.node.name,
        "cluster": cluster.name,
        "kept": kept.lines,
        // Beside its data a configuration that named a place would name the wrong one wherever it is copied to.
        "data_directory": apart.then_some(&view.platform.data_directory),
        "names_files": apart || moved,
        "hba_file": view.platform.config("pg_hba.conf"),
        "ident_file": view.platform.config("pg_ident.conf"),
        "external_pid_file": view.platform.pid_file,
        "sockets": view.platform.sockets,
        "log_directory": view.platform.log_directory(),
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
        "archive_command": archive::archive_command(cluster),
        "restore_command": archive::restore_command(cluster, archive::Use::Standby),
        "summarizes_wal": caps.has_incremental_backups,
        "ssl_cert_file": ssl.map(|(certificate, _)| certificate),
        "ssl_key_file": ssl.map(|(_, key)| key),
        "parameters": parameters,
        "floors": view.floors,
    });
    let text = templates.render("postgresql.conf.j2", context, &parameters, &kept.settings)?;
    for (at, line) in kept::written(&text) {
        let message = match conf::parse(line).pop() {
            Some(ConfLine::Bad { .. }) => {
                format!("PostgreSQL would not read line {at} of what it makes")
            }
            Some(ConfLine::Setting { name, .. })
                if !name.contains('.')
                    && parameters::lookup(cluster.major, &name).is_none()
                    && owned(&name).is_none_or(|owned| owned.decided != When::Always) =>
            {
                format!(
                    "it writes `{name}`, which PostgreSQL {} does not have",
                    cluster.major
                )
            }
            _ => continue,
        };
        return Err(TemplateError {
            name: "postgresql.conf.j2".into(),
            line: None,
            message,
        });
    }
    let own: BTreeSet<String> = kept::written(&text)
        .flat_map(|(_, line)| conf::settings(line))
        .map(|(name, _)| name)
        .collect();
    let stays = kept.settings.difference(&own).cloned().collect();
    let effective = before.map(|source| source.resolved(cluster.major, &text));
    Ok(Rendered {
        effective: effective.unwrap_or_else(|| text.clone()),
        text,
        kept,
        closed: Vec::new(),
        stays,
    })
}

/// Returns `synchronous_standby_names` as it is loaded, if standbys confirm commits by other names than pgrepl's and not
/// enough stream by these yet: changed now, every commit would wait for them.
fn waits_for_others(view: &View, standbys: &[&str]) -> Option<String> {
    let server = view.world.facts(&view.node.name)?.server.as_ref()?;
    let loaded = &server.settings.get("synchronous_standby_names")?.setting;
    let streaming = |name: &&&str| {
        server
            .senders
            .iter()
            .any(|sender| sender.name == ***name && sender.state == "streaming")
    };
    let confirming = standbys.iter().filter(streaming).count();
    let few = confirming < view.cluster.replication.synchronous as usize;
    (few && !loaded.is_empty()).then(|| loaded.clone())
}
