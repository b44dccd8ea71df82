//! A mount that is away on a host, or is another one than elsewhere: nothing that would be needed is stopped.

use pgrepl::action::Action;
use pgrepl::facts::Mount;
use pgrepl::facts::way::Line;
use pgrepl::files::recovery::Target;
use pgrepl::inventory::NodeName;
use pgrepl::plan::converge::converge;
use pgrepl::plan::restore::{Wish, restore};
use pgrepl::plan::{PlanError, rebuild};
use pgrepl::render::Templates;

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
        let wish = Wish {
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
        let wish = rebuild::Wish {
            node: &standby,
            from: rebuild::From::Backup(Box::new(backup.clone())),
            rewind_failed: false,
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
