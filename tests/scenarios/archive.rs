//! Backups: which one a restore begins with, what prune may remove, and where a restore leads.

use pgrepl::action::Action;
use pgrepl::facts::backups::{Backups, parse};
use pgrepl::facts::way::Line;
use pgrepl::facts::{Mount, Observation};
use pgrepl::files::recovery::Target;
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::PlanError;
use pgrepl::plan::backup::prune;
use pgrepl::plan::converge::converge;
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::restore::{choose, restore};
use pgrepl::postgres::Lsn;
use pgrepl::render::Templates;

use crate::stories::{Story, after, stories};

/// The story of a pair and a cascading standby in sync, with a backup mount that everybody sees.
pub fn story(keep: &str) -> Story {
    let mut story = stories()
        .into_iter()
        .find(|story| story.name == "in_sync")
        .unwrap();
    story.cluster = cluster(keep);
    for (_, facts) in story.world.seen_mut() {
        facts.mount = Some(Mount {
            path: "/mnt/backups".into(),
            mounted: true,
            stale: false,
            writable: Some(true),
            closed: false,
            user: None,
            gone: Vec::new(),
            archive_of: facts.data.control().map(|control| control.system_id),
            token: Some("one".into()),
            free_inodes: None,
            fstype: "nfs4".into(),
            size: 1 << 40,
            free: 1 << 39,
        });
    }
    story
}

pub fn cluster(keep: &str) -> Cluster {
    read(&format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n\
         standbys: [server2, server3]\nhosts: {{ server3: {{ upstream: server2 }} }}\nbackup: {{ mount: /mnt/backups, keep: {{ {keep} }} }}\n"
    ))
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster
}

/// Makes the servers of the story archive to the mount.
pub fn archives(story: &mut Story) {
    let apply = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    story.world = after(&apply, &story.world, apply.steps.len());
}

/// Three backups, a day apart, with their WAL.
pub fn there(story: &Story) -> Backups {
    let server = story
        .world
        .facts(&NodeName::from("server1"))
        .unwrap()
        .server
        .as_ref()
        .unwrap();
    let mut lines = vec![("archive".to_owned(), server.system_id.to_string())];
    for (id, begun, segment) in [("a", 100_000_u64, 1), ("b", 186_400, 2), ("c", 272_800, 3)] {
        for said in [
            format!("id={id}"),
            "host=server2".into(),
            "major=15".into(),
            format!("system_id={}", server.system_id),
            "timeline=1".into(),
            format!("start_lsn=0/{segment}000028"),
            format!("stop_lsn=0/{segment}000100"),
            format!("start_wal=00000001000000000000000{segment}"),
            format!("begun={begun}"),
            format!("ended={}", begun + 60),
            "bytes=1000".into(),
        ] {
            lines.push(("about".into(), format!("{id}\t{said}")));
        }
    }
    lines.push(("about".into(), "half\tid=half".into()));
    lines.push((
        "wal".into(),
        "000000010000000000000001 000000010000000000000004".into(),
    ));
    parse(&lines)
}

#[test]
fn a_restore_begins_with_the_newest_backup_before_its_target() {
    let story = story("count: 7");
    let there = there(&story);
    assert_eq!(there.backups.len(), 3, "one that was not finished is none");
    let to = NodeName::from("server1");
    let chosen = |target: Target, moment: Option<u64>, backup: Option<&str>| {
        let wish = RestoreRequest {
            to: &to,
            target: &target,
            moment,
            backup,
            timeline: Line::Found,
        };
        choose(&story.cluster, &there, &wish).map(|way| way.backup.id.clone())
    };
    let time = || Target::Time("2026-01-31 12:00:00+00".into());
    assert_eq!(chosen(time(), Some(186_459), None).unwrap(), "a");
    assert_eq!(chosen(time(), Some(186_460), None).unwrap(), "b");
    assert_eq!(chosen(Target::Latest, None, None).unwrap(), "c");
    assert_eq!(
        chosen(Target::Lsn(Lsn(0x0200_0100)), None, None).unwrap(),
        "b"
    );
    assert_eq!(
        chosen(Target::Lsn(Lsn(0x0200_00FF)), None, None).unwrap(),
        "a"
    );
    assert_eq!(chosen(Target::Latest, None, Some("a")).unwrap(), "a");
    for refused in [
        chosen(time(), Some(99), None),
        chosen(time(), Some(100_061), Some("c")),
        chosen(Target::Latest, None, Some("half")),
    ] {
        assert!(matches!(refused, Err(PlanError::Refused(_))), "{refused:?}");
    }
}

#[test]
fn a_transaction_is_looked_for_behind_a_backup_that_ended_before_it_had_its_number() {
    let story = story("count: 7");
    let mut there = there(&story);
    let chosen = |there: &Backups, xid: u32, backup: Option<&str>| {
        let wish = RestoreRequest {
            to: &NodeName::from("server1"),
            target: &Target::Transaction(xid),
            moment: None,
            backup,
            timeline: Line::Found,
        };
        choose(&story.cluster, there, &wish).map(|way| way.backup.id.clone())
    };
    // Where nothing was noted the newest may be right.
    assert_eq!(chosen(&there, 700, None).unwrap(), "c");
    for (backup, next) in there.backups.iter_mut().zip([700, 800, 900]) {
        backup.next_xid = Some(next);
    }
    assert_eq!(chosen(&there, 700, None).unwrap(), "a");
    assert_eq!(chosen(&there, 899, None).unwrap(), "b");
    assert_eq!(chosen(&there, 5000, None).unwrap(), "c");
    // One that is named may have ended while the transaction was at work.
    assert_eq!(chosen(&there, 650, Some("b")).unwrap(), "b");
    let Err(PlanError::Refused(refusal)) = chosen(&there, 699, None) else {
        panic!("the transaction is before each backup");
    };
    assert_eq!(
        refusal.message,
        "no backup ended before transaction 699 had its number"
    );
}

#[test]
fn prune_keeps_what_any_backup_or_standby_needs() {
    let pruned =
        |keep: &str, change: &dyn Fn(&mut Story)| -> Option<(Vec<String>, Option<String>)> {
            let mut story = story(keep);
            let there = there(&story);
            change(&mut story);
            let node = NodeName::from("server1");
            let plan = prune(
                &story.cluster,
                &Templates::default(),
                &story.world,
                &there,
                &node,
                300_000,
            )
            .unwrap();
            plan.steps.iter().find_map(|step| match &step.action {
                Action::Prune(prune) => Some((prune.ids.clone(), prune.before.clone())),
                _ => None,
            })
        };
    let before = |segment: u32| Some(format!("{segment:016X}"));
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    // The recorded standbys are at 0/3000000.
    assert_eq!(pruned("count: 3", &|_| {}), None);
    assert_eq!(
        pruned("count: 2", &|_| {}),
        Some((names(&["a"]), before(2)))
    );
    assert_eq!(
        pruned("count: 1", &|_| {}),
        Some((names(&["a", "b"]), before(3)))
    );
    assert_eq!(
        pruned("days: 1", &|_| {}),
        Some((names(&["a", "b"]), before(3)))
    );
    // A standby that is behind keeps its WAL, whatever the backups need.
    let behind = |story: &mut Story| {
        let facts = story.world.facts_mut(&NodeName::from("server3")).unwrap();
        facts.server.as_mut().unwrap().replayed = Some(Lsn(0x0200_0000));
    };
    assert_eq!(
        pruned("count: 1", &behind),
        Some((names(&["a", "b"]), before(2)))
    );
    // One that cannot be asked may need all of it.
    let unseen = |story: &mut Story| {
        let reason = pgrepl::facts::Unreachable {
            message: "no route to host".into(),
            help: String::new(),
            original: String::new(),
        };
        story.world.hosts.insert(
            NodeName::from("server3"),
            pgrepl::facts::Sight::Unreachable(reason),
        );
    };
    assert_eq!(
        pruned("count: 1", &unseen),
        Some((names(&["a", "b"]), None))
    );
}

#[test]
fn a_position_that_the_archive_does_not_reach_is_refused() {
    let mut story = story("count: 7");
    archives(&mut story);
    let there = there(&story);
    let to = NodeName::from("server1");
    let last = there.wal.last().unwrap().1.clone();
    let part = |range| u64::from_str_radix(&last[range], 16).unwrap();
    let end = Lsn((part(8..16) * 256 + part(16..24) + 1) << 24);
    let plan = |story: &Story, lsn: u64| {
        let wish = RestoreRequest {
            to: &to,
            target: &Target::Lsn(Lsn(lsn)),
            moment: None,
            backup: None,
            timeline: Line::Found,
        };
        restore(
            &story.cluster,
            &Templates::default(),
            &story.world,
            &there,
            &wish,
        )
    };
    // What a running primary has written is archived when it stops.
    let current = Lsn(end.0 + 0x0300_0000);
    let server = |story: &mut Story, current: Option<Lsn>| {
        let facts = story.world.facts_mut(&NodeName::from("server1")).unwrap();
        facts.server.as_mut().unwrap().current = current;
    };
    server(&mut story, Some(current));
    let reaches = plan(&story, current.0).unwrap();
    let told = format!("the archive reaches to {current} on timeline 1");
    assert!(
        reaches
            .notes
            .iter()
            .any(|note| note.message.contains(&told)),
        "{:#?}",
        reaches.notes
    );
    server(&mut story, None);
    assert!(plan(&story, end.0).is_ok());
    let refused = plan(&story, end.0 + 1);
    assert!(
        matches!(&refused, Err(PlanError::Refused(no)) if no.message.contains(&format!("found {end} as its end"))),
        "{refused:?}"
    );
}

#[test]
fn a_restore_sets_aside_only_where_there_is_room_for_what_comes() {
    let mut story = story("count: 7");
    let mut there = there(&story);
    let backup = there.backups.last_mut().unwrap();
    backup.unpacked = [
        ("data".to_owned(), 300 << 20),
        ("16400".to_owned(), 1 << 20),
    ]
    .into();
    backup.tablespaces = vec![("16400".into(), "/srv/fast".into())];
    let to = NodeName::from("server1");
    let wish = RestoreRequest {
        to: &to,
        target: &Target::Latest,
        moment: None,
        backup: None,
        timeline: Line::Found,
    };
    for node in ["server1", "server2", "server3"] {
        let facts = story.world.facts_mut(&NodeName::from(node)).unwrap();
        facts.disks[0].free = 301 << 20;
    }
    let cluster = story.cluster.clone();
    let plan = |world: &Observation| restore(&cluster, &Templates::default(), world, &there, &wish);
    let set_aside = |world: &Observation| -> Vec<String> {
        let plan = plan(world).unwrap();
        let steps = plan.steps.iter();
        steps
            .filter(|step| matches!(step.action, Action::SetAside(_)))
            .map(|step| step.node.to_string())
            .collect()
    };
    assert_eq!(set_aside(&story.world), ["server1", "server2", "server3"]);
    // A standby without room keeps what it has; the primary comes back all the same.
    let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
    facts.disks[0].free = 300 << 20;
    assert!(!set_aside(&story.world).contains(&"server2".to_owned()));
    let left = plan(&story.world).unwrap();
    let (node, blocked) = left.blocked().next().unwrap();
    assert_eq!(node.as_str(), "server2");
    assert!(
        blocked
            .message
            .contains("/main and /srv/fast need about 301 MB, 300 MB are free"),
        "{}",
        blocked.message
    );
    // Without room for the one that is restored nothing is done at all.
    let facts = story.world.facts_mut(&to).unwrap();
    facts.disks[0].free = 1 << 20;
    let refused = plan(&story.world);
    assert!(
        matches!(&refused, Err(PlanError::Refused(no)) if no.message.starts_with("cannot restore on server1: not enough space on /: ")),
        "{refused:?}"
    );
}
