//! A mount that is away on a host, or is another one than elsewhere: nothing that would be needed is stopped.

use pgrepl::action::Action;
use pgrepl::facts::Mount;
use pgrepl::facts::rights::why_nobody;
use pgrepl::facts::way::Line;
use pgrepl::files::recovery::Target;
use pgrepl::inventory::NodeName;
use pgrepl::plan::converge::converge;
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::restore::restore;
use pgrepl::plan::{PlanError, rebuild};
use pgrepl::render::Templates;
use pgrepl::report::status::conclude;

use crate::archive::{story, there};
use crate::stories::Story;

fn mount_of<'a>(story: &'a mut Story, node: &str) -> &'a mut Mount {
    let facts = story.world.facts_mut(&NodeName::from(node)).unwrap();
    facts.mount.as_mut().unwrap()
}

#[test]
fn what_cannot_read_the_archive_stops_nothing() {
    let mut story = story("count: 7");
    let there = there(&story);
    for (stale, mounted, archive_of, said) in [
        (true, true, None, "/mnt/backups of server1 does not answer"),
        (
            false,
            false,
            None,
            "nothing is mounted on /mnt/backups of server1",
        ),
        (
            false,
            true,
            None,
            "/mnt/backups of server1 holds no archive of this cluster",
        ),
    ] {
        let mount = mount_of(&mut story, "server1");
        (mount.stale, mount.mounted, mount.archive_of) = (stale, mounted, archive_of);
        let to = NodeName::from("server1");
        let wish = RestoreRequest {
            to: &to,
            target: &Target::Latest,
            moment: None,
            backup: None,
            timeline: Line::Found,
        };
        let templates = Templates::default();
        let plan = restore(&story.cluster, &templates, &story.world, &there, &wish);
        let Err(PlanError::Refused(no)) = plan else {
            panic!("{said}: it is planned");
        };
        assert_eq!(no.message, said);
        let backup = there.backups.last().unwrap();
        let standby = NodeName::from("server2");
        let wish = rebuild::RebuildRequest {
            node: &standby,
            from: rebuild::CopySource::Backup(Box::new(backup.clone())),
            rewind_failed: false,
            commits: None,
        };
        mount_of(&mut story, "server2").mounted = false;
        let plan = rebuild::rebuild(&story.cluster, &templates, &story.world, &wish);
        assert!(
            matches!(&plan, Err(PlanError::Refused(no)) if no.message == "nothing is mounted on /mnt/backups of server2"),
            "{said}"
        );
    }
}

#[test]
fn a_host_with_another_file_system_in_the_place_of_the_mount_is_left_alone() {
    let mut story = story("count: 7");
    mount_of(&mut story, "server2").token = Some("other".into());
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    let blocked: Vec<String> = plan
        .blocked()
        .map(|(node, blocked)| format!("{node}: {}", blocked.message))
        .collect();
    assert_eq!(
        blocked,
        [
            "server2: /mnt/backups of server2 is not the file system that server1 has there: the archive is not on it"
        ]
    );
    // One that does not answer is not said to be another one, and nothing is made on it.
    let mount = mount_of(&mut story, "server2");
    (mount.stale, mount.token, mount.archive_of) = (true, None, None);
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    assert_eq!(plan.blocked().count(), 0);
    let mount = mount_of(&mut story, "server1");
    (mount.stale, mount.token, mount.archive_of) = (true, None, None);
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    let makes = |action: &Action| matches!(action, Action::PrepareMount(_));
    assert!(!plan.steps.iter().any(|step| makes(&step.action)));
}

/// Says for each host what blocks it, and what a status says is wrong.
fn told(story: &Story) -> (Vec<String>, Vec<String>) {
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    let makes = |action: &Action| {
        matches!(
            action,
            Action::PrepareMount(_) | Action::PrepareTool(_) | Action::InitDb(_)
        )
    };
    assert!(!plan.steps.iter().any(|step| makes(&step.action)));
    let blocked = plan.blocked();
    let blocked = blocked.map(|(node, why)| format!("{node}: {} ({})", why.message, why.help));
    let problems = conclude(&story.cluster, &story.world).problems;
    let problems = problems
        .iter()
        .map(|one| format!("{}: {} ({})", one.node, one.message, one.help));
    (blocked.collect(), problems.collect())
}

#[test]
fn an_archive_that_was_moved_away_is_told_and_not_begun_anew() {
    for (gone, archived) in [
        ("/mnt/backups/shop/wal", false),
        ("/mnt/backups/shop/pgbackrest/archive/shop", true),
    ] {
        let mut story = story("count: 7");
        let mount = mount_of(&mut story, "server1");
        mount.gone = vec![gone.into()];
        if !archived {
            (mount.archive_of, mount.token) = (None, None);
        }
        let said = format!(
            "server1: {gone} is not there any more: the server of server1 has worked with it (put it back; if a new archive is \
             to begin there: ssh server1 sudo rm /var/lib/postgresql/15/main/pgrepl.archives)"
        );
        let (blocked, problems) = told(&story);
        assert!(blocked.contains(&said), "{blocked:#?}");
        assert!(problems.contains(&said), "{problems:#?}");
    }
}

#[test]
fn what_is_closed_to_the_service_user_is_not_taken_for_missing() {
    for (user, said) in [
        (
            None,
            "server1: what is in /mnt/backups is closed to the service user",
        ),
        (
            Some(101),
            "server2: the service user is uid 102 on server2 and uid 101 on server1: on /mnt/backups neither can read what the other writes",
        ),
    ] {
        let mut story = story("count: 7");
        for (node, number) in [("server1", user), ("server2", user.map(|user| user + 1))] {
            let mount = mount_of(&mut story, node);
            mount.user = number;
            if user.is_none() || node == "server2" {
                (mount.closed, mount.archive_of, mount.token) = (true, None, None);
            }
        }
        let (blocked, problems) = told(&story);
        for lines in [&blocked, &problems] {
            assert!(
                lines.iter().any(|line| line.starts_with(said)),
                "{lines:#?}"
            );
        }
    }
    // Numbers that differ are nobody's trouble where each reads what the other has written.
    let mut story = story("count: 7");
    for (node, number) in [("server1", 101), ("server2", 102)] {
        mount_of(&mut story, node).user = Some(number);
    }
    let (blocked, problems) = told(&story);
    assert!(blocked.is_empty(), "{blocked:#?}");
    assert!(
        !problems.iter().any(|line| line.contains("uid")),
        "{problems:#?}"
    );
}

#[test]
fn a_reason_that_many_hosts_share_is_told_once() {
    let mut story = story("count: 7");
    assert!(why_nobody(&story.world).is_empty());
    for node in ["server1", "server3"] {
        mount_of(&mut story, node).gone = vec!["/mnt/backups/shop/wal".into()];
    }
    mount_of(&mut story, "server2").mounted = false;
    let lost = "/mnt/backups/shop/wal is not there any more: the servers of server1, server3 have worked with it";
    let away = "nothing is mounted on /mnt/backups of server2";
    assert_eq!(why_nobody(&story.world), [lost, away]);
    for node in ["server1", "server3"] {
        mount_of(&mut story, node).mounted = false;
    }
    let away = "nothing is mounted on /mnt/backups of server1, server2, server3";
    assert_eq!(why_nobody(&story.world), [away]);
}
