//! What was seen, as a table for people: roles, lag, slots, archiver, disk, and what is wrong.

use super::copy::copies;
use super::status_archive::line;
use super::status_server::{behind, server_troubles, show_log};
use super::stream::seen_by_others;
use super::style::{bytes, count, duration};
use super::trouble::Trouble;
use super::trouble::Urgency::{self, Archiving, Down, Rest, Space};
use crate::facts::leader::leader;
use crate::facts::rights::{lost, rights};
use crate::facts::{
    Advice, Content, Facts, Mount, Observation, Process, WayBack, turned_away, way_back,
};
use crate::inventory::{Cluster, NodeName};
use crate::plan::backup::archiving::archives_not;
use crate::plan::{address, clients};
use crate::report::status_document::Status;

/// Concludes a status from what was seen.
pub fn conclude<'a>(cluster: &'a Cluster, seen: &'a Observation) -> Status<'a> {
    let lead = leader(cluster.major, seen, &cluster.primary);
    let leader = lead.as_ref().ok().map(|lead| lead.node().clone());
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    if let Err(no) = &lead {
        let (message, help) = (no.message.clone(), no.help.clone());
        problems.push(Trouble::new(&cluster.primary, message, help).urgent(Down));
    }
    for name in cluster.in_order().map(|node| &node.name) {
        let mut add = |urgency, message: String, help: String| {
            problems.push(Trouble::new(name, message, help).urgent(urgency));
        };
        if let Some((_, reason)) = seen.unseen().find(|(unseen, _)| *unseen == name) {
            let others = seen_by_others(cluster, seen, leader.as_ref(), name);
            let others = others.map_or_else(String::new, |others| format!("; {others}"));
            add(
                Down,
                format!("{}{others}", reason.message),
                reason.help.clone(),
            );
            continue;
        }
        let Some(facts) = seen.facts(name) else {
            continue;
        };
        notes.extend(copies(cluster, name, facts));
        notes.extend(behind(cluster, seen, name, facts));
        host_troubles(cluster, seen, name, facts, leader.as_ref(), &mut add);
    }
    let of_clients = match &leader {
        Some(leader) => [
            clients::troubles(cluster, seen, leader),
            address::troubles(cluster, seen, leader),
        ]
        .concat(),
        None => address::doubled(cluster, seen),
    };
    for (name, Advice { message, help }) in of_clients {
        problems.push(Trouble::new(&name, message, help).urgent(Down));
    }
    let run = seen.seen().find_map(|(_, facts)| facts.run.clone());
    let lead = leader.as_ref().and_then(|leader| seen.facts(leader));
    let lead = lead.and_then(|facts| facts.server.as_ref());
    let archive = lead.map_or_else(String::new, |server| line(cluster, server, None));
    let mut status = Status {
        format_version: "1.0",
        cluster: &cluster.name,
        leader,
        hosts: seen,
        backups: None,
        archive,
        run,
        problems: Vec::new(),
        notes,
    };
    problems
        .into_iter()
        .for_each(|problem| status.push(problem));
    status
}

fn host_troubles(
    cluster: &Cluster,
    seen: &Observation,
    name: &NodeName,
    facts: &Facts,
    leader: Option<&NodeName>,
    add: &mut dyn FnMut(Urgency, String, String),
) {
    let apply = || "pgrepl apply".to_owned();
    if let Some(step) = &facts.at_work {
        add(
            Rest,
            format!("a step of a run that is gone is still at work: {step}"),
            "pgrepl status --watch".into(),
        );
    }
    match (&facts.data.content, &facts.server) {
        // Where nobody leads, the reason for that helps.
        (Content::Nothing, _) => {
            let help = leader.map_or_else(String::new, |_| apply());
            add(Down, "holds no instance".into(), help)
        }
        (Content::Foreign(_), _) => add(
            Down,
            format!("{} holds something else than PostgreSQL", facts.data.path),
            format!("ssh {name} sudo ls -la {}", facts.data.path),
        ),
        (Content::Instance(_), None) if facts.process == Process::Busy => {
            let words = facts.turned_away.as_ref().map(|away| &away.words);
            let words = words.map_or_else(String::new, |words| format!(": {words}"));
            add(
                Down,
                format!("starts or recovers, and answers no SQL{words}"),
                "pgrepl status --watch".into(),
            )
        }
        (Content::Instance(_), None) if facts.process == Process::Running => {
            // Where it is the reason that nobody leads, it is told already.
            if let Some(Advice { message, help }) = turned_away(name, facts)
                && (leader.is_some() || facts.data.signals.standby)
            {
                add(Down, message, help)
            }
        }
        (Content::Instance(_), None) => {
            let lost = leader.filter(|leader| *leader != name).and_then(|leader| {
                match way_back(seen.facts(leader)?, facts) {
                    WayBack::Diverged { fork, .. } => {
                        Some(format!("its history left that of {leader} at {fork}"))
                    }
                    WayBack::Unknown(why) => Some(why),
                    WayBack::Attach => None,
                }
            });
            let fenced = if facts.service.start == "disabled" {
                ", and fenced: its service is disabled"
            } else {
                ""
            };
            match lost {
                Some(why) => add(
                    Down,
                    format!("its server is stopped{fenced}; {why}"),
                    format!("pgrepl rebuild {name}"),
                ),
                // What an update has installed may keep it from starting.
                None if facts.packages_held => {
                    let help = "pgrepl update".into();
                    add(Down, format!("its server is stopped{fenced}"), help);
                }
                None => add(Down, format!("its server is stopped{fenced}"), apply()),
            }
        }
        (Content::Instance(_), Some(server)) => {
            server_troubles(cluster, seen, name, (facts, server), leader, add)
        }
    }
    for disk in facts.disks_in_use() {
        if disk.size > 0 && disk.free * 10 < disk.size {
            add(
                Space,
                format!(
                    "{} has {} of {} left",
                    disk.mounted_on,
                    bytes(disk.free),
                    bytes(disk.size)
                ),
                format!("ssh {name} df -h {}", disk.mounted_on),
            );
        }
    }
    let recovers =
        facts.data.signals.recovery && facts.server.as_ref().is_none_or(|s| s.in_recovery);
    let last = facts
        .set_aside
        .iter()
        .filter_map(|aside| aside.stamp())
        .max();
    for aside in &facts.set_aside {
        let (path, stamp) = (&aside.path, aside.stamp());
        if stamp.is_none() {
            let help = format!("for the reason to be looked for: ssh {name} sudo du -sh {path}");
            add(
                Space,
                format!("{path} is what a failed run had made, and takes space"),
                help,
            );
        } else if stamp == last && (facts.data.content == Content::Nothing || recovers) {
            let what = if recovers {
                "what is in its place has not recovered"
            } else {
                "nothing has replaced it yet"
            };
            let help = match leader {
                Some(_) => apply(),
                None => "the same restore again; or put back what was there on every host: pgrepl restore --put-back".into(),
            };
            add(Down, format!("{path} is set aside, and {what}"), help);
        } else {
            // It may be the only place that holds what was committed there; what a failed run left is all there is.
            let help =
                format!("it may hold commits that no server has: ssh {name} sudo du -sh {path}");
            add(Space, format!("{path} is set aside and takes space"), help);
        }
    }
    if let Some(Advice { message, help }) = rights(seen, name, leader).or_else(|| lost(name, facts))
    {
        add(Archiving, message, help);
    } else if let Some(mount) = &facts.mount {
        mount_troubles(name, mount, add);
    }
    archive_troubles(cluster, name, facts, add);
}

fn mount_troubles(name: &NodeName, mount: &Mount, add: &mut dyn FnMut(Urgency, String, String)) {
    if let Some(absence) = mount.absence("") {
        let help = if mount.stale {
            format!("ssh {name} grep {} /proc/mounts", mount.path)
        } else {
            format!("ssh {name} sudo mount {}", mount.path)
        };
        add(Archiving, absence, help);
    } else if mount.size > 0 && mount.free * 10 < mount.size
        || mount.free_inodes.is_some_and(|free| free < 1000)
    {
        let (free, size) = (bytes(mount.free), bytes(mount.size));
        let few = mount.free_inodes.filter(|free| *free < 1000);
        let few = few.and_then(|free| usize::try_from(free).ok());
        let files = few.map_or_else(String::new, |free| {
            format!(" and takes {}", count(free, "more file"))
        });
        add(
            Space,
            format!("{} has {free} of {size} left{files}", mount.path),
            "pgrepl backup prune".into(),
        );
    }
}

/// WAL that piles up, and scheduled backups that went wrong.
fn archive_troubles(
    cluster: &Cluster,
    name: &NodeName,
    facts: &Facts,
    add: &mut dyn FnMut(Urgency, String, String),
) {
    if let Some(server) = &facts.server
        && let Some(why) = archives_not(cluster, server)
    {
        add(Archiving, why, "pgrepl apply".into());
    }
    if let Some(server) = &facts.server
        && let Some(archiver) = &server.archiver
        && let (Some(failed), Some(age)) = (&archiver.last_failed, archiver.last_failed_age_s)
        && archiver.last_archived_age_s.is_none_or(|good| good > age)
    {
        let mut said = format!("archiving {failed} failed {} ago", duration(age));
        let waiting = server.archive_waiting.unwrap_or(0);
        let size = facts
            .data
            .control()
            .map_or(16 << 20, |control| control.wal_segment_size);
        let disk = facts.disks.iter().find(|disk| disk.used_for == "data");
        if waiting > 0 {
            let files = usize::try_from(waiting).unwrap_or(usize::MAX);
            let verb = if waiting == 1 { "waits" } else { "wait" };
            said += &format!("; {} {verb}", count(files, "WAL file"));
        }
        if let (Some(disk), Some(since), true) = (disk, facts.archive_waits_s, waiting > 1) {
            // At the pace of the time since the oldest of them was ready.
            let left = disk.free / (waiting * size / since.max(1)).max(1);
            said += &format!(", and at this pace the disk is full in {}", duration(left));
        }
        add(Archiving, said, show_log(cluster, facts, name));
    }
    let Some(timer) = &facts.timer else {
        let scheduled = cluster.backup.as_ref().and_then(|b| b.schedule.as_ref());
        if scheduled.is_some() && facts.systemd && facts.server.is_some() {
            let message = "the timer of backups is not set up: no backups are taken from here";
            add(Archiving, message.into(), "pgrepl apply".into());
        }
        return;
    };
    let unit = format!("pgrepl-{}-backup", cluster.name);
    if timer.failed {
        let last = timer.last.as_deref().unwrap_or("never ended");
        add(
            Archiving,
            format!("its scheduled backup failed: {last}"),
            format!("ssh {name} sudo journalctl -n 20 -u {unit}.service"),
        );
    } else if !timer.active {
        add(
            Archiving,
            "the timer of backups does not run".into(),
            "pgrepl apply".into(),
        );
    }
}
