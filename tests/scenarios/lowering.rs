//! Values that a standby must not be below before it has replayed that its primary's went down.

use pgrepl::facts::{Content, Observation, Process};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;

use crate::stories::{after, stories, titles};

/// Three servers with max_connections = 200, and an inventory that wants less.
fn lowered() -> (Cluster, Observation) {
    let mut all = stories().into_iter();
    let story = all.find(|story| story.name == "raise_max_connections");
    let story = story.unwrap();
    let raise = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    let world = after(&raise, &story.world, raise.steps.len());
    let inventory = include_str!("raise_max_connections/inventory.yaml");
    let text = inventory.replace("max_connections: 200", "max_connections: 150");
    let less = read(&text).unwrap_or_else(|_| panic!("a bad inventory"));
    (less.cluster, world)
}

/// Where these steps of a server are in a plan, one behind the other.
fn in_order(titles: &[String], wanted: &[&str]) {
    let mut rest = titles.iter();
    for title in wanted {
        assert!(rest.any(|found| found == title), "{title}: {titles:#?}");
    }
}

#[test]
fn a_standby_is_told_the_lower_value_once_it_may_start_with_it() {
    let (cluster, world) = lowered();
    let plan = converge(&cluster, &Templates::default(), &world, None).unwrap();
    in_order(
        &titles(&plan),
        &[
            "server1 postgresql.conf",
            "server1 restart postgresql@15-main",
            "server2 the primary's lowered parameters are replayed",
            "server2 postgresql.conf",
            "server2 restart postgresql@15-main",
        ],
    );
}

#[test]
fn a_stopped_standby_starts_with_what_it_had_and_is_lowered_then() {
    let (cluster, mut world) = lowered();
    let lower = converge(&cluster, &Templates::default(), &world, None).unwrap();
    let two = NodeName::from("server2");
    let steps = lower.steps.iter();
    let before = steps
        .take_while(|step| step.node == "server1".into())
        .count();
    // The primary is done; the standby's power fails before it has replayed that, with the new file or the old one.
    let cut = after(&lower, &world, lower.steps.len());
    world = after(&lower, &world, before);
    for written in [false, true] {
        let mut world = world.clone();
        let files = cut.facts(&two).unwrap().files.clone();
        let facts = world.facts_mut(&two).unwrap();
        facts.server = None;
        facts.process = Process::Stopped;
        if written {
            facts.files = files;
        }
        if let Content::Instance(instance) = &mut facts.data.content {
            let control = instance.control.as_mut().unwrap();
            control.sensitive.insert("max_connections".into(), 200);
        }
        let plan = converge(&cluster, &Templates::default(), &world, None).unwrap();
        let mut steps = vec![
            "server2 start postgresql@15-main",
            "server2 the primary's lowered parameters are replayed",
            "server2 postgresql.conf",
            "server2 restart postgresql@15-main",
        ];
        if written {
            steps.insert(0, "server2 postgresql.conf");
        }
        in_order(&titles(&plan), &steps);
        let done = after(&plan, &world, plan.steps.len());
        let again = converge(&cluster, &Templates::default(), &done, None).unwrap();
        assert!(again.steps.is_empty(), "{:#?}", titles(&again));
    }
}
