//! After a restore that was killed: what it set aside gets its place again, told from the names on the hosts alone.

use crate::action::PutBack;
use crate::facts::{Content, Facts, Observation};
use crate::inventory::Cluster;
use crate::plan::builder::Builder;
use crate::plan::rebuild::request::refuse;
use crate::plan::{Goal, Plan, PlanError};
use crate::postgres::SystemId;
use crate::render::Templates;

/// Returns the moment of the last run that has set something aside.
pub fn newest(seen: &Observation) -> Option<&str> {
    let asides = seen.seen().flat_map(|(_, facts)| &facts.set_aside);
    asides.filter_map(|aside| aside.stamp()).max()
}

/// Plans to put back all that the last run has set aside.
///
/// It is refused once anything has come of that run: where a server writes, and where one holds other data already that is no
/// restored instance in the middle of its recovery. Who cannot be asked may be such a server.
pub fn put_back_last(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
) -> Result<Plan, PlanError> {
    if let Some((node, reason)) = seen.unseen().next() {
        let message = format!("{node} cannot be reached: it may lead with the restored data");
        return refuse(message, reason.help.clone());
    }
    let writes = |facts: &Facts| facts.primary().is_some();
    if let Some((node, _)) = seen.seen().find(|(_, facts)| writes(facts)) {
        let message = format!("{node} runs as primary: what is set aside is older than its data");
        return refuse(message, "pgrepl apply");
    }
    let newest = newest(seen);
    let id = |facts: &Facts| -> Option<SystemId> {
        let mount = facts.mount.as_ref();
        let control = facts.data.control().map(|control| control.system_id);
        control.or_else(|| mount?.archive_of)
    };
    let system_id = seen.seen().find_map(|(_, facts)| id(facts));
    let mut b = Builder::new(cluster, templates, seen, cluster.primary.clone(), None);
    for (node, facts) in seen.seen() {
        let path = &facts.data.path;
        let mut asides = facts.set_aside.iter();
        let aside = asides.find(|aside| newest.is_some() && aside.stamp() == newest);
        match (&facts.data.content, aside) {
            (Content::Foreign(_), Some(_)) => {
                return refuse(
                    format!("{path} of {node} holds something that is no PostgreSQL instance"),
                    format!("ssh {node} sudo ls -la {path}"),
                );
            }
            (Content::Instance(_), Some(aside)) if !facts.data.signals.recovery => {
                return refuse(
                    format!("{path} of {node} came after {}", aside.path),
                    "pgrepl apply",
                );
            }
            _ => {}
        }
        // A run may have been cut between its tablespaces and the data directory.
        let moved = |(_, place): &(String, String)| {
            place.contains(".pgrepl-") || place.contains("/.pgrepl/")
        };
        if aside.is_some() || facts.data.tablespaces.iter().any(moved) {
            let put_back = PutBack {
                aside: aside.map(|aside| aside.path.clone()),
                data_directory: path.clone(),
                system_id,
                before: None,
            };
            b.step(node, put_back);
        }
    }
    let plan = b.finish(Goal::Restore(cluster.primary.clone()));
    match plan.steps.is_empty() {
        true => refuse("no host has set anything aside", "pgrepl status"),
        false => Ok(plan),
    }
}
