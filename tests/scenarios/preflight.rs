//! What a later step needs is asked before anything stops: no command goes half way on a server that cannot be replaced.

use pgrepl::action::Action;
use pgrepl::facts::{Content, Facts, Observation};
use pgrepl::files::recovery::Target;
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::plan::converge::converge;
use pgrepl::plan::rebuild;
use pgrepl::plan::rebuild::request::CopySource;
use pgrepl::plan::restore::copy::{Aside, restore_copy};
use pgrepl::plan::switchover::{self, switchover};
use pgrepl::plan::{Plan, PlanError, failover, restore};
use pgrepl::render::Templates;

use crate::archive::{story, there};
use crate::checks::calm;
use crate::worlds::state;

pub type Change = fn(&mut Facts);

/// How a data directory can lie so that nothing can replace it, and what is said of it.
const LAYOUTS: [(Change, &str); 6] = [
    (
        |f| {
            f.data.layout.link = Some("/srv/big/main".into());
            f.data.real_path = "/srv/big/main".into();
            f.data.layout.closed = true;
        },
        "main leads to /srv/big/main, where the service user may not write",
    ),
    (
        |f| f.data.layout.parent_closed = true,
        "root may not write in /var/lib/postgresql/15",
    ),
    (
        |f| f.data.layout.parent_between = true,
        "15 is root's, in a directory of the service user's",
    ),
    (
        |f| space(f, "/var/lib/postgresql/15/main/ts"),
        "the tablespace /var/lib/postgresql/15/main/ts lies inside the data directory",
    ),
    (
        |f| {
            f.data.real_path = "/srv/real".into();
            space(f, "/srv/real/ts");
        },
        "the tablespace /srv/real/ts lies inside the data directory",
    ),
    (
        |f| {
            space(f, "/srv/ts");
            let inside = "/var/lib/postgresql/15/main/ts";
            f.data.layout.tablespace_links = vec![("/srv/ts".into(), inside.into())];
        },
        "the tablespace /var/lib/postgresql/15/main/ts lies inside the data directory",
    ),
];

/// Those that a place without an instance can have too.
const OF_A_PLACE: usize = 3;

fn space(facts: &mut Facts, path: &str) {
    facts.data.tablespaces = vec![("16400".into(), path.into())];
}

pub fn changed(world: &Observation, node: &str, change: Change) -> Observation {
    let mut world = world.clone();
    change(world.facts_mut(&node.into()).unwrap());
    world
}

pub fn replaces(plan: &Plan) -> Vec<String> {
    let replaces = |action: &Action| {
        matches!(
            action,
            Action::Stop(_)
                | Action::SetAside(_)
                | Action::BaseBackup(_)
                | Action::UnpackBackup(_)
                | Action::PlaceClone(_)
        )
    };
    let steps = plan.steps.iter().filter(|step| replaces(&step.action));
    steps
        .map(|step| format!("{} {}", step.node, step.action.act().title()))
        .collect()
}

/// What a refusal says, all of it.
pub fn refused(result: Result<Plan, PlanError>) -> String {
    match result {
        Ok(plan) => panic!("not refused: {:#?}", replaces(&plan)),
        Err(PlanError::Refused(no)) => {
            assert!(!no.help.is_empty(), "{}: nothing to type", no.message);
            [vec![no.message], no.details].concat().join("\n")
        }
        Err(PlanError::Template(error)) => panic!("{error}"),
    }
}

pub fn anew(cluster: &Cluster, world: &Observation, from: CopySource) -> Result<Plan, PlanError> {
    let wish = rebuild::RebuildRequest {
        node: &"server2".into(),
        from,
        rewind_failed: false,
        commits: None,
    };
    rebuild::rebuild(cluster, &Templates::default(), world, &wish).map(|rebuild| rebuild.plan)
}

#[test]
fn a_rebuild_is_refused_where_no_rename_replaces_the_data() {
    let story = story("count: 7");
    let (cluster, backups) = (&story.cluster, there(&story));
    let backup = backups.backups.last().unwrap();
    for (change, said) in LAYOUTS {
        let mut world = changed(&story.world, "server2", change);
        let mut ways = vec![
            CopySource::Primary,
            CopySource::Host("server3".into()),
            CopySource::Backup(Box::new(backup.clone())),
        ];
        // The cheapest way for one that runs and does not stream is a copy.
        let leads = world.facts_mut(&"server1".into()).unwrap();
        leads.server.as_mut().unwrap().senders.clear();
        ways.push(CopySource::Auto);
        for way in ways {
            let why = refused(anew(cluster, &world, way.clone()));
            assert!(why.contains(said), "{way:?}: {why}");
        }
    }
    // A source whose tablespace lies in its own data directory is no better.
    let world = changed(&story.world, "server1", LAYOUTS[3].0);
    let why = refused(anew(cluster, &world, CopySource::Primary));
    assert!(why.contains(LAYOUTS[3].1), "{why}");
}

#[test]
fn a_rewind_changes_files_where_they_are_and_tells_that_no_copy_follows_it() {
    let (cluster, world) = calm();
    let mut world = changed(&world, "server2", LAYOUTS[0].0);
    let two = NodeName::from("server2");
    let mut old = state(&cluster, &two, 1);
    let id = world.facts(&"server1".into()).unwrap().data.control();
    let id = id.unwrap().system_id;
    if let Content::Instance(instance) = &mut old.data.content {
        let control = instance.control.as_mut().unwrap();
        (control.system_id, control.checksums) = (id, true);
    }
    let server = old.server.as_mut().unwrap();
    server.system_id = id;
    LAYOUTS[0].0(&mut old);
    *world.facts_mut(&two).unwrap() = old;
    let leads = world.facts_mut(&"server1".into()).unwrap();
    let leads = leads.server.as_mut().unwrap();
    leads.timeline = pgrepl::postgres::Timeline(2);
    leads.senders.clear();
    let plan = anew(&cluster, &world, CopySource::Auto).unwrap();
    let told = |plan: &Plan| {
        let mut notes = plan.nodes.iter().flat_map(|node| &node.notes);
        notes.any(|note| note.message.contains(LAYOUTS[0].1))
    };
    assert!(told(&plan), "{:#?}", plan.nodes);
    assert!(
        !plan
            .steps
            .iter()
            .any(|step| matches!(step.action, Action::SetAside(_)))
    );
}

#[test]
fn a_restore_in_place_is_refused_where_one_server_could_not_be_replaced() {
    let story = story("count: 7");
    let backups = there(&story);
    let to = NodeName::from("server1");
    let back = |world: &Observation| {
        let wish = restore::request::RestoreRequest {
            to: &to,
            target: &Target::Latest,
            moment: None,
            backup: None,
            timeline: pgrepl::facts::way::Line::Found,
        };
        restore::restore(
            &story.cluster,
            &Templates::default(),
            world,
            &backups,
            &wish,
        )
    };
    assert!(back(&story.world).is_ok());
    for (change, said) in LAYOUTS {
        for node in ["server1", "server2", "server3"] {
            let why = refused(back(&changed(&story.world, node, change)));
            assert!(why.contains(said) && why.contains(node), "{node}: {why}");
        }
    }
    // All of them are told at once.
    let world = changed(&story.world, "server2", LAYOUTS[0].0);
    let why = refused(back(&changed(&world, "server3", LAYOUTS[1].0)));
    assert!(
        why.contains("server2: ") && why.contains("server3: "),
        "{why}"
    );
    // A place that holds nothing has nothing to lose: it is left alone, as by apply.
    let mut world = changed(&story.world, "server3", LAYOUTS[0].0);
    empty(&mut world, "server3");
    let plan = back(&world).unwrap();
    assert!(
        !replaces(&plan)
            .iter()
            .any(|step| step.starts_with("server3"))
    );
    // The directory of the cluster is not touched by a copy beside it.
    for (change, _) in LAYOUTS {
        let world = changed(&story.world, "server1", change);
        let wish = restore::request::RestoreRequest {
            to: &to,
            target: &Target::Latest,
            moment: None,
            backup: None,
            timeline: pgrepl::facts::way::Line::Found,
        };
        let aside = Aside {
            data_directory: "/srv/restored",
            port: 5433,
        };
        let templates = Templates::default();
        let plan = restore_copy(&story.cluster, &templates, &world, &backups, &wish, &aside);
        assert_eq!(replaces(&plan.unwrap()), Vec::<String>::new());
    }
}

fn empty(world: &mut Observation, node: &str) {
    let facts = world.facts_mut(&node.into()).unwrap();
    facts.data.content = Content::Nothing;
    facts.server = None;
    facts.process = pgrepl::facts::Process::Stopped;
    facts.data.signals = Default::default();
}

#[test]
fn nothing_is_copied_to_a_place_that_could_not_take_it() {
    let (cluster, mut world) = calm();
    empty(&mut world, "server3");
    let left = |world: &Observation| {
        let plan = converge(&cluster, &Templates::default(), world, None).unwrap();
        assert_eq!(replaces(&plan), Vec::<String>::new());
        let mut blocked = plan.blocked();
        let (node, no) = blocked.next().expect("nobody is left alone");
        assert!(!no.help.is_empty());
        format!("{node}: {}", no.message)
    };
    for (change, said) in &LAYOUTS[..OF_A_PLACE] {
        let why = left(&changed(&world, "server3", *change));
        assert!(why.starts_with("server3: ") && why.contains(said), "{why}");
    }
    // What is not mounted may hold an instance: nothing is made on top of it, nor anywhere if nobody has one.
    let away: Change = |f| f.data.layout.unmounted = vec!["/srv/pg".into()];
    let why = left(&changed(&world, "server3", away));
    assert!(
        why.contains("the file system of /srv/pg is not mounted"),
        "{why}"
    );
    let mut nobody = changed(&world, "server3", away);
    for node in ["server1", "server2"] {
        empty(&mut nobody, node);
    }
    let why = refused(converge(&cluster, &Templates::default(), &nobody, None));
    assert!(
        why.contains("/srv/pg of server3 is not mounted, or another one is: it may hold"),
        "{why}"
    );
    // It follows server2, whose tablespace would come to lie in its data directory.
    let why = left(&changed(&world, "server2", LAYOUTS[3].0));
    assert!(why.contains(LAYOUTS[3].1), "{why}");
}

#[test]
fn a_change_of_the_primary_replaces_no_data_however_it_lies() {
    let (cluster, world) = calm();
    for (change, _) in LAYOUTS {
        let mut world = world.clone();
        for node in ["server1", "server2", "server3"] {
            world = changed(&world, node, change);
        }
        assert!(
            converge(&cluster, &Templates::default(), &world, None)
                .unwrap()
                .is_empty()
        );
        let wish = switchover::SwitchoverRequest {
            to: Some(&"server2".into()),
            token: "aa",
            seconds: 90,
            pause: Default::default(),
        };
        let plan = switchover(&cluster, &Templates::default(), &world, &wish).unwrap();
        let forced = failover::FailoverRequest {
            to: Some(&"server2".into()),
            force: true,
            token: "aa",
        };
        let failover = failover::failover(&cluster, &Templates::default(), &world, &forced);
        for plan in [plan, failover.unwrap().plan] {
            let aside =
                |action: &Action| matches!(action, Action::SetAside(_) | Action::PlaceClone(_));
            assert!(!plan.steps.iter().any(|step| aside(&step.action)));
        }
    }
}

#[test]
fn what_the_settings_name_is_looked_for_before_anything_is_copied() {
    let story = story("count: 7");
    let (cluster, backups) = (&story.cluster, there(&story));
    let mut world = story.world.clone();
    let leads = world.facts_mut(&"server1".into()).unwrap();
    let auto = leads
        .files
        .get_mut("/var/lib/postgresql/15/main/postgresql.auto.conf");
    auto.unwrap().content = Some("ssl = on\nssl_cert_file = '/etc/ssl/shop.crt'\n".into());
    leads.server.as_mut().unwrap().locales = vec!["C".into(), "de_DE.UTF-8".into()];
    let lacking = |world: &Observation, node: &str, need: &str, why: &str| {
        let mut world = world.clone();
        let facts = world.facts_mut(&node.into()).unwrap();
        facts.asked.insert(need.into(), why.into());
        world
    };
    // What was not asked is not judged, and what is there is fine.
    assert!(anew(cluster, &world, CopySource::Primary).is_ok());
    let fine = lacking(&world, "server2", "file /etc/ssl/shop.crt", "");
    assert!(anew(cluster, &fine, CopySource::Primary).is_ok());
    for (need, why, said) in [
        (
            "file /etc/ssl/shop.crt",
            "is not there",
            "the file /etc/ssl/shop.crt, which its settings name, is not there",
        ),
        (
            "locale de_DE.UTF-8",
            "is not installed",
            "the locale de_DE.UTF-8, which its settings name, is not installed",
        ),
    ] {
        let lacks = lacking(&world, "server2", need, why);
        let told = refused(anew(cluster, &lacks, CopySource::Primary));
        assert!(told.contains(said), "{told}");
        let to = NodeName::from("server1");
        let wish = restore::request::RestoreRequest {
            to: &to,
            target: &Target::Latest,
            moment: None,
            backup: None,
            timeline: pgrepl::facts::way::Line::Found,
        };
        let templates = Templates::default();
        let told = refused(restore::restore(
            cluster, &templates, &lacks, &backups, &wish,
        ));
        assert!(told.contains(said) && told.contains("server2"), "{told}");
        let mut new = lacks.clone();
        empty(&mut new, "server2");
        let plan = converge(cluster, &templates, &new, None).unwrap();
        let (_, no) = plan
            .blocked()
            .find(|(node, _)| node.as_str() == "server2")
            .unwrap();
        assert!(no.message.contains(said), "{}", no.message);
        assert_eq!(replaces(&plan), Vec::<String>::new());
    }
}
