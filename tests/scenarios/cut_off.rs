//! Standbys that somebody would lose without having meant to.

use pgrepl::facts::{Observation, Sight, Unreachable};
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::plan::Plan;
use pgrepl::plan::converge::converge;
use pgrepl::postgres::{History, Timeline};
use pgrepl::render::Templates;

use crate::stories::{Story, stories};

fn in_sync() -> Story {
    let mut stories = stories().into_iter();
    stories.find(|story| story.name == "in_sync").unwrap()
}

fn plan(cluster: &Cluster, world: &Observation) -> Plan {
    converge(cluster, &Templates::default(), world, None).unwrap()
}

#[test]
fn whoever_streams_and_is_not_listed_is_named_and_needs_a_word() {
    let mut story = in_sync();
    let left = NodeName::from("server3");
    story.cluster.nodes.remove(&left);
    story.world.hosts.remove(&left);
    let found = plan(&story.cluster, &story.world);
    let named: Vec<_> = found
        .words
        .iter()
        .map(|said| (said.word.as_str(), said.what.clone()))
        .collect();
    assert_eq!(
        named,
        [(
            "server3",
            "server3 streams from server2 now and is not in the inventory: this cuts it off"
                .to_owned()
        )]
    );

    // One that has stopped streaming needs nobody's word.
    let upstream = story.world.facts_mut(&"server2".into()).unwrap();
    upstream.server.as_mut().unwrap().senders.clear();
    assert_eq!(plan(&story.cluster, &story.world).words, []);
}

#[test]
fn nothing_is_removed_while_a_listed_host_is_unread() {
    for streams in [true, false] {
        let mut story = in_sync();
        let (left, unread) = (NodeName::from("server3"), NodeName::from("servre3"));
        let mut node = story.cluster.nodes.remove(&left).unwrap();
        node.name = unread.clone();
        story.cluster.nodes.insert(unread.clone(), node);
        story.world.hosts.remove(&left);
        let silent = Unreachable {
            message: "cannot connect to servre3: no such host".into(),
            help: String::new(),
            original: String::new(),
        };
        story.world.hosts.insert(unread, Sight::Unreachable(silent));
        let upstream = NodeName::from("server2");
        if !streams {
            let facts = story.world.facts_mut(&upstream).unwrap();
            facts.server.as_mut().unwrap().senders.clear();
        }
        let found = plan(&story.cluster, &story.world);
        let removed = found.steps.iter().map(|step| step.action.act().title());
        assert!(
            removed.clone().all(|title| !title.contains("slot")),
            "{:?}",
            removed.collect::<Vec<_>>()
        );
        // Nor are its rules, wherever they stand.
        assert_eq!(found.steps.is_empty(), streams, "{:#?}", found.steps);
        let blocked = found.blocked().find(|(node, _)| **node == upstream);
        assert_eq!(blocked.is_some(), streams);
        assert!(blocked.is_none_or(|(_, why)| why.message.contains("servre3 cannot be read")));
    }
}

#[test]
fn a_standby_that_went_on_behind_the_fork_is_not_waited_for() {
    for (fork, follows) in [("0/1", false), ("FF/0", true)] {
        let mut story = in_sync();
        let (leader, standby) = (NodeName::from("server1"), NodeName::from("server2"));
        let leads = story.world.facts_mut(&leader).unwrap();
        let server = leads.server.as_mut().unwrap();
        server.senders.clear();
        let before = server.timeline;
        server.timeline = Timeline(before.0 + 1);
        let forks = vec![(before, fork.parse().unwrap())];
        let of = server.timeline;
        let promoted = true;
        leads.data.history = Some(History {
            of,
            forks,
            promoted,
        });
        let found = plan(&story.cluster, &story.world);
        let blocked = found.blocked().find(|(node, _)| **node == standby);
        assert_eq!(blocked.is_none(), follows);
        if let Some((_, why)) = blocked {
            assert!(
                why.message.contains("left its history at 0/1"),
                "{}",
                why.message
            );
            assert!(
                why.help.starts_with("pgrepl rebuild server2"),
                "{}",
                why.help
            );
        }
    }
}

#[test]
fn what_risks_data_needs_a_word_once() {
    let mut story = in_sync();
    for node in story.cluster.nodes.values_mut() {
        node.parameters.insert("fsync".into(), "off".into());
        node.parameters.insert("work_mem".into(), "1MB".into());
    }
    let words = |world: &Observation| {
        let plan = plan(&story.cluster, world);
        let words = plan.words.into_iter();
        words
            .map(|said| said.word + " " + &said.what)
            .collect::<Vec<_>>()
    };
    let asked = words(&story.world);
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked[0].starts_with("fsync fsync is switched off on server1: "),
        "{asked:?}"
    );
    for name in ["server1", "server2", "server3"] {
        let facts = story.world.facts_mut(&name.into()).unwrap();
        let settings = &mut facts.server.as_mut().unwrap().settings;
        settings.get_mut("fsync").unwrap().setting = "off".into();
    }
    assert_eq!(words(&story.world).len(), 0);
}
