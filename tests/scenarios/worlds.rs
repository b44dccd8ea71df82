//! Every state of three nodes, with every set of unseen ones: no plan ever starts a second primary, initialises
//! beside an instance that exists, or writes over one.

use std::collections::BTreeMap;

use pgrepl::action::Action;
use pgrepl::facts::{Content, Facts, Observation, Process, Sight, TurnedAway, Unreachable};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::postgres::{Lsn, SystemId, Timeline};
use pgrepl::render::Templates;

use crate::facts::recorded;

/// Where a node can stand: the recording it is made from, its timeline, its end of WAL, and whose cluster it is.
pub const STATES: [(&str, u32, u64, bool); 15] = [
    ("packages", 0, 0, true),
    ("primary", 1, 0x0400_0000, true),
    ("primary", 2, 0x0500_0000, true),
    ("primary-stopped", 1, 0x0400_0000, true),
    ("primary-stopped", 1, 0x0300_0000, true),
    ("primary-stopped", 2, 0x0500_0000, true),
    ("primary-crashed", 1, 0x0400_0000, true),
    ("standby", 1, 0x0400_0000, true),
    ("standby", 2, 0x0500_0000, true),
    ("standby-stopped", 1, 0x0400_0000, true),
    ("standby-stopped", 2, 0x0500_0000, true),
    ("primary-stopped", 1, 0x0400_0000, false),
    ("primary", 1, 0x0400_0000, false),
    ("busy", 1, 0x0400_0000, true),
    ("closed", 1, 0x0400_0000, true),
];

pub fn state(cluster: &Cluster, node: &NodeName, at: usize) -> Facts {
    let (recording, timeline, end, ours) = STATES[at];
    let (busy, closed) = (recording == "busy", recording == "closed");
    let recording = if busy || closed {
        "primary-crashed"
    } else {
        recording
    };
    let mut facts = recorded(cluster, node, recording);
    if busy {
        facts.process = Process::Busy;
    }
    if closed {
        facts.process = Process::Running;
        facts.turned_away = Some(TurnedAway {
            processes: 5,
            no_database: false,
            words: "no password supplied".into(),
            socket_directory: "/run/postgresql".into(),
        });
    }
    // A recording is of one host; here each has an address of its own.
    let address = |name: &NodeName| {
        let at = cluster.nodes.keys().position(|known| known == name);
        let last = u8::try_from(at.unwrap() + 1).unwrap();
        vec![std::net::IpAddr::from([10, 0, 0, last])]
    };
    facts.addresses = address(node);
    facts.resolved = cluster
        .nodes
        .keys()
        .map(|name| (name.clone(), address(name)))
        .collect();
    let id = SystemId(if ours { 7 } else { 8 });
    if let Content::Instance(instance) = &mut facts.data.content {
        let control = instance.control.as_mut().unwrap();
        control.system_id = id;
        control.timeline = Timeline(timeline);
        control.checkpoint = Lsn(end);
        control.redo = Lsn(end);
        control.minimum_recovery_timeline = Timeline(0);
        control.minimum_recovery_end = Lsn(0);
    }
    if let Some(server) = &mut facts.server {
        server.system_id = id;
        // What has its built-in value decides nothing, and there is much of it.
        server.settings.retain(|_, setting| {
            matches!(setting.source.as_str(), "configuration file" | "override")
        });
        server.timeline = Timeline(timeline);
        for lsn in [
            &mut server.current,
            &mut server.received,
            &mut server.replayed,
        ] {
            *lsn = lsn.map(|_| Lsn(end));
        }
    }
    facts
}

pub fn running_primary(facts: &Facts) -> bool {
    facts
        .server
        .as_ref()
        .is_some_and(|server| !server.in_recovery)
        || facts.process != Process::Stopped
            && facts.server.is_none()
            && !facts.data.signals.standby
}

fn has_instance(facts: &Facts) -> bool {
    matches!(facts.data.content, Content::Instance(_))
}

#[test]
fn no_world_leads_to_a_second_primary_or_to_a_lost_instance() {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\n\
         primary: server1\nstandbys: [server2, server3]\n",
    )
    .unwrap_or_else(|_| panic!("a bad inventory"))
    .cluster;
    let names: Vec<NodeName> = cluster.nodes.keys().cloned().collect();
    let all: Vec<Vec<Facts>> = names
        .iter()
        .map(|name| {
            (0..STATES.len())
                .map(|at| state(&cluster, name, at))
                .collect()
        })
        .collect();
    let (mut worlds, mut plans, mut starts, mut inits) = (0, 0, 0, 0);
    for code in 0..STATES.len().pow(3) {
        let at = [
            code % STATES.len(),
            code / STATES.len() % STATES.len(),
            code / STATES.len().pow(2),
        ];
        // The two standbys may change places.
        if at[1] > at[2] {
            continue;
        }
        let truth: BTreeMap<&NodeName, &Facts> = names
            .iter()
            .enumerate()
            .map(|(n, name)| (name, &all[n][at[n]]))
            .collect();
        for unseen in 0..8_usize {
            worlds += 1;
            let hosts = names
                .iter()
                .enumerate()
                .map(|(n, name)| {
                    let sight = if unseen >> n & 1 == 1 {
                        Sight::Unreachable(Unreachable {
                            message: "no route to host".into(),
                            help: String::new(),
                            original: String::new(),
                        })
                    } else {
                        Sight::Seen(Box::new(truth[name].clone()))
                    };
                    (name.clone(), sight)
                })
                .collect();
            let mut world = Observation {
                hosts,
                ..Observation::default()
            };
            let Ok(plan) = converge(&cluster, &Templates::default(), &world, None) else {
                continue;
            };
            plans += 1;
            let told = || {
                format!(
                    "{:?} unseen {unseen:03b}: {:?}",
                    at.map(|at| STATES[at]),
                    plan.steps
                        .iter()
                        .map(|s| (s.node.as_str(), s.action.act().title()))
                        .collect::<Vec<_>>()
                )
            };
            for step in &plan.steps {
                let others = |test: &dyn Fn(&Facts) -> bool, world: &Observation| {
                    names
                        .iter()
                        .filter(|name| **name != step.node)
                        .any(|name| test(world.facts(name).unwrap_or(truth[name])))
                };
                let here = world.facts(&step.node).unwrap();
                match &step.action {
                    Action::Start(_) if !here.data.signals.standby => {
                        starts += 1;
                        assert!(
                            !others(&running_primary, &world),
                            "a second primary: {}",
                            told()
                        );
                    }
                    Action::InitDb(_) => {
                        inits += 1;
                        assert!(
                            !has_instance(here) && !others(&has_instance, &world),
                            "initialises beside an instance: {}",
                            told()
                        );
                    }
                    Action::BaseBackup(_) | Action::PlaceClone(_) => {
                        assert!(
                            here.data.content == Content::Nothing,
                            "a copy over something: {}",
                            told()
                        );
                    }
                    Action::SetAside(_) => {
                        assert!(
                            others(&running_primary, &world),
                            "nobody has what is set aside: {}",
                            told()
                        );
                    }
                    _ => {}
                }
                step.action.act().effect(&step.node, &mut world);
            }
            let before = truth
                .values()
                .filter(|facts| running_primary(facts))
                .count();
            let after = names
                .iter()
                .filter(|name| running_primary(world.facts(name).unwrap_or(truth[name])))
                .count();
            assert!(
                after <= before.max(1),
                "{before} primaries become {after}: {}",
                told()
            );
        }
    }
    // The search would prove nothing if hardly anything were planned in it.
    assert!(
        worlds > 10_000 && plans > 200 && starts > 50 && inits > 0,
        "{worlds} {plans} {starts} {inits}"
    );
}
