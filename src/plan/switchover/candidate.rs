//! What the standby that is to lead must have before anything stops.

use crate::facts::server::Server;
use crate::facts::{Advice, Observation};
use crate::files::archive::programs;
use crate::inventory::{Cluster, NodeName};
use crate::plan::converge::sensitive::loaded_sensitive;
use crate::plan::space;
use crate::plan::switchover::checklist::Checks;
use crate::postgres::slot_name;

/// Checks that a standby has room for everyone who will follow it, and that nothing would keep it from working; `anew` gets its
/// own settings before it follows.
pub(in crate::plan) fn candidate_can_lead(
    checks: &mut Checks,
    cluster: &Cluster,
    seen: &Observation,
    standby: &Server,
    to: &NodeName,
    anew: Option<&NodeName>,
) {
    // Who will follow it: those who follow nobody in particular, and those who follow it already.
    let direct: Vec<&NodeName> = cluster
        .nodes
        .values()
        .filter(|node| node.name != *to && node.upstream.as_ref().is_none_or(|up| up == to))
        .map(|node| &node.name)
        .collect();
    let number = |name: &str| -> usize {
        standby
            .settings
            .get(name)
            .and_then(|setting| setting.setting.parse().ok())
            .unwrap_or(0)
    };
    let senders = number("max_wal_senders");
    let others = standby
        .senders
        .iter()
        .filter(|sender| !direct.iter().any(|node| node.as_str() == sender.name))
        .count();
    // One more, for whoever has to be copied.
    if senders < others + direct.len() + 1 {
        checks.forbid(
            format!(
                "{to} has max_wal_senders = {senders}, {others} are in use for others, and {} servers will follow it",
                direct.len()
            ),
            format!(
                "parameters: {{ max_wal_senders: {} }}, then pgrepl apply",
                others + direct.len() + 4
            ),
        );
    }
    let (slots, used) = (number("max_replication_slots"), standby.slots.len());
    let missing = direct
        .iter()
        .filter(|node| !standby.slots.contains_key(&slot_name(node.as_str())))
        .count();
    if cluster.replication.slots && slots < used + missing {
        checks.forbid(
            format!("{to} has max_replication_slots = {slots}, {used} are used and {missing} more are needed"),
            format!("parameters: {{ max_replication_slots: {} }}, then pgrepl apply", used + missing + 4),
        );
    }
    if let Some(names) = standby
        .settings
        .get("synchronous_standby_names")
        .filter(|names| !names.setting.is_empty())
    {
        checks.forbid(
            format!(
                "{to} has synchronous_standby_names = {}: as primary it would wait for them",
                names.setting
            ),
            "pgrepl plan",
        );
    }
    let Some(facts) = seen.facts(to) else { return };
    if !programs(cluster).is_empty() {
        match &facts.mount {
            Some(mount) if mount.mounted && mount.archive_of == Some(standby.system_id) => {}
            mount => {
                let why = mount
                    .as_ref()
                    .and_then(|mount| mount.absence(&format!(" of {to}")));
                let why = why.unwrap_or_else(|| format!("{to} does not have the archive"));
                checks.forbid(format!("{why}: its WAL would pile up"), "pgrepl status");
            }
        }
    }
    let leads = loaded_sensitive(cluster.major, facts);
    let follows = |node: &NodeName| node != to && Some(node) != anew;
    for (node, facts) in seen.seen().filter(|(node, _)| follows(node)) {
        for (name, has) in loaded_sensitive(cluster.major, facts) {
            if let Some(needs) = leads.get(&name).filter(|needs| has < **needs) {
                checks.forbid(
                    format!("{node} has {name} = {has}, less than {to} with {needs}: it could not follow"),
                    format!("give every server the same {name}, then pgrepl apply"),
                );
            }
        }
    }
    if let Some(Advice { message, help }) = space::to_lead(to, facts) {
        checks.forbid(message, help);
    }
}
