//! A cluster whose hosts do what plans predict, and then what servers do by themselves.

use pgrepl::facts::server::{Receiver, Sender, Slot};
use pgrepl::facts::{Content, Observation, Sight};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::{Plan, PlanError};
use pgrepl::postgres::{Lsn, slot_name};
use pgrepl::render::Templates;

use crate::stories::{stories, titles};
use crate::variables::compare_plan;
use crate::worlds::running_primary;

#[derive(Debug, Clone, Copy)]
pub enum Change {
    Reload,
    Restart,
    Hba,
    Slots,
    Synchronous,
    Port,
    Cascade,
}

#[derive(Debug, Clone, Default)]
pub struct Wanted {
    reload: bool,
    restart: bool,
    hba: bool,
    slotless: bool,
    synchronous: bool,
    port: bool,
    cascade: bool,
}

impl Wanted {
    pub fn turn(&mut self, change: Change) {
        let knob = match change {
            Change::Reload => &mut self.reload,
            Change::Restart => &mut self.restart,
            Change::Hba => &mut self.hba,
            Change::Slots => &mut self.slotless,
            Change::Synchronous => &mut self.synchronous,
            Change::Port => &mut self.port,
            Change::Cascade => &mut self.cascade,
        };
        *knob = !*knob;
    }

    pub fn cluster(&self) -> Cluster {
        let text = format!(
            "cluster: shop\npostgresql:\n  version: 15\n  port: {}\n  parameters: {{ work_mem: {}MB, max_connections: {}, wal_keep_size: 64 }}\n  \
             hba: [{}]\nreplication: {{ password: {{ env: A }}, slots: {}, synchronous: {} }}\nprimary: server1\n\
             standbys: [server2, server3]\n{}backup: {{ mount: /mnt/backups }}\n",
            if self.port { 5442 } else { 5432 },
            if self.reload { 8 } else { 4 },
            if self.restart { 200 } else { 100 },
            if self.hba {
                "\"host shop shop 10.0.0.0/8 scram-sha-256\""
            } else {
                ""
            },
            !self.slotless,
            u8::from(self.synchronous),
            if self.cascade {
                "hosts: { server3: { upstream: server2 } }\n"
            } else {
                ""
            },
        );
        read(&text)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .cluster
    }
}

#[derive(Debug, Clone)]
pub struct Story {
    pub wanted: Wanted,
    pub cluster: Cluster,
    pub world: Observation,
    /// Who is cut off, with what it was like.
    pub lost: Option<(NodeName, Sight)>,
    /// Who came back with a history of its own.
    pub stale: Option<NodeName>,
    pub told: Vec<String>,
}

pub fn node(at: usize) -> NodeName {
    NodeName::new(format!("server{}", at + 1))
}

impl Story {
    /// Servers in sync, set up by this inventory.
    pub fn begin() -> Self {
        let found = stories()
            .into_iter()
            .find(|story| story.name == "to_pgbackrest");
        let wanted = Wanted::default();
        let mut story = Self {
            cluster: wanted.cluster(),
            world: found.unwrap().world,
            wanted,
            lost: None,
            stale: None,
            told: Vec::new(),
        };
        for (_, facts) in story.world.seen_mut() {
            let archive_of = facts.data.control().map(|control| control.system_id);
            let mount = facts.mount.as_mut().unwrap();
            (mount.mounted, mount.archive_of) = (true, archive_of);
            mount.writable = Some(true);
            if let Some(server) = &mut facts.server {
                server.settings.retain(|_, setting| {
                    matches!(setting.source.as_str(), "configuration file" | "override")
                });
            }
        }
        story.converge();
        story
    }

    pub fn applied(&self) -> Result<Plan, PlanError> {
        converge(&self.cluster, &Templates::default(), &self.world, None)
    }

    pub fn primaries(&self) -> usize {
        let seen = self.world.seen();
        seen.filter(|(_, facts)| running_primary(facts)).count()
    }

    pub fn leader(&self) -> NodeName {
        let stale = self.stale.as_ref();
        let mut found = self
            .world
            .seen()
            .filter(|(node, facts)| running_primary(facts) && Some(*node) != stale);
        found
            .next()
            .map(|(node, _)| node.clone())
            .unwrap_or_else(|| panic!("nobody leads: {:#?}", self.told))
    }

    /// Does what a plan says, step by step.
    pub fn run(&mut self, plan: &Plan) {
        compare_plan(plan);
        for (at, step) in plan.steps.iter().enumerate() {
            step.action.act().effect(&step.node, &mut self.world);
            let leads = |node: &NodeName| self.world.facts(node).is_some_and(running_primary);
            let stale = usize::from(self.stale.as_ref().is_some_and(leads));
            let primaries = self.primaries();
            assert!(
                primaries <= 1 + stale,
                "two primaries after step {at} of {:#?}: {:#?}",
                titles(plan),
                self.told
            );
        }
        self.settle();
    }

    /// What servers do by themselves: standbys connect to whom they follow, and receive what it has.
    pub fn settle(&mut self) {
        let lead = self.leader();
        let facts = self.world.facts_mut(&lead).unwrap();
        let history = facts.data.history.clone();
        let port = self.cluster.nodes[&lead].port;
        let server = facts.server.as_mut().unwrap();
        let current = Lsn(server.current.unwrap_or(Lsn(0x0600_0000)).0 + 0x100);
        server.current = Some(current);
        let timeline = server.timeline;
        let follows: Vec<NodeName> = self
            .world
            .seen()
            .filter(|(_, facts)| {
                facts
                    .server
                    .as_ref()
                    .is_some_and(|server| server.in_recovery)
            })
            .map(|(node, _)| node.clone())
            .collect();
        for name in self.cluster.nodes.keys() {
            if let Some(server) = self
                .world
                .facts_mut(name)
                .and_then(|facts| facts.server.as_mut())
            {
                server.senders.clear();
                server
                    .slots
                    .values_mut()
                    .for_each(|slot| slot.active = false);
            }
        }
        for name in &follows {
            let above = self.cluster.nodes[name].upstream.clone();
            let above = above
                .filter(|above| *above != lead && *above != *name && follows.contains(above))
                .unwrap_or_else(|| lead.clone());
            let facts = self.world.facts_mut(name).unwrap();
            facts.data.history = history.clone();
            if let Content::Instance(instance) = &mut facts.data.content
                && let Ok(control) = &mut instance.control
            {
                control.timeline = timeline;
                (control.checkpoint, control.redo) = (current, current);
            }
            let server = facts.server.as_mut().unwrap();
            server.timeline = timeline;
            (server.received, server.replayed) = (Some(current), Some(current));
            server.receiver = Some(Receiver {
                status: "streaming".into(),
                timeline: Some(timeline),
                slot: None,
                sender_host: Some(above.to_string()),
                sender_port: Some(port),
                latest_end: Some(current),
                last_message_age_ms: Some(0),
            });
            let sender = Sender {
                name: name.to_string(),
                user: "replicator".into(),
                address: None,
                state: "streaming".into(),
                sync_state: "async".into(),
                pending: Some(0),
                write: Some(0),
                flush: Some(0),
                replay: Some(0),
                total: Some(0),
                replay_lag_ms: Some(0),
                replayed: Some(current),
            };
            let upstream = self
                .world
                .facts_mut(&above)
                .unwrap()
                .server
                .as_mut()
                .unwrap();
            upstream.senders.push(sender);
            if let Some(slot) = upstream.slots.get_mut(&slot_name(name.as_str())) {
                *slot = Slot {
                    active: true,
                    restart_lsn: Some(current),
                    wal_status: Some("reserved".into()),
                    retained: Some(0),
                    temporary: false,
                    invalidation: None,
                };
            }
        }
    }

    /// Applies until nothing is left; a second run may be needed only where a standby was not there in the first.
    pub fn converge(&mut self) {
        for _ in 0..3 {
            let plan = self
                .applied()
                .unwrap_or_else(|why| panic!("{why:?}: {:#?}", self.told));
            if plan.steps.is_empty() {
                return;
            }
            self.run(&plan);
        }
        let left = self.applied().unwrap();
        assert!(
            left.steps.is_empty(),
            "left: {:#?}: {:#?}",
            titles(&left),
            self.told
        );
    }
}
