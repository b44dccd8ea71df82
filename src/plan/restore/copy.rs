//! Restores a backup into a directory and a server of its own, beside a cluster that is left alone.

use crate::action::{RestoreCopy, SeeArchived, SwitchWal};
use crate::facts::backups::Backups;
use crate::facts::leader::{Leader, leader};
use crate::facts::{Advice, Observation};
use crate::files::recovery::{self, Target};
use crate::inventory::Cluster;
use crate::plan::backup::{can_restore, from_backup};
use crate::plan::builder::Builder;
use crate::plan::check::archived;
use crate::plan::converge::tablespaces;
use crate::plan::restore::beside::is_place;
use crate::plan::restore::chosen::{choose, follow, tell};
use crate::plan::restore::request::RestoreRequest;
use crate::plan::{Goal, Plan, PlanError, Refusal, confined, reach, space};
use crate::render::Templates;

/// Where a copy goes.
pub struct Aside<'a> {
    /// Its data directory.
    pub data_directory: &'a str,
    /// The port of its server.
    pub port: u16,
}

/// Plans the copy.
pub fn restore_copy(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    there: &Backups,
    wish: &RestoreRequest,
    aside: &Aside,
) -> Result<Plan, PlanError> {
    let refuse = |message: String, help: &str| {
        Err(PlanError::Refused(Refusal {
            message,
            details: Vec::new(),
            help: help.to_owned(),
        }))
    };
    let to = wish.to;
    let way = choose(cluster, there, wish)?;
    let backup = way.backup;
    let (Some(wanted), Some(facts)) = (&cluster.backup, seen.facts(to)) else {
        return refuse(format!("{to} could not be read"), "pgrepl status");
    };
    can_restore(seen, to, backup)?;
    tablespaces::origins(to, backup)?;
    let directory = aside.data_directory.trim_end_matches('/');
    let inside = |path: &str| {
        directory == path
            || directory.starts_with(&format!("{path}/"))
            || path.starts_with(&format!("{directory}/"))
    };
    let taken = [
        facts.data.path.as_str(),
        facts.data.real_path.as_str(),
        wanted.mount.as_str(),
    ];
    if !is_place(directory) {
        return refuse(
            format!("{directory:?} is no place for a data directory"),
            "--data-directory /srv/restored",
        );
    }
    if taken.iter().any(|path| inside(path))
        || facts.data.tablespaces.iter().any(|(_, path)| inside(path))
    {
        return refuse(
            format!("{directory} belongs to the cluster or to its backups"),
            "without --data-directory the cluster itself is restored",
        );
    }
    let mut disks = facts.disks.iter().chain(&facts.file_systems);
    if disks.any(|disk| disk.mounted_on == directory) {
        return refuse(
            format!(
                "{directory} is itself a mount point: what is made beside it could not be renamed to it"
            ),
            &format!("--data-directory {directory}/data"),
        );
    }
    if cluster
        .nodes
        .get(to)
        .is_some_and(|node| node.port == aside.port)
    {
        return refuse(
            format!("port {} is that of the cluster's own server", aside.port),
            "--port 5433",
        );
    }
    let place = |oid: &str, _: &str| format!("{directory}.tablespaces/{oid}");
    let mut needs = space::of_backup(there, backup, place);
    for (place, _) in needs.iter_mut().filter(|(place, _)| place == "data") {
        directory.clone_into(place);
    }
    if let Some(Advice { message, help }) = space::lack(to, facts, &needs) {
        return refuse(format!("cannot restore on {to}: {message}"), &help);
    }
    let recovery = match recovery::recovery(cluster, wish.target, follow(there, &way)) {
        Ok(recovery) => recovery,
        Err(why) => return refuse(why, "another target"),
    };
    let lead = leader(cluster.major, seen, &cluster.primary);
    let node = lead
        .as_ref()
        .map_or_else(|_| to.clone(), |lead| lead.node().clone());
    let mut b = Builder::new(cluster, templates, seen, node.clone(), None);
    confined::keeps_apart(seen, to, backup)?;
    confined::tell(&mut b, to);
    tell(&mut b, there, &way, wish.target);
    reach::tell(&mut b, seen, there, &way, wish.target)?;
    // The newest commits are in a segment that is not finished. A recovery to the end of a backup needs only one record
    // behind it to stop at, and without one it goes to the end of the WAL: for that nobody waits.
    let immediate = *wish.target == Target::Immediate;
    if let Ok(Leader::Running(_)) = &lead
        && !(immediate && reach::goes_on_behind(there, backup))
    {
        let why = if immediate {
            ""
        } else {
            "the archive reaches to now"
        };
        b.step(&node, SwitchWal {}).because(why);
        b.next_phase();
        if !immediate {
            let see = SeeArchived {
                place: archived(wanted, &cluster.name),
                seconds: 120,
            };
            b.step(to, see);
            b.next_phase();
        }
    }
    let copy = RestoreCopy {
        backup: from_backup(wanted, cluster, backup),
        tablespaces: backup.tablespaces.clone(),
        named: tablespaces::named(cluster, to),
        data_directory: directory.to_owned(),
        port: aside.port,
        marker: recovery.marker,
        recovery: recovery.settings,
        target: wish.target.to_string(),
        end: reach::last_segment(there, wish.target, way.timeline),
    };
    b.step(to, copy).because("the cluster is left alone");
    Ok(b.finish(Goal::Backup))
}
