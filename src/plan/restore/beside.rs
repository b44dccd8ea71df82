//! What may become of a directory beside the cluster: a copy goes only where nothing is, and only a copy is removed.

use crate::action::{Action, DropCopy, listing, removal};
use crate::facts::beside::Beside;
use crate::facts::leader::leader;
use crate::facts::{Facts, Observation};
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::Builder;
use crate::plan::rebuild::request::refuse;
use crate::plan::{Goal, Plan, PlanError};
use crate::postgres::SystemId;
use crate::render::Templates;

/// Says whether this can be the data directory of a copy: its units are named by it, so it has one spelling only.
pub(in crate::plan) fn is_place(directory: &str) -> bool {
    let odd = ["//", "/./", "/../"];
    let closed = format!("{directory}/");
    directory.starts_with('/')
        && !odd.iter().any(|odd| closed.contains(odd))
        && !directory.contains(char::is_control)
}

/// Refuses the plan of a copy whose directory or port somebody has; one that was cut goes on.
pub fn free(cluster: &Cluster, plan: &Plan, there: &Beside) -> Result<(), PlanError> {
    let copy = plan.steps.iter().find_map(|step| match &step.action {
        Action::RestoreCopy(copy) => Some((&step.node, copy)),
        _ => None,
    });
    let Some((node, copy)) = copy else {
        return Ok(());
    };
    let directory = &copy.data_directory;
    let goes_on = there.mark == copy.mark(&cluster.name) && (there.unit || there.placed);
    if there.content && !goes_on {
        return if there.is_copy_of(&cluster.name) {
            let message = format!("{directory} on {node} has another copy of the cluster");
            let removal = removal(directory, node);
            refuse(
                message,
                format!("another --data-directory; or, for it to go: {removal}"),
            )
        } else {
            let message = format!("{directory} on {node} is not empty");
            refuse(message, "--data-directory with a place that has nothing")
        };
    }
    if let Some((holder, free)) = &there.port
        && *holder != *directory
        && *holder != format!("{directory}.pgrepl-new/data")
    {
        let whose = match holder.as_str() {
            "" => "another server".to_owned(),
            holder => format!("the server in {holder}"),
        };
        let message = format!("{whose} has port {} on {node}", copy.port);
        return refuse(message, format!("--port {free}"));
    }
    Ok(())
}

/// Plans to remove a copy: nothing but what pgrepl has restored beside this cluster.
pub fn drop_copy(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    to: &NodeName,
    directory: &str,
    there: &Beside,
) -> Result<Plan, PlanError> {
    let Some(facts) = seen.facts(to) else {
        return refuse(format!("{to} could not be read"), "pgrepl status");
    };
    if !is_place(directory) {
        let message = format!("{directory:?} is no place for a data directory");
        return refuse(message, "pgrepl status");
    }
    let look = listing(directory, to);
    let own = [&facts.data.path, &facts.data.real_path];
    if own.contains(&&directory.to_owned()) {
        let message = format!("{directory} is the data directory of the cluster on {to}");
        return refuse(message, "pgrepl status");
    }
    if there.content && !there.is_copy_of(&cluster.name) {
        let what = match there.copy_of() {
            Some(other) => format!("is a copy of cluster {other}"),
            None => "does not have the mark of a copy".into(),
        };
        return refuse(format!("{directory} on {to} {what}"), look);
    }
    let known = |facts: &Facts| -> Option<SystemId> {
        let control = facts.data.control().map(|control| control.system_id);
        control.or_else(|| facts.mount.as_ref()?.archive_of)
    };
    let known: Vec<SystemId> = seen.seen().filter_map(|(_, facts)| known(facts)).collect();
    let mut system_id = None;
    if let Some((source, of)) = &there.staging {
        system_id = of.filter(|of| known.contains(of));
        if system_id.is_none() || !(source.is_empty() || source.starts_with("copy of backup ")) {
            let message = format!(
                "{directory}.pgrepl-new on {to} is not what a restore of this cluster left"
            );
            return refuse(message, look);
        }
    }
    // What was cut off behind its last file is still known.
    let is_known = facts.copies.iter().any(|copy| copy.directory == directory);
    if !there.content && there.staging.is_none() && !there.staging_empty && !is_known {
        let message = format!("there is no copy in {directory} on {to}");
        return refuse(message, "pgrepl status");
    }
    let lead = leader(cluster.major, seen, &cluster.primary);
    let lead = lead.map_or_else(|_| to.clone(), |lead| lead.node().clone());
    let mut b = Builder::new(cluster, templates, seen, lead, None);
    let backup = cluster.backup.as_ref();
    let step = DropCopy {
        data_directory: directory.to_owned(),
        system_id,
        archive: backup.map(|backup| backup.top(&cluster.name)),
    };
    b.step(to, step).because("the cluster is left alone");
    Ok(b.finish(Goal::Backup))
}
