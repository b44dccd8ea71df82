//! Makes every server match the inventory.

use std::collections::{BTreeMap, BTreeSet};

use super::adoption;
use super::builder::Builder;
use super::clone::{wal_elsewhere, wal_place};
use super::configure::{configure, passwords, wanted};
use super::cut_off;
use super::engines;
use super::firewall;
use super::password;
use super::port::ports;
use super::schedule::timers;
use super::sensitive::{Floors, loaded_sensitive, sensitive};
use super::slots::{drop_left, drop_stale};
use super::space::{self, to_stop};
use super::standbys::standbys;
use super::tablespaces::named;
use super::versions::{odd_markers, versions};
use super::wanted::refuse;
use super::{Goal, Plan, PlanError, risks};
use crate::action::{Action, Enable, InitDb, InstallPackages, PrepareMount, Start};
use crate::facts::leader::{Leader, leader};
use crate::facts::rights::{lost, rights};
use crate::facts::{Mount, Observation, Process};
use crate::files::archive::programs;
use crate::inventory::{Cluster, NodeName};
use crate::postgres::SystemId;
use crate::render::{TemplateError, Templates};

/// Plans what makes every server match; with `limit`, only these nodes are touched.
pub fn converge(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    limit: Option<&BTreeSet<NodeName>>,
) -> Result<Plan, PlanError> {
    let plan = converge_but(cluster, templates, seen, limit, &BTreeMap::new())?;
    // Who would be restarted and has no room for its last checkpoint is left alone.
    let restarts = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Restart(_)));
    let full: BTreeMap<NodeName, (String, String)> = restarts
        .filter_map(|step| {
            Some((
                step.node.clone(),
                to_stop(&step.node, seen.facts(&step.node)?)?,
            ))
        })
        .collect();
    if full.is_empty() {
        return Ok(plan);
    }
    converge_but(cluster, templates, seen, limit, &full)
}

/// Plans what makes every server match but those that must be left alone, with why and what to type.
fn converge_but(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    limit: Option<&BTreeSet<NodeName>>,
    alone: &BTreeMap<NodeName, (String, String)>,
) -> Result<Plan, PlanError> {
    let lead = leader(cluster.major, seen, &cluster.primary)?;
    let mut b = Builder::new(cluster, templates, seen, lead.node().clone(), limit);
    for (node, (message, help)) in alone {
        b.block(node, message, help);
    }
    if b.leader != cluster.primary {
        let (leads, wished) = (b.leader.clone(), &cluster.primary);
        b.cluster_note(
            format!("{leads} leads, but the inventory says {wished}; the servers are planned as they are"),
            format!("swap the two names in the inventory: primary: {leads}, and {wished} among the standbys; or switch back: pgrepl switchover --to {wished}"),
        );
    }
    adoption::losses(&b)?;
    password::not_compared(&mut b);
    engines::notes(&mut b, cluster);
    versions(&mut b);
    for node in cluster.nodes.keys() {
        refuse(&mut b, node);
        wal_elsewhere(&mut b, node);
    }
    cut_off::tell(&mut b, seen.unseen().map(|(node, _)| node).next());
    risks::tell(&mut b);
    prepare(&mut b);
    passes(&mut b, &lead)?;
    Ok(b.finish(Goal::Converge))
}

/// What each host needs before anything else is done there; one that cannot have it is left alone.
pub(super) fn prepare(b: &mut Builder) {
    ports(b);
    b.next_phase();
    for node in b.cluster.nodes.keys() {
        space::unmounted(b, node);
        packages(b, node);
        engines::install(b, node);
        mount(b, node);
    }
    b.next_phase();
}

/// The passes over all servers, each planned on the world that the ones before it leave: every goal ends with them.
pub(super) fn passes(b: &mut Builder, lead: &Leader) -> Result<(), PlanError> {
    if b.words.is_empty() {
        cut_off::tell(b, None);
    }
    ports(b);
    firewall::open(b);
    let rotates = password::is_another(b);
    let raised = raise_standbys(b)?;
    b.next_phase();
    lead_pass(b, lead, &raised, false)?;
    b.next_phase();
    standbys(b)?;
    b.next_phase();
    if rotates {
        password::prove_another(b);
    }
    lead_pass(b, lead, &raised, true)?;
    b.next_phase();
    drop_stale(b);
    timers(b);
    firewall::close(b);
    b.next_phase();
    Ok(())
}

fn packages(b: &mut Builder, name: &NodeName) {
    let Some(facts) = b.facts(name).cloned() else {
        return;
    };
    let Some(platform) = b.platform(name) else {
        b.block(
            name,
            format!("{} is not supported", facts.os.name),
            "Debian, the RHEL family and their relatives are; for others say where it lives: postgresql: { platform: … }",
        );
        return;
    };
    if let Some(path) = facts.unread.first() {
        let user = &platform.user;
        if path.contains(|c: char| c.is_control() || c == '\\') {
            b.block(
                name,
                format!("the name of {path} has a tab, the end of a line or a backslash in it: it was not read"),
                format!("ssh {name}, and give it another name"),
            );
            return;
        }
        b.block(
            name,
            format!("{user} cannot read {path}: nor can the server, and it is not taken for what is not there"),
            format!("ssh {name} sudo ls -lL {path}; then let {user} read it, or remove it"),
        );
        return;
    }
    if let Some(strange) = &facts.packages.strange {
        let bindir = &platform.bindir;
        b.block(
            name,
            format!("the programs in {bindir} are not root's alone: {strange}"),
            format!("ssh {name} sudo chown -R root:root {bindir}/..; ssh {name} namei -mo {bindir}/postgres shows the rest"),
        );
        return;
    }
    if !b.free(name) || facts.packages.server.is_some() || facts.packages.installed_next {
        return;
    }
    let major = b.cluster.major;
    if !b.cluster.install {
        b.block(
            name,
            format!("PostgreSQL {major} is not installed"),
            "install it there, or allow `postgresql.install: true`",
        );
    } else if platform.packages.is_empty() {
        b.block(
            name,
            format!("there is no PostgreSQL {major} in {}", platform.bindir),
            "install it there: where the inventory says where it lives, pgrepl installs nothing",
        );
    } else {
        let others: Vec<&str> = facts.packages.others.iter().map(String::as_str).collect();
        let mut why = Vec::new();
        if !others.is_empty() {
            why.push(format!("installed are only {}", others.join(", ")));
        }
        if facts.packages.candidate.is_none() {
            why.push("from the PostgreSQL project's repository if no other one offers them".into());
        }
        b.step(
            name,
            InstallPackages {
                packages: platform.packages,
                candidate: facts.packages.candidate.clone(),
            },
            why.join("; "),
            &[],
        );
    }
}

/// The cluster's place on the backup mount, made by the server that leads.
fn archive(b: &mut Builder, name: &NodeName) {
    let (Some(backup), false) = (&b.cluster.backup, programs(b.cluster).is_empty()) else {
        return;
    };
    let Some(facts) = b.facts(name) else { return };
    let usable = |mount: &&Mount| mount.absence("").is_none();
    let Some(mount) = facts.mount.as_ref().filter(usable) else {
        return;
    };
    let ours = facts.data.control().map(|control| control.system_id);
    let top = backup.top(&b.cluster.name);
    match (mount.archive_of, ours) {
        (None, _) if mount.writable != Some(false) => {
            let prepare = PrepareMount {
                mount: backup.mount.clone(),
                top,
            };
            b.step(name, prepare, "", &[]);
        }
        (Some(found), Some(ours)) if found != ours && ours != SystemId(0) => b.block(
            name,
            format!("{top} is the archive of another cluster, with system identifier {found}"),
            format!("move it away, or use another mount: ssh {name} sudo mv {top} {top}.old"),
        ),
        _ => {}
    }
}

/// What is wrong with the mount of a host; one that is another file system than the leader's leaves the host alone.
fn mount(b: &mut Builder, name: &NodeName) {
    let Some(mount) = b.facts(name).and_then(|facts| facts.mount.clone()) else {
        return;
    };
    let help = format!("ssh {name} grep {} /proc/mounts", mount.path);
    if let Some((message, help)) = rights(&b.world, name, Some(&b.leader)) {
        if mount.closed {
            // What cannot be read is not taken for what is not there.
            b.block(name, message, help);
            return;
        }
        b.note(name, message, help);
    }
    if let Some(absence) = mount.absence("") {
        b.note(name, absence, help);
        return;
    }
    let lead = b.facts(&b.leader).and_then(|facts| facts.mount.as_ref());
    let leads = lead.and_then(|mount| mount.archive_of);
    let token = lead.and_then(|mount| mount.token.clone());
    if leads.is_some() && (mount.archive_of.is_none() || mount.token != token) && *name != b.leader
    {
        b.block(
            name,
            format!(
                "{} of {name} is not the file system that {} has there: the archive is not on it",
                mount.path, b.leader
            ),
            help,
        );
    } else if let Some((message, help)) = b.facts(name).and_then(|facts| lost(name, facts)) {
        b.block(name, message, help);
    }
}

/// Values that must be raised are raised on running standbys before the primary has them; returns those standbys.
fn raise_standbys(b: &mut Builder) -> Result<Vec<NodeName>, TemplateError> {
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
fn lead_pass(
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
            let data_directory = platform.data_directory.clone();
            b.step(
                &name,
                InitDb {
                    data_directory,
                    checksums: true,
                    wal: wal_place(b, &name, &facts),
                    named: named(b.cluster, &name),
                },
                "no host has one",
                &[],
            );
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
                "",
                &[],
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
            "",
            &[],
        );
    }
    password::replication_role(b, &name);
    engines::prepare(b, &name);
    Ok(())
}
