//! Hosts without pg_controldata: what a stopped server holds is not known there, and nothing dangerous follows from it.

use pgrepl::action::Action;
use pgrepl::facts::{Content, Facts, Observation, Process, Sight, Unreachable};
use pgrepl::inventory::{NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;

use crate::stories::titles;
use crate::worlds::{running_primary, state};

/// Those of the small worlds' states that matter here: nothing, a primary (also a newer one), stopped ones, standbys.
const AT: [usize; 7] = [0, 1, 2, 3, 5, 7, 9];

/// What the probe says where pg_controldata is missing: only a running server tells.
fn blind(mut facts: Facts) -> Facts {
    facts.packages.tools.remove("pg_controldata");
    if let (Content::Instance(instance), true) =
        (&mut facts.data.content, facts.process == Process::Stopped)
    {
        instance.control = Err("pg_controldata is not installed".into());
    }
    facts
}

#[test]
fn no_world_without_control_files_leads_to_a_second_primary_or_to_a_lost_instance() {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\n\
         primary: server1\nstandbys: [server2, server3]\n",
    )
    .unwrap_or_else(|_| panic!("a bad inventory"))
    .cluster;
    let names: Vec<NodeName> = cluster.nodes.keys().cloned().collect();
    let all: Vec<Vec<Facts>> = names
        .iter()
        .map(|name| AT.map(|at| blind(state(&cluster, name, at))).to_vec())
        .collect();
    let (mut plans, mut standbys) = (0, 0);
    for code in 0..AT.len().pow(3) {
        let at = [
            code % AT.len(),
            code / AT.len() % AT.len(),
            code / AT.len().pow(2),
        ];
        // The two standbys may change places.
        if at[1] > at[2] {
            continue;
        }
        for unseen in [None, Some(0), Some(1), Some(2)] {
            let sights = names.iter().enumerate().map(|(n, name)| {
                let sight = if unseen == Some(n) {
                    Sight::Unreachable(Unreachable {
                        message: "no route to host".into(),
                        help: String::new(),
                        original: String::new(),
                    })
                } else {
                    Sight::Seen(Box::new(all[n][at[n]].clone()))
                };
                (name.clone(), sight)
            });
            let mut world = Observation {
                hosts: sights.collect(),
                ..Observation::default()
            };
            let Ok(plan) = converge(&cluster, &Templates::default(), &world, None) else {
                continue;
            };
            plans += 1;
            let told = || format!("{at:?} unseen {unseen:?}: {:#?}", titles(&plan));
            let before = world
                .seen()
                .filter(|(_, facts)| running_primary(facts))
                .count();
            for step in &plan.steps {
                let here = world.facts(&step.node).unwrap();
                let known = here.data.control().is_some();
                match &step.action {
                    Action::Start(_) if !known => {
                        assert!(
                            here.data.signals.standby,
                            "it may be a second primary: {}",
                            told()
                        );
                        standbys += 1;
                    }
                    Action::InitDb(_) => assert!(
                        world
                            .seen()
                            .all(|(_, facts)| !matches!(facts.data.content, Content::Instance(_))),
                        "initialises beside an instance: {}",
                        told()
                    ),
                    Action::SetAside(_) | Action::Rewind(_) | Action::MarkStandby(_) => {
                        assert!(known, "nobody knows what it holds: {}", told());
                    }
                    _ => {}
                }
                step.action.act().effect(&step.node, &mut world);
            }
            let after = world
                .seen()
                .filter(|(_, facts)| running_primary(facts))
                .count();
            assert!(
                after <= before.max(1),
                "{before} primaries become {after}: {}",
                told()
            );
        }
    }
    assert!(plans > 50 && standbys > 5, "{plans} {standbys}");
}
