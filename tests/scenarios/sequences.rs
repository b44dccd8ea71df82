//! Sequences of goals on predicted worlds: each command is planned on the world that the one before leads to. Never are
//! there two primaries that a plan made, every plan leads to where nothing is left to do, and what a pair of servers
//! that was just set up would be granted is never refused.

use std::collections::BTreeMap;

use pgrepl::facts::backups::{Backup, Backups};
use pgrepl::facts::{Content, Process, Sight, Unreachable};
use pgrepl::files::recovery::Target;
use pgrepl::plan::failover::{self, failover};
use pgrepl::plan::rebuild::request::CopySource;
use pgrepl::plan::rebuild::{self, rebuild};
use pgrepl::plan::restore::{self, restore};
use pgrepl::plan::switchover::{self, switchover};
use pgrepl::plan::{Plan, PlanError};
use pgrepl::postgres::{ClusterState, Lsn};
use pgrepl::render::Templates;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::settled::{Change, Story, node};
use crate::stories::{after, titles};
use crate::worlds::running_primary;

#[derive(Debug, Clone, Copy)]
enum Ask {
    /// A change of the inventory, and an apply.
    Change(Change),
    Switchover(usize),
    /// The primary is cut off, another server takes over.
    Failover(usize),
    /// Who was cut off comes back: running on, or stopped.
    Back(bool),
    Rebuild(usize),
    Copied(usize),
    FromBackup(usize),
    Restore(usize),
}

impl Story {
    fn granted(&mut self, plan: Result<Plan, PlanError>) {
        match plan {
            Ok(plan) => {
                self.told.extend(titles(&plan));
                self.run(&plan);
            }
            Err(why) => panic!("{why:#?}: {:#?}", self.told),
        }
        if self.stale.is_none() {
            self.converge();
        }
    }

    /// Whether a server follows the primary itself: only such a one may take over from a primary that runs.
    fn is_beside(&self, at: usize) -> bool {
        let lead = self.leader();
        let streams = &self
            .world
            .facts(&lead)
            .unwrap()
            .server
            .as_ref()
            .unwrap()
            .senders;
        streams
            .iter()
            .any(|sender| sender.name == node(at).as_str())
    }

    fn archive(&self) -> Backups {
        let facts = self.world.facts(&self.leader()).unwrap();
        let system_id = facts.server.as_ref().unwrap().system_id;
        let timeline = facts.server.as_ref().unwrap().timeline;
        let backup = Backup {
            id: "20260101T000000Z".into(),
            host: "server1".into(),
            version: "15".into(),
            system_id,
            timeline,
            start: Lsn(0x0200_0028),
            stop: Lsn(0x0200_0100),
            start_wal: format!("{:08X}0000000000000002", timeline.0),
            begun: 1_767_000_000,
            ended: 1_767_000_010,
            bytes: 1 << 20,
            unpacked: BTreeMap::new(),
            parts: 0,
            zstd: false,
            verified: None,
            tablespaces: Vec::new(),
            builds_on: Vec::new(),
            written: None,
            next_xid: None,
            own_wal: true,
        };
        Backups {
            archive_of: Some(system_id),
            wal: vec![(
                backup.start_wal.clone(),
                format!("{:08X}0000000000000009", timeline.0),
            )],
            backups: vec![backup],
            segment_size: 16 << 20,
            ..Backups::default()
        }
    }

    fn rebuilt(&mut self, at: usize, from: CopySource) {
        let name = node(at);
        let follows = self.world.facts(&name).is_some() && name != self.leader();
        if !follows || self.stale.as_ref().is_some_and(|stale| *stale != name) {
            return;
        }
        let wish = rebuild::RebuildRequest {
            node: &name,
            from,
            rewind_failed: false,
            commits: None,
        };
        let plan = rebuild(&self.cluster, &Templates::default(), &self.world, &wish)
            .map(|rebuild| rebuild.plan);
        self.granted(plan);
        self.stale = None;
        self.converge();
    }

    fn ask(&mut self, ask: Ask) {
        self.told.push(format!("{ask:?}"));
        let templates = Templates::default();
        let whole = self.lost.is_none() && self.stale.is_none();
        match ask {
            Ask::Change(change) if whole => {
                self.wanted.turn(change);
                self.cluster = self.wanted.cluster();
                self.converge();
            }
            Ask::Switchover(at) if whole && self.is_beside(at) => {
                let to = node(at);
                let wish = switchover::SwitchoverRequest {
                    to: Some(&to),
                    token: "aa",
                    seconds: 90,
                    pause: Default::default(),
                };
                let plan = switchover(&self.cluster, &templates, &self.world, &wish);
                self.granted(plan);
                assert_eq!(self.leader(), to);
            }
            Ask::Failover(at) if whole && node(at) != self.leader() => {
                let (from, to) = (self.leader(), node(at));
                let gone = Unreachable {
                    message: "no route to host".into(),
                    help: String::new(),
                    original: String::new(),
                };
                let was = self
                    .world
                    .hosts
                    .insert(from.clone(), Sight::Unreachable(gone))
                    .unwrap();
                self.lost = Some((from, was));
                for (_, facts) in self.world.seen_mut() {
                    if let Some(server) = &mut facts.server {
                        server.receiver = None;
                        server.senders.clear();
                    }
                }
                let wish = failover::FailoverRequest {
                    to: Some(&to),
                    force: false,
                    token: "aa",
                };
                let plan = failover(&self.cluster, &templates, &self.world, &wish)
                    .map(|failover| failover.plan);
                self.granted(plan);
                assert_eq!(self.leader(), to);
            }
            Ask::Back(running) => {
                let Some((name, was)) = self.lost.take() else {
                    return;
                };
                self.world.hosts.insert(name.clone(), was);
                let facts = self.world.facts_mut(&name).unwrap();
                if !running {
                    facts.server = None;
                    facts.process = Process::Stopped;
                    if let Content::Instance(instance) = &mut facts.data.content
                        && let Ok(control) = &mut instance.control
                    {
                        control.state = ClusterState::ShutDown;
                    }
                }
                self.stale = Some(name);
                // Nobody decides which of two that run is right, and nobody is started as a second one.
                if let Ok(plan) = self.applied() {
                    assert!(!running, "{:#?}", self.told);
                    let world = after(&plan, &self.world, plan.steps.len());
                    assert_eq!(
                        world
                            .seen()
                            .filter(|(_, facts)| running_primary(facts))
                            .count(),
                        1,
                        "{:#?}",
                        self.told
                    );
                }
            }
            Ask::Rebuild(at) => self.rebuilt(at, CopySource::Auto),
            Ask::Copied(at) => self.rebuilt(at, CopySource::Primary),
            Ask::FromBackup(at) => {
                let backup = self.archive().backups.remove(0);
                self.rebuilt(at, CopySource::Backup(Box::new(backup)));
            }
            Ask::Restore(at) if whole => {
                let to = node(at);
                let wish = restore::request::RestoreRequest {
                    to: &to,
                    target: &Target::Latest,
                    moment: None,
                    backup: None,
                    timeline: pgrepl::facts::way::Line::Found,
                };
                let plan = restore(
                    &self.cluster,
                    &templates,
                    &self.world,
                    &self.archive(),
                    &wish,
                );
                self.granted(plan);
                assert_eq!(self.leader(), to);
            }
            _ => {
                self.told.pop();
            }
        }
    }
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let change = prop_oneof![
        Just(Change::Reload),
        Just(Change::Restart),
        Just(Change::Hba),
        Just(Change::Slots),
        Just(Change::Synchronous),
        Just(Change::Port),
        Just(Change::Cascade),
    ];
    let ask = prop_oneof![
        3 => change.prop_map(Ask::Change),
        3 => (0..3_usize).prop_map(Ask::Switchover),
        3 => (0..3_usize).prop_map(Ask::Failover),
        3 => any::<bool>().prop_map(Ask::Back),
        3 => (0..3_usize).prop_map(Ask::Rebuild),
        1 => (0..3_usize).prop_map(Ask::Copied),
        1 => (0..3_usize).prop_map(Ask::FromBackup),
        2 => (0..3_usize).prop_map(Ask::Restore),
    ];
    prop::collection::vec(ask, 1..9)
}

#[test]
fn any_goal_is_reached_from_where_any_other_one_led() {
    let config = Config {
        cases: std::env::var("PGREPL_CASES").map_or(40, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let begin = Story::begin();
    let run = runner.run(&asks(), |asks| {
        let mut story = begin.clone();
        asks.into_iter().for_each(|ask| story.ask(ask));
        Ok(())
    });
    run.unwrap_or_else(|why| panic!("{why}"));
}
