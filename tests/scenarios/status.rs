//! What people see of a cluster: roles, who follows whom, what waits.

use pgrepl::facts::{Sight, Unreachable};
use pgrepl::inventory::NodeName;
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;
use pgrepl::report::plan::read_again;
use pgrepl::report::status::conclude;
use pgrepl::report::status_table::show;
use pgrepl::report::style::Style;

use crate::stories::{Story, stories};

fn in_sync() -> Story {
    let found = stories().into_iter().find(|story| story.name == "in_sync");
    found.unwrap()
}

fn shown(story: &Story) -> String {
    let status = conclude(&story.cluster, &story.world);
    show(&status, &story.cluster, 0.4, Style { color: false })
}

#[test]
fn a_cascade_is_drawn_as_a_tree() {
    insta::assert_snapshot!(shown(&in_sync()));
}

#[test]
fn what_is_down_and_what_waits_for_a_restart_is_told() {
    let mut story = in_sync();
    let reason = Unreachable {
        message: "no route to host".into(),
        help: "ssh server2 true".into(),
        original: String::new(),
    };
    story
        .world
        .hosts
        .insert(NodeName::from("server2"), Sight::Unreachable(reason));
    let primary = story.world.facts_mut(&NodeName::from("server1")).unwrap();
    let path = primary
        .files
        .keys()
        .find(|path| path.ends_with("/postgresql.conf"))
        .unwrap()
        .clone();
    let file = primary.files.get_mut(&path).unwrap();
    let text = file.content.take().unwrap();
    file.content = Some(format!("{text}\nmax_connections = 321\n"));
    let server = primary.server.as_mut().unwrap();
    // What PostgreSQL still says of a file that was changed back does not count.
    server.pending_restart = vec!["max_connections".into(), "wal_level".into()];
    server.slots.get_mut("server2").unwrap().active = false;
    server.slots.get_mut("server2").unwrap().retained = Some(5 << 30);
    insta::assert_snapshot!(shown(&story));
}

#[test]
fn no_server_is_said_to_match_that_was_left_alone() {
    let told = |name: &str| {
        let story = stories().into_iter().find(|story| story.name == name);
        let story = story.unwrap();
        let plan = converge(&story.cluster, &Templates::default(), &story.world, None);
        read_again(&plan.unwrap_or_else(|why| panic!("{why:?}")))
    };
    assert_eq!(told("in_sync"), "every server matches.");
    let alone = told("standby_unreachable");
    assert!(!alone.contains("every server"), "{alone}");
    assert!(alone.contains("\n  server2: "), "{alone}");
}
