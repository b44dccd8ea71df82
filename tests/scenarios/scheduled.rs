//! Timers on every host, chains of backups, and copies beside the cluster.

use pgrepl::action::Action;
use pgrepl::facts::backups::{Backups, parse};
use pgrepl::facts::way::Line;
use pgrepl::files::recovery::Target;
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::backup::prune;
use pgrepl::plan::converge::converge;
use pgrepl::plan::restore::copy::{Aside, restore_copy};
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::restore::restore;
use pgrepl::plan::{Plan, PlanError};
use pgrepl::render::Templates;

use crate::stories::{Story, after, stories, titles};

fn cluster(backup: &str) -> Cluster {
    read(&format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n\
         standbys: [server2, server3]\n{}{backup}\n",
        if backup.contains("hosts:") { "" } else { "hosts: { server3: { upstream: server2 } }\n" }
    ))
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster
}

fn story(backup: &str) -> Story {
    let mut story = stories()
        .into_iter()
        .find(|story| story.name == "in_sync")
        .unwrap();
    story.cluster = cluster(backup);
    story
}

const SCHEDULED: &str = "backup: { mount: /mnt/backups, schedule: \"02:30\", keep: { count: 1 } }";

fn planned(cluster: &Cluster, world: &pgrepl::facts::Observation) -> Plan {
    converge(cluster, &Templates::default(), world, None).unwrap()
}

#[test]
fn a_host_whose_systemd_does_not_understand_the_schedule_is_left_alone() {
    let mut story = story(SCHEDULED);
    let facts = story.world.facts_mut(&"server2".into()).unwrap();
    facts.schedule_refused = Some("Failed to parse calendar specification '02:30'".into());
    let plan = planned(&story.cluster, &story.world);
    assert!(
        plan.steps
            .iter()
            .all(|step| step.node.as_str() != "server2")
    );
    let [(node, why)] = plan.blocked().collect::<Vec<_>>()[..] else {
        panic!("{plan:#?}");
    };
    assert_eq!(node.as_str(), "server2");
    assert!(why.message.contains("Failed to parse"), "{}", why.message);
    assert_eq!(why.help, "ssh server2 \"systemd-analyze calendar '02:30'\"");
}

#[test]
fn every_host_has_the_timer_and_none_keeps_it() {
    let story = story(SCHEDULED);
    let plan = planned(&story.cluster, &story.world);
    let sets = |plan: &Plan| {
        let is = |action: &Action| matches!(action, Action::SetTimer(_));
        plan.steps.iter().filter(|step| is(&step.action)).count()
    };
    assert_eq!(sets(&plan), 3, "{:#?}", titles(&plan));
    for cut in 0..=plan.steps.len() {
        let world = after(&plan, &story.world, cut);
        let rest = planned(&story.cluster, &world);
        let end = after(&rest, &world, rest.steps.len());
        assert!(planned(&story.cluster, &end).steps.is_empty(), "cut {cut}");
    }
    // The units say nothing of roles: a change of them changes no unit. Another schedule does.
    let end = after(&plan, &story.world, plan.steps.len());
    let exchanged = Cluster {
        primary: "server2".into(),
        ..story.cluster.clone()
    };
    assert_eq!(sets(&planned(&exchanged, &end)), 0);
    // An engine with a program of its own has its own program on the timer.
    let tool = SCHEDULED.replace("keep:", "tool: pgbackrest, keep:");
    let of_tool = planned(&cluster(&tool), &end);
    assert_eq!(sets(&of_tool), 3, "{:#?}", titles(&of_tool));
    let other = cluster("backup: { mount: /mnt/backups, schedule: \"03:30\", keep: { count: 1 } }");
    assert_eq!(sets(&planned(&other, &end)), 3);
    for gone in ["backup: { mount: /mnt/backups, keep: { count: 1 } }", ""] {
        let gone = cluster(gone);
        let plan = planned(&gone, &end);
        let drops = |action: &Action| matches!(action, Action::DropTimer(_));
        assert_eq!(
            plan.steps.iter().filter(|step| drops(&step.action)).count(),
            3
        );
        let end = after(&plan, &end, plan.steps.len());
        assert!(planned(&gone, &end).steps.is_empty());
    }
}

#[test]
fn backups_are_compressed_with_what_every_host_can_unpack() {
    let mut story = story(SCHEDULED);
    for (of, compress) in [
        (["server1", "server2"].as_slice(), "server-gzip:1"),
        (&["server3"], "server-zstd:level=1,workers=1"),
    ] {
        for node in of {
            let facts = story.world.facts_mut(&NodeName::from(*node)).unwrap();
            facts.packages.zstd = true;
        }
        for step in planned(&story.cluster, &story.world).steps {
            if let Action::SetTimer(set) = step.action {
                let service = set.service;
                assert!(service.contains(compress), "{compress}: {service}");
            }
        }
    }
}

/// A full backup, one on it, one on that, and another full one.
fn chain(story: &Story, restores: &str) -> Backups {
    let facts = story.world.facts(&NodeName::from("server1")).unwrap();
    let id = facts.server.as_ref().unwrap().system_id;
    let mut lines = vec![("archive".to_owned(), id.to_string())];
    for (at, (name, parent)) in [("a", ""), ("b", "a"), ("c", "b"), ("d", ""), ("e", "x")]
        .into_iter()
        .enumerate()
    {
        let number = at + 1;
        lines.extend(
            [
                format!("id={name}"),
                "host=server2".into(),
                "major=15".into(),
                format!("system_id={id}"),
                "timeline=1".into(),
                format!("start_lsn=0/{number}000028"),
                format!("stop_lsn=0/{number}000100"),
                format!("start_wal=00000001000000000000000{number}"),
                format!("begun={number}"),
                format!("ended={number}"),
                "bytes=1000".into(),
                format!("parent={parent}"),
                format!("compression={}", if name == "a" { "zstd" } else { "" }),
            ]
            .into_iter()
            .filter(|said| said != "parent=")
            .map(|said| ("about".to_owned(), format!("{name}\t{said}"))),
        );
    }
    lines.push((
        "wal".into(),
        "000000010000000000000001 000000010000000000000005".into(),
    ));
    if !restores.is_empty() {
        lines.push(("restore".into(), restores.into()));
    }
    parse(&lines)
}

#[test]
fn prune_keeps_what_a_kept_backup_builds_on_and_what_is_being_restored() {
    let removed = |keep: &str, restores: &str| -> Vec<String> {
        let story = story(&format!(
            "backup: {{ mount: /mnt/backups, keep: {{ {keep} }} }}"
        ));
        let there = chain(&story, restores);
        assert_eq!(there.orphans, ["e"], "what lacks its parent is no backup");
        let node = NodeName::from("server1");
        let plan = prune(
            &story.cluster,
            &Templates::default(),
            &story.world,
            &there,
            &node,
            9,
        )
        .unwrap();
        plan.steps
            .iter()
            .find_map(|step| match &step.action {
                Action::Prune(prune) => Some(prune.ids.clone()),
                _ => None,
            })
            .unwrap_or_default()
    };
    assert_eq!(removed("count: 1", ""), ["a", "b", "c"]);
    assert_eq!(removed("count: 2", ""), [""; 0], "c needs b, and b needs a");
    assert_eq!(removed("count: 1", "server9~srv-copy a"), ["b", "c"]);
    // A host whose server runs has ended its restore.
    assert_eq!(removed("count: 1", "server2 a"), ["a", "b", "c"]);
}

#[test]
fn a_tablespace_that_only_the_archive_knows_is_not_replayed_to_a_place_that_is_mapped() {
    let mut story = crate::archive::story("count: 7");
    story.cluster = cluster(
        "backup: { mount: /mnt/backups }\nhosts: { server3: { upstream: server2 }, server1: { tablespaces: { /srv/fast: /srv/here } } }",
    );
    let there = chain(&story, "");
    let to = NodeName::from("server1");
    let latest = |story: &Story| {
        let wish = RestoreRequest {
            to: &to,
            target: &Target::Latest,
            moment: None,
            backup: Some("d"),
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
    latest(&story).unwrap();
    let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
    facts.data.tablespaces = vec![("16999".into(), "/srv/fast".into())];
    let refused = latest(&story);
    assert!(
        matches!(&refused, Err(PlanError::Refused(no)) if no.message.contains("/srv/fast was made after backup d")),
        "{refused:?}"
    );
}

#[test]
fn a_copy_goes_nowhere_near_the_cluster() {
    let mut story = story("backup: { mount: /mnt/backups }");
    let mut there = chain(&story, "");
    for node in ["server1", "server2", "server3"] {
        let facts = story.world.facts_mut(&NodeName::from(node)).unwrap();
        let mount = serde_json::json!({
            "path": "/mnt/backups", "mounted": true, "writable": true, "archive_of": there.archive_of,
            "fstype": "nfs4", "size": 1, "free": 1
        });
        facts.mount = Some(serde_json::from_value(mount).unwrap());
        facts.packages.zstd = node != "server3";
    }
    let wish_to = |there: &Backups, target: &Target, to: &str, directory: &str, port: u16| {
        let wish = RestoreRequest {
            to: &NodeName::from(to),
            target,
            moment: None,
            backup: Some("c"),
            timeline: Line::Found,
        };
        let aside = Aside {
            data_directory: directory,
            port,
        };
        restore_copy(
            &story.cluster,
            &Templates::default(),
            &story.world,
            there,
            &wish,
            &aside,
        )
    };
    let copy_to = |to: &str, directory: &str, port: u16| {
        wish_to(&there, &Target::Latest, to, directory, port)
    };
    let copy = |directory: &str, port: u16| copy_to("server2", directory, port);
    let refused = copy_to("server3", "/srv/restored", 5433);
    assert!(
        matches!(&refused, Err(PlanError::Refused(no)) if no.message == "backup c is compressed with zstd, which server3 does not have"),
        "{refused:?}"
    );
    let plan = copy("/srv/restored", 5433).unwrap();
    let Some(Action::RestoreCopy(made)) = plan.steps.last().map(|step| &step.action) else {
        panic!("{:#?}", titles(&plan));
    };
    assert_eq!(
        (made.backup.id.as_str(), &made.backup.builds_on[..]),
        ("c", &["a".to_owned(), "b".to_owned()][..])
    );
    assert!(
        made.recovery.contains("archive_mode = 'off'"),
        "{}",
        made.recovery
    );
    let end = after(&plan, &story.world, plan.steps.len());
    assert_eq!(end, story.world, "the cluster is left alone");
    for (directory, port) in [
        ("/var/lib/postgresql/15/main", 5433),
        ("/var/lib/postgresql/15/main/inside", 5433),
        ("/var/lib/postgresql", 5433),
        ("/mnt/backups/shop/copy", 5433),
        ("relative", 5433),
        ("/", 5433),
        ("/srv/restored", 5432),
    ] {
        let refused = copy(directory, port);
        assert!(
            matches!(refused, Err(PlanError::Refused(_))),
            "{directory} {port}"
        );
    }

    // The primary ends a segment only for what the archive does not have, and only the newest commits are waited for.
    let before = |there: &Backups, target| {
        let plan = wish_to(there, target, "server2", "/srv/restored", 5433).unwrap();
        plan.steps.len() - 1
    };
    assert_eq!(before(&there, &Target::Latest), 2);
    assert_eq!(before(&there, &Target::Immediate), 0);
    there.wal[0].1 = "000000010000000000000003".into();
    assert_eq!(before(&there, &Target::Immediate), 1);
    assert_eq!(before(&there, &Target::Latest), 2);
}
