//! Updates: every server gets there, one after the other, wherever a run is cut.

use std::collections::BTreeMap;

use pgrepl::action::Action;
use pgrepl::facts::updates::{Offered, Package};
use pgrepl::facts::{Observation, Sight};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::update::next;
use pgrepl::plan::update::request::{UpdateRequest, Via};
use pgrepl::plan::update::whole::{parts, whole};
use pgrepl::plan::{Plan, PlanError};
use pgrepl::postgres::ServerVersion;
use pgrepl::render::Templates;
use pgrepl::report::status::conclude;

use crate::facts::recorded;
use crate::stories::after;

const OLD: ServerVersion = ServerVersion(160_013);
const NEW: ServerVersion = ServerVersion(160_015);

pub fn wish<'a>() -> UpdateRequest<'a> {
    UpdateRequest {
        settings: false,
        to: None,
        restart_only: false,
        via: None,
        switch_back: false,
        extensions: false,
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    }
}

/// A cluster as its plan leaves it, and what is offered to each of its servers.
pub fn cluster(more: &str, version: &str) -> (Cluster, Observation) {
    let text = format!(
        "cluster: shop\npostgresql: {{ version: 16, parameters: {{ max_connections: 200 }} }}\nreplication: {{ password: {{ env: A }} }}\n\
         primary: server1\n{more}"
    );
    let cluster = read(&text)
        .unwrap_or_else(|_| panic!("a bad inventory"))
        .cluster;
    let mut world = Observation::default();
    for name in cluster.nodes.keys() {
        let mut facts = recorded(&cluster, name, "packages");
        facts.packages.server = Some(OLD);
        facts.packages.tools.insert("pg_controldata".into());
        world
            .hosts
            .insert(name.clone(), Sight::Seen(Box::new(facts)));
    }
    world = settled(&cluster, world);
    for (_, facts) in world.seen_mut() {
        let packages = ["postgresql-16", "postgresql-client-16"].map(|name| {
            let package = Package {
                installed: "16.13-1".into(),
                offered: version.into(),
                unfinished: false,
            };
            (name.to_owned(), package)
        });
        facts.offered = Some(Offered {
            packages: BTreeMap::from(packages),
            ..Offered::default()
        });
    }
    (cluster, world)
}

/// The world once all of `apply` is done.
pub fn settled(cluster: &Cluster, mut world: Observation) -> Observation {
    for _ in 0..3 {
        let plan = converge(cluster, &Templates::default(), &world, None);
        let plan = plan.unwrap_or_else(|why| panic!("{why:#?}"));
        world = after(&plan, &world, plan.steps.len());
    }
    world
}

pub const PAIR: &str = "standbys: [server2]\n";
pub const THREE: &str = "standbys: [server2, server3]\n";
const CASCADE: &str = "standbys: [server2, server3]\nhosts: { server3: { upstream: server2 } }\n";

pub fn go(cluster: &Cluster, world: &Observation, wish: &UpdateRequest) -> Option<Plan> {
    let parts = parts(cluster, &Templates::default(), world, wish);
    let parts = parts.unwrap_or_else(|why| panic!("{why:#?}"));
    whole(&parts, cluster, world, wish)
}

fn no(cluster: &Cluster, world: &Observation, wish: &UpdateRequest) -> String {
    match parts(cluster, &Templates::default(), world, wish) {
        Err(PlanError::Refused(no)) => no.message,
        Err(PlanError::Template(error)) => panic!("{error}"),
        Ok(_) => panic!("planned"),
    }
}

/// Where each server is restarted with the new packages, in order.
fn restarts(plan: &Plan) -> Vec<&str> {
    let steps = plan.steps.iter();
    steps
        .filter(|step| matches!(step.action, Action::Restart(_)))
        .map(|step| step.node.as_str())
        .collect()
}

pub fn is_done(cluster: &Cluster, world: &Observation) {
    for (node, facts) in world.seen() {
        assert_eq!(facts.server.as_ref().unwrap().version, NEW, "{node}");
        assert!(!facts.packages_held, "{node}");
    }
    let left = converge(cluster, &Templates::default(), world, None).unwrap();
    assert_eq!(left.steps, []);
}

#[test]
fn standbys_come_first_and_the_primary_after_a_switchover() {
    for (more, order) in [
        (PAIR, vec!["server2", "server1"]),
        (THREE, vec!["server2", "server3", "server1"]),
        (CASCADE, vec!["server3", "server2", "server1"]),
    ] {
        let (cluster, world) = cluster(more, "16.15-1");
        let plan = go(&cluster, &world, &wish()).unwrap();
        assert_eq!(restarts(&plan), order);
        assert_eq!(
            plan.cost()
                .restarts
                .iter()
                .filter(|(_, leads)| *leads)
                .count(),
            0
        );
        let world = after(&plan, &world, plan.steps.len());
        is_done(&cluster, &world);
        assert!(go(&cluster, &world, &wish()).is_none());
    }
}

#[test]
fn a_run_that_was_cut_anywhere_goes_on_to_the_same_end() {
    let ways = [
        wish(),
        UpdateRequest {
            switch_back: true,
            ..wish()
        },
        UpdateRequest {
            via: Some(Via::Restart),
            ..wish()
        },
    ];
    for (more, ways) in [(PAIR, &ways[..]), (CASCADE, &ways[..1])] {
        for wish in ways {
            let (cluster, begin) = cluster(more, "16.15-1");
            let plan = go(&cluster, &begin, wish).unwrap();
            for cut in 0..=plan.steps.len() {
                let mut world = after(&plan, &begin, cut);
                let told = format!("{more} {:?} cut at {cut}", wish.via);
                let mut rounds = 0;
                loop {
                    let part = next(&cluster, &Templates::default(), &world, wish);
                    let part = part.unwrap_or_else(|why| panic!("{told}: {why:#?}"));
                    let Some(part) = part else { break };
                    // Never is a server that leads restarted where a switchover was asked for.
                    let restarted = restarts(&part.plan);
                    if wish.via.is_none() {
                        assert!(!restarted.contains(&part.plan.leader.as_str()), "{told}");
                    }
                    world = after(&part.plan, &world, part.plan.steps.len());
                    rounds += 1;
                    assert!(rounds < 12, "{told}: no end");
                }
                is_done(&cluster, &world);
                let leads = world.seen().find(|(_, facts)| facts.primary().is_some());
                if wish.switch_back || wish.via.is_some() {
                    assert_eq!(leads.unwrap().0.as_str(), "server1", "{told}");
                }
            }
        }
    }
}

#[test]
fn what_fails_on_the_first_standby_keeps_everybody_else_as_he_is() {
    let (cluster, world) = cluster(THREE, "16.15-1");
    let plan = go(&cluster, &world, &wish()).unwrap();
    let first = NodeName::from("server2");
    let mut failed = vec![first.clone()];
    for step in &plan.steps {
        if matches!(step.action, Action::HoldPackages(_)) || failed.contains(&step.node) {
            continue;
        }
        let changes = matches!(
            step.action,
            Action::UpdatePackages(_) | Action::Restart(_) | Action::Stop(_) | Action::Promote(_)
        );
        let skipped = step.needs.iter().any(|need| failed.contains(need));
        assert!(!changes || skipped, "{step:#?}");
        if skipped {
            failed.push(step.node.clone());
        }
    }
}

#[test]
fn what_is_replaced_below_a_server_wants_a_restart_and_no_package() {
    let (cluster, mut world) = cluster(PAIR, "16.13-1");
    assert!(go(&cluster, &world, &wish()).is_none());
    let one = world.facts_mut(&"server2".into()).unwrap();
    one.replaced
        .insert("/usr/lib/x86_64-linux-gnu/libssl.so.3".into());
    let plan = go(&cluster, &world, &wish()).unwrap();
    assert_eq!(restarts(&plan), ["server2"]);
    let installs = |action: &Action| matches!(action, Action::UpdatePackages(_));
    assert!(!plan.steps.iter().any(|step| installs(&step.action)));
    // Nor is there one where nothing is to be installed.
    let (cluster, mut world) = self::cluster(PAIR, "16.15-1");
    for (_, facts) in world.seen_mut() {
        facts.packages.server = Some(NEW);
    }
    let only = UpdateRequest {
        restart_only: true,
        ..wish()
    };
    let plan = go(&cluster, &world, &only).unwrap();
    assert!(!plan.steps.iter().any(|step| installs(&step.action)));
    is_done(&cluster, &after(&plan, &world, plan.steps.len()));
}

#[test]
fn what_cannot_be_had_is_refused_before_anything_is_done() {
    let (cluster, world) = cluster(PAIR, "16.15-1");
    let to = |to| UpdateRequest {
        to: Some(to),
        ..wish()
    };
    assert_eq!(
        no(&cluster, &world, &to("16.99")),
        "server1 is offered no PostgreSQL 16.99"
    );
    let alone = self::cluster("", "16.15-1");
    let plan = go(&alone.0, &alone.1, &wish()).unwrap();
    assert_eq!(restarts(&plan), ["server1"]);
    let over = UpdateRequest {
        via: Some(Via::Switchover),
        ..wish()
    };
    assert_eq!(
        no(&alone.0, &alone.1, &over),
        "no standby can take over from server1"
    );
    let (cluster, mut world) = self::cluster(PAIR, "16.12-1");
    assert_eq!(
        no(&cluster, &world, &wish()),
        "server1 runs 16.13, and 16.12 is older"
    );
    // What somebody else has left to do is done first, and by its own name.
    (_, world) = self::cluster(PAIR, "16.15-1");
    let facts = world.facts_mut(&"server2".into()).unwrap();
    facts.server = None;
    facts.process = pgrepl::facts::Process::Stopped;
    let said = no(&cluster, &world, &wish());
    assert!(said.contains("steps of apply are pending"), "{said}");
}

#[test]
fn a_server_that_does_not_start_with_what_is_installed_gets_what_is_offered_first() {
    for (node, more) in [("server2", THREE), ("server1", "")] {
        let (cluster, begin) = cluster(more, "16.15-1");
        let plan = go(&cluster, &begin, &wish()).unwrap();
        let restart = |step: &pgrepl::plan::Step| {
            step.node.as_str() == node && matches!(step.action, Action::Restart(_))
        };
        let cut = plan.steps.iter().position(restart).unwrap();
        let mut world = after(&plan, &begin, cut);
        let facts = world.facts_mut(&node.into()).unwrap();
        facts.server = None;
        facts.process = pgrepl::facts::Process::Stopped;
        for (_, facts) in world.seen_mut() {
            for package in facts.offered.as_mut().unwrap().packages.values_mut() {
                package.offered = "16.15-2".into();
            }
        }
        let status = conclude(&cluster, &world);
        let mut problems = status.problems.iter();
        let down = problems.find(|problem| problem.node.as_str() == node);
        assert_eq!(down.unwrap().help, "pgrepl update");
        let part = next(&cluster, &Templates::default(), &world, &wish());
        let part = part.unwrap_or_else(|why| panic!("{why:#?}")).unwrap();
        let steps = part
            .plan
            .steps
            .iter()
            .filter(|step| step.node.as_str() == node);
        let kinds: Vec<&str> = steps
            .filter_map(|step| match step.action {
                Action::UpdatePackages(_) => Some("packages"),
                Action::Start(_) => Some("start"),
                _ => None,
            })
            .collect();
        assert_eq!(kinds, ["packages", "start"], "{node}");
        let world = after(&part.plan, &world, part.plan.steps.len());
        let plan = go(&cluster, &world, &wish()).unwrap();
        is_done(&cluster, &after(&plan, &world, plan.steps.len()));
    }
}

#[test]
fn wal_that_the_inventory_has_elsewhere_moves_at_no_restart() {
    let (_, begin) = cluster(PAIR, "16.13-1");
    let text = "cluster: shop\npostgresql: { version: 16, parameters: { max_connections: 200, shared_buffers: 256MB } }\n\
                replication: { password: { env: A } }\nprimary: server1\nstandbys: [server2]\nhosts: { server2: { wal_directory: /srv/wal } }\n";
    let cluster = read(text)
        .unwrap_or_else(|_| panic!("a bad inventory"))
        .cluster;
    let asked = UpdateRequest {
        settings: true,
        ..wish()
    };
    let plan = go(&cluster, &begin, &asked).unwrap();
    assert_eq!(restarts(&plan), ["server2"]);
    let moves = plan
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::MoveWal(_)));
    assert!(!moves);
    let told = plan.nodes.iter().flat_map(|node| &node.notes);
    let told: Vec<&str> = told.map(|note| note.message.as_str()).collect();
    assert!(
        told.iter()
            .any(|told| told.contains("the inventory has it in /srv/wal")),
        "{told:?}"
    );
}

#[test]
fn a_setting_that_needs_a_restart_rides_on_a_switchover() {
    let (_, begin) = cluster(PAIR, "16.13-1");
    let with = |parameters: &str| {
        let text = format!(
            "cluster: shop\npostgresql: {{ version: 16, parameters: {{ {parameters} }} }}\n\
             replication: {{ password: {{ env: A }} }}\nprimary: server1\nstandbys: [server2]\n"
        );
        let read = read(&text).unwrap_or_else(|_| panic!("a bad inventory"));
        read.cluster
    };
    let asked = UpdateRequest {
        settings: true,
        ..wish()
    };
    // What a standby must have as much of as its primary is raised there first, and on the old primary before it follows.
    for parameters in [
        "max_connections: 200, shared_buffers: 256MB",
        "max_connections: 300",
        "max_connections: 200, max_worker_processes: 20",
    ] {
        let cluster = with(parameters);
        let plan = go(&cluster, &begin, &asked).unwrap();
        assert_eq!(restarts(&plan), ["server2"], "{parameters}");
        for cut in 0..=plan.steps.len() {
            let mut world = after(&plan, &begin, cut);
            for _ in 0..8 {
                // A primary that an earlier run has stopped is brought back by apply.
                let Ok(part) = next(&cluster, &Templates::default(), &world, &asked) else {
                    panic!("{parameters}, cut at {cut}");
                };
                let Some(part) = part else { break };
                world = after(&part.plan, &world, part.plan.steps.len());
            }
            let left = converge(&cluster, &Templates::default(), &world, None).unwrap();
            assert_eq!(left.steps, [], "{parameters}, cut at {cut}");
        }
    }
    // What is lowered goes to the primary first: the way would be no shorter.
    let cluster = with("max_connections: 50");
    let said = no(&cluster, &begin, &asked);
    assert_eq!(said, "cannot switch over to server2");
}
