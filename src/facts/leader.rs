//! Who is the primary: observed, never believed from the file.

use super::advice::Advice;
use super::obstacles::not_mounted;
use super::{Content, Facts, Observation, Process, turned_away};
use crate::inventory::NodeName;
use crate::postgres::{ClusterState, Lsn, Major, SystemId, Timeline};

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leader {
    /// This node runs as the primary.
    Running(NodeName),
    /// This node was the primary when everything stopped, and may be started.
    Stopped(NodeName),
    /// There is no instance anywhere: this node is to be initialised.
    New(NodeName),
}

impl Leader {
    /// Returns the node.
    pub fn node(&self) -> &NodeName {
        match self {
            Leader::Running(node) | Leader::Stopped(node) | Leader::New(node) => node,
        }
    }
}

/// Why nobody can be said to lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoLeader {
    /// One line.
    pub message: String,
    /// What was seen where.
    pub details: Vec<String>,
    /// What to type.
    pub help: String,
}

/// How far more WAL than the record of a clean stop a standby may show: that record and a page's header.
const SHUTDOWN_RECORD: u64 = 8192;

struct Seen<'a> {
    node: &'a NodeName,
    facts: &'a Facts,
    system_id: SystemId,
    timeline: Timeline,
    end: Lsn,
    marked: bool,
    running_primary: bool,
}

enum Found<'a> {
    Nothing,
    Instance(Seen<'a>),
    /// A stopped instance on a host without pg_controldata, and why nobody can be said to lead if nobody runs.
    Unreadable(NoLeader),
}

fn seen<'a>(major: Major, node: &'a NodeName, facts: &'a Facts) -> Result<Found<'a>, NoLeader> {
    let Content::Instance(instance) = &facts.data.content else {
        return Ok(Found::Nothing);
    };
    let signals = facts.data.signals;
    let path = &facts.data.path;
    if facts.data.half_made {
        return Err(NoLeader {
            message: format!(
                "the data directory of {node} is half made: an initdb was cut short in it"
            ),
            details: vec![format!("{node}: no database but template1 in {path}")],
            help: format!(
                "it never held anything: ssh {node} sudo mv {path} {path}.half-made; then run this again"
            ),
        });
    }
    let control = match &instance.control {
        Ok(control) => control,
        Err(_) if instance.version != major.to_string() => {
            return Err(NoLeader {
                message: format!(
                    "cannot use the data directory of {node}: expected PostgreSQL {major}, found {}",
                    instance.version
                ),
                details: vec![format!("{node}: {}", facts.data.path)],
                help: format!(
                    "set `postgresql.version: {}` in the inventory, or upgrade with pg_upgrade first",
                    instance.version
                ),
            });
        }
        Err(why) if facts.cannot_read_control() => {
            return Ok(Found::Unreadable(NoLeader {
                message: format!(
                    "cannot tell what the instance of {node} holds while it is stopped"
                ),
                details: vec![format!("{node}: {why}")],
                help: if signals.standby {
                    format!("start the primary by hand; {node} was a standby")
                } else {
                    format!(
                        "install pg_controldata of PostgreSQL {major} on {node}; or start it by hand, if it was the primary when it stopped"
                    )
                },
            }));
        }
        Err(why) => {
            return Err(NoLeader {
                message: format!("cannot read the control file of {node}"),
                details: vec![format!("{node}: {why}")],
                help: format!(
                    "ssh {node} sudo ls -l {}/global/pg_control",
                    facts.data.path
                ),
            });
        }
    };
    let marked = signals.standby || signals.recovery || facts.data.rewinding;
    let server = facts.server.as_ref();
    let timeline = server
        .map_or(control.timeline, |s| s.timeline.max(control.timeline))
        .max(control.minimum_recovery_timeline);
    let end = server
        .and_then(|s| s.current.max(s.received).max(s.replayed))
        .unwrap_or_default()
        .max(control.checkpoint)
        .max(control.minimum_recovery_end);
    Ok(Found::Instance(Seen {
        node,
        facts,
        system_id: control.system_id,
        timeline,
        end,
        marked: server.map_or(marked, |s| s.in_recovery),
        running_primary: server.is_some_and(|s| !s.in_recovery),
    }))
}

fn describe(seen: &Seen) -> String {
    let state = match (&seen.facts.server, seen.facts.process) {
        (Some(server), _) if !server.in_recovery => "running as primary",
        (Some(_), _) => "running as standby",
        (None, Process::Stopped) => "stopped",
        (None, Process::Running) => "running, and closed to pgrepl",
        (None, _) => "starting or recovering",
    };
    let fork = seen
        .facts
        .data
        .history
        .as_ref()
        .filter(|history| history.of == seen.timeline)
        .and_then(|history| history.forks.last())
        .map(|(timeline, at)| format!(" (which left timeline {timeline} at {at})"))
        .unwrap_or_default();
    format!(
        "{}: {state}, timeline {}{fork}, WAL up to {}, system identifier {}",
        seen.node, seen.timeline, seen.end, seen.system_id
    )
}

/// Says what shows that there was a cluster: a restore that was cut has set aside the instances of all hosts.
fn left_of_a_cluster((node, facts): (&NodeName, &Facts)) -> Option<String> {
    if let Some(aside) = facts.set_aside.last() {
        return Some(format!("{} of {node} is set aside", aside.path));
    }
    let mount = facts.mount.as_ref()?;
    let id = mount.archive_of?;
    Some(format!(
        "{} of {node} has the archive of cluster {id}",
        mount.path
    ))
}

/// What to type where two run as primary.
fn two_primaries(ahead: &Seen, behind: &Seen) -> String {
    let Seen { node, timeline, .. } = ahead;
    if *timeline == behind.timeline {
        return format!(
            "{node} is ahead on timeline {timeline}; decide which one is right and stop the other: its commits since then are on it alone"
        );
    }
    format!(
        "{node} was promoted later, to timeline {timeline}; if it is right: pgrepl rebuild {}, which counts first what that one alone has",
        behind.node
    )
}

/// The running standby that has the most WAL; of several that have the same, the first.
fn most<'a>(instances: &[Seen<'a>]) -> Option<&'a NodeName> {
    let standbys = instances
        .iter()
        .filter(|one| one.marked && one.facts.server.is_some());
    let most = standbys.rev().max_by_key(|one| (one.timeline, one.end));
    most.map(|one| one.node)
}

/// What to type where the primary may be on a host that was not read.
fn nobody_seen(instances: &[Seen], unseen: &[String]) -> String {
    let gone = match unseen {
        [one] => one,
        _ => "the primary",
    };
    let reach = format!(
        "make {} reachable: the primary may be running there",
        unseen.join(", ")
    );
    match most(instances) {
        Some(most) => {
            format!("{reach}; if {gone} is off for good: pgrepl failover --to {most}")
        }
        None => reach,
    }
}

/// Decides who leads, from everything that was seen; `wanted` is the inventory's primary.
pub fn leader(
    major: Major,
    observation: &Observation,
    wanted: &NodeName,
) -> Result<Leader, NoLeader> {
    let mut instances = Vec::new();
    let mut unreadable = None;
    for (node, facts) in observation.seen() {
        match seen(major, node, facts)? {
            Found::Nothing => {}
            Found::Instance(found) => instances.push(found),
            Found::Unreadable(why) => unreadable = unreadable.or(Some(why)),
        }
    }
    let unseen: Vec<String> = observation
        .unseen()
        .map(|(node, _)| node.to_string())
        .collect();
    let details: Vec<String> = instances
        .iter()
        .map(describe)
        .chain(
            observation
                .unseen()
                .map(|(node, reason)| format!("{node}: {}", reason.message)),
        )
        .collect();
    let no = |message: String, help: String| {
        Err(NoLeader {
            message,
            details: details.clone(),
            help,
        })
    };

    if let Some(other) = instances
        .iter()
        .find(|i| i.system_id != instances[0].system_id)
    {
        return no(
            format!("{} and {} hold different database clusters: their system identifiers differ", instances[0].node, other.node),
            "check the inventory: one of these hosts belongs to another cluster, or move its data directory away by hand".into(),
        );
    }
    let running: Vec<&Seen> = instances.iter().filter(|i| i.running_primary).collect();
    if let [one, other, ..] = running[..] {
        let (ahead, behind) = if (one.timeline, one.end) >= (other.timeline, other.end) {
            (one, other)
        } else {
            (other, one)
        };
        return no(
            format!("{} and {} both run as primary", one.node, other.node),
            two_primaries(ahead, behind),
        );
    }
    let newest = instances.iter().map(|i| i.timeline).max();
    if let [one] = running[..] {
        return match instances.iter().find(|i| i.timeline > one.timeline) {
            None => Ok(Leader::Running(one.node.clone())),
            Some(newer) => no(
                format!(
                    "{} runs as primary on timeline {}, but {} has the newer timeline {}",
                    one.node, one.timeline, newer.node, newer.timeline
                ),
                format!(
                    "{} was promoted later; stop {} before anyone writes to it",
                    newer.node, one.node
                ),
            ),
        };
    }
    if let Some(why) = unreadable {
        return Err(why);
    }
    if !unseen.is_empty() {
        return no(
            format!(
                "no primary is seen, and {} cannot be reached",
                unseen.join(", ")
            ),
            nobody_seen(&instances, &unseen),
        );
    }
    if instances.is_empty() {
        if let Some((message, help)) = not_mounted(observation) {
            return no(message, help);
        }
        if let Some(left) = observation.seen().find_map(left_of_a_cluster) {
            return no(
                format!("no host has an instance, and {left}: no new cluster is begun beside it"),
                format!(
                    "pgrepl restore --to {wanted} --latest; or put back what was set aside: pgrepl restore --put-back; to begin anew, move it away"
                ),
            );
        }
        return Ok(Leader::New(wanted.clone()));
    }
    if let Some(Advice { message, help }) = instances
        .iter()
        .filter(|i| !i.marked)
        .find_map(|i| turned_away(i.node, i.facts))
    {
        return no(message, help);
    }
    if let Some(busy) = instances
        .iter()
        .find(|i| i.facts.process == Process::Busy && !i.marked)
    {
        if let Some(port) = busy.facts.other_port {
            return no(
                format!(
                    "{} runs on port {port}, not on that of the inventory",
                    busy.node
                ),
                format!("`port: {port}`; or stop it first, and apply starts it on the other port"),
            );
        }
        let words = busy.facts.turned_away.as_ref().map(|away| &away.words);
        return no(
            format!(
                "{} is starting up and does not answer yet{}",
                busy.node,
                words.map_or_else(String::new, |words| format!(": {words}"))
            ),
            "wait until it accepts connections, then run this again; pgrepl status --watch".into(),
        );
    }
    let candidates: Vec<&Seen> = instances
        .iter()
        .filter(|i| !i.marked && Some(i.timeline) == newest)
        .collect();
    if let [one] = candidates[..] {
        let unmarked = instances.iter().filter(|i| !i.marked).count();
        let clean = one.facts.data.control_state() == Some(ClusterState::ShutDown);
        let ahead = instances.iter().find(|i| {
            i.node != one.node
                && clean
                && i.timeline == one.timeline
                && i.end.bytes_after(one.end) > SHUTDOWN_RECORD
        });
        if let Some(ahead) = ahead {
            return no(
                format!(
                    "{} was stopped as primary, but {} holds more WAL",
                    one.node, ahead.node
                ),
                format!(
                    "{} may have been restored from an older state; nothing is started",
                    one.node
                ),
            );
        }
        if unmarked == 1 && !one.facts.data.signals.backup_label {
            return Ok(Leader::Stopped(one.node.clone()));
        }
    }
    if let Some(restored) = instances.iter().find(|i| i.facts.data.signals.recovery) {
        let node = restored.node;
        return no(
            format!("{node} was restored and has not ended its recovery"),
            format!(
                "pgrepl restore --to {node} --latest, or another target that the archive has; or put back what was there before: pgrepl restore --put-back"
            ),
        );
    }
    if let Some(most) = most(&instances) {
        let running = instances.iter().filter(|i| i.facts.server.is_some());
        let running: Vec<&str> = running.map(|i| i.node.as_str()).collect();
        return no(
            format!(
                "nobody runs as primary: {} run as standby",
                running.join(", ")
            ),
            format!("start the primary by hand if there is one; else: pgrepl failover --to {most}"),
        );
    }
    no(
        "nothing shows which of the stopped instances was the primary".into(),
        "start the right one by hand, then run pgrepl apply: it never guesses".into(),
    )
}
