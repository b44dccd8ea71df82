//! Backup engines with a program of their own: what they list, what they give up, and where plans with them lead.

use pgrepl::action::Action;
use pgrepl::backup::{Depth, engine};
use pgrepl::facts::backups::Backups;
use pgrepl::facts::retention::kept;
use pgrepl::facts::way::Line;
use pgrepl::files::recovery::Target;
use pgrepl::inventory::{BackupTool, Cluster, Keep, NodeName, read};
use pgrepl::plan::backup::{prune, take};
use pgrepl::plan::builder::place_of;
use pgrepl::plan::converge::converge;
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::restore::restore;
use pgrepl::plan::{Plan, PlanError};
use pgrepl::postgres::Lsn;
use pgrepl::render::Templates;

use crate::stories::{Story, after, stories, titles};
use crate::worlds::running_primary;

/// What `pgbackrest info --output=json` of version 2.45 said of a full and an incremental backup; the system identifier
/// is the recorded servers'.
const INFO: &str = r#"[{"archive":[{"database":{"id":1,"repo-key":1},"id":"15-1","max":"000000010000000000000007","min":"000000010000000000000003"}],"backup":[{"archive":{"start":"000000010000000000000004","stop":"000000010000000000000005"},"backrest":{"format":5,"version":"2.45"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":26585553,"repository":{"delta":3120680,"size":3120680},"size":26585553},"label":"20261125-144843F","lsn":{"start":"0/4000028","stop":"0/5000088"},"prior":null,"reference":null,"timestamp":{"start":1795618123,"stop":1795618128},"type":"full"},{"archive":{"start":"000000010000000000000006","stop":"000000010000000000000007"},"backrest":{"format":5,"version":"2.45"},"database":{"id":1,"repo-key":1},"error":false,"info":{"delta":8474,"repository":{"delta":409,"size":3120676},"size":26585553},"label":"20261125-144843F_20261125-144849I","lsn":{"start":"0/6000028","stop":"0/7000050"},"prior":"20261125-144843F","reference":["20261125-144843F"],"timestamp":{"start":1795618129,"stop":1795618131},"type":"incr"}],"cipher":"none","db":[{"id":1,"repo-key":1,"system-id":SYSTEM,"version":"15"}],"name":"try","repo":[{"cipher":"none","key":1,"status":{"code":0,"message":"ok"}}],"status":{"code":0,"lock":{"backup":{"held":false}},"message":"ok"}}]"#;

fn cluster(keep: &str) -> Cluster {
    read(&format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n\
         standbys: [server2, server3]\nhosts: {{ server3: {{ upstream: server2 }} }}\n\
         backup: {{ mount: /mnt/backups, tool: pgbackrest, from: primary, keep: {{ {keep} }} }}\n"
    ))
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster
}

/// Servers in sync whose archive is pgBackRest's already.
fn story(keep: &str) -> Story {
    let mut story = stories()
        .into_iter()
        .find(|story| story.name == "to_pgbackrest")
        .unwrap();
    story.cluster = cluster(keep);
    for (_, facts) in story.world.seen_mut() {
        let archive_of = facts.data.control().map(|control| control.system_id);
        let mount = facts.mount.as_mut().unwrap();
        (mount.mounted, mount.archive_of) = (true, archive_of);
        mount.writable = Some(true);
    }
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    assert!(
        titles(&plan).contains(&"server1 pgbackrest repository in /mnt/backups/shop".to_owned()),
        "{:#?}",
        titles(&plan)
    );
    story.world = after(&plan, &story.world, plan.steps.len());
    story
}

fn there(story: &Story) -> Backups {
    let facts = story.world.facts(&NodeName::from("server1")).unwrap();
    let system = facts.data.control().unwrap().system_id.to_string();
    let line = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    engine(BackupTool::Pgbackrest).listed(&[
        line("archive", &system),
        line("info", &INFO.replace("SYSTEM", &system)),
        line("tablespace", "20261125-144843F\t16385 /srv/fast"),
        line("noted", "20261125-144843F\thost=server1"),
        line("noted", "20261125-144843F\tverified=1795618200"),
        line("noted", "20261125-144843F\tverified=1795618300"),
        line("wal", "000000010000000000000003 000000010000000000000007"),
    ])
}

#[test]
fn what_pgbackrest_lists_is_read() {
    let there = there(&story("count: 7"));
    let ids: Vec<&str> = there
        .backups
        .iter()
        .map(|backup| backup.id.as_str())
        .collect();
    assert_eq!(
        ids,
        ["20261125-144843F", "20261125-144843F_20261125-144849I"]
    );
    let full = &there.backups[0];
    assert_eq!(full.host, NodeName::from("server1"));
    assert_eq!(full.stop, Lsn(0x0500_0088));
    assert_eq!(full.start_wal, "000000010000000000000004");
    assert_eq!(full.verified, Some(1_795_618_300), "the last time counts");
    assert_eq!(full.tablespaces, [("16385".into(), "/srv/fast".into())]);
    assert_eq!(full.bytes, 3_120_680);
    assert_eq!(there.backups[1].verified, None);
    // A stanza that is not there, and a repository that is not mounted, are an answer too.
    let none = |info: &str| engine(BackupTool::Pgbackrest).listed(&[("info".into(), info.into())]);
    let nothing = Backups {
        segment_size: 16 << 20,
        ..Backups::default()
    };
    assert_eq!(none("[]"), nothing);
    assert_eq!(
        none(r#"[{"name":"shop","status":{"code":1,"message":"missing stanza path"}}]"#),
        nothing
    );
}

#[test]
fn each_engine_gives_up_by_its_own_rule() {
    let one = there(&story("count: 7")).backups[0].clone();
    let day = |id: &str, day: u64| {
        let mut backup = one.clone();
        backup.id = id.into();
        backup.ended = day * 86_400;
        backup
    };
    let all = [
        day("A", 1),
        day("A_1I", 2),
        day("B", 5),
        day("B_1D", 6),
        day("C", 9),
    ];
    let gone = |tool: BackupTool, keep: Keep, now: u64| -> Vec<String> {
        let there = Backups {
            backups: all.to_vec(),
            ..there(&story("count: 7"))
        };
        let kept = kept(&there, engine(tool).rule(keep), now * 86_400);
        kept.gone.into_iter().collect()
    };
    let (backrest, pitrery) = (BackupTool::Pgbackrest, BackupTool::Pitrery);
    // Full ones are counted, and take along what depends on them.
    assert_eq!(gone(backrest, Keep::Count(2), 10), ["A", "A_1I"]);
    assert_eq!(
        gone(backrest, Keep::Count(1), 10),
        ["A", "A_1I", "B", "B_1D"]
    );
    assert!(gone(backrest, Keep::Count(3), 10).is_empty());
    // The newest full one that is older than these days begins the first of them.
    assert_eq!(gone(backrest, Keep::Days(7), 13), ["A", "A_1I"]);
    assert!(gone(backrest, Keep::Days(7), 10).is_empty());
    // pitrery has full ones only; the newest always stays.
    assert_eq!(gone(pitrery, Keep::Count(4), 10), ["A"]);
    assert_eq!(
        gone(pitrery, Keep::Days(1), 100),
        ["A", "A_1I", "B", "B_1D"]
    );
    assert!(gone(pitrery, Keep::Days(30), 10).is_empty());
}

#[test]
fn pgbackrest_backs_up_where_the_primary_is() {
    let story = story("count: 7");
    let take = |host: Option<&str>, depth: Depth| {
        let host = host.map(NodeName::from);
        take(
            &story.cluster,
            &Templates::default(),
            &story.world,
            host.as_ref(),
            "unused",
            depth,
        )
    };
    let plan = take(None, Depth::Incremental).unwrap();
    assert_eq!(titles(&plan), ["server1 incremental backup by pgbackrest"]);
    let place = place_of(
        &story.cluster,
        story.world.facts(&plan.steps[0].node).unwrap(),
        &plan.steps[0].node,
    )
    .unwrap();
    let commands = plan.steps[0].action.act().commands(&place);
    let shown = commands[0].shown();
    for said in [
        "depth='incremental'",
        "top='/mnt/backups/shop'",
        "backup_unit='pgrepl-shop-server1-backup.service'",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let refused = take(Some("server2"), Depth::Full);
    assert!(
        matches!(&refused, Err(PlanError::Refused(no)) if no.message.contains("expected server1, found server2")),
        "{refused:?}"
    );
}

#[test]
fn pgbackrest_removes_no_wal_that_a_standby_waits_for() {
    let mut story = story("count: 1");
    let mut there = there(&story);
    let mut newer = there.backups[0].clone();
    newer.id = "20261126-000000F".into();
    newer.ended += 86_400;
    newer.start_wal = "000000010000000000000005".into();
    there.backups.push(newer);
    let node = NodeName::from("server1");
    let ahead = |story: &mut Story, lsn: u64| {
        for name in ["server2", "server3"] {
            let facts = story.world.facts_mut(&NodeName::from(name)).unwrap();
            facts.server.as_mut().unwrap().replayed = Some(Lsn(lsn));
        }
    };
    let plan = |story: &Story| {
        prune(
            &story.cluster,
            &Templates::default(),
            &story.world,
            &there,
            &node,
            1_795_800_000,
        )
    };
    ahead(&mut story, 0x0500_0000);
    let pruned = plan(&story).unwrap();
    let Action::Prune(expire) = &pruned.steps[0].action else {
        panic!("{:?}", titles(&pruned));
    };
    assert_eq!(expire.ids.len(), 2);
    assert_eq!(expire.before.as_deref(), Some("0000000000000005"));
    let reading = Backups {
        restores: vec![("server9~srv-copy".into(), vec!["20261125-144843F".into()])],
        ..there.clone()
    };
    let read = prune(
        &story.cluster,
        &Templates::default(),
        &story.world,
        &reading,
        &node,
        1_795_800_000,
    );
    assert!(
        matches!(&read, Err(PlanError::Refused(no)) if no.message.contains("a restore reads backup 20261125-144843F")),
        "{read:?}"
    );
    ahead(&mut story, 0x0400_0000);
    let refused = plan(&story);
    assert!(
        matches!(&refused, Err(PlanError::Refused(no)) if no.message.contains("still needs WAL from 0000000000000004")),
        "{refused:?}"
    );
    let reason = pgrepl::facts::Unreachable {
        message: "no route to host".into(),
        help: String::new(),
        original: String::new(),
    };
    ahead(&mut story, 0x0500_0000);
    story.world.hosts.insert(
        NodeName::from("server3"),
        pgrepl::facts::Sight::Unreachable(reason),
    );
    assert!(matches!(plan(&story), Err(PlanError::Refused(_))));
}

#[test]
fn a_restore_by_pgbackrest_ends_with_one_primary_whom_everybody_follows() {
    let story = story("count: 7");
    let there = there(&story);
    let to = NodeName::from("server2");
    let wish = RestoreRequest {
        to: &to,
        target: &Target::Latest,
        moment: None,
        backup: None,
        timeline: Line::Found,
    };
    let templates = Templates::default();
    let plan: Plan = restore(&story.cluster, &templates, &story.world, &there, &wish).unwrap();
    assert!(
        titles(&plan)
            .iter()
            .any(|title| title.contains("restore backup 20261125-144843F_20261125-144849I by")),
        "{:#?}",
        titles(&plan)
    );
    for cut in 0..=plan.steps.len() {
        let world = after(&plan, &story.world, cut);
        let primaries = world
            .seen()
            .filter(|(_, facts)| running_primary(facts))
            .count();
        assert!(primaries <= 1, "cut after step {cut}");
        let again = restore(&story.cluster, &templates, &world, &there, &wish).unwrap();
        let end = after(&again, &world, again.steps.len());
        let left = converge(&story.cluster, &templates, &end, None).unwrap();
        assert_eq!(left.leader, to, "cut after step {cut}");
        assert!(
            left.steps.is_empty(),
            "cut after step {cut}: {:#?}",
            titles(&left)
        );
    }
}
