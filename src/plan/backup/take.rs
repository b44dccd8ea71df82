//! Takes a backup.

use crate::action::{Checkpoint, TakeBackup, WaitStreaming};
use crate::backup::{Depth, Engine, engine, tools_with};
use crate::facts::Observation;
use crate::facts::leader::{Leader, leader};
use crate::inventory::{BackupFrom, Cluster, NodeName};
use crate::plan::backup::archiving::archives_elsewhere;
use crate::plan::backup::{compression, has_archive, program, refusal, wanted};
use crate::plan::builder::Builder;
use crate::plan::{Goal, Plan, PlanError, confined};
use crate::postgres::Major;
use crate::render::Templates;

/// Refuses a depth that an engine's backups of this version cannot have.
fn can_take(engine: &dyn Engine, depth: Depth, major: Major) -> Result<(), PlanError> {
    if engine.depths(major).contains(&depth) {
        return Ok(());
    }
    let (name, word) = (engine.name(), depth.word());
    let others = tools_with(depth, major);
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(", or {others}")
    };
    let mut newer = Major::all().filter(|one| *one > major);
    let message = match newer.find(|one| engine.depths(*one).contains(&depth)) {
        Some(first) => format!(
            "{name} takes no {word} backups of PostgreSQL {major}: of {first} and later it does"
        ),
        None if engine.depths(major) == [Depth::Full] => {
            format!("{name} takes full backups only")
        }
        None => format!("{name} takes no {word} backups"),
    };
    let deepest = engine.depths(major).last().unwrap_or(&Depth::Full);
    Err(refusal(
        message,
        format!("--type {}{others}", deepest.word()),
    ))
}

/// Plans one backup, for a run named `run`, on the wanted host or on the one the inventory prefers.
pub fn take(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    host: Option<&NodeName>,
    run: &str,
    depth: Depth,
) -> Result<Plan, PlanError> {
    let backup = wanted(cluster)?;
    let engine = engine(backup.tool);
    can_take(engine, depth, cluster.major)?;
    let lead = match leader(cluster.major, seen, &cluster.primary)? {
        Leader::Running(lead) => lead,
        Leader::Stopped(_) | Leader::New(_) => {
            return Err(refusal("no primary is running", "pgrepl apply"));
        }
    };
    let runs = |node: &NodeName| seen.facts(node).is_some_and(|facts| facts.server.is_some());
    let standby = || {
        cluster
            .in_order()
            .map(|node| &node.name)
            .find(|node| **node != lead && runs(node))
    };
    let node = match (host, backup.from) {
        (Some(host), _) => host.clone(),
        _ if !engine.backs_up_standbys() => lead.clone(),
        (None, BackupFrom::Standby) => standby().unwrap_or(&lead).clone(),
        (None, BackupFrom::Primary) => lead.clone(),
    };
    if let Some(other) = host.filter(|host| **host != lead && !engine.backs_up_standbys()) {
        let program = engine.name();
        return Err(refusal(
            format!(
                "{program} takes its backups where the primary is: expected {lead}, found {other}"
            ),
            format!("--host {lead}"),
        ));
    }
    let Some(facts) = seen.facts(&node).filter(|_| runs(&node)) else {
        return Err(refusal(
            format!("the server on {node} does not run"),
            "pgrepl status",
        ));
    };
    has_archive(
        seen,
        &node,
        facts.data.control().map(|control| control.system_id),
    )?;
    let server = seen.facts(&lead).and_then(|facts| facts.server.as_ref());
    if let Some(why) = server.and_then(|server| archives_elsewhere(cluster, server)) {
        return Err(refusal(
            format!("a backup would be worth nothing: {lead}: {why}"),
            "pgrepl apply",
        ));
    }
    let mut b = Builder::new(cluster, templates, seen, lead.clone(), None);
    let facts = b.facts(&lead);
    if facts.is_some_and(|facts| !program::is_set_up(engine, facts)) {
        return Err(refusal(
            format!("{} is not set up on {lead}", engine.name()),
            "pgrepl apply",
        ));
    }
    if depth == Depth::Incremental && node != lead {
        // A standby begins a backup at its last restartpoint, which must lie behind the end of the one before.
        b.step(&lead, Checkpoint {}).because("for a restartpoint");
        b.next_phase();
        let upstream = b.node(&node).and_then(|wish| wish.upstream.clone());
        let upstream = upstream.unwrap_or_else(|| lead.clone());
        let wait = WaitStreaming {
            standby: node.clone(),
            slot: None,
            delayed: false,
            cascading: upstream != lead,
        };
        b.step(&upstream, wait);
        b.next_phase();
    }
    let take = TakeBackup {
        tool: backup.tool,
        top: backup.top(&cluster.name),
        run: run.to_owned(),
        depth,
        compress: compression(cluster, seen).to_owned(),
    };
    b.step(&node, take);
    confined::tell(&mut b, &node);
    Ok(b.finish(Goal::Backup))
}
