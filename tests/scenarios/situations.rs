//! Situations in the middle of the night, and what each command says to do next.

use pgrepl::facts::beside::{Copy, State};
use pgrepl::facts::{Content, Observation, Process, SetAside, Sight, Unreachable};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::PlanError;
use pgrepl::plan::check::check;
use pgrepl::plan::converge::converge;
use pgrepl::plan::failover::{self, failover};
use pgrepl::plan::rebuild::{self, rebuild};
use pgrepl::plan::switchover::{self, switchover};

use pgrepl::render::Templates;
use pgrepl::report::status::conclude;

use crate::checks::other_password;
use crate::worlds::state;

const INVENTORY: &str = "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\n\
     primary: server1\nstandbys: [server2]\n";

/// States of `worlds::STATES`.
const LEADS: usize = 1;
const LEADS_NEWER: usize = 2;
const STOPPED_PRIMARY: usize = 3;
const CRASHED: usize = 6;
const FOLLOWS: usize = 7;
const STOPPED_STANDBY: usize = 9;
const OTHER_CLUSTER: usize = 12;
const NOTHING: usize = 0;
const BUSY: usize = 13;
const CLOSED: usize = 14;
const AWAY: usize = usize::MAX;

fn world(cluster: &Cluster, first: usize, second: usize) -> Observation {
    let sight = |name: &str, at: usize| {
        let node = NodeName::from(name);
        let sight = match at {
            AWAY => Sight::Unreachable(Unreachable {
                message: format!("cannot connect to {name}: no route to host"),
                help: format!("ssh {name} true"),
                original: String::new(),
            }),
            at => {
                let mut facts = state(cluster, &node, at);
                // The recordings are of three hosts.
                if let Some(server) = &mut facts.server {
                    server.senders.retain(|sender| sender.name != "server3");
                    server.slots.remove("server3");
                }
                Sight::Seen(Box::new(facts))
            }
        };
        (node, sight)
    };
    Observation {
        hosts: [sight("server1", first), sight("server2", second)].into(),
        ..Observation::default()
    }
}

/// What is special about a situation besides the states of its hosts.
type Change = fn(&mut Observation);

fn as_it_is(_: &mut Observation) {}

/// A standby that hears nothing has no receiver; recordings have one.
fn hears_nothing(world: &mut Observation) {
    let facts = world.facts_mut(&"server2".into()).unwrap();
    facts.server.as_mut().unwrap().receiver = None;
}

fn nobody_hears(world: &mut Observation) {
    hears_nothing(world);
    let facts = world.facts_mut(&"server1".into()).unwrap();
    facts.server.as_mut().unwrap().receiver = None;
}

fn slot_is_lost(world: &mut Observation) {
    hears_nothing(world);
    let server = world
        .facts_mut(&"server1".into())
        .unwrap()
        .server
        .as_mut()
        .unwrap();
    server.senders.clear();
    let slot = server.slots.get_mut("server2").unwrap();
    (slot.active, slot.wal_status) = (false, Some("lost".into()));
}

fn disk_is_full(world: &mut Observation) {
    world.facts_mut(&"server1".into()).unwrap().disks[0].free = 0;
}

fn archive_is_stuck(world: &mut Observation) {
    let server = world
        .facts_mut(&"server1".into())
        .unwrap()
        .server
        .as_mut()
        .unwrap();
    let archiver = server.archiver.as_mut().unwrap();
    archiver.last_failed = Some("000000010000000000000005".into());
    archiver.last_failed_age_s = Some(30);
    (archiver.last_archived, archiver.last_archived_age_s) = (None, None);
    server.archive_waiting = Some(9);
}

fn is_worked_on(world: &mut Observation) {
    let facts = world.facts_mut(&"server2".into()).unwrap();
    facts.run = Some("admin@ci pid 7 since 2026-11-27 03:00:00+01:00: pgrepl rebuild".into());
    (facts.server, facts.process) = (None, Process::Stopped);
    facts.data.content = Content::Nothing;
}

fn password_is_wrong(world: &mut Observation) {
    let server = world.facts_mut(&"server1".into()).unwrap();
    other_password(server.server.as_mut().unwrap());
}

/// A run that is gone has begun a step that goes on.
fn dead_run_works_on(world: &mut Observation) {
    let facts = world.facts_mut(&"server2".into()).unwrap();
    facts.at_work = Some("base backup from server1".into());
}

/// A rebuild was killed between setting aside and the copy.
fn rebuild_was_killed(world: &mut Observation) {
    let facts = world.facts_mut(&"server2".into()).unwrap();
    let path = format!("{}.pgrepl-20260131T120000Z", facts.data.path);
    facts.set_aside = vec![SetAside { path }];
}

fn copy_is_stopped(world: &mut Observation) {
    let facts = world.facts_mut(&"server2".into()).unwrap();
    facts.copies = vec![Copy {
        directory: "/srv/restored".into(),
        port: 5433,
        state: State::Stopped,
    }];
}

/// The situations, and the command that somebody must find in what status or plan, and failover or rebuild say.
const SITUATIONS: [(&str, usize, usize, Change, &str); 22] = [
    ("all is well", LEADS, FOLLOWS, as_it_is, ""),
    (
        "the host of the primary is dead",
        AWAY,
        FOLLOWS,
        hears_nothing,
        "pgrepl failover --to server2",
    ),
    (
        "the primary cannot be reached, and lives",
        AWAY,
        FOLLOWS,
        as_it_is,
        "heard from it",
    ),
    (
        "the primary has crashed",
        CRASHED,
        FOLLOWS,
        hears_nothing,
        "pgrepl apply",
    ),
    (
        "the primary was stopped",
        STOPPED_PRIMARY,
        FOLLOWS,
        hears_nothing,
        "pgrepl apply",
    ),
    (
        "the primary starts",
        BUSY,
        FOLLOWS,
        hears_nothing,
        "pgrepl status --watch",
    ),
    (
        "the primary lets nobody in",
        CLOSED,
        FOLLOWS,
        as_it_is,
        "psql",
    ),
    (
        "the standby cannot be reached",
        LEADS,
        AWAY,
        as_it_is,
        "ssh server2 true",
    ),
    (
        "the standby is stopped",
        LEADS,
        STOPPED_STANDBY,
        as_it_is,
        "pgrepl apply",
    ),
    (
        "the standby has lost its WAL",
        LEADS,
        FOLLOWS,
        slot_is_lost,
        "pgrepl rebuild server2 --from primary",
    ),
    (
        "the standby is empty",
        LEADS,
        NOTHING,
        as_it_is,
        "pgrepl apply",
    ),
    (
        "the standby belongs to another cluster",
        LEADS,
        OTHER_CLUSTER,
        as_it_is,
        "system identifiers differ",
    ),
    (
        "the old primary is back, stopped",
        CRASHED,
        LEADS_NEWER,
        as_it_is,
        "pgrepl rebuild server1",
    ),
    (
        "two primaries",
        LEADS,
        LEADS_NEWER,
        as_it_is,
        "pgrepl rebuild server1",
    ),
    (
        "nobody leads",
        FOLLOWS,
        FOLLOWS,
        nobody_hears,
        "pgrepl failover --to server1",
    ),
    (
        "the disk of the primary is full",
        LEADS,
        FOLLOWS,
        disk_is_full,
        "ssh server1 df -h",
    ),
    (
        "the archive is stuck",
        LEADS,
        FOLLOWS,
        archive_is_stuck,
        "ssh server1 sudo tail -n 20",
    ),
    (
        "the password is wrong",
        LEADS,
        FOLLOWS,
        password_is_wrong,
        "export A=",
    ),
    (
        "a step of a run that is gone goes on",
        LEADS,
        FOLLOWS,
        dead_run_works_on,
        "pgrepl status --watch",
    ),
    (
        "a rebuild was killed in its middle",
        LEADS,
        NOTHING,
        rebuild_was_killed,
        "pgrepl apply",
    ),
    (
        "a copy beside the cluster is stopped",
        LEADS,
        FOLLOWS,
        copy_is_stopped,
        "pgrepl restore --drop /srv/restored --to server2",
    ),
    (
        "another run is at work",
        LEADS,
        FOLLOWS,
        is_worked_on,
        "when the run has ended",
    ),
];

/// What each command says of a situation: its first line, and what to type.
fn said(cluster: &Cluster, world: &Observation) -> Vec<(&'static str, String)> {
    let templates = Templates::default();
    let node = |name: &str| NodeName::from(name);
    let tell = |result: Result<pgrepl::plan::Plan, PlanError>| match result {
        Ok(plan) => {
            let blocked = plan.blocked().map(|(node, why)| {
                format!(
                    "{node} left alone: {}\n      help: {}",
                    why.message, why.help
                )
            });
            let notes = plan
                .notes
                .iter()
                .map(|note| format!("! {}\n      help: {}", note.message, note.help));
            let steps = match plan.steps.len() {
                0 => "nothing to do".to_owned(),
                n => format!("{n} steps, led by {}", plan.leader),
            };
            let lines: Vec<String> = std::iter::once(steps).chain(notes).chain(blocked).collect();
            lines.join("\n      ")
        }
        Err(PlanError::Refused(no)) => format!("refused: {}\n      help: {}", no.message, no.help),
        Err(PlanError::Template(error)) => panic!("{error}"),
    };
    let status = conclude(cluster, world);
    let status: Vec<String> = (status.problems.iter())
        .chain(&status.notes)
        .map(|problem| {
            format!(
                "{}: {}\n      help: {}",
                problem.node, problem.message, problem.help
            )
        })
        .collect();
    let status = match status.is_empty() {
        true => "no problems".into(),
        false => status.join("\n      "),
    };
    let (first, second) = (node("server1"), node("server2"));
    let anew = |node: &NodeName| {
        let wish = rebuild::RebuildRequest {
            node,
            from: rebuild::CopySource::Auto,
            rewind_failed: false,
            commits: None,
        };
        rebuild(cluster, &templates, world, &wish).map(|rebuild| rebuild.plan)
    };
    let takes_over = failover::FailoverRequest {
        to: Some(&second),
        force: false,
        token: "aa",
    };
    let switches = switchover::SwitchoverRequest {
        to: Some(&second),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    vec![
        ("status", status),
        ("plan", tell(converge(cluster, &templates, world, None))),
        ("check", tell(check(cluster, &templates, world, "aa", 30))),
        (
            "switchover",
            tell(switchover(cluster, &templates, world, &switches)),
        ),
        (
            "failover",
            tell(failover(cluster, &templates, world, &takes_over).map(|failover| failover.plan)),
        ),
        ("rebuild server1", tell(anew(&first))),
        ("rebuild server2", tell(anew(&second))),
    ]
}

#[test]
fn every_situation_leads_to_a_next_command() {
    let cluster = read(INVENTORY).unwrap().cluster;
    let mut text = String::new();
    for (name, first, second, change, wanted) in SITUATIONS {
        let mut world = world(&cluster, first, second);
        change(&mut world);
        let said = said(&cluster, &world);
        let all: String = said.iter().map(|(_, said)| said.as_str()).collect();
        text += &format!("=== {name}\n");
        for (command, said) in said {
            // Whoever is told that it does not go is told what to type.
            let mut lines = said.lines().peekable();
            while let Some(line) = lines.next() {
                if line.contains("refused: ") || line.contains(" left alone: ") {
                    let help = lines.peek().copied().unwrap_or_default();
                    assert_ne!(help.trim(), "help:", "{name}: {command}: {said}");
                }
            }
            let said = said.replace("\n      help: \n", "\n");
            let said = said.trim_end_matches("\n      help: ");
            text += &format!("  {command}\n      {said}\n");
        }
        assert!(all.contains(wanted), "{name}: {wanted}: {all}");
    }
    insta::assert_snapshot!(text);
}
