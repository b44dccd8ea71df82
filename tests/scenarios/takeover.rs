//! Who takes over, what is told of the others, and what is not touched.

use pgrepl::facts::{Content, Facts, Observation, Process, Sight, Unreachable};
use pgrepl::inventory::{NodeName, read};
use pgrepl::plan::{PlanError, failover, rebuild};
use pgrepl::postgres::{History, Lsn, Timeline};
use pgrepl::render::Templates;

use crate::checks::{calm, first, second, server};
use crate::stories::{stories, titles};
use crate::worlds::state;

#[test]
fn a_failover_chooses_who_has_the_most_and_tells_what_the_others_have() {
    let story = stories()
        .into_iter()
        .find(|story| story.name == "synchronous")
        .unwrap();
    let mut world = story.world;
    let gone = Unreachable {
        message: "no route to host".into(),
        help: String::new(),
        original: String::new(),
    };
    world
        .hosts
        .insert("server1".into(), Sight::Unreachable(gone));
    for node in ["server2", "server3"] {
        let server = server(&mut world, node);
        server.receiver = None;
        server.received = Some(Lsn(0x500_0000));
        server.replayed = Some(Lsn(0x500_0000));
    }
    let chosen = |world: &Observation| {
        let wish = failover::FailoverRequest {
            to: None,
            force: false,
            token: "aa",
        };
        let found = failover::failover(&story.cluster, &Templates::default(), world, &wish);
        let failover = found.unwrap_or_else(|why| panic!("{why:?}"));
        (failover.plan.leader.to_string(), failover.loss)
    };
    // The first of the inventory, unless another one has more, or is as far and ready at once.
    let (to, loss) = chosen(&world);
    assert_eq!(to, "server2");
    assert!(
        loss.contains("server3 has WAL up to 0/5000000 on timeline 1"),
        "{loss}"
    );
    second(&mut world).paused = true;
    assert_eq!(chosen(&world).0, "server3");
    second(&mut world).paused = false;
    server(&mut world, "server3").received = Some(Lsn(0x500_0001));
    assert_eq!(chosen(&world).0, "server3");
    // A newer timeline wins; what the others have beyond its fork is told.
    let timeline = Timeline(2);
    let forks = vec![(Timeline(1), Lsn(0x4FF_FF00))];
    let facts = world.facts_mut(&"server2".into()).unwrap();
    facts.data.history = Some(History {
        of: timeline,
        forks,
        promoted: false,
    });
    second(&mut world).timeline = timeline;
    let (to, loss) = chosen(&world);
    assert_eq!(to, "server2");
    assert!(
        loss.contains("which server2 left at 0/4FFFF00: 257 bytes of it are lost"),
        "{loss}"
    );
}

#[test]
fn a_primary_that_was_stopped_with_more_than_the_new_one_has_is_not_started_as_its_standby() {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\nstandbys: [server2]\n",
    )
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster;
    let nodes = ["server1", "server2"].map(NodeName::from);
    let (stopped, standby) = (3, 7);
    let mut facts = [
        state(&cluster, &nodes[0], stopped),
        state(&cluster, &nodes[1], standby),
    ];
    let server = facts[1].server.as_mut().unwrap();
    server.received = Some(Lsn(0x03F0_0000));
    server.replayed = server.received;
    if let Content::Instance(instance) = &mut facts[1].data.content {
        instance.control.as_mut().unwrap().checkpoint = Lsn(0x0300_0000);
    }
    let hosts = nodes
        .iter()
        .cloned()
        .zip(facts.map(|facts| Sight::Seen(Box::new(facts))))
        .collect();
    let world = Observation {
        hosts,
        ..Observation::default()
    };
    let wish = failover::FailoverRequest {
        to: Some(&nodes[1]),
        force: true,
        token: "aa",
    };
    let found = failover::failover(&cluster, &Templates::default(), &world, &wish);
    let plan = found.unwrap_or_else(|why| panic!("{why:?}")).plan;
    let titles = titles(&plan);
    assert!(
        titles.iter().any(|title| title == "server2 promote"),
        "{titles:?}"
    );
    assert!(
        !titles
            .iter()
            .any(|title| title.starts_with("server1 start") || title.contains("standby.signal")),
        "{titles:?}"
    );
    assert!(plan.blocked().any(|(node, _)| *node == nodes[0]));
}

#[test]
fn nothing_is_set_aside_for_a_copy_that_has_no_room() {
    let (cluster, mut world) = calm();
    let rebuilt = |world: &Observation| {
        let wish = rebuild::RebuildRequest {
            node: &"server2".into(),
            from: rebuild::CopySource::Primary,
            rewind_failed: false,
            commits: None,
        };
        rebuild::rebuild(&cluster, &Templates::default(), world, &wish)
    };
    assert!(rebuilt(&world).is_ok());
    first(&mut world).database_bytes = Some(1 << 50);
    match rebuilt(&world).map(|rebuild| titles(&rebuild.plan)) {
        Err(PlanError::Refused(no)) => assert!(
            no.message
                .contains("cannot rebuild server2: not enough space"),
            "{}",
            no.message
        ),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_rebuilt_as_asked_is_refused_with_the_reason() {
    let (cluster, world) = calm();
    let said = |from: rebuild::CopySource, change: &dyn Fn(&mut Observation)| {
        let mut world = world.clone();
        change(&mut world);
        let wish = rebuild::RebuildRequest {
            node: &"server2".into(),
            from,
            rewind_failed: false,
            commits: None,
        };
        match rebuild::rebuild(&cluster, &Templates::default(), &world, &wish) {
            Err(PlanError::Refused(no)) => no.message,
            other => panic!("{:?}", other.map(|rebuild| titles(&rebuild.plan))),
        }
    };
    let host = |name: &str| rebuild::CopySource::Host(name.into());
    assert_eq!(
        said(host("server2"), &|_| {}),
        "server2 cannot be copied from itself"
    );
    let stopped = said(host("server3"), &|world: &mut Observation| {
        world.facts_mut(&"server3".into()).unwrap().server = None;
    });
    assert_eq!(stopped, "cannot copy from server3: its server does not run");
    assert_eq!(
        said(host("server9"), &|_| {}),
        "cannot copy from server9: it could not be read, or is not in the inventory"
    );
    assert!(said(rebuild::CopySource::Rewind, &|_| {}).starts_with("server2 needs no rewind: "));
    // It went another way, and cannot be rewound.
    type Change = fn(&mut Facts);
    let reasons: [(Change, &str); 3] = [
        (
            |facts| facts.packages.tools.clear(),
            "pg_rewind is not installed there",
        ),
        (
            |facts| facts.data.rewinding = true,
            "an earlier rewind was cut short",
        ),
        (
            |facts| {
                if let Content::Instance(instance) = &mut facts.data.content {
                    let control = instance.control.as_mut().unwrap();
                    control.checksums = false;
                    control.wal_log_hints = false;
                }
            },
            "it had neither data checksums nor wal_log_hints",
        ),
    ];
    for (change, reason) in reasons {
        let message = said(rebuild::CopySource::Rewind, &|world: &mut Observation| {
            let facts = world.facts_mut(&"server2".into()).unwrap();
            facts.server.as_mut().unwrap().in_recovery = false;
            facts.data.signals.standby = false;
            change(facts);
            let first = first(world);
            first.senders.clear();
            first.timeline = Timeline(2);
        });
        assert_eq!(message, format!("server2 cannot be rewound: {reason}"));
    }
}

#[test]
fn the_loss_counts_what_a_stopped_primary_is_seen_to_have() {
    let (cluster, mut world) = calm();
    let id = second(&mut world).timeline;
    let server = second(&mut world);
    server.receiver = None;
    server.received = Some(Lsn(0x500_0000));
    server.replayed = server.received;
    server_stops(&mut world, Lsn(0x500_0100));
    let loss = |world: &Observation| {
        let wish = failover::FailoverRequest {
            to: Some(&"server2".into()),
            force: true,
            token: "aa",
        };
        let found = failover::failover(&cluster, &Templates::default(), world, &wish);
        found.unwrap_or_else(|why| panic!("{why:?}")).loss
    };
    let told = loss(&world);
    assert!(told.contains("at least 256 bytes"), "{told}");
    // Of another timeline its positions tell nothing.
    second(&mut world).timeline = Timeline(id.0 + 1);
    let told = loss(&world);
    assert!(told.contains("the amount is unknown"), "{told}");
}

/// server1 was stopped after this checkpoint.
fn server_stops(world: &mut Observation, checkpoint: Lsn) {
    let facts = world.facts_mut(&"server1".into()).unwrap();
    facts.server = None;
    facts.process = Process::Stopped;
    if let Content::Instance(instance) = &mut facts.data.content {
        instance.control.as_mut().unwrap().checkpoint = checkpoint;
    }
}

#[test]
fn who_is_gone_is_whom_the_standbys_followed_whatever_the_inventory_says() {
    let story = stories()
        .into_iter()
        .find(|story| story.name == "synchronous")
        .unwrap();
    let mut world = story.world;
    let gone = |world: &Observation| {
        let wish = failover::FailoverRequest {
            to: Some(&"server3".into()),
            force: true,
            token: "aa",
        };
        let found = failover::failover(&story.cluster, &Templates::default(), world, &wish);
        found.unwrap_or_else(|why| panic!("{why:?}")).from
    };
    // Of the last two hosts to go the one that leads now: server2 took over, and the file was not edited.
    let address = "10.77.1.12";
    for (node, at) in [("server1", "10.77.1.11"), ("server2", address)] {
        let facts = world.facts_mut(&"server3".into()).unwrap();
        facts
            .resolved
            .insert(node.into(), vec![at.parse().unwrap()]);
        let reason = Unreachable {
            message: "no route to host".into(),
            help: String::new(),
            original: String::new(),
        };
        world.hosts.insert(node.into(), Sight::Unreachable(reason));
    }
    let follow = |world: &mut Observation, host: &str| {
        let server = server(world, "server3");
        server.receiver = None;
        let setting = server.settings.get_mut("primary_conninfo").unwrap();
        setting.setting = format!("host={host} port=5432");
    };
    follow(&mut world, address);
    assert_eq!(gone(&world), NodeName::from("server2"));
    follow(&mut world, "10.77.1.11");
    assert_eq!(gone(&world), NodeName::from("server1"));
    // Somebody else is followed: the inventory decides.
    follow(&mut world, "192.0.2.1");
    assert_eq!(gone(&world), NodeName::from("server1"));
}

#[test]
fn a_restored_server_that_has_not_recovered_is_named_and_not_led_by() {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\nstandbys: [server2]\n",
    )
    .unwrap_or_else(|_| panic!("a bad inventory"))
    .cluster;
    let [one, two] = ["server1", "server2"].map(NodeName::from);
    let mut restored = state(&cluster, &one, 3);
    restored.data.signals.recovery = true;
    let mut aside = state(&cluster, &two, 0);
    aside.data.content = Content::Nothing;
    let hosts = [(one, restored), (two, aside)]
        .into_iter()
        .map(|(name, facts)| (name, Sight::Seen(Box::new(facts))))
        .collect();
    let found = pgrepl::facts::leader::leader(
        cluster.major,
        &Observation {
            hosts,
            ..Observation::default()
        },
        &cluster.primary,
    );
    let why = found.unwrap_err();
    assert_eq!(
        why.message,
        "server1 was restored and has not ended its recovery"
    );
    assert!(
        why.help.starts_with("pgrepl restore --to server1"),
        "{}",
        why.help
    );
}

#[test]
fn what_an_initdb_left_half_made_is_no_instance() {
    let mut story = crate::stories::stories()
        .into_iter()
        .find(|story| story.name == "all_stopped")
        .unwrap();
    let node = pgrepl::inventory::NodeName::from("server1");
    story.world.facts_mut(&node).unwrap().data.half_made = true;
    let plan = pgrepl::plan::converge::converge(
        &story.cluster,
        &pgrepl::render::Templates::default(),
        &story.world,
        None,
    );
    let told = format!("{:?}", plan.unwrap_err());
    assert!(
        told.contains("the data directory of server1 is half made"),
        "{told}"
    );
}
