//! Brings a server back to a moment in the past, and everybody else after it.

use std::collections::BTreeMap;

use crate::action::{
    Enable, PlaceClone, Recover, Register, SeeArchived, SetAside, Stop, SwitchWal, UnpackBackup,
};
use crate::facts::backups::{Backup, Backups};
use crate::facts::leader::{Leader, leader};
use crate::facts::{Advice, Content, Facts, Observation, Process};
use crate::files::recovery::{self, Target};
use crate::inventory::{Cluster, Moment, NodeName};
use crate::plan::address::given_up;
use crate::plan::backup::archiving::archives_elsewhere;
use crate::plan::backup::{can_restore, from_backup};
use crate::plan::builder::Builder;
use crate::plan::check::archived;
use crate::plan::converge::clone::wal_place;
use crate::plan::converge::configure::{configure, configure_files};
use crate::plan::converge::passes::passes;
use crate::plan::converge::password::refuse_another;
use crate::plan::converge::prepare::prepare;
use crate::plan::converge::sensitive::Floors;
use crate::plan::converge::{preflight, tablespaces};
use crate::plan::hooks::{self, Change};
use crate::plan::restore::chosen::{follow, tell};
use crate::plan::restore::request::{RestoreRequest, refuse};
use crate::plan::{Goal, Plan, PlanError, Role, reach, space};
use crate::postgres::Timeline;
use crate::render::Templates;

pub mod beside;
pub(super) mod chosen;
pub mod copy;
pub mod put_back;
pub mod put_back_last;
pub mod request;

pub use crate::plan::restore::chosen::choose;

/// Plans a restore in place: the data of every server that has some is set aside.
pub fn restore(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    there: &Backups,
    wish: &RestoreRequest,
) -> Result<Plan, PlanError> {
    // What a restore that was begun brought back may have an older password.
    if seen.seen().all(|(_, facts)| facts.set_aside.is_empty()) {
        refuse_another(cluster, seen)?;
    }
    let to = wish.to;
    let way = choose(cluster, there, wish)?;
    let backup = way.backup;
    let Some(wanted) = &cluster.backup else {
        return refuse(
            "the inventory has no `backup:`",
            Vec::new(),
            "backup: { mount: /mnt/backups }",
        );
    };
    let recovery = match recovery::recovery(cluster, wish.target, follow(there, &way)) {
        Ok(recovery) => recovery,
        Err(why) => return refuse(why, Vec::new(), "another target"),
    };
    let mut b = Builder::new(cluster, templates, seen, to.clone(), None);
    // What every host needs comes first, as in `apply`; what that would leave alone is refused below.
    prepare(&mut b);
    let (Some(facts), Some(platform)) = (b.facts(to).cloned(), b.platform(to)) else {
        let (message, help) = b.blocked(to).map_or_else(
            || (format!("{to} could not be read"), format!("ssh {to} true")),
            |blocked| (format!("{to}: {}", blocked.message), blocked.help.clone()),
        );
        return refuse(message, Vec::new(), help);
    };
    for (node, facts) in seen.seen() {
        if let Some(control) = facts
            .data
            .control()
            .filter(|control| control.system_id != backup.system_id)
        {
            return refuse(
                format!(
                    "{node} holds another cluster: expected system identifier {}, found {}",
                    backup.system_id, control.system_id
                ),
                Vec::new(),
                "check the inventory",
            );
        }
    }
    // Asked before anything is stopped or set aside.
    can_restore(seen, to, backup)?;
    preflight::restore(&b, to, backup)?;
    if let Content::Foreign(_) = facts.data.content {
        return refuse(
            format!(
                "{} of {to} holds something that is no PostgreSQL instance",
                facts.data.path
            ),
            Vec::new(),
            format!("ssh {to} sudo ls -la {}", facts.data.path),
        );
    }
    let mapped = &cluster.nodes[to].tablespaces;
    let since = seen
        .seen()
        .flat_map(|(_, facts)| &facts.data.tablespaces)
        .find(|(oid, path)| {
            mapped.contains_key(path) && backup.tablespaces.iter().all(|(known, _)| known != oid)
        });
    if let Some((_, path)) = since {
        return refuse(
            format!(
                "the tablespace in {path} was made after backup {}: its WAL makes it there on {to} too, whatever `tablespaces:` says",
                backup.id
            ),
            Vec::new(),
            "a newer backup: --backup ID; or beside the cluster: --data-directory",
        );
    }
    let lead = leader(cluster.major, seen, &cluster.primary);
    let archives = match &lead {
        Ok(Leader::Running(lead)) => Some(lead).filter(|lead| archives(cluster, seen, lead)),
        _ => None,
    }
    .cloned();
    if let (Some(moment), Some(until)) = (wish.moment, there.wal_until)
        && moment > until
        && archives.is_none()
        && !lead
            .as_ref()
            .is_ok_and(|lead| reach::is_whole(seen, there, lead))
    {
        return refuse(
            format!("the archive ends before {}", wish.target),
            Vec::new(),
            "--latest, or a time that pgrepl backup list shows to be in the archive",
        );
    }
    if let Some(Advice { message, help }) = lack(cluster, seen, there, backup, to) {
        return refuse(
            format!("cannot restore on {to}: {message}"),
            Vec::new(),
            help,
        );
    }
    b.cluster_note(
        format!("backup {} of {} is restored and recovered to {}; what was committed later is only in the directories that are set aside", backup.id, backup.host, wish.target),
        String::new(),
    );
    if cannot_be_written(&facts) {
        b.cluster_note(
            format!("the mount of {to} is read-only: other hosts cannot see this restore"),
            "prune nothing meanwhile",
        );
    }
    tell(&mut b, there, &way, wish.target);
    let nobody = Observation::default();
    let archiving = if archives.is_some() { seen } else { &nobody };
    reach::tell(&mut b, archiving, there, &way, wish.target)?;
    for (node, reason) in seen.unseen() {
        b.cluster_note(
            format!("{node} cannot be reached: if it runs, it goes on with the old history"),
            reason.help.clone(),
        );
    }
    if let (None, Ok(Leader::Running(lead))) = (&archives, &lead) {
        b.cluster_note(
            format!("{lead} does not archive to {}: what it committed behind the end of the archive is only in the directory that is set aside", wanted.mount),
            String::new(),
        );
    }
    if let Some(lead) = archives.filter(|_| *wish.target != Target::Immediate) {
        // With a commit behind the target the recovery ends there; what waits to be archived is needed before anything stops.
        b.step(&lead, SwitchWal {})
            .because("the archive reaches to now");
        b.next_phase();
        let see = SeeArchived {
            place: archived(wanted, &cluster.name),
            seconds: 120,
        };
        b.step(to, see);
        b.next_phase();
    }
    let nodes: Vec<NodeName> = cluster.nodes.keys().cloned().collect();
    let everyone: Vec<&NodeName> = nodes.iter().collect();
    let led = led_before(cluster, seen, to);
    let change = led.as_ref().map(|from| Change { from, to });
    let demoted = change.filter(|change| runs(seen, change.from));
    let hooked = demoted.map(|change| hooks::run(&mut b, Moment::BeforeDemote, change, &everyone));
    let hooked = hooked.unwrap_or_default();
    // Nobody writes or follows while the past comes back.
    let everyone: Vec<&NodeName> = everyone.into_iter().chain(&hooked).collect();
    for node in &nodes {
        // Whatever went wrong until here ends it before anything stops.
        stop(&mut b, node, &everyone);
    }
    b.next_phase();
    let keep = keeps(&b, there, backup);
    for node in &nodes {
        if let Some(Advice { message, help }) = keep.get(node) {
            // Its old data stays where it is, and it is copied when there is room.
            b.block(node, message, help);
        } else {
            // While one of them still runs, nothing is taken from anybody.
            set_aside(&mut b, node, &everyone);
        }
    }
    b.next_phase();
    if !facts.service.registered {
        b.step(
            to,
            Register {
                unit: platform.unit.clone(),
            },
        );
    } else if !facts.service.enabled {
        let unit = platform.unit.clone();
        b.step(to, Enable { unit }).because("it is fenced");
    }
    let inside = platform.config_inside();
    if !inside {
        configure(&mut b, to, &Floors::new(), false, &[])?;
    }
    let places = backup.tablespaces.iter();
    let places = places.map(|(oid, path)| (oid.clone(), mapped.get(path).unwrap_or(path).clone()));
    let unpack = UnpackBackup {
        backup: from_backup(wanted, cluster, backup),
        tablespaces: places.collect(),
        named: tablespaces::named(cluster, to),
    };
    b.step(to, unpack)
        .because(format!("from {}", backup.host))
        .after(&everyone);
    let place = PlaceClone {
        data_directory: platform.data_directory.clone(),
        source: to.clone(),
        system_id: Some(backup.system_id),
        marker: recovery.marker.clone(),
        // Who wrote to it before it archives would lose that with the next try of a run that is killed.
        recovery: Some(format!("{}\nlisten_addresses = ''", recovery.settings)),
        wal: wal_place(&b, to, &facts),
    };
    b.step(to, place);
    if inside {
        configure_files(&mut b, to, &Floors::new(), false, &[])?;
    }
    let newest = seen
        .seen()
        .filter_map(|(_, facts)| facts.data.control().map(|control| control.timeline))
        .chain(there.histories.keys().copied())
        .chain([backup.timeline])
        .max()
        .unwrap_or(Timeline(1));
    let recover = Recover {
        target: wish.target.to_string(),
        end: reach::last_segment(there, wish.target, way.timeline),
        newest,
        marker: recovery.marker.name,
    };
    b.step(to, recover)
        .because("lets nobody in and archives nothing until it is done");
    b.next_phase();
    if let Some(change) = change {
        hooks::run(&mut b, Moment::AfterPromote, change, &[to]);
    }
    passes(&mut b, &Leader::Running(to.clone()))?;
    if let Some(change) = change {
        hooks::run(&mut b, Moment::AfterFollow, change, &[to]);
    }
    let plan = b.finish(Goal::Restore(to.clone()));
    preflight::replaced(&plan, to)?;
    Ok(plan)
}

/// Returns who led before a restore, if it makes another server the primary.
pub fn led_before(cluster: &Cluster, seen: &Observation, to: &NodeName) -> Option<NodeName> {
    let lead = leader(cluster.major, seen, &cluster.primary);
    let from = lead.map_or_else(|_| cluster.primary.clone(), |lead| lead.node().clone());
    (from != *to).then_some(from)
}

fn runs(seen: &Observation, node: &NodeName) -> bool {
    seen.facts(node)
        .is_some_and(|facts| facts.process != Process::Stopped)
}

/// Returns who is stopped and keeps its data, and why: who has no room for other data, and who follows one that will not be there.
fn keeps(b: &Builder, there: &Backups, backup: &Backup) -> BTreeMap<NodeName, Advice> {
    let mut keep = BTreeMap::new();
    // Those come first whom others follow.
    for (_, node) in b.standbys() {
        let Role::Standby { upstream } = b.role(&node) else {
            continue;
        };
        let away = if keep.contains_key(&upstream) {
            Some("keeps its data")
        } else if b.blocked(&upstream).is_some() {
            Some("is left alone")
        } else if b.facts(&upstream).is_none() {
            Some("cannot be reached")
        } else {
            None
        };
        let follows = away.map(|away| {
            Advice::new(
                format!("it follows {upstream}, which {away}: it keeps its data too"),
                format!("once {upstream} is a standby again: pgrepl rebuild {node}"),
            )
        });
        let why = lack(b.cluster, b.seen, there, backup, &node).or(follows);
        if let Some(why) = why {
            keep.insert(node, why);
        }
    }
    keep
}

/// Tells what a server has no room for, if it is to get the data of this backup: unpacked, or copied from who has it.
fn lack(
    cluster: &Cluster,
    seen: &Observation,
    there: &Backups,
    backup: &Backup,
    node: &NodeName,
) -> Option<Advice> {
    let facts = seen.facts(node)?;
    let mapped = &cluster.nodes.get(node)?.tablespaces;
    let place = |_: &str, path: &str| mapped.get(path).map_or(path, String::as_str).to_owned();
    let needs = space::of_backup(there, backup, place);
    space::lack(node, facts, &space::begun(facts, needs))
}

/// Says whether a primary archives to where the restore reads: where its last attempt failed, nobody waits for the next one.
/// One that a restore which was cut off has recovered archives nothing yet.
fn archives(cluster: &Cluster, seen: &Observation, lead: &NodeName) -> bool {
    let Some(facts) = seen.facts(lead) else {
        return false;
    };
    let elsewhere = |server| archives_elsewhere(cluster, server).is_some();
    if facts.server.as_ref().is_some_and(elsewhere) {
        return false;
    }
    let archiver = facts.server.as_ref().and_then(|s| s.archiver.as_ref());
    let fails = archiver.is_some_and(|archiver| {
        let good = archiver.last_archived_age_s;
        let bad = archiver.last_failed_age_s;
        bad.is_some_and(|bad| good.is_none_or(|good| good > bad))
    });
    !fails
        && facts
            .mount
            .as_ref()
            .is_some_and(|mount| mount.absence("").is_none())
        && !cannot_be_written(facts)
}

fn cannot_be_written(facts: &Facts) -> bool {
    facts
        .mount
        .as_ref()
        .is_some_and(|mount| mount.free == 0 || mount.writable == Some(false))
}

fn stop(b: &mut Builder, node: &NodeName, needs: &[&NodeName]) {
    let (Some(facts), Some(platform)) = (b.facts(node), b.platform(node)) else {
        return;
    };
    if let (true, Some(control)) = (facts.process != Process::Stopped, facts.data.control()) {
        let address = given_up(b, node);
        let stop = Stop {
            address,
            ..Stop::alone(platform.unit, control.system_id)
        };
        b.step(node, stop)
            .because("its history ends here")
            .after(needs);
    }
}

fn set_aside(b: &mut Builder, node: &NodeName, stopped: &[&NodeName]) {
    let (Some(facts), Some(platform)) = (b.facts(node), b.platform(node)) else {
        return;
    };
    if let Some(control) = facts.data.control() {
        let aside = SetAside {
            data_directory: platform.data_directory,
            system_id: control.system_id,
            tablespaces: tablespaces::of(Some(facts)),
        };
        b.step(node, aside)
            .because("kept until you delete it")
            .after(stopped);
    }
}
