//! What people see of a cluster: roles, who follows whom, what waits.

use pgrepl::facts::{Process, Sight, Unreachable};
use pgrepl::inventory::NodeName;
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;
use pgrepl::report::plan::{Diff, read_again};
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
    show(&status, &story.cluster, 0.4, Style::plain())
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

#[test]
fn who_works_now_is_named_and_nobody_is_told_to_work_against_it() {
    let mut story = in_sync();
    let lock = "admin@ci pid 4711 since 2026-11-27 09:00:00+01:00: pgrepl rebuild";
    let primary = story.world.facts_mut(&NodeName::from("server1")).unwrap();
    primary.run = Some(lock.into());
    let standby = story.world.facts_mut(&NodeName::from("server2")).unwrap();
    standby.server = None;
    standby.process = Process::Stopped;
    let text = shown(&story);
    assert!(text.contains(&format!("run      {lock}\n")), "{text}");
    for help in text.lines().filter(|line| line.contains("help:")) {
        assert!(
            help.contains("help: if it is still so when the run has ended: "),
            "{text}"
        );
    }
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    let style = Style::plain();
    let planned = pgrepl::report::plan::show(&plan, &story.world, "x", 0.1, Diff::None, style);
    assert!(
        planned.contains(&format!("! another run is at work: {lock}\n")),
        "{planned}"
    );
}

#[test]
fn the_table_and_the_problems_judge_a_stream_alike() {
    // What its receiver says, what the sender says, and what is said of both.
    let worlds = [
        (Some("streaming"), Some("streaming"), "streaming", None),
        (
            Some("streaming"),
            Some("catchup"),
            "catchup",
            Some("does not stream: catchup"),
        ),
        (
            Some("streaming"),
            None,
            "receiving from elsewhere",
            Some("server1 does not send any"),
        ),
        (
            Some("waiting"),
            Some("streaming"),
            "waiting",
            Some("does not stream: waiting"),
        ),
        (
            None,
            Some("streaming"),
            "not streaming",
            Some("server2  does not stream"),
        ),
        (
            None,
            None,
            "not streaming",
            Some("server2  does not stream"),
        ),
    ];
    for (receives, sends, state, problem) in worlds {
        let mut story = in_sync();
        let primary = story.world.facts_mut(&NodeName::from("server1")).unwrap();
        let senders = &mut primary.server.as_mut().unwrap().senders;
        senders.retain_mut(|sender| {
            sender.state = sends.unwrap_or_default().into();
            sends.is_some() || sender.name != "server2"
        });
        let standby = story.world.facts_mut(&NodeName::from("server2")).unwrap();
        let receiver = &mut standby.server.as_mut().unwrap().receiver;
        match receives {
            Some(status) => receiver.as_mut().unwrap().status = status.into(),
            None => *receiver = None,
        }
        let text = shown(&story);
        let row = text
            .lines()
            .find(|line| line.starts_with("server2"))
            .unwrap();
        assert!(row.contains(state), "{text}");
        let problems = text.split_once("problem").map_or("", |(_, rest)| rest);
        let told = problems.contains("does not stream") || problems.contains("does not send");
        assert_eq!(told, problem.is_some(), "{text}");
        assert!(
            problem.is_none_or(|problem| problems.contains(problem)),
            "{text}"
        );
    }
}

#[test]
fn what_alter_system_overrides_is_no_match() {
    let mut story = in_sync();
    let first = NodeName::from("server1");
    let node = story.cluster.nodes.get_mut(&first).unwrap();
    node.parameters.insert("work_mem".into(), "8MB".into());
    let path = "/var/lib/postgresql/15/main/postgresql.auto.conf";
    for (set, overrides) in [("work_mem = '64MB'\n", true), ("work_mem = '8MB'\n", false)] {
        let facts = story.world.facts_mut(&first).unwrap();
        let mut file = facts.files.values().next().unwrap().clone();
        file.content = Some(set.into());
        facts.files.insert(path.into(), file);
        let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
        let said: Vec<_> = plan.overridden().map(|(_, statement)| statement).collect();
        let wanted: &[&str] = if overrides {
            &["ALTER SYSTEM RESET work_mem;"]
        } else {
            &[]
        };
        assert_eq!(said, wanted);
        assert_eq!(
            read_again(&plan).contains("ALTER SYSTEM RESET work_mem;"),
            overrides
        );
    }
}
