//! Stories: an inventory and recorded hosts → the plan, and what the plan leads to.

use std::collections::BTreeSet;
use std::path::Path;

use pgrepl::facts::{Observation, Sight, Unreachable};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::turns::turns;
use pgrepl::plan::{Plan, PlanError};
use pgrepl::render::Templates;
use pgrepl::report::order::Document;
use pgrepl::report::plan::{Diff, refusal, show};
use pgrepl::report::style::Style;

use crate::facts::{here, recorded};
use crate::variables::compare_plan;

pub struct Story {
    pub name: String,
    pub cluster: Cluster,
    pub world: Observation,
}

/// Reads a folder: inventory.yaml, and `hosts` with one `NAME RECORDING` per line.
fn story(folder: &Path) -> Story {
    let text = std::fs::read_to_string(folder.join("inventory.yaml")).unwrap();
    let cluster = read(&text)
        .unwrap_or_else(|problems| panic!("{}: {problems:?}", folder.display()))
        .cluster;
    let hosts = std::fs::read_to_string(folder.join("hosts")).unwrap();
    let hosts = hosts
        .lines()
        .map(|line| {
            let (name, recording) = line.split_once(' ').unwrap();
            let node = NodeName::from(name);
            let sight = match recording {
                "unreachable" => Sight::Unreachable(Unreachable {
                    message: format!("cannot connect to {name}: no route to host"),
                    help: format!("ssh {name} true"),
                    original: String::new(),
                }),
                recording => Sight::Seen(Box::new(recorded(&cluster, &node, recording))),
            };
            (node, sight)
        })
        .collect();
    Story {
        name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
        cluster,
        world: Observation {
            hosts,
            ..Observation::default()
        },
    }
}

pub fn stories() -> Vec<Story> {
    let mut folders: Vec<_> = std::fs::read_dir(here().join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("inventory.yaml").is_file())
        .collect();
    folders.sort();
    assert!(folders.len() >= 12, "only {} stories", folders.len());
    folders.iter().map(|folder| story(folder)).collect()
}

fn plan(cluster: &Cluster, world: &Observation) -> Result<Plan, PlanError> {
    converge(cluster, &Templates::default(), world, None)
}

#[test]
fn every_story_leads_to_its_plan() {
    for story in stories() {
        let text = match plan(&story.cluster, &story.world) {
            Ok(plan) => show(
                &plan,
                &story.world,
                "inventory.yaml",
                0.3,
                Diff::Changed,
                Style::plain(),
            ),
            Err(PlanError::Refused(no)) => refusal(&no, Style::plain()),
            Err(PlanError::Template(error)) => panic!("{error}"),
        };
        insta::with_settings!({ snapshot_path => story.name.clone(), prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("plan", text);
        });
    }
}

/// Makes the world as it will be after the first `steps` steps of a plan.
pub fn after(plan: &Plan, world: &Observation, steps: usize) -> Observation {
    compare_plan(plan);
    let mut world = world.clone();
    for step in &plan.steps[..steps] {
        step.action.act().effect(&step.node, &mut world);
    }
    world
}

pub fn titles(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| format!("{} {}", step.node, step.action.act().title()))
        .collect()
}

#[test]
fn a_plan_that_was_done_leaves_nothing_to_do_wherever_it_was_cut() {
    for story in stories() {
        let Ok(first) = plan(&story.cluster, &story.world) else {
            continue;
        };
        for cut in 0..=first.steps.len() {
            let cut_world = after(&first, &story.world, cut);
            let second = plan(&story.cluster, &cut_world).unwrap_or_else(|why| {
                panic!("{} cut after step {cut}: no plan: {why:?}", story.name)
            });
            let end = after(&second, &cut_world, second.steps.len());
            let third = plan(&story.cluster, &end).unwrap();
            assert!(
                third.steps.is_empty(),
                "{} cut after step {cut} of {:#?} and planned again as {:#?} leaves {:#?}",
                story.name,
                titles(&first),
                titles(&second),
                titles(&third)
            );
            if cut == first.steps.len() {
                assert!(
                    second.steps.is_empty(),
                    "{}: {:#?}",
                    story.name,
                    titles(&second)
                );
            }
        }
    }
}

#[test]
fn a_plan_is_the_same_each_time_and_survives_its_json() {
    for story in stories() {
        let Ok(first) = plan(&story.cluster, &story.world) else {
            continue;
        };
        let json = serde_json::to_string(&first).unwrap();
        assert_eq!(first, plan(&story.cluster, &story.world).unwrap());
        assert_eq!(first, serde_json::from_str::<Plan>(&json).unwrap());
        let shown = serde_json::to_value(Document::new(&first)).unwrap();
        assert_eq!(shown["order"], serde_json::to_value(turns(&first)).unwrap());
        assert_eq!(first, serde_json::from_value(shown).unwrap());
        assert!(!json.contains("it's"), "{}: a password", story.name);
    }
}

#[test]
fn no_two_servers_restart_in_one_phase() {
    use pgrepl::action::Action;
    for story in stories() {
        let Ok(plan) = plan(&story.cluster, &story.world) else {
            continue;
        };
        let mut phases = BTreeSet::new();
        for step in &plan.steps {
            if matches!(step.action, Action::Restart(_)) {
                assert!(
                    phases.insert(step.phase),
                    "{}: {:#?}",
                    story.name,
                    titles(&plan)
                );
            }
        }
    }
}
