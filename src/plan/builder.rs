//! Collects steps and applies their effects, so that what is planned next sees the world as it will be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Advice, Goal, NodePlan, Plan, Role, Step, Word};
use crate::action::{Action, Place};
use crate::facts::backups::Backup;
use crate::facts::{Content, Facts, Marker, Observation, Process};
use crate::files::{self, View};
use crate::inventory::{Cluster, Node, NodeName};
use crate::platform::{self, Platform};
use crate::render::{TemplateError, Templates};

/// A plan in the making.
pub struct Builder<'a> {
    /// The wish.
    pub cluster: &'a Cluster,
    /// The templates of the run.
    pub templates: &'a Templates,
    /// The world as it will be after the steps so far.
    pub world: Observation,
    /// The world as it was seen.
    pub seen: &'a Observation,
    /// Who leads.
    pub leader: NodeName,
    /// Who is copied from; without it everybody copies from the server that it will follow.
    pub copy_from: Option<CopyFrom>,
    /// The standbys whose WAL moves.
    pub moves_wal: BTreeSet<NodeName>,
    /// What somebody's word is needed for.
    pub words: Vec<Word>,
    /// The poolers that lead clients to a server until they are pointed elsewhere.
    pub led_here: BTreeMap<NodeName, Vec<NodeName>>,
    limit: Option<&'a BTreeSet<NodeName>>,
    steps: Vec<Step>,
    phase: u32,
    blocked: BTreeMap<NodeName, Advice>,
    notes: BTreeMap<NodeName, Vec<Advice>>,
    cluster_notes: Vec<Advice>,
    overridden: BTreeMap<NodeName, BTreeSet<String>>,
}

impl<'a> Builder<'a> {
    /// Begins a plan; with `limit`, only these nodes are touched.
    pub fn new(
        cluster: &'a Cluster,
        templates: &'a Templates,
        seen: &'a Observation,
        leader: NodeName,
        limit: Option<&'a BTreeSet<NodeName>>,
    ) -> Self {
        Self {
            cluster,
            templates,
            world: without_copies(seen),
            seen,
            leader,
            copy_from: None,
            moves_wal: BTreeSet::new(),
            words: Vec::new(),
            led_here: BTreeMap::new(),
            limit,
            steps: Vec::new(),
            phase: 0,
            blocked: BTreeMap::new(),
            notes: BTreeMap::new(),
            cluster_notes: Vec::new(),
            overridden: BTreeMap::new(),
        }
    }

    /// Begins a new phase, if the current one has steps.
    pub fn next_phase(&mut self) {
        if self
            .steps
            .last()
            .is_some_and(|step| step.phase == self.phase)
        {
            self.phase += 1;
        }
    }

    /// Appends a step and makes its effect part of the world.
    pub fn step(&mut self, node: &NodeName, action: impl Into<Action>) -> Written<'_> {
        let action = action.into();
        action.act().effect(node, &mut self.world);
        let at = self.steps.len();
        // No client may be led to a server that starts as a standby.
        let led = self.led_here.get(node);
        let led = led.filter(|_| matches!(action, Action::Start(_)) && *node != self.leader);
        self.steps.push(Step {
            phase: self.phase,
            node: node.clone(),
            action,
            why: String::new(),
            needs: led.cloned().unwrap_or_default(),
        });
        Written(&mut self.steps[at])
    }

    /// Leaves a node alone from now on; the first reason stays.
    pub fn block(&mut self, node: &NodeName, message: impl Into<String>, help: impl Into<String>) {
        self.blocked.entry(node.clone()).or_insert(Advice {
            message: message.into(),
            help: help.into(),
        });
    }

    /// Returns why a node is left alone.
    pub fn blocked(&self, node: &NodeName) -> Option<&Advice> {
        self.blocked.get(node)
    }

    /// Returns the first step planned so far on a node.
    pub fn first_step(&self, node: &NodeName) -> Option<&Step> {
        self.steps.iter().find(|step| step.node == *node)
    }

    /// Adds a remark on a node, once.
    pub fn note(&mut self, node: &NodeName, message: impl Into<String>, help: impl Into<String>) {
        let note = Advice {
            message: message.into(),
            help: help.into(),
        };
        let notes = self.notes.entry(node.clone()).or_default();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// Notes that ALTER SYSTEM has given a parameter another value than the inventory.
    pub fn overridden(&mut self, node: &NodeName, parameter: &str) {
        let overridden = self.overridden.entry(node.clone()).or_default();
        overridden.insert(parameter.to_owned());
    }

    /// Adds a remark on the cluster.
    pub fn cluster_note(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.cluster_notes.push(Advice {
            message: message.into(),
            help: help.into(),
        });
    }

    /// Says whether steps may be planned on a node.
    pub fn free(&self, node: &NodeName) -> bool {
        !self.blocked.contains_key(node)
            && self.within_limit(node)
            && self.world.facts(node).is_some()
    }

    /// Says whether `--limit` lets a node be touched.
    pub fn within_limit(&self, node: &NodeName) -> bool {
        self.limit.is_none_or(|limit| limit.contains(node))
    }

    /// Returns the facts of a node as they will be.
    pub fn facts(&self, node: &NodeName) -> Option<&Facts> {
        self.world.facts(node)
    }

    /// Returns the wish for a node.
    pub fn node(&self, node: &NodeName) -> Option<&'a Node> {
        self.cluster.nodes.get(node)
    }

    /// Returns where PostgreSQL lives on a node; `None` if its operating system is not known.
    pub fn platform(&self, node: &NodeName) -> Option<Platform> {
        platform_of(self.cluster, self.facts(node)?, node)
    }

    /// Returns the role a node is to have.
    pub fn role(&self, node: &NodeName) -> Role {
        if *node == self.leader {
            return Role::Primary;
        }
        let upstream = self.node(node).and_then(|node| node.upstream.clone());
        Role::Standby {
            upstream: upstream.unwrap_or_else(|| self.leader.clone()),
        }
    }

    /// Returns the standbys, those nearest to the leader first.
    pub fn standbys(&self) -> Vec<(usize, NodeName)> {
        let depth = |name: &NodeName| {
            let mut depth = 1;
            let mut at = name.clone();
            while let Role::Standby { upstream } = self.role(&at) {
                if upstream == self.leader || depth > self.cluster.nodes.len() {
                    break;
                }
                depth += 1;
                at = upstream;
            }
            depth
        };
        let mut standbys: Vec<(usize, NodeName)> = self
            .cluster
            .in_order()
            .filter(|node| node.name != self.leader)
            .map(|node| (depth(&node.name), node.name.clone()))
            .collect();
        standbys.sort_by_key(|(depth, _)| *depth);
        standbys
    }

    /// Ends the plan.
    pub fn finish(mut self, goal: Goal) -> Plan {
        for (node, reason) in self.seen.unseen() {
            if self.within_limit(node) {
                let blocked = Advice {
                    message: reason.message.clone(),
                    help: reason.help.clone(),
                };
                self.blocked.entry(node.clone()).or_insert(blocked);
            }
        }
        let poolers = self.cluster.poolers.keys().map(|name| NodePlan {
            role: Role::Pooler,
            blocked: self.blocked.get(name).cloned(),
            notes: self.notes.get(name).cloned().unwrap_or_default(),
            ..Plan::lane(name)
        });
        let hooks = self.steps.iter();
        let hooks = hooks.filter(|step| matches!(step.action, Action::RunHook(_)));
        let hooks: BTreeSet<&NodeName> = hooks.map(|step| &step.node).collect();
        let nodes = self
            .cluster
            .in_order()
            .map(|node| NodePlan {
                node: node.name.clone(),
                role: self.role(&node.name),
                address: files::host(self.cluster, self.seen, &node.name, &node.name),
                new: self
                    .seen
                    .facts(&node.name)
                    .is_some_and(|facts| facts.data.content == Content::Nothing),
                blocked: self.blocked.get(&node.name).cloned(),
                notes: self.notes.get(&node.name).cloned().unwrap_or_default(),
                overridden: self.overridden.get(&node.name).cloned().unwrap_or_default(),
            })
            .chain(poolers)
            .chain(hooks.into_iter().map(Plan::lane))
            .collect();
        Plan {
            format_version: super::FORMAT_VERSION.into(),
            cluster: self.cluster.name.clone(),
            major: self.cluster.major,
            goal,
            leader: self.leader,
            nodes,
            steps: self.steps,
            notes: self.cluster_notes,
            lacks: Vec::new(),
            words: self.words,
        }
    }

    /// Returns the file that makes a node the standby it is to be; `None` for the leader, or if it was not read.
    pub fn marker(&self, name: &NodeName) -> Result<Option<Marker>, TemplateError> {
        let (Some(node), Some(platform)) = (self.node(name), self.platform(name)) else {
            return Ok(None);
        };
        let role = self.role(name);
        let Role::Standby { upstream } = &role else {
            return Ok(None);
        };
        let view = self.view(node, &role, &platform, BTreeMap::new(), false);
        files::standby_marker(&view, upstream, self.templates).map(Some)
    }

    /// Makes the view of a node that its files are rendered from.
    pub fn view<'b>(
        &'b self,
        node: &'b Node,
        role: &'b Role,
        platform: &'b Platform,
        floors: BTreeMap<String, String>,
        synchronous: bool,
    ) -> View<'b> {
        View {
            cluster: self.cluster,
            node,
            role,
            platform,
            world: &self.world,
            leader: &self.leader,
            floors,
            synchronous,
        }
    }
}

/// Returns what was seen without the senders of standbys whose servers do not run: a base backup streams its WAL under the
/// same name, and so does a connection that nobody has noticed to be dead.
fn without_copies(seen: &Observation) -> Observation {
    let runs = |facts: &Facts| facts.server.is_some() || facts.process != Process::Stopped;
    let stopped: BTreeSet<NodeName> = seen
        .seen()
        .filter(|(_, facts)| !runs(facts))
        .map(|(node, _)| node.clone())
        .collect();
    let mut world = seen.clone();
    for node in seen.hosts.keys() {
        if let Some(server) = world
            .facts_mut(node)
            .and_then(|facts| facts.server.as_mut())
        {
            server
                .senders
                .retain(|sender| stopped.iter().all(|node| node.as_str() != sender.name));
        }
    }
    world
}

/// Returns where PostgreSQL lives on a host that was seen.
pub fn platform_of(cluster: &Cluster, facts: &Facts, node: &NodeName) -> Option<Platform> {
    let wish = cluster.nodes.get(node)?;
    platform::choose(
        wish.platform.as_ref(),
        &facts.os.id,
        &facts.os.like,
        cluster.major,
        &wish.instance,
        wish.data_directory.as_deref(),
    )
}

/// Returns the place of a node for an action's commands.
pub fn place_of(cluster: &Cluster, facts: &Facts, node: &NodeName) -> Option<Place> {
    Some(Place {
        cluster: cluster.name.clone(),
        node: node.clone(),
        platform: platform_of(cluster, facts, node)?,
        major: cluster.major,
        port: cluster.nodes.get(node)?.port,
    })
}

/// Where a copy comes from, if not from the server that will be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyFrom {
    /// Another server.
    Host(NodeName),
    /// A backup on the mount.
    Backup(Box<Backup>),
}

/// A step that was appended, to which more may be said.
pub struct Written<'a>(&'a mut Step);

impl Written<'_> {
    /// Says why it is done; nothing where its title says it all.
    pub fn because(self, why: impl Into<String>) -> Self {
        self.0.why = why.into();
        self
    }

    /// Names the nodes whose earlier failure makes it pointless.
    pub fn after(self, needs: &[&NodeName]) -> Self {
        let needs = needs.iter().map(|name| (*name).clone());
        self.0.needs.extend(needs);
        self
    }
}

/// Returns the place of what is no server, for an action that asks nothing of PostgreSQL there.
pub fn place_apart(cluster: &Cluster, name: &NodeName) -> Place {
    Place {
        cluster: cluster.name.clone(),
        node: name.clone(),
        platform: platform::assume(None, cluster.major, "main", None),
        major: cluster.major,
        port: 0,
    }
}
