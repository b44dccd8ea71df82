//! Switchover, failover and rebuild: their plans, every cut of them, and every small world.

use std::collections::BTreeMap;

use pgrepl::action::Action;
use pgrepl::facts::{Facts, Observation, Sight, Unreachable};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::failover::{self, failover};
use pgrepl::plan::rebuild::fallback::copies_next;
use pgrepl::plan::rebuild::{self, rebuild};
use pgrepl::plan::restore::put_back::Ended;
use pgrepl::plan::switchover::{self, switchover};
use pgrepl::plan::{Plan, PlanError, Step};
use pgrepl::render::Templates;
use pgrepl::report::plan::{Diff, refusal, show};
use pgrepl::report::style::Style;

use crate::space::forked;
use crate::stories::{after, stories, titles};
use crate::worlds::{STATES, running_primary, state};

/// What can be asked for.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Switchover,
    Failover,
    Forced,
    Rebuild,
    Anew,
}

fn ask(
    ask: Ask,
    cluster: &Cluster,
    world: &Observation,
    node: &NodeName,
) -> Result<Plan, PlanError> {
    let templates = Templates::default();
    let from = |from| {
        let wish = rebuild::RebuildRequest {
            node,
            from,
            rewind_failed: false,
            commits: None,
        };
        rebuild(cluster, &templates, world, &wish).map(|rebuild| rebuild.plan)
    };
    match ask {
        Ask::Switchover => {
            let wish = switchover::SwitchoverRequest {
                to: Some(node),
                token: "aa",
                seconds: 90,
                pause: Default::default(),
            };
            switchover(cluster, &templates, world, &wish)
        }
        Ask::Failover | Ask::Forced => {
            let wish = failover::FailoverRequest {
                to: Some(node),
                force: matches!(ask, Ask::Forced),
                token: "aa",
            };
            failover(cluster, &templates, world, &wish).map(|failover| failover.plan)
        }
        Ask::Rebuild => from(rebuild::CopySource::Auto),
        Ask::Anew => from(rebuild::CopySource::Primary),
    }
}

#[test]
fn each_story_is_asked_for_everything() {
    let mut text = String::new();
    for story in stories() {
        let node = NodeName::from("server2");
        for what in [Ask::Switchover, Ask::Failover, Ask::Rebuild, Ask::Anew] {
            let style = Style::plain();
            let shown = match ask(what, &story.cluster, &story.world, &node) {
                Ok(plan) => show(
                    &plan,
                    &story.world,
                    "inventory.yaml",
                    0.3,
                    Diff::None,
                    style,
                ),
                Err(PlanError::Refused(no)) => refusal(&no, style),
                Err(PlanError::Template(error)) => panic!("{error}"),
            };
            text += &format!("=== {} · {what:?} server2\n{shown}\n", story.name);
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_switchover_that_is_cut_anywhere_is_finished_by_asking_again_and_by_apply() {
    let (mut switched, mut carried) = (0, 0);
    for story in stories() {
        let to = NodeName::from("server2");
        let asked = |world: &Observation| ask(Ask::Switchover, &story.cluster, world, &to);
        let applied =
            |world: &Observation| converge(&story.cluster, &Templates::default(), world, None);
        let Ok(first) = asked(&story.world) else {
            continue;
        };
        if !first
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::Promote(_)))
        {
            continue;
        }
        switched += 1;
        for cut in 0..=first.steps.len() {
            let world = after(&first, &story.world, cut);
            let told = || {
                format!(
                    "{} cut after step {cut} of {:#?}",
                    story.name,
                    titles(&first)
                )
            };
            let primaries = world
                .seen()
                .filter(|(_, facts)| running_primary(facts))
                .count();
            assert!(primaries <= 1, "two primaries: {}", told());
            let second = asked(&world).unwrap_or_else(|why| panic!("{}: {why:?}", told()));
            carried += usize::from(
                second
                    .steps
                    .iter()
                    .any(|step| matches!(step.action, Action::PlaceWal(_))),
            );
            let end = after(&second, &world, second.steps.len());
            let left = applied(&end).unwrap();
            assert_eq!(left.leader, to, "{}", told());
            assert!(left.steps.is_empty(), "{}: {:#?}", told(), titles(&left));
            // Or somebody types apply: the old primary serves again, or follows.
            let third = applied(&world).unwrap_or_else(|why| panic!("{}: {why:?}", told()));
            let end = after(&third, &world, third.steps.len());
            assert_eq!(
                end.seen()
                    .filter(|(_, facts)| running_primary(facts))
                    .count(),
                1,
                "{}",
                told()
            );
            assert!(applied(&end).unwrap().steps.is_empty(), "{}", told());
        }
    }
    assert!(switched >= 1 && carried >= 1, "{switched} {carried}");
}

#[test]
fn nothing_that_is_asked_for_makes_a_second_primary_or_touches_the_one_that_leads() {
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
    let mut done: BTreeMap<String, usize> = BTreeMap::new();
    for code in 0..STATES.len().pow(3) {
        let at = [
            code % STATES.len(),
            code / STATES.len() % STATES.len(),
            code / STATES.len().pow(2),
        ];
        for unseen in [0b000, 0b001] {
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
                        let mut facts = all[n][at[n]].clone();
                        // Who cannot be reached is not heard of by the others either.
                        if let (true, Some(server)) = (unseen > 0, &mut facts.server) {
                            server.receiver = None;
                        }
                        Sight::Seen(Box::new(facts))
                    };
                    (name.clone(), sight)
                })
                .collect();
            let world = Observation {
                hosts,
                ..Observation::default()
            };
            for what in [Ask::Switchover, Ask::Failover, Ask::Forced, Ask::Rebuild] {
                let node = NodeName::from("server2");
                let Ok(plan) = ask(what, &cluster, &world, &node) else {
                    continue;
                };
                *done.entry(format!("{what:?}")).or_default() +=
                    usize::from(!plan.steps.is_empty());
                judge(&plan, &world, &|| {
                    format!(
                        "{what:?} {:?} unseen {unseen:03b}: {:#?}",
                        at.map(|at| STATES[at]),
                        titles(&plan)
                    )
                });
            }
        }
    }
    for what in ["Switchover", "Failover", "Forced", "Rebuild"] {
        assert!(done.get(what).is_some_and(|plans| *plans > 5), "{done:?}");
    }
}

fn judge(plan: &Plan, world: &Observation, told: &dyn Fn() -> String) {
    let mut world = world.clone();
    for step in &plan.steps {
        let beside = world
            .seen()
            .any(|(node, facts)| *node != step.node && running_primary(facts));
        let here = world.facts(&step.node).unwrap();
        match &step.action {
            Action::Promote(_) => assert!(!beside, "a second primary: {}", told()),
            Action::Start(_) if !here.data.signals.standby => {
                assert!(!beside, "a second primary: {}", told());
            }
            Action::SetAside(_)
            | Action::Rewind(_)
            | Action::MarkStandby(_)
            | Action::BaseBackup(_) => {
                assert!(
                    beside && !running_primary(here),
                    "nobody has what goes: {}",
                    told()
                );
            }
            Action::InitDb(_) => panic!("a new cluster: {}", told()),
            _ => {}
        }
        step.action.act().effect(&step.node, &mut world);
    }
}

#[test]
fn a_rewind_that_failed_is_followed_by_a_copy_unless_somebody_chose_it_or_nobody_knows() {
    let mut rewound = 0;
    let worlds = stories()
        .into_iter()
        .map(|story| (story.cluster, story.world));
    for (cluster, world) in worlds.chain([forked()]) {
        let node = NodeName::from("server2");
        let Ok(plan) = ask(Ask::Rebuild, &cluster, &world, &node) else {
            continue;
        };
        let rewinds = |step: &Step| matches!(step.action, Action::Rewind(_));
        let at = plan.steps.iter().position(rewinds);
        for ended in [Ended::Good, Ended::Failed, Ended::NotBegun, Ended::Unknown] {
            for (chosen, interrupted) in
                [(true, false), (true, true), (false, false), (false, true)]
            {
                let of = |step: usize| match at {
                    Some(at) if step == at => ended,
                    Some(at) if step > at => Ended::NotBegun,
                    // Any other step that failed is no reason to copy.
                    _ => Ended::Failed,
                };
                let all: Vec<Ended> = (0..plan.steps.len()).map(of).collect();
                let expected = at.is_some() && ended == Ended::Failed && chosen && !interrupted;
                let told = copies_next(&plan, &all, chosen, interrupted);
                assert_eq!(told, expected, "{ended:?}: {:#?}", titles(&plan));
            }
        }
        let Some(at) = at else { continue };
        rewound += 1;
        // The copy is planned on what the failed rewind left, and ends as the rewind would have.
        let mut world = after(&plan, &world, at);
        let disks = &mut world.facts_mut(&node).unwrap().disks;
        disks.iter_mut().for_each(|disk| disk.free = 1 << 40);
        let templates = Templates::default();
        let wish = rebuild::RebuildRequest {
            node: &node,
            from: rebuild::CopySource::Auto,
            rewind_failed: true,
            commits: None,
        };
        let next = rebuild(&cluster, &templates, &world, &wish).unwrap().plan;
        assert!(!next.steps.iter().any(rewinds), "{:#?}", titles(&next));
        let end = after(&next, &world, next.steps.len());
        let left = converge(&cluster, &templates, &end, None).unwrap();
        assert!(
            left.steps.is_empty(),
            "{}: {:#?}",
            cluster.name,
            titles(&left)
        );
    }
    assert!(rewound > 0);
}
