//! The timers that take backups: on every host, because any of them may have the right role tomorrow.

use crate::action::backup::timer::TimerPaths;
use crate::action::{DropTimer, SetTimer};
use crate::backup::engine;
use crate::facts::{Advice, digest};
use crate::files::schedule::{program_path, unit_path, units};
use crate::inventory::NodeName;
use crate::plan::backup::compression;
use crate::plan::builder::Builder;

/// Plans the timers of all nodes.
pub(in crate::plan) fn timers(b: &mut Builder) {
    let nodes: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    for node in &nodes {
        timer(b, node);
    }
}

/// Leaves a host alone whose systemd does not understand the schedule.
pub(in crate::plan) fn refuse(b: &mut Builder) {
    let nodes: Vec<NodeName> = b.cluster.nodes.keys().cloned().collect();
    for node in &nodes {
        if let Some(Advice { message, help }) = refused(b, node) {
            b.block(node, message, help);
        }
    }
}

/// Says what a host's systemd has against the schedule.
pub(in crate::plan) fn refused(b: &Builder, node: &NodeName) -> Option<Advice> {
    let why = b.facts(node)?.schedule_refused.as_ref()?;
    let schedule = b.cluster.backup.as_ref()?.schedule.as_ref()?;
    let message = format!("its systemd does not understand backup.schedule {schedule:?}: {why}");
    // No quote can stand in it.
    let ask = format!("ssh {node} \"systemd-analyze calendar '{schedule}'\"");
    Some(Advice::new(message, ask))
}

fn timer(b: &mut Builder, node: &NodeName) {
    let (true, Some(facts), Some(platform)) = (b.free(node), b.facts(node), b.platform(node))
    else {
        return;
    };
    let name = &b.cluster.name;
    let paths = TimerPaths {
        program: program_path(name),
        service: unit_path(name, "service"),
        timer: unit_path(name, "timer"),
    };
    let is = |path: &str, text: &str| {
        facts
            .files
            .get(path)
            .is_some_and(|file| file.digest == digest(text))
    };
    let compress = compression(b.cluster, b.seen);
    let (Some(units), Some(backup)) = (
        units(b.cluster, node, &platform, compress),
        &b.cluster.backup,
    ) else {
        let there = [&paths.program, &paths.service, &paths.timer]
            .into_iter()
            .any(|path| facts.files.contains_key(path));
        if there {
            b.step(node, DropTimer { paths })
                .because("no schedule any more");
        }
        return;
    };
    let same = is(&paths.program, engine(backup.tool).scheduled())
        && is(&paths.service, &units.service)
        && is(&paths.timer, &units.timer)
        && facts.timer.as_ref().is_some_and(|timer| timer.active);
    // Only where there is a server, and so a user whom the service runs as.
    if same || facts.server.is_none() {
        return;
    }
    // Where another goal goes on all the same.
    if let Some(Advice { message, help }) = refused(b, node) {
        b.note(node, message, help);
        return;
    }
    if !facts.systemd {
        b.note(node, "there is no systemd: no backups by a timer", "");
        return;
    }
    let set = SetTimer {
        tool: backup.tool,
        schedule: backup.schedule.clone().unwrap_or_default(),
        paths,
        service: units.service,
        timer: units.timer,
    };
    b.step(node, set)
        .because("takes backups on whichever host has the role");
}
