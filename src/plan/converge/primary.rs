//! The server that leads, and what of its standbys must come before it.

use crate::action::{Enable, Start};
use crate::facts::leader::Leader;
use crate::facts::{Advice, Process};
use crate::inventory::NodeName;
use crate::plan::backup::program;
use crate::plan::builder::Builder;
use crate::plan::converge::configure::{configure, passwords, wanted};
use crate::plan::converge::made::new_cluster;
use crate::plan::converge::prepare::archive;
use crate::plan::converge::sensitive::{Floors, loaded_sensitive};
use crate::plan::converge::slots::drop_left;
use crate::plan::converge::wanted::sensitive;
use crate::plan::converge::{password, preflight};
use crate::plan::versions::odd_markers;
use crate::render::TemplateError;

/// Values that must be raised are raised on running standbys before the primary has them; returns those standbys.
pub(in crate::plan) fn raise_standbys(b: &mut Builder) -> Result<Vec<NodeName>, TemplateError> {
    let leader = b.leader.clone();
    let mut raised = Vec::new();
    let Some(goal) = wanted(b, &leader, &Floors::new(), false)?
        .map(|wanted| sensitive(b.cluster.major, &wanted))
    else {
        return Ok(raised);
    };
    let now = b
        .facts(&leader)
        .map(|facts| loaded_sensitive(b.cluster.major, facts))
        .unwrap_or_default();
    let most: Floors = goal
        .iter()
        .map(|(name, goal)| (name.clone(), *goal.max(now.get(name).unwrap_or(&0))))
        .collect();
    for (_, name) in b.standbys() {
        let Some(facts) = b.facts(&name).filter(|facts| facts.server.is_some()) else {
            continue;
        };
        let has = loaded_sensitive(b.cluster.major, facts);
        let low: Vec<&String> = goal
            .iter()
            .filter(|(parameter, goal)| has.get(*parameter).is_some_and(|has| has < goal))
            .map(|(parameter, _)| parameter)
            .collect();
        if low.is_empty() {
            continue;
        }
        if b.free(&name) {
            configure(b, &name, &most, false, &[])?;
            raised.push(name);
        } else {
            let list = low.into_iter().cloned().collect::<Vec<_>>().join(", ");
            b.block(
                &leader,
                format!("{list} must be raised on {name} first, which is left alone"),
                format!("make {name} reachable and part of the run"),
            );
        }
    }
    Ok(raised)
}

/// The leader: created, started, configured; its replication role. Once its standbys stream, commits may wait for them.
pub(in crate::plan) fn lead_pass(
    b: &mut Builder,
    lead: &Leader,
    raised: &[NodeName],
    last: bool,
) -> Result<(), TemplateError> {
    let name = b.leader.clone();
    if !b.free(&name) {
        return Ok(());
    }
    let (Some(facts), Some(platform)) = (b.facts(&name).cloned(), b.platform(&name)) else {
        return Ok(());
    };
    let waits_already = facts
        .server
        .as_ref()
        .and_then(|s| s.settings.get("synchronous_standby_names"))
        .is_some_and(|s| !s.setting.is_empty());
    let streaming = facts.server.as_ref().map_or(0, |server| {
        server
            .senders
            .iter()
            .filter(|s| s.state == "streaming")
            .count()
    });
    let synchronous = waits_already || streaming >= b.cluster.replication.synchronous as usize;
    if !last {
        odd_markers(b, &name);
        passwords(b, &name)?;
        if let Leader::New(_) = lead {
            if let Some(Advice { message, help }) = preflight::new_cluster(b, &name, &facts) {
                b.block(&name, message, help);
                return Ok(());
            }
            let step = new_cluster(b, &name, &platform.data_directory, &facts);
            b.step(&name, step).because("no host has one");
        }
        archive(b, &name);
        if !b.free(&name) {
            return Ok(());
        }
        if facts.service.registered && !facts.service.enabled {
            b.step(
                &name,
                Enable {
                    unit: platform.unit.clone(),
                },
            );
        }
        drop_left(b, &name);
    }
    let needs: Vec<&NodeName> = raised.iter().collect();
    configure(b, &name, &Floors::new(), synchronous, &needs)?;
    if b.facts(&name)
        .is_some_and(|facts| facts.process == Process::Stopped)
    {
        b.step(
            &name,
            Start {
                unit: platform.unit.clone(),
            },
        );
    }
    password::replication_role(b, &name);
    program::prepare(b, &name);
    Ok(())
}
