//! Makes a server a standby again, whatever became of it, in the cheapest way that can work.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, Checkpoint, GrantRewind, Rewind, SetAside, Stop};
use crate::facts::leader::{Leader, leader};
use crate::facts::way_back::{Own, own_wal};
use crate::facts::{Advice, Content, Facts, Observation, Process, Sight};
use crate::files;
use crate::files::archive::fetch;
use crate::inventory::{Cluster, NodeName, Role};
use crate::plan::address::lead_address;
use crate::plan::backup::can_restore;
use crate::plan::builder::{Builder, CopyFrom};
use crate::plan::converge::passes::passes;
use crate::plan::converge::password::refuse_another;
use crate::plan::converge::port::trouble;
use crate::plan::converge::slots::{followed, wal_is_lost};
use crate::plan::converge::{preflight, tablespaces};
use crate::plan::failover::gone::end;
use crate::plan::rebuild::request::refuse;
use crate::plan::rebuild::way::{Way, way};
use crate::plan::{Goal, Plan, PlanError, space};
use crate::postgres::SystemId;
use crate::render::{TemplateError, Templates};

pub mod fallback;
pub mod request;
pub(in crate::plan) mod way;

pub use request::{CopySource, RebuildRequest};

/// A plan with what has to be said before it is approved.
pub struct Rebuild {
    /// The plan.
    pub plan: Plan,
    /// What only this server may have, if that can be: then its name must be given.
    pub may_lose: Option<String>,
    /// The WAL that only this server has, if it is known.
    pub own: Option<Own>,
}

/// Refuses to rebuild the primary itself.
fn leads_itself(
    seen: &Observation,
    node: &NodeName,
    lead: Option<&Leader>,
) -> Result<(), PlanError> {
    let standbys = seen.seen().filter(|(name, facts)| {
        let server = facts.server.as_ref();
        *name != node && server.is_some_and(|server| server.in_recovery)
    });
    let most = standbys.max_by_key(|(_, facts)| facts.server.as_ref().map(end));
    let most = most.map(|(to, _)| to);
    let (what, help) = match (lead, most) {
        (Some(Leader::Running(leads)), Some(to)) if leads == node => (
            "is the primary",
            format!("pgrepl switchover --to {to}, then pgrepl rebuild {node}"),
        ),
        (Some(Leader::Running(leads)), None) if leads == node => {
            ("is the primary", "pgrepl status".into())
        }
        (Some(Leader::Stopped(leads)), Some(to)) if leads == node => (
            "was the primary when it stopped",
            format!(
                "pgrepl apply; if it cannot be started: pgrepl failover --to {to} --force, then pgrepl rebuild {node}"
            ),
        ),
        (Some(Leader::Stopped(leads)), None) if leads == node => {
            ("was the primary when it stopped", "pgrepl apply".into())
        }
        _ => return Ok(()),
    };
    refuse(
        format!("{node} {what}: nobody else leads whom it could follow"),
        help,
    )
}

/// Plans a rebuild. Who leads is decided without the server that is rebuilt: what it believes does not count.
pub fn rebuild(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    wish: &RebuildRequest,
) -> Result<Rebuild, PlanError> {
    refuse_another(cluster, seen)?;
    let node = wish.node;
    if !cluster.nodes.contains_key(node) {
        return refuse(
            format!("{node} is not in the inventory"),
            "one of its hosts",
        );
    }
    let Some(facts) = seen.facts(node) else {
        let why = match seen.hosts.get(node) {
            Some(Sight::Unreachable(reason)) => reason.message.clone(),
            _ => format!("{node} could not be read"),
        };
        return refuse(
            format!("cannot rebuild {node}: {why}"),
            format!("ssh {node} true"),
        );
    };
    if let Some(Advice { message, help }) = cluster
        .nodes
        .get(node)
        .and_then(|node| trouble(facts, node))
    {
        return refuse(format!("cannot rebuild {node}: {message}"), help);
    }
    let now = leader(cluster.major, seen, &cluster.primary);
    leads_itself(seen, node, now.as_ref().ok())?;
    let mut others = seen.clone();
    others.hosts.remove(node);
    // Where nobody else leads, the reason may be what it does itself.
    let lead = match leader(cluster.major, &others, &cluster.primary)
        .map_err(|no| now.err().unwrap_or(no))?
    {
        Leader::Running(lead) => lead,
        Leader::Stopped(lead) => {
            return refuse(
                format!("there is no running primary for {node} to follow: {lead} is stopped"),
                "pgrepl apply",
            );
        }
        Leader::New(_) => {
            return refuse(
                format!("no other server holds the cluster: {node} cannot be rebuilt from itself"),
                "pgrepl status",
            );
        }
    };
    let Some(primary) = seen.facts(&lead) else {
        return refuse(format!("{lead} could not be read"), "pgrepl status");
    };
    let upstream = cluster.nodes[node].upstream.as_ref().unwrap_or(&lead);
    let sender = seen.facts(upstream).unwrap_or(primary);
    let lost = wal_is_lost(cluster, sender, node)
        .then(|| format!("its slot on {upstream} has lost the WAL that it needs next"));
    let (way, why, may_lose) = way(cluster, primary, &lead, facts, wish, lost)?;
    if let Way::Rewind = way
        && let Some(Advice { message, help }) =
            space::lack(node, facts, &space::of_rewind(primary, facts))
    {
        return refuse(format!("cannot rebuild {node}: {message}"), help);
    }
    let mut touched: BTreeSet<NodeName> = [node.clone(), lead.clone()].into();
    touched.extend(
        cluster
            .nodes
            .get(node)
            .and_then(|node| node.upstream.clone()),
    );
    let mut b = Builder::new(cluster, templates, seen, lead.clone(), Some(&touched));
    match (&wish.from, &way) {
        (CopySource::Host(source), Way::Copy) => {
            check_source(&b, source, node)?;
            b.copy_from = Some(CopyFrom::Host(source.clone()));
        }
        (CopySource::Backup(backup), Way::Copy) => {
            if backup.system_id
                != primary
                    .data
                    .control()
                    .map_or(SystemId(0), |control| control.system_id)
            {
                return refuse(
                    format!("backup {} is of another cluster", backup.id),
                    "pgrepl backup list",
                );
            }
            can_restore(seen, node, backup)?;
            b.copy_from = Some(CopyFrom::Backup(backup.clone()));
        }
        _ => {}
    }
    // Asked before anything is stopped or set aside.
    preflight::rebuild(&mut b, node, &way, &wish.from)?;
    b.cluster_note(why.clone(), String::new());
    // A copy sets aside what is there; who reads its identifier then refuses what belongs to another cluster.
    let known = |facts: &Facts| facts.data.control().map(|control| control.system_id);
    let there = matches!(facts.data.content, Content::Instance(_));
    let system_id = known(facts).or_else(|| known(primary).filter(|_| there));
    let platform = b.platform(node);
    lead_address(&mut b);
    if let (Some(system_id), Some(platform)) = (system_id, platform) {
        if facts.process != Process::Stopped && !matches!(way, Way::Settings) {
            let stop = Stop::alone(platform.unit.clone(), system_id);
            b.step(node, stop).because("it is to be rebuilt");
            b.next_phase();
        }
        match way {
            Way::Settings => {}
            Way::Copy => {
                let aside = SetAside {
                    data_directory: platform.data_directory,
                    system_id,
                    tablespaces: tablespaces::of(b.facts(node)),
                };
                b.step(node, aside).because("kept until you delete it");
            }
            Way::Rewind => {
                let role = cluster.replication.user.clone();
                b.step(&lead, GrantRewind { role }).after(&[node]);
                b.step(&lead, Checkpoint {})
                    .because("pg_rewind reads its timeline from the control file")
                    .after(&[node]);
                b.next_phase();
                rewind(&mut b, node, &lead)?;
            }
        }
        b.next_phase();
    }
    passes(&mut b, &Leader::Running(lead))?;
    followed(&mut b, node);
    if let (Way::Rewind, Some(lost)) = (&way, &may_lose) {
        let keeps = format!("to keep what it has, set aside: pgrepl rebuild {node} --from primary");
        b.note(node, format!("a rewind keeps nothing of it: {lost}"), keeps);
    }
    let plan = b.finish(Goal::Rebuild(node.clone()));
    // What was set aside must have something in its place.
    if let (Way::Copy, Some((_, blocked))) = (&way, plan.blocked().find(|(name, _)| *name == node))
    {
        return refuse(
            format!("cannot rebuild {node}: {}", blocked.message),
            blocked.help.clone(),
        );
    }
    let restarted = plan
        .steps
        .iter()
        .find(|step| step.node != *node && matches!(step.action, Action::Restart(_)));
    if let Some(step) = restarted {
        return refuse(
            format!(
                "{} waits for a restart, which is not part of a rebuild",
                step.node
            ),
            "pgrepl apply",
        );
    }
    let own = may_lose.as_ref().and_then(|_| own_wal(primary, facts));
    Ok(Rebuild {
        plan,
        may_lose,
        own,
    })
}

fn rewind(b: &mut Builder, node: &NodeName, lead: &NodeName) -> Result<(), TemplateError> {
    let (Some(wanted), Some(place), Some(facts)) = (b.node(node), b.platform(node), b.facts(node))
    else {
        return Ok(());
    };
    let (Some(system_id), Some(marker)) = (
        facts.data.control().map(|control| control.system_id),
        b.marker(node)?,
    ) else {
        return Ok(());
    };
    let role = Role::Standby {
        upstream: lead.clone(),
    };
    let view = b.view(wanted, &role, &place, BTreeMap::new(), false);
    if let Some(conninfo) = files::primary_conninfo(&view, lead) {
        let rewind = Rewind {
            source: lead.clone(),
            conninfo,
            system_id,
            marker,
            archive: fetch(b.cluster),
        };
        b.step(node, rewind)
            .because("tried without changes first")
            .after(&[lead]);
    }
    Ok(())
}

fn check_source(b: &Builder, source: &NodeName, node: &NodeName) -> Result<(), PlanError> {
    if source == node {
        return refuse(
            format!("{node} cannot be copied from itself"),
            "--from primary",
        );
    }
    match b.facts(source) {
        Some(facts) if facts.server.is_some() => Ok(()),
        Some(_) => refuse(
            format!("cannot copy from {source}: its server does not run"),
            "--from primary",
        ),
        None => refuse(
            format!("cannot copy from {source}: it could not be read, or is not in the inventory"),
            "--from primary",
        ),
    }
}
