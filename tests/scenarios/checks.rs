//! What must be true before a primary is stopped for another one: each thing that forbids it, and all of them at once.

use pgrepl::facts::server::{Archiver, Sender, Server, Setting, Slot, StoredPassword};
use pgrepl::facts::{Observation, Sight, Unreachable};
use pgrepl::inventory::swap::swap;
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::PlanError;
use pgrepl::plan::converge::converge;
use pgrepl::plan::switchover::{SwitchoverRequest, logins, switchover};
use pgrepl::postgres::{SystemId, Timeline};
use pgrepl::render::Templates;

use crate::stories::{after, stories, titles};

type Change = fn(&mut Observation);

/// What is changed in a world where a switchover to server2 may be done, and what is said of it.
const TROUBLES: [(Change, &str); 24] = [
    (
        |world| {
            let gone = Unreachable {
                message: "no route to host".into(),
                help: "ssh server3 true".into(),
                original: String::new(),
            };
            world
                .hosts
                .insert("server3".into(), Sight::Unreachable(gone));
        },
        "server3 cannot be read: no route to host",
    ),
    (
        |world| second(world).system_id = SystemId(1),
        "server2 holds another cluster: its system identifier is 1",
    ),
    (
        |world| second(world).timeline = Timeline(0),
        "server2 is on timeline 0, the primary on 1",
    ),
    (
        |world| first(world).senders.clear(),
        "server2 does not stream from the primary",
    ),
    (
        |world| first(world).senders[0].state = "catchup".into(),
        "server2 does not stream from the primary: catchup",
    ),
    (
        |world| first(world).senders[0].total = Some(17 << 20),
        "server2 is 17825792 bytes behind",
    ),
    (
        |world| second(world).paused = true,
        "replay is paused on server2",
    ),
    (
        |world| set(second(world), "recovery_min_apply_delay", "5000"),
        "server2 delays its replay",
    ),
    (
        |world| slot(world).wal_status = Some("lost".into()),
        "its slot server2 is not in use or has lost WAL: lost",
    ),
    (
        |world| slot(world).active = false,
        "its slot server2 is not in use",
    ),
    (
        |world| {
            first(world).slots.remove("server2");
        },
        "server2 has no slot on the primary",
    ),
    (
        |world| {
            let facts = world.facts_mut(&"server1".into()).unwrap();
            facts.packages.tools.remove("pg_controldata");
        },
        "server1 has no pg_controldata",
    ),
    (
        |world| backup(first(world)),
        "a base backup of server1 is running",
    ),
    (
        |world| backup(second(world)),
        "a base backup of server2 is running",
    ),
    (
        |world| first(world).archive_waiting = Some(33),
        "33 WAL segments of server1 wait to be archived",
    ),
    (
        |world| {
            let server = first(world);
            server.archive_waiting = Some(1);
            server.archiver = Some(Archiver {
                last_archived: None,
                last_archived_age_s: Some(60),
                last_failed: None,
                last_failed_age_s: Some(1),
                failed_count: 1,
            });
        },
        "1 WAL segments of server1 wait to be archived, and archiving fails",
    ),
    (
        |world| set(second(world), "max_wal_senders", "2"),
        "server2 has max_wal_senders = 2, 0 are in use for others, and 2 servers will follow it",
    ),
    (
        |world| {
            let server = second(world);
            for n in 0..8 {
                let mut other = server.senders[0].clone();
                other.name = format!("pg_receivewal{n}");
                server.senders.push(other);
            }
        },
        "server2 has max_wal_senders = 10, 8 are in use for others, and 2 servers will follow it",
    ),
    (
        |world| set(second(world), "max_replication_slots", "1"),
        "server2 has max_replication_slots = 1, 1 are used and 1 more are needed",
    ),
    (
        |world| set(second(world), "synchronous_standby_names", "nobody"),
        "server2 has synchronous_standby_names = nobody: as primary it would wait for them",
    ),
    (
        |world| set(second(world), "max_worker_processes", "9"),
        "server1 has max_worker_processes = 8, less than server2 with 9: it could not follow",
    ),
    (
        |world| {
            let facts = world.facts_mut(&"server2".into()).unwrap();
            facts.disks[0].free = 511 << 20;
        },
        "only 511 MB are free on / of server2, 512 MB are needed to lead",
    ),
    (
        |world| {
            let facts = world.facts_mut(&"server1".into()).unwrap();
            facts.disks[0].free = 0;
        },
        "only 0 MB are free on / of server1, 64 MB are needed to stop or restart its server",
    ),
    (
        |world| other_password(first(world)),
        "A is not the password that replication uses",
    ),
];

pub fn server<'a>(world: &'a mut Observation, node: &str) -> &'a mut Server {
    let facts = world.facts_mut(&NodeName::from(node)).unwrap();
    facts.server.as_mut().unwrap()
}

/// What is stored is not what was given.
pub fn other_password(server: &mut Server) {
    if let Some(role) = &mut server.role {
        role.password = StoredPassword::Differs;
    }
}

pub fn first(world: &mut Observation) -> &mut Server {
    server(world, "server1")
}

pub fn second(world: &mut Observation) -> &mut Server {
    server(world, "server2")
}

fn slot(world: &mut Observation) -> &mut Slot {
    first(world).slots.get_mut("server2").unwrap()
}

fn set(server: &mut Server, name: &str, value: &str) {
    let setting: &mut Setting = server.settings.get_mut(name).unwrap();
    setting.setting = value.into();
}

fn backup(server: &mut Server) {
    let mut sender: Sender = server.senders[0].clone();
    sender.name = "pg_basebackup".into();
    sender.state = "backup".into();
    server.senders.push(sender);
}

pub fn calm() -> (Cluster, Observation) {
    let story = stories()
        .into_iter()
        .find(|story| story.name == "in_sync")
        .unwrap();
    (story.cluster, story.world)
}

/// What a switchover to server2 says against it.
fn against(cluster: &Cluster, world: &Observation) -> Vec<String> {
    let wish = SwitchoverRequest {
        to: Some(&"server2".into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    match switchover(cluster, &Templates::default(), world, &wish) {
        Ok(_) => Vec::new(),
        Err(PlanError::Refused(no)) => {
            assert!(!no.help.is_empty(), "{}: nothing to type", no.message);
            [vec![no.message], no.details].concat()
        }
        Err(PlanError::Template(error)) => panic!("{error}"),
    }
}

#[test]
fn each_trouble_forbids_a_switchover() {
    let (cluster, world) = calm();
    assert_eq!(against(&cluster, &world), Vec::<String>::new());
    for (change, said) in TROUBLES {
        let mut world = world.clone();
        change(&mut world);
        let found = against(&cluster, &world);
        assert!(
            found.iter().any(|line| line.contains(said)),
            "expected {said:?}, found {found:#?}"
        );
    }
}

#[test]
fn a_wrong_password_is_told_once_and_no_login_is_tried_with_it() {
    let (cluster, mut world) = calm();
    other_password(first(&mut world));
    let found = against(&cluster, &world);
    assert_eq!(
        found[1..],
        ["A is not the password that replication uses"],
        "{found:#?}"
    );
    let wish = SwitchoverRequest {
        to: Some(&"server2".into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    assert_eq!(logins(&cluster, &Templates::default(), &world, &wish), None);
}

#[test]
fn a_full_disk_is_told_once_whatever_is_on_it() {
    let (cluster, mut world) = calm();
    let facts = world.facts_mut(&"server2".into()).unwrap();
    facts.disks[0].free = 1000;
    for (used_for, mounted_on) in [("wal", "/"), ("/srv/fast", "/srv")] {
        let mut other = facts.disks[0].clone();
        other.used_for = used_for.into();
        other.mounted_on = mounted_on.into();
        facts.disks.push(other);
    }
    let found = against(&cluster, &world);
    let told = found.join("\n");
    for disk in ["on / of server2", "on /srv of server2"] {
        assert_eq!(told.matches(disk).count(), 1, "{told}");
    }
}

#[test]
fn what_a_stop_ends_or_leaves_behind_is_told_and_forbids_nothing() {
    let (cluster, mut world) = calm();
    let server = first(&mut world);
    server.oldest_transaction_ms = Some(61_000);
    server.prepared = 2;
    let wish = SwitchoverRequest {
        to: Some(&"server2".into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    let plan = switchover(&cluster, &Templates::default(), &world, &wish).unwrap();
    let told: Vec<&str> = plan
        .notes
        .iter()
        .map(|note| note.message.as_str())
        .collect();
    for said in [
        "a transaction that has been open for 61 s",
        "2 prepared transactions go with the data",
    ] {
        assert!(told.iter().any(|note| note.contains(said)), "{told:#?}");
    }
}

#[test]
fn all_troubles_are_told_at_once() {
    let (cluster, mut world) = calm();
    // Not those that leave nobody who leads, or nobody who follows.
    let told: Vec<_> = TROUBLES[5..].iter().collect();
    for (change, _) in told
        .iter()
        .filter(|(_, said)| !said.contains("8 are in use") && !said.contains("has no slot"))
    {
        change(&mut world);
    }
    let found = against(&cluster, &world).join("\n");
    for said in [
        "bytes behind",
        "replay is paused",
        "delays its replay",
        "its slot server2 is not in use",
        "a base backup of server1",
        "a base backup of server2",
        "wait to be archived",
        "max_wal_senders = 2",
        "max_replication_slots = 1",
        "synchronous_standby_names",
        "max_worker_processes",
        "MB are needed to lead",
        "MB are needed to stop",
    ] {
        assert!(found.contains(said), "{said}: {found}");
    }
}

#[test]
fn the_logins_are_tried_whatever_else_forbids_it() {
    let (cluster, mut world) = calm();
    second(&mut world).paused = true;
    let wish = SwitchoverRequest {
        to: Some(&"server2".into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    let plan = logins(&cluster, &Templates::default(), &world, &wish).unwrap();
    assert_eq!(
        titles(&plan),
        [
            "server1 logs in to server2 for replication",
            "server3 logs in to server2 for replication"
        ]
    );
}

#[test]
fn the_file_with_exchanged_names_leaves_nothing_to_do_for_synchronous_standbys() {
    let head = "cluster: shop\npostgresql: { version: 15 }\nreplication: { synchronous: 1, password: { env: A } }\n";
    let text = format!("{head}primary: server1\nstandbys: [server3, server2]\n");
    let cluster = |text: &str| {
        read(text)
            .unwrap_or_else(|problems| panic!("{problems:?}"))
            .cluster
    };
    let (before, templates) = (cluster(&text), Templates::default());
    let (_, world) = calm();
    let plan = converge(&before, &templates, &world, None).unwrap();
    let world = after(&plan, &world, plan.steps.len());
    let wish = SwitchoverRequest {
        to: Some(&"server2".into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    let plan = switchover(&before, &templates, &world, &wish).unwrap();
    let world = after(&plan, &world, plan.steps.len());
    let exchanged = cluster(&swap(&text, "server1", "server2").unwrap());
    let left = converge(&exchanged, &templates, &world, None).unwrap();
    assert_eq!(titles(&left), Vec::<String>::new());
}

#[test]
fn without_slots_something_else_must_keep_the_last_wal() {
    let (_, mut world) = calm();
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { slots: false, password: { env: A } }\nprimary: server1\n\
         standbys: [server2, server3]\nhosts: { server3: { upstream: server2 } }\n",
    )
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster;
    let said = |world: &Observation| {
        against(&cluster, world)
            .iter()
            .any(|line| line.contains("nothing keeps the last WAL of server1 until server2 has it"))
    };
    assert!(!said(&world));
    for (megabytes, lag, forbidden) in [
        ("0", 0, true),
        ("31", 0, true),
        ("32", 0, false),
        ("32", 1, true),
    ] {
        set(first(&mut world), "wal_keep_size", megabytes);
        first(&mut world).senders[0].total = Some(lag);
        assert_eq!(said(&world), forbidden, "{megabytes} MB, {lag} behind");
    }
}
