//! The standbys, those nearest to the leader first: slot, copy, files, start, proof.

use std::collections::BTreeSet;

use crate::action::{Enable, MarkStandby, Register, Start, WaitStreaming};
use crate::facts::{Advice, Content, Facts, Process, WayBack, turned_away, way_back};
use crate::files;
use crate::inventory::NodeName;
use crate::plan::builder::{Builder, CopyFrom};
use crate::plan::converge::clone::{clone, source};
use crate::plan::converge::configure::{configure, passwords};
use crate::plan::converge::sensitive::loaded_sensitive;
use crate::plan::converge::slots::{drop_left, secure, streams, unsecured, wal_is_lost};
use crate::plan::converge::wanted::refuse;
use crate::plan::converge::{moved_wal, preflight};
use crate::plan::login::try_encryption;
use crate::plan::versions::odd_markers;
use crate::plan::{Role, space};
use crate::postgres::slot_name;
use crate::render::TemplateError;

pub(in crate::plan) fn standbys(b: &mut Builder) -> Result<(), TemplateError> {
    let all = b.standbys();
    let depths: BTreeSet<usize> = all.iter().map(|(depth, _)| *depth).collect();
    for depth in depths {
        let level: Vec<NodeName> = all
            .iter()
            .filter(|(d, _)| *d == depth)
            .map(|(_, name)| name.clone())
            .collect();
        for name in &level {
            passwords_and_slot(b, name)?;
        }
        b.next_phase();
        for name in &level {
            let upstream = upstream_of(b, name);
            if b.free(name) && streams(b, name, &upstream) {
                try_encryption(b, name, &upstream);
            }
        }
        b.next_phase();
        for name in &level {
            standby(b, name)?;
        }
        b.next_phase();
        for name in &level {
            prove(b, name);
        }
        b.next_phase();
        for name in &level {
            let upstream = upstream_of(b, name);
            moved_wal::drop_left(b, name, &upstream);
        }
        b.next_phase();
    }
    Ok(())
}

fn upstream_of(b: &Builder, name: &NodeName) -> NodeName {
    match b.role(name) {
        Role::Standby { upstream } => upstream,
        Role::Primary | Role::Pooler | Role::Hooks => b.leader.clone(),
    }
}

fn passwords_and_slot(b: &mut Builder, name: &NodeName) -> Result<(), TemplateError> {
    if !b.free(name) {
        return Ok(());
    }
    why_not(b, name);
    odd_markers(b, name);
    if !b.free(name) {
        return Ok(());
    }
    passwords(b, name)?;
    let upstream = upstream_of(b, name);
    if !b.cluster.replication.slots {
        return Ok(());
    }
    let instance = |facts: &Facts| matches!(facts.data.content, Content::Instance(_));
    let lost = |facts: &Facts| wal_is_lost(b.cluster, facts, name);
    if b.facts(name).is_some_and(instance) && b.facts(&upstream).is_some_and(lost) {
        b.block(
            name,
            format!("its slot on {upstream} has lost the WAL that it needs next, and there is no archive"),
            format!("pgrepl rebuild {name} --from primary"),
        );
    } else if b.free(&upstream) {
        secure(b, &upstream, name, &[]);
    } else if unsecured(b, &upstream, name).is_some() {
        b.block(
            name,
            format!("{name} needs a slot on {upstream}, which is left alone"),
            format!("make {upstream} part of the run"),
        );
    }
    Ok(())
}

/// Reasons to leave a standby alone: what stands there is not what a standby's data directory may be.
fn why_not(b: &mut Builder, name: &NodeName) {
    let Some(facts) = b.facts(name).cloned() else {
        return;
    };
    let path = &facts.data.path;
    let unit = b.platform(name).map(|platform| platform.unit);
    let unit = unit.filter(|unit| !unit.is_empty());
    let upstream = upstream_of(b, name);
    if let Some(Advice { message: why, help }) = turned_away(name, &facts) {
        b.block(name, why, help);
        return;
    }
    match &facts.data.content {
        Content::Foreign(names) => b.block(
            name,
            format!(
                "{path} holds something that is no PostgreSQL instance: {}",
                names.join(", ")
            ),
            format!("look at it: ssh {name} sudo ls -la {path}"),
        ),
        Content::Instance(_) if facts.process == Process::Busy => b.block(
            name,
            "its server starts or recovers and does not answer yet",
            format!(
                "ssh {name} sudo journalctl -n 20{}; then run this again",
                unit.map(|unit| format!(" -u {unit}")).unwrap_or_default()
            ),
        ),
        Content::Instance(_) if facts.server.is_none() => {
            let Some(leads) = b.facts(&b.leader) else {
                return;
            };
            let was = if facts.data.signals.standby {
                "standby"
            } else {
                "primary"
            };
            let why = match (way_back(leads, &facts), facts.data.signals.standby) {
                (WayBack::Attach, _) => return,
                // Starting it shows; recordings of servers without a history are no reason to stop.
                (WayBack::Unknown(_), true) if !facts.data.rewinding => return,
                (WayBack::Diverged { fork, end }, _) => format!(
                    "{} left its history at {fork}, and it went on to {end}",
                    b.leader
                ),
                (WayBack::Unknown(why), _) => why,
            };
            b.block(
                name,
                format!(
                    "{path} was a {was}'s and may hold commits that no other server has: {why}"
                ),
                format!(
                    "pgrepl rebuild {name}: it is rewound, or copied anew and the old one set aside"
                ),
            );
        }
        Content::Nothing => {
            if let Some(Advice { message, help }) = preflight::copy(b, name, &source(b, &upstream))
            {
                return b.block(name, message, help);
            }
            refuse(b, name);
            let mut needs = space::of_copy(b, name, &source(b, &upstream));
            if let Some(CopyFrom::Backup(backup)) = &b.copy_from {
                needs
                    .iter_mut()
                    .filter(|(place, _)| place == "data")
                    .for_each(|(_, bytes)| *bytes += backup.parts);
            }
            if let Some(Advice { message, help }) =
                space::lack(name, &facts, &space::begun(&facts, needs))
            {
                b.block(name, message, help);
            }
        }
        Content::Instance(_) if !streams(b, name, &upstream) => {
            let way = b.facts(&b.leader).map(|leads| way_back(leads, &facts));
            if let Some(WayBack::Diverged { fork, end }) = way {
                b.block(
                    name,
                    format!("{} left its history at {fork}, and it went on to {end}: it cannot stream any more", b.leader),
                    format!("pgrepl rebuild {name}: it is rewound, or copied anew and the old one set aside"),
                );
            }
        }
        Content::Instance(_) => {}
    }
    if b.free(name) && files::host(b.cluster, &b.world, name, &upstream).is_none() {
        b.block(
            name,
            format!("{name} does not know the address of {upstream}"),
            format!("hosts: {{ {upstream}: {{ address: … }} }}"),
        );
    }
}

/// One standby: what was found, and what it takes from there.
fn standby(b: &mut Builder, name: &NodeName) -> Result<(), TemplateError> {
    if !b.free(name) {
        return Ok(());
    }
    let upstream = upstream_of(b, name);
    let moves = moved_wal::moves(b, name, &upstream);
    let (Some(facts), Some(platform)) = (b.facts(name).cloned(), b.platform(name)) else {
        return Ok(());
    };
    let leader = b.leader.clone();
    let floors = b
        .facts(&leader)
        .map(|facts| loaded_sensitive(b.cluster.major, facts))
        .unwrap_or_default();
    let needs = [&upstream];
    match (&facts.data.content, &facts.server) {
        // Nothing here: copy from the upstream into staging, rename, configure, start.
        (Content::Nothing, _) => {
            if !facts.service.registered {
                b.step(
                    name,
                    Register {
                        unit: platform.unit.clone(),
                    },
                );
            }
            // One that was fenced does not start before.
            enable(b, name, &facts);
            clone(b, name, &upstream, &facts)?;
            configure(b, name, &floors, false, &[])?;
            b.step(
                name,
                Start {
                    unit: platform.unit.clone(),
                },
            )
            .after(&needs);
        }
        // A standby that runs: its files, and what makes it load them.
        (Content::Instance(_), Some(_)) => {
            enable(b, name, &facts);
            drop_left(b, name);
            configure(b, name, &floors, false, &[])?;
        }
        // A standby that was stopped: its files, then start.
        (Content::Instance(_), None) => {
            if let (false, Some(control), Some(marker)) = (
                facts.data.signals.standby,
                facts.data.control(),
                b.marker(name)?,
            ) {
                let mark = MarkStandby {
                    system_id: control.system_id,
                    checkpoint: Some(control.checkpoint),
                    marker,
                };
                let why = format!("{leader} has everything it had");
                b.step(name, mark).because(why).after(&needs);
            }
            enable(b, name, &facts);
            // It has not replayed yet that its primary's values went down.
            let mut own = floors.clone();
            for (parameter, value) in loaded_sensitive(b.cluster.major, &facts) {
                let floor = own.entry(parameter).or_insert(value);
                *floor = value.max(*floor);
            }
            configure(b, name, &own, false, &[])?;
            b.step(
                name,
                Start {
                    unit: platform.unit.clone(),
                },
            )
            .because(if moves {
                "with its WAL there"
            } else {
                "it is stopped"
            })
            .after(&needs);
            if own != floors {
                b.next_phase();
                configure(b, name, &floors, false, &[])?;
            }
            if moves {
                // The next one stops when this one streams.
                b.next_phase();
                prove(b, name);
                b.next_phase();
            }
        }
        (Content::Foreign(_), _) => {}
    }
    Ok(())
}

fn enable(b: &mut Builder, name: &NodeName, facts: &Facts) {
    if let (true, false, Some(platform)) = (
        facts.service.registered,
        facts.service.enabled,
        b.platform(name),
    ) {
        b.step(
            name,
            Enable {
                unit: platform.unit,
            },
        );
    }
}

/// The proof, asked of the sender: a server that started proves nothing.
fn prove(b: &mut Builder, name: &NodeName) {
    let upstream = upstream_of(b, name);
    if !b.free(name)
        || !b.free(&upstream)
        || b.facts(name).is_none_or(|facts| facts.server.is_none())
    {
        return;
    }
    if !streams(b, name, &upstream) {
        let wait = WaitStreaming {
            standby: name.clone(),
            slot: b
                .cluster
                .replication
                .slots
                .then(|| slot_name(name.as_str())),
            delayed: b.node(name).is_some_and(|node| node.apply_delay.is_some()),
            cascading: upstream != b.leader,
        };
        b.step(&upstream, wait).after(&[name]);
    }
}
