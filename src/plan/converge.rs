//! Makes every server match the inventory.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::Builder;
use super::configure::{Floors, configure, loaded_sensitive, passwords, sensitive, wanted};
use super::{Goal, Plan, PlanError, Refusal, Role};
use crate::action::{
    BaseBackup, CreateSlot, DropSlot, Enable, EnsureRole, InitDb, InstallPackages, PlaceClone,
    Register, Start, WaitStreaming,
};
use crate::facts::leader::{Leader, leader};
use crate::facts::server::StoredPassword;
use crate::facts::{Content, Facts, Observation, Process};
use crate::files;
use crate::inventory::{Cluster, NodeName};
use crate::postgres::slot_name;
use crate::render::{TemplateError, Templates};

/// Plans what makes every server match; with `limit`, only these nodes are touched.
pub fn converge(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    limit: Option<&BTreeSet<NodeName>>,
) -> Result<Plan, PlanError> {
    if !cluster.major.caps().has_standby_signal {
        return Err(PlanError::Refused(Refusal {
            message: format!(
                "cannot set up PostgreSQL {}: its standbys need a recovery.conf, which pgrepl does not write",
                cluster.major
            ),
            details: Vec::new(),
            help: "version 12 and later are supported".into(),
        }));
    }
    let lead = leader(cluster.major, seen, &cluster.primary).map_err(|no| {
        PlanError::Refused(Refusal {
            message: no.message,
            details: no.details,
            help: no.help,
        })
    })?;
    let mut b = Builder::new(cluster, templates, seen, lead.node().clone(), limit);
    if b.leader != cluster.primary {
        let (leads, wished) = (b.leader.clone(), &cluster.primary);
        b.cluster_note(
            format!("{leads} leads, but the inventory says {wished}; the servers are planned as they are"),
            format!("swap the two names in the inventory: primary: {leads}, and {wished} among the standbys"),
        );
    }
    b.next_phase();
    for node in cluster.nodes.keys() {
        packages(&mut b, node);
        mount(&mut b, node);
    }
    b.next_phase();
    raise_standbys(&mut b)?;
    b.next_phase();
    lead_pass(&mut b, &lead, false)?;
    b.next_phase();
    standbys(&mut b)?;
    b.next_phase();
    lead_pass(&mut b, &lead, true)?;
    Ok(b.finish(Goal::Converge))
}

fn packages(b: &mut Builder, name: &NodeName) {
    let Some(facts) = b.facts(name).cloned() else {
        return;
    };
    let Some(platform) = b.platform(name) else {
        b.block(
            name,
            format!("{} is not supported", facts.os.name),
            "Debian and Ubuntu are",
        );
        return;
    };
    if !b.free(name) || facts.packages.server.is_some() {
        return;
    }
    let major = b.cluster.major;
    if !b.cluster.install {
        b.block(
            name,
            format!("PostgreSQL {major} is not installed"),
            "install it there, or allow `postgresql.install: true`",
        );
    } else if facts.packages.candidate.is_none() {
        b.block(
            name,
            format!("{} offers no package postgresql-{major}", facts.os.name),
            format!("add the PostgreSQL project's repository there: ssh {name} sudo /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh"),
        );
    } else {
        let others: Vec<&str> = facts.packages.others.iter().map(String::as_str).collect();
        let why = if others.is_empty() {
            String::new()
        } else {
            format!("installed are only {}", others.join(", "))
        };
        b.step(
            name,
            InstallPackages {
                packages: platform.packages,
                candidate: facts.packages.candidate.clone(),
            },
            why,
            &[],
        );
    }
}

fn mount(b: &mut Builder, name: &NodeName) {
    let Some(mount) = b.facts(name).and_then(|facts| facts.mount.clone()) else {
        return;
    };
    if !mount.mounted {
        b.note(
            name,
            format!("nothing is mounted on {}", mount.path),
            format!("ssh {name} findmnt {}", mount.path),
        );
    } else if mount.writable == Some(false) {
        b.note(
            name,
            format!("the service user may not write to {}", mount.path),
            format!("ssh {name} sudo chown postgres: {}", mount.path),
        );
    }
}

/// Values that must be raised are raised on running standbys before the primary has them.
fn raise_standbys(b: &mut Builder) -> Result<(), TemplateError> {
    let leader = b.leader.clone();
    let Some(goal) = wanted(b, &leader, &Floors::new(), false)?
        .map(|wanted| sensitive(b.cluster.major, &wanted))
    else {
        return Ok(());
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
            configure(b, &name, &most, false)?;
        } else {
            let list = low.into_iter().cloned().collect::<Vec<_>>().join(", ");
            b.block(
                &leader,
                format!("{list} must be raised on {name} first, which is left alone"),
                format!("make {name} reachable and part of the run"),
            );
        }
    }
    Ok(())
}

/// The leader: created, started, configured; its replication role. Once its standbys stream, commits may wait for them.
fn lead_pass(b: &mut Builder, lead: &Leader, last: bool) -> Result<(), TemplateError> {
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
        passwords(b, &name);
        if let Leader::New(_) = lead {
            let data_directory = platform.data_directory.clone();
            b.step(
                &name,
                InitDb {
                    data_directory,
                    checksums: true,
                },
                "no host has one",
                &[],
            );
        }
        if facts.service.registered && !facts.service.enabled {
            b.step(
                &name,
                Enable {
                    unit: platform.unit.clone(),
                },
                "",
                &[],
            );
        }
        drop_slots(b, &name);
    }
    configure(b, &name, &Floors::new(), synchronous)?;
    if b.facts(&name)
        .is_some_and(|facts| facts.process == Process::Stopped)
    {
        b.step(
            &name,
            Start {
                unit: platform.unit.clone(),
            },
            "",
            &[],
        );
    }
    replication_role(b, &name);
    Ok(())
}

fn replication_role(b: &mut Builder, name: &NodeName) {
    let Some(server) = b.facts(name).and_then(|facts| facts.server.as_ref()) else {
        return;
    };
    let scram = b.cluster.major.caps().has_scram;
    let role = server.role.as_ref();
    let stored = role.map_or(StoredPassword::None, |role| role.password);
    let (password, why) = match stored {
        StoredPassword::SameScram => (false, ""),
        StoredPassword::SameMd5 if !scram => (false, ""),
        StoredPassword::SameMd5 => (true, "its password is stored as md5"),
        StoredPassword::Differs => (true, "another password"),
        StoredPassword::None | StoredPassword::NotCompared => (true, ""),
    };
    let rights = role.is_some_and(|role| role.login && role.replication);
    if password || !rights {
        let action = EnsureRole {
            role: b.cluster.replication.user.clone(),
            exists: role.is_some(),
            password,
            scram,
        };
        b.step(name, action, why, &[]);
    }
}

/// Slots of standbys that left the inventory: our own pg_hba.conf still names them.
fn drop_slots(b: &mut Builder, name: &NodeName) {
    let (Some(facts), Some(platform)) = (b.facts(name), b.platform(name)) else {
        return;
    };
    let Some(server) = &facts.server else { return };
    let text = facts
        .files
        .get(&platform.config("pg_hba.conf"))
        .and_then(|file| file.content.clone())
        .unwrap_or_default();
    let user = &b.cluster.replication.user;
    let known: BTreeSet<String> = b
        .cluster
        .nodes
        .keys()
        .map(|node| slot_name(node.as_str()))
        .collect();
    let former: BTreeMap<String, String> = text
        .lines()
        .filter(|line| {
            text.contains(": written by pgrepl.")
                && line.starts_with("host    replication")
                && line.contains(user.as_str())
        })
        .filter_map(|line| line.rsplit_once("# "))
        .map(|(_, node)| (slot_name(node.trim()), node.trim().to_owned()))
        .filter(|(slot, _)| !known.contains(slot))
        .collect();
    let drops: Vec<(DropSlot, String)> = former
        .iter()
        .filter_map(|(slot, node)| {
            let found = server.slots.get(slot)?;
            Some((
                DropSlot {
                    slot: slot.clone(),
                    retained: found.retained,
                },
                node.clone(),
            ))
        })
        .collect();
    let idle: Vec<(String, Option<u64>)> = server
        .slots
        .iter()
        .filter(|(slot, state)| {
            !known.contains(*slot)
                && !former.contains_key(*slot)
                && !state.active
                && !state.temporary
        })
        .map(|(slot, state)| (slot.clone(), state.retained))
        .collect();
    for (action, node) in drops {
        b.step(
            name,
            action,
            format!("{node} left the inventory; that server itself is left alone"),
            &[],
        );
    }
    for (slot, retained) in idle {
        b.note(
            name,
            format!(
                "slot {slot} belongs to no host of the inventory and keeps {} bytes of WAL",
                retained.unwrap_or(0)
            ),
            format!("if nobody needs it: SELECT pg_drop_replication_slot('{slot}');"),
        );
    }
}

fn standbys(b: &mut Builder) -> Result<(), TemplateError> {
    let all = b.standbys();
    let depths: BTreeSet<usize> = all.iter().map(|(depth, _)| *depth).collect();
    for depth in depths {
        let level: Vec<NodeName> = all
            .iter()
            .filter(|(d, _)| *d == depth)
            .map(|(_, name)| name.clone())
            .collect();
        for name in &level {
            passwords_and_slot(b, name);
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
    }
    Ok(())
}

fn upstream_of(b: &Builder, name: &NodeName) -> NodeName {
    match b.role(name) {
        Role::Standby { upstream } => upstream,
        Role::Primary => b.leader.clone(),
    }
}

fn passwords_and_slot(b: &mut Builder, name: &NodeName) {
    if !b.free(name) {
        return;
    }
    why_not(b, name);
    if !b.free(name) {
        return;
    }
    passwords(b, name);
    let upstream = upstream_of(b, name);
    if !b.cluster.replication.slots {
        return;
    }
    let slot = slot_name(name.as_str());
    let has = b
        .facts(&upstream)
        .and_then(|facts| facts.server.as_ref())
        .map(|server| server.slots.contains_key(&slot));
    match has {
        Some(true) => {}
        _ if !b.free(&upstream) => b.block(
            name,
            format!("{name} needs a slot on {upstream}, which is left alone"),
            format!("make {upstream} part of the run"),
        ),
        _ => b.step(&upstream, CreateSlot { slot }, format!("for {name}"), &[]),
    }
}

/// Reasons to leave a standby alone: what stands there is not what a standby's data directory may be.
fn why_not(b: &mut Builder, name: &NodeName) {
    let Some(facts) = b.facts(name).cloned() else {
        return;
    };
    let path = &facts.data.path;
    let upstream = upstream_of(b, name);
    match &facts.data.content {
        Content::Foreign(names) => b.block(
            name,
            format!("{path} holds something that is no PostgreSQL instance: {}", names.join(", ")),
            format!("look at it: ssh {name} sudo ls -la {path}"),
        ),
        Content::Instance(_) if facts.process == Process::Busy => b.block(
            name,
            "its server starts or recovers and does not answer yet",
            format!("ssh {name} sudo journalctl -n 20 -u 'postgresql@*'; then run this again"),
        ),
        Content::Instance(_) if facts.server.is_none() && !facts.data.signals.standby => b.block(
            name,
            format!("{path} was a primary's: it may hold commits that no other server has"),
            format!("once you are sure that {} has everything: ssh {name} sudo mv {path} {path}.old; pgrepl apply", b.leader),
        ),
        Content::Nothing if facts.data.is_mount => b.block(
            name,
            format!("{path} is itself a mount point: a copy beside it could not be renamed into place"),
            format!("use a directory inside it: data_directory: {path}/data"),
        ),
        Content::Nothing => {
            let bytes = b.facts(&upstream).and_then(|facts| Some(facts.server.as_ref()?.database_bytes)).unwrap_or(0);
            if let Some(disk) = facts.disks.iter().find(|disk| disk.used_for == "data")
                && disk.free < bytes.saturating_add(bytes / 20)
            {
                b.block(
                    name,
                    format!("not enough space on {}: the copy takes about {bytes} bytes, {} are free", disk.mounted_on, disk.free),
                    format!("free some: ssh {name} df -h {}", disk.mounted_on),
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
    let (Some(facts), Some(platform)) = (b.facts(name).cloned(), b.platform(name)) else {
        return Ok(());
    };
    let upstream = upstream_of(b, name);
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
                    "",
                    &[],
                );
            }
            clone(b, name, &upstream, &facts);
            configure(b, name, &floors, false)?;
            b.step(
                name,
                Start {
                    unit: platform.unit.clone(),
                },
                "",
                &needs,
            );
        }
        // A standby that runs: its files, and what makes it load them.
        (Content::Instance(_), Some(_)) => {
            enable(b, name, &facts);
            configure(b, name, &floors, false)?;
        }
        // A standby that was stopped: its files, then start.
        (Content::Instance(_), None) => {
            enable(b, name, &facts);
            configure(b, name, &floors, false)?;
            b.step(
                name,
                Start {
                    unit: platform.unit.clone(),
                },
                "it is stopped",
                &needs,
            );
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
            "",
            &[],
        );
    }
}

fn clone(b: &mut Builder, name: &NodeName, upstream: &NodeName, facts: &Facts) {
    let Some(source) = b.facts(upstream).cloned() else {
        return;
    };
    let (Some(node), Some(platform)) = (b.node(name), b.platform(name)) else {
        return;
    };
    let role = b.role(name);
    let view = b.view(node, &role, &platform, BTreeMap::new(), false);
    let Some(conninfo) = files::primary_conninfo(&view, upstream) else {
        return;
    };
    let system_id = source
        .server
        .as_ref()
        .map(|server| server.system_id)
        .filter(|id| id.0 != 0);
    let why = match &facts.staging {
        Some(staging) if staging.complete => "the finished copy is used",
        _ if !facts.jobs.is_empty() => "it is running already and is joined",
        Some(_) => "a copy that was cut short begins again",
        None => "",
    };
    let copy = BaseBackup {
        source: upstream.clone(),
        conninfo,
        slot: b
            .cluster
            .replication
            .slots
            .then(|| slot_name(name.as_str())),
        system_id,
        bytes: source
            .server
            .as_ref()
            .map(|server| server.database_bytes)
            .filter(|bytes| *bytes > 0),
        free: facts
            .disks
            .iter()
            .find(|disk| disk.used_for == "data")
            .map(|disk| disk.free),
    };
    b.step(name, copy, why, &[upstream]);
    let place = PlaceClone {
        data_directory: platform.data_directory,
        source: upstream.clone(),
        system_id,
    };
    b.step(name, place, "", &[upstream]);
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
    let streams = b
        .facts(&upstream)
        .and_then(|facts| facts.server.as_ref())
        .is_some_and(|server| {
            server
                .senders
                .iter()
                .any(|sender| sender.name == name.as_str() && sender.state == "streaming")
        });
    if !streams {
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
        b.step(&upstream, wait, "", &[name]);
    }
}
