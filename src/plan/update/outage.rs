//! For how long writers wait while the primary gets there, by either way, from what is seen before it is begun.

use crate::action::Action;
use crate::facts::server::Server;
use crate::facts::{Advice, Observation};
use crate::inventory::{Cluster, NodeName};
use crate::plan::Plan;
use crate::plan::update::parts::candidate;
use crate::plan::update::request::Part;

/// Says what either way costs those who write, where one of them is gone.
pub(super) fn outage(parts: &[Part], cluster: &Cluster, seen: &Observation) -> Vec<Advice> {
    let mut said = Vec::new();
    let leads = seen
        .seen()
        .find_map(|(node, facts)| Some((node, facts.primary()?)));
    let hands_over = parts.iter().any(|part| part.hands_over.is_some());
    let restarts = parts.iter().any(|part| restarts_primary(&part.plan));
    if let (Some((node, server)), true) = (leads, hands_over || restarts) {
        let to = candidate(cluster, seen, node, &[]);
        let over = to.as_ref().map(|to| by_switchover(node, to, server));
        let restart = by_restart(node, server);
        let help = match (hands_over, &over) {
            (true, _) => "--via restart restarts the primary instead",
            (false, Some(_)) => "--via switchover lets a standby take over instead",
            (false, None) => "",
        };
        let each: Vec<String> = over.into_iter().chain([restart]).collect();
        said.push(Advice::new(
            format!("writers wait: {}", each.join("; ")),
            help,
        ));
    }
    let wanted = cluster.replication.synchronous as usize;
    let standbys = cluster.nodes.len() - 1;
    if wanted > 0 && standbys <= wanted {
        said.push(Advice::new(
            "commits wait while a standby is restarted, too: all of them have to confirm each one",
            "",
        ));
    }
    said
}

fn by_switchover(node: &NodeName, to: &NodeName, server: &Server) -> String {
    let lacks = server.sender_to(to).and_then(|sender| sender.total);
    let lacks = match lacks {
        Some(0) => "which has replayed all".into(),
        Some(bytes) => format!(
            "which has {} still to replay",
            megabytes(bytes.unsigned_abs())
        ),
        None => "which does not stream at the moment".into(),
    };
    format!(
        "at a switchover about half a second until {node} is stopped and {to}, {lacks}, is promoted"
    )
}

/// A server that stops writes what is changed in memory: what was changed after the checkpoint that comes before it.
fn by_restart(node: &NodeName, server: &Server) -> String {
    let pages = server
        .settings
        .get("shared_buffers")
        .filter(|s| s.unit.as_deref() == Some("8kB"));
    let pages: Option<u64> = pages.and_then(|setting| setting.setting.parse().ok());
    let buffers = pages.map_or_else(String::new, |pages| {
        format!(
            ", and its {} of shared buffers are empty then",
            megabytes(pages << 13)
        )
    });
    let standbys = match server.senders.len() {
        0 => String::new(),
        1 => " and its standby connects anew".into(),
        n => format!(" and {n} standbys connect anew"),
    };
    format!(
        "at a restart of {node} about a second or more until it is stopped and started{standbys}{buffers}"
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1 << 20))
}

/// Says whether a plan restarts a server that leads.
fn restarts_primary(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| matches!(step.action, Action::Restart(_)) && step.node == plan.leader)
}
