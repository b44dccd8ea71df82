//! Makes every server match the inventory.

use std::collections::BTreeSet;

use super::builder::Builder;
use super::configure::{Floors, configure, loaded_sensitive, passwords, sensitive, wanted};
use super::slots::{drop_left, drop_stale};
use super::standbys::standbys;
use super::{Goal, Plan, PlanError, Refusal};
use crate::action::{Enable, EnsureRole, InitDb, InstallPackages, Start};
use crate::facts::leader::{Leader, leader};
use crate::facts::server::StoredPassword;
use crate::facts::{Observation, Process};
use crate::inventory::{Cluster, NodeName};
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
    let lead = leader(cluster.major, seen, &cluster.primary)?;
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
    let raised = raise_standbys(&mut b)?;
    b.next_phase();
    lead_pass(&mut b, &lead, &raised, false)?;
    b.next_phase();
    standbys(&mut b)?;
    b.next_phase();
    lead_pass(&mut b, &lead, &raised, true)?;
    b.next_phase();
    drop_stale(&mut b);
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
        passwords(b, &name)?;
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
