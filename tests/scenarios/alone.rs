//! What `apply` would leave alone, or do first, is found before anything stops.

use pgrepl::action::Action;
use pgrepl::facts::{Observation, Process, Sight, Unreachable};
use pgrepl::files::recovery::Target;
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::plan::rebuild::request::CopySource;
use pgrepl::plan::restore;
use pgrepl::render::Templates;

use crate::archive::{story, there};
use crate::preflight::{Change, anew, changed, refused};

/// What keeps `apply` from a host, although its server runs or could run.
const ALONE: [(Change, &str); 6] = [
    (
        |f| {
            f.server = None;
            f.process = Process::Busy;
            f.other_port = Some(6543);
        },
        "its server runs on port 6543, but the inventory says 5432",
    ),
    (|f| f.os.id = "plan9".into(), "is not supported"),
    (
        |f| f.mount.as_mut().unwrap().gone = vec!["/mnt/backups/shop".into()],
        "/mnt/backups/shop is not there any more",
    ),
    (
        |f| f.packages.server = None,
        "PostgreSQL 15 is not installed",
    ),
    (
        |f| f.unread = vec!["/etc/postgresql/15/main/pg_hba.conf".into()],
        "postgres cannot read /etc/postgresql/15/main/pg_hba.conf",
    ),
    (
        |f| f.packages.strange = Some("pg belongs to postgres".into()),
        "bin are not root's alone: pg belongs to postgres",
    ),
];

#[test]
fn what_apply_would_leave_alone_is_found_before_anything_stops() {
    let mut story = story("count: 7");
    let backups = there(&story);
    let to = NodeName::from("server1");
    let back = |cluster: &Cluster, world: &Observation| {
        let wish = restore::request::RestoreRequest {
            to: &to,
            target: &Target::Latest,
            moment: None,
            backup: None,
            timeline: pgrepl::facts::way::Line::Found,
        };
        restore::restore(cluster, &Templates::default(), world, &backups, &wish)
    };
    story.cluster.install = false;
    for (change, said) in ALONE {
        for node in ["server1", "server2", "server3"] {
            let world = changed(&story.world, node, change);
            let why = refused(back(&story.cluster, &world));
            assert!(why.contains(said), "{node}: {why}");
        }
        let world = changed(&story.world, "server2", change);
        let why = refused(anew(&story.cluster, &world, CopySource::Primary));
        assert!(why.contains(said), "{why}");
    }
    // Another file system on one of those that follow.
    for node in ["server2", "server3"] {
        let other: Change = |f| f.mount.as_mut().unwrap().token = Some("other".into());
        let why = refused(back(&story.cluster, &changed(&story.world, node, other)));
        assert!(
            why.contains("is not the file system that server1 has"),
            "{why}"
        );
    }
    // A mount that is away on a standby is told, as by apply: it follows all the same.
    let away: Change = |f| f.mount.as_mut().unwrap().mounted = false;
    let plan = back(&story.cluster, &changed(&story.world, "server2", away)).unwrap();
    let mut notes = plan.nodes.iter().flat_map(|node| &node.notes);
    assert!(notes.any(|note| note.message == "nothing is mounted on /mnt/backups"));
    // What may be installed is installed before the first stop; a rebuild leaves that to apply.
    story.cluster.install = true;
    let world = changed(&story.world, "server2", ALONE[3].0);
    let plan = back(&story.cluster, &world).unwrap();
    let place = |wanted: fn(&Action) -> bool| {
        let mut steps = plan.steps.iter();
        steps.position(|step| wanted(&step.action)).unwrap()
    };
    let installs = place(|action| matches!(action, Action::InstallPackages(_)));
    let stops = place(|action| matches!(action, Action::Stop(_)));
    assert!(plan.steps[installs].phase < plan.steps[stops].phase);
    let stop = &plan.steps[stops];
    assert!(stop.needs.contains(&plan.steps[installs].node));
    assert!(refused(anew(&story.cluster, &world, CopySource::Primary)).contains("is pending"));
}

#[test]
fn who_follows_a_server_that_will_not_be_there_keeps_its_data_as_well() {
    let story = story("count: 7");
    let backups = there(&story);
    let mut world = story.world.clone();
    let reason = Unreachable {
        message: "no route to host".into(),
        help: String::new(),
        original: String::new(),
    };
    let gone = Sight::Unreachable(reason);
    world.hosts.insert("server2".into(), gone);
    let to = NodeName::from("server1");
    let wish = restore::request::RestoreRequest {
        to: &to,
        target: &Target::Latest,
        moment: None,
        backup: None,
        timeline: pgrepl::facts::way::Line::Found,
    };
    let templates = Templates::default();
    let plan = restore::restore(&story.cluster, &templates, &world, &backups, &wish).unwrap();
    let aside = plan.steps.iter();
    let aside = aside.filter(|step| matches!(step.action, Action::SetAside(_)));
    let aside: Vec<&str> = aside.map(|step| step.node.as_str()).collect();
    assert_eq!(aside, ["server1"]);
    let why = plan.blocked().find(|(node, _)| node.as_str() == "server3");
    let (_, why) = why.unwrap();
    assert!(
        why.message.contains("server2, which cannot be reached"),
        "{}",
        why.message
    );
}
