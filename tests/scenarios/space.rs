//! Whether there is room for what will be copied, on each file system of its own.

use pgrepl::action::Action;
use pgrepl::facts::{Content, Disk, Facts, Observation, Staging};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::rebuild::request::CopySource;
use pgrepl::plan::rebuild::{self, rebuild};
use pgrepl::plan::{Plan, PlanError};
use pgrepl::postgres::{History, Lsn, SystemId, Timeline};
use pgrepl::render::Templates;

use crate::worlds::state;

const MB: u64 = 1 << 20;

fn disk(used_for: &str, mounted_on: &str, free: u64, device: &str) -> Disk {
    Disk {
        used_for: used_for.into(),
        mounted_on: mounted_on.into(),
        size: 1000 * MB,
        free: free * MB,
        device: device.into(),
    }
}

/// A pair: 300 MB are in the data directory of server1, 400 MB in a tablespace that is elsewhere on server2.
fn pair() -> (Cluster, Observation) {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\n\
         standbys: [server2]\nhosts: { server2: { tablespaces: { /srv/fast: /data/fast } } }\n",
    )
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster;
    let [one, two] = ["server1", "server2"].map(NodeName::from);
    let (mut first, mut second) = (state(&cluster, &one, 1), state(&cluster, &two, 7));
    first.data.tablespaces = vec![("16400".into(), "/srv/fast".into())];
    let server = first.server.as_mut().unwrap();
    server.database_bytes = Some(700 * MB);
    server.tablespace_bytes = [("16400".to_owned(), 400 * MB)].into();
    // Room for the data only, and for the tablespace only.
    second.disks = vec![disk("data", "/", 350, "/dev/sda1")];
    second.file_systems = vec![
        disk("", "/", 350, "/dev/sda1"),
        disk("", "/data", 425, "/dev/sdb1"),
    ];
    let world = [(one, first), (two, second)]
        .into_iter()
        .map(|(name, facts)| (name, pgrepl::facts::Sight::Seen(Box::new(facts))));
    let hosts = world.collect();
    (
        cluster,
        Observation {
            hosts,
            ..Observation::default()
        },
    )
}

fn anew(
    cluster: &Cluster,
    world: &Observation,
    from: CopySource,
) -> Result<Plan, (String, String)> {
    let wish = rebuild::RebuildRequest {
        node: &"server2".into(),
        from,
        rewind_failed: false,
        commits: None,
    };
    match rebuild(cluster, &Templates::default(), world, &wish) {
        Ok(rebuild) => Ok(rebuild.plan),
        Err(PlanError::Refused(no)) => Err((no.message, no.help)),
        Err(other) => panic!("{other:?}"),
    }
}

fn second(world: &mut Observation) -> &mut Facts {
    world.facts_mut(&"server2".into()).unwrap()
}

#[test]
fn a_copy_needs_room_on_each_file_system_it_goes_to() {
    let (cluster, world) = pair();
    let asked = |change: &dyn Fn(&mut Facts)| {
        let mut world = world.clone();
        change(second(&mut world));
        anew(&cluster, &world, CopySource::Primary)
    };
    assert!(asked(&|_| {}).is_ok());
    // WAL that is elsewhere stays there: room is needed there, and none for it where the data lies.
    let elsewhere = |data: u64, wal: u64| {
        asked(&|facts: &mut Facts| {
            facts.data.wal_link = Some("/wal/main".into());
            facts.disks[0].free = data * MB;
            facts.disks.push(disk("wal", "/wal", wal, "/dev/sdc1"));
        })
    };
    assert!(elsewhere(315, 32).is_ok());
    let (message, _) = elsewhere(350, 31).unwrap_err();
    assert_eq!(
        message,
        "cannot rebuild server2: not enough space on /wal: /wal/main needs about 32 MB, 31 MB are free"
    );
    let (message, _) = elsewhere(314, 32).unwrap_err();
    assert!(message.contains("/main needs about 315 MB"), "{message}");
    let (message, help) = asked(&|facts| facts.file_systems[1].free = 419 * MB).unwrap_err();
    assert_eq!(
        message,
        "cannot rebuild server2: not enough space on /data: /data/fast needs about 420 MB, 419 MB are free"
    );
    assert_eq!(help, "free some: ssh server2 df -h /data");
    let (message, _) = asked(&|facts| facts.disks[0].free = 346 * MB).unwrap_err();
    assert!(
        message.contains("/main needs about 347 MB, 346 MB are free"),
        "{message}"
    );
    // Two mount points of one device share what is free.
    let (message, _) = asked(&|facts| {
        facts.file_systems[1].device = "/dev/sda1".into();
        facts.file_systems[1].free = 700 * MB;
        facts.disks[0].free = 700 * MB;
    })
    .unwrap_err();
    assert!(
        message.contains("/main and /data/fast need about 767 MB, 700 MB are free"),
        "{message}"
    );
    // Where the place is a link the probe says where it leads.
    let (message, _) = asked(&|facts| {
        let there = disk("/data/fast", "/mnt/small", 3, "");
        facts.file_systems.insert(0, there);
    })
    .unwrap_err();
    assert!(message.contains("on /mnt/small: /data/fast"), "{message}");
    // Neither is enough: both are said at once.
    let (message, help) = asked(&|facts| {
        facts.disks[0].free = MB;
        facts.file_systems[1].free = MB;
    })
    .unwrap_err();
    assert!(
        message.contains("on /: ") && message.contains("on /data: "),
        "{message}"
    );
    assert_eq!(help, "free some: ssh server2 df -h / /data");
}

#[test]
fn what_a_backup_builds_on_is_unpacked_beside_it() {
    let (_, mut world) = pair();
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\nstandbys: [server2]\n\
         hosts: { server2: { tablespaces: { /srv/fast: /data/fast } } }\nbackup: { mount: /mnt/backups }\n",
    )
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster;
    let mut about: Vec<(String, String)> = Vec::new();
    for (id, parent) in [("a", ""), ("b", "parent=a")] {
        for said in [
            &format!("id={id}"),
            "host=server1",
            "major=15",
            "system_id=7",
            "timeline=1",
            "start_lsn=0/3000028",
            "stop_lsn=0/3000100",
            "start_wal=000000010000000000000003",
            "begun=1",
            "ended=2",
            "bytes=1000",
            &format!("unpacked=data {}", 2 * MB),
            parent,
        ] {
            about.push(("about".into(), format!("{id}\t{said}")));
        }
    }
    let there = pgrepl::facts::backups::parse(&about);
    for name in ["server1", "server2"].map(NodeName::from) {
        let mount = serde_json::json!({
            "path": "/mnt/backups", "mounted": true, "writable": true, "archive_of": there.backups[0].system_id,
            "fstype": "nfs4", "size": 1, "free": 1
        });
        let facts = world.facts_mut(&name).unwrap();
        facts.mount = Some(serde_json::from_value(mount).unwrap());
    }
    let [full, built] = &there.backups[..] else {
        panic!("{there:#?}");
    };
    let from = |backup: &pgrepl::facts::backups::Backup| {
        let backup = CopySource::Backup(Box::new(backup.clone()));
        anew(&cluster, &world, backup).map(drop)
    };
    from(full).unwrap();
    let (message, _) = from(built).unwrap_err();
    assert!(
        message.contains("/main needs about 351 MB, 350 MB are free"),
        "{message}"
    );
}

#[test]
fn a_cascade_that_is_new_needs_as_much_as_the_server_that_leads() {
    let (_, mut world) = pair();
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\n\
         standbys: [server2, server3]\nhosts: { server3: { upstream: server2 } }\n",
    )
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster;
    for name in ["server2", "server3"].map(NodeName::from) {
        let mut facts = state(&cluster, &name, 0);
        facts.disks = vec![disk("data", "/", 5000, "/dev/sda1")];
        let sight = pgrepl::facts::Sight::Seen(Box::new(facts));
        world.hosts.insert(name, sight);
    }
    let last: NodeName = "server3".into();
    let left = |world: &Observation| {
        let plan = converge(&cluster, &Templates::default(), world, None).unwrap();
        let mut blocked = plan
            .blocked()
            .map(|(node, no)| format!("{node}: {}", no.message));
        blocked.next()
    };
    assert_eq!(left(&world), None);
    world.facts_mut(&last).unwrap().disks[0].free = 700 * MB;
    let said = left(&world).unwrap();
    assert!(
        said.starts_with("server3: not enough space on /: ") && said.contains("767 MB"),
        "{said}"
    );
}

#[test]
fn a_copy_that_was_cut_short_is_released_before_it_begins_again() {
    let (cluster, mut world) = pair();
    let facts = second(&mut world);
    facts.data.content = Content::Nothing;
    facts.server = None;
    facts.disks[0].free = 100 * MB;
    facts.file_systems[1].free = 100 * MB;
    let begun = |complete: bool, data: u64| Staging {
        path: "/srv/main.pgrepl-new".into(),
        complete,
        source: "server1".into(),
        system_id: Some(SystemId(7)),
        log: String::new(),
        holds: [
            ("/srv/main.pgrepl-new".to_owned(), data * MB),
            ("/data/fast".to_owned(), 330 * MB),
        ]
        .into(),
    };
    let asked = |staging: Option<Staging>| {
        let mut world = world.clone();
        second(&mut world).staging = staging;
        anew(&cluster, &world, CopySource::Auto)
    };
    assert!(asked(None).is_err());
    assert!(asked(Some(begun(false, 247))).is_ok());
    let (message, _) = asked(Some(begun(false, 246))).unwrap_err();
    assert!(message.contains("101 MB, 100 MB are free"), "{message}");
    // One that is complete needs nothing more.
    assert!(asked(Some(begun(true, 0))).is_ok());
}

/// A pair of which server2 was the primary, and went on for a while when server1 was promoted.
pub fn forked() -> (Cluster, Observation) {
    let (cluster, mut world) = pair();
    *second(&mut world) = state(&cluster, &"server2".into(), 3);
    let facts = second(&mut world);
    if let Content::Instance(instance) = &mut facts.data.content {
        instance.control.as_mut().unwrap().checksums = true;
    }
    facts.data.wal_link = Some("/wal/main".into());
    facts.disks = vec![
        disk("data", "/", 1, "/dev/sda1"),
        disk("wal", "/wal", 72, "/dev/sdb1"),
    ];
    let first = world.facts_mut(&"server1".into()).unwrap();
    let timeline = Timeline(2);
    first.data.history = Some(History {
        of: timeline,
        forks: vec![(Timeline(1), Lsn(40 * MB))],
        promoted: false,
    });
    let server = first.server.as_mut().unwrap();
    server.timeline = timeline;
    server.current = Some(Lsn(80 * MB));
    server.wal_bytes = Some(1000 * MB);
    (cluster, world)
}

#[test]
fn a_rewind_needs_room_for_the_wal_since_the_fork_where_its_wal_is() {
    let (cluster, world) = forked();
    let asked = |change: &dyn Fn(&mut Observation)| {
        let mut world = world.clone();
        change(&mut world);
        anew(&cluster, &world, CopySource::Auto)
    };
    let rewinds = |plan: Plan| {
        let mut steps = plan.steps.into_iter();
        steps.any(|step| matches!(step.action, Action::Rewind(_)))
    };
    assert!(rewinds(asked(&|_| {}).unwrap()));
    let full = |world: &mut Observation| second(world).disks[1].free = 71 * MB;
    let (message, help) = asked(&full).unwrap_err();
    assert_eq!(
        message,
        "cannot rebuild server2: not enough space on /wal: /wal/main needs about 72 MB, 71 MB are free"
    );
    assert_eq!(help, "free some: ssh server2 df -h /wal");
    // There is not more of it than the source has.
    let little = |world: &mut Observation| {
        full(world);
        let server = world.facts_mut(&"server1".into()).unwrap().server.as_mut();
        server.unwrap().wal_bytes = Some(48 * MB);
    };
    assert!(rewinds(asked(&little).unwrap()));
}

#[test]
fn no_server_is_restarted_that_has_no_room_for_its_last_checkpoint() {
    let mut stories = crate::stories::stories().into_iter();
    let mut story = stories
        .find(|story| story.name == "raise_max_connections")
        .unwrap();
    let planned = |world: &Observation| {
        let templates = Templates::default();
        converge(&story.cluster, &templates, world, None).unwrap()
    };
    let restarts = |plan: &Plan| {
        let steps = plan.steps.iter();
        let steps = steps.filter(|step| matches!(step.action, Action::Restart(_)));
        steps.map(|step| step.node.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(restarts(&planned(&story.world)).len(), 3);
    let leader = NodeName::from("server1");
    let facts = story.world.facts_mut(&leader).unwrap();
    facts.disks[0].free = 63 << 20;
    let slots = &mut facts.server.as_mut().unwrap().slots;
    let mut idle = slots.values().next().unwrap().clone();
    (idle.active, idle.retained) = (false, Some(5 << 20));
    slots.insert("forgotten".into(), idle);
    let plan = planned(&story.world);
    assert!(!restarts(&plan).contains(&"server1".to_owned()));
    let (_, why) = plan.blocked().find(|(node, _)| **node == leader).unwrap();
    assert!(
        why.message.contains("only 63 MB are free on"),
        "{}",
        why.message
    );
    let idle = "slot forgotten, which nobody uses, keeps 5 MB of WAL";
    assert!(why.help.contains(idle), "{}", why.help);
}
