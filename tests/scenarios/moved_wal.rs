//! WAL that the inventory has elsewhere: a standby's moves, one standby after the other; a primary's does not.

use std::collections::BTreeSet;

use pgrepl::action::Action;
use pgrepl::facts::{Content, Observation};
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::plan::Plan;
use pgrepl::plan::converge::{converge, converge_in_place};
use pgrepl::plan::switchover::{SwitchoverRequest, switchover};
use pgrepl::render::Templates;

use crate::checks::calm;
use crate::variables::compare_plan;

const TO: &str = "/wal/15";

fn plan(cluster: &Cluster, world: &Observation) -> Plan {
    converge(cluster, &Templates::default(), world, None).unwrap()
}

/// What a plan does, in order.
fn steps(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter();
    steps
        .map(|step| format!("{} {}", step.node, step.action.act().title()))
        .collect()
}

/// A cluster that is in sync, with WAL of these hosts elsewhere in the inventory.
fn wanted(hosts: &[&str]) -> (Cluster, Observation) {
    let (mut cluster, world) = calm();
    for host in hosts {
        let node = cluster.nodes.get_mut(&(*host).into()).unwrap();
        node.wal_directory = Some(TO.into());
    }
    (cluster, world)
}

fn carried_out<'a>(
    world: &Observation,
    steps: impl IntoIterator<Item = &'a pgrepl::plan::Step>,
) -> Observation {
    let mut world = world.clone();
    for step in steps {
        step.action.act().effect(&step.node, &mut world);
    }
    world
}

fn note(plan: &Plan, node: &str) -> Option<(String, String)> {
    let lane = plan.nodes.iter().find(|lane| lane.node.as_str() == node)?;
    let note = lane.notes.iter().find(|note| note.message.contains(TO))?;
    Some((note.message.clone(), note.help.clone()))
}

#[test]
fn the_wal_of_a_standby_moves_and_a_move_that_was_cut_anywhere_ends() {
    let (cluster, world) = wanted(&["server2"]);
    let whole = plan(&cluster, &world);
    compare_plan(&whole);
    assert_eq!(
        steps(&whole),
        [
            "server2 /wal/15 for its WAL",
            "server2 stop postgresql@15-main",
            "server2 WAL moves from /var/lib/postgresql/15/main/pg_wal to /wal/15",
            "server2 start postgresql@15-main",
            "server1 server2 streams and has caught up",
            "server2 its WAL of before",
            "server2 server3 streams and has caught up",
        ]
    );
    for cut in 0..=whole.steps.len() {
        let then = carried_out(&world, &whole.steps[..cut]);
        let rest = plan(&cluster, &then);
        let after = carried_out(&then, &rest.steps);
        let again = plan(&cluster, &after);
        assert!(again.is_empty(), "{cut}: {:?}", steps(&again));
        let facts = after.facts(&"server2".into()).unwrap();
        assert_eq!(facts.data.wal_link.as_deref(), Some(TO), "{cut}");
        assert!(!facts.data.layout.wal_left && facts.server.is_some());
    }
    // Nothing is taken back: what is not in the inventory any more is left where it is.
    let moved = carried_out(&world, &whole.steps);
    assert!(plan(&calm().0, &moved).is_empty());
    // What a person chose stays there.
    let mut linked = world.clone();
    let facts = linked.facts_mut(&"server2".into()).unwrap();
    facts.data.wal_link = Some("/old".into());
    let from = plan(&cluster, &linked);
    assert!(steps(&from).contains(&"server2 WAL moves from /old to /wal/15".into()));
    let after = carried_out(&linked, &from.steps);
    assert!(plan(&cluster, &after).is_empty());
    let drops = |plan: &Plan| {
        let mut steps = plan.steps.iter();
        steps.any(|step| matches!(step.action, Action::DropWal(_)))
    };
    assert!(!drops(&from));
}

#[test]
fn the_wal_of_a_primary_moves_once_another_server_leads() {
    let (cluster, world) = wanted(&["server1"]);
    let now = plan(&cluster, &world);
    assert!(now.is_empty(), "{:?}", steps(&now));
    let (said, help) = note(&now, "server1").unwrap();
    assert!(
        said.ends_with("the inventory has it in /wal/15: that of a primary does not move"),
        "{said}"
    );
    assert_eq!(help, "pgrepl switchover --to server2, then: pgrepl apply");
    // Neither is that asked of a switchover, nor does one move what lies elsewhere.
    let (cluster, world) = wanted(&["server1", "server2"]);
    let wish = SwitchoverRequest {
        to: Some(&"server2".into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    let over = switchover(&cluster, &Templates::default(), &world, &wish).unwrap();
    let after = carried_out(&world, &over.steps);
    assert!(!steps(&over).iter().any(|step| step.contains(TO)));
    let none: Option<&BTreeSet<NodeName>> = None;
    let left = converge_in_place(&cluster, &Templates::default(), &after, none).unwrap();
    assert_eq!(steps(&left), Vec::<String>::new());
    assert_eq!(note(&left, "server1").unwrap().1, "pgrepl apply");
    let then = plan(&cluster, &after);
    assert!(
        steps(&then).contains(
            &"server1 WAL moves from /var/lib/postgresql/15/main/pg_wal to /wal/15".into()
        )
    );
}

#[test]
fn wal_that_cannot_move_is_told_and_nothing_stops() {
    let (cluster, world) = wanted(&["server2"]);
    let changed = |change: &dyn Fn(&mut pgrepl::facts::Facts)| {
        let mut world = world.clone();
        change(world.facts_mut(&"server2".into()).unwrap());
        plan(&cluster, &world)
    };
    // No room where it goes.
    let full = changed(&|facts| {
        facts.server.as_mut().unwrap().wal_bytes = Some(500 << 20);
        let mut disk = facts.disks[0].clone();
        (disk.used_for, disk.mounted_on) = (String::new(), "/wal".into());
        disk.device.clear();
        disk.free = 499 << 20;
        facts.file_systems.push(disk);
    });
    let (_, why) = full.blocked().next().unwrap();
    assert!(
        why.message
            .ends_with("not enough space on /wal: /wal/15 needs about 500 MB, 499 MB are free"),
        "{}",
        why.message
    );
    assert_eq!(steps(&full), Vec::<String>::new());
    // No room to stop.
    let narrow = changed(&|facts| facts.disks[0].free = 1 << 20);
    let (_, why) = narrow.blocked().next().unwrap();
    assert!(
        why.message.contains("to stop or restart"),
        "{}",
        why.message
    );
    assert_eq!(steps(&narrow), Vec::<String>::new());
    // A mount point in the data directory.
    let mounted = changed(&|facts| facts.data.layout.wal_is_mount = true);
    let (said, help) = note(&mounted, "server2").unwrap();
    assert!(
        mounted.is_empty() && said.contains("a mount point does not move"),
        "{said}"
    );
    assert_eq!(
        help,
        "hosts: { server2: { wal_directory: /var/lib/postgresql/15/main/pg_wal } }"
    );
    let mut said = cluster.clone();
    let node = said.nodes.get_mut(&"server2".into()).unwrap();
    node.wal_directory = Some("/var/lib/postgresql/15/main/pg_wal".into());
    assert!(plan(&said, &world).is_empty());
    // In what is copied.
    let node = said.nodes.get_mut(&"server2".into()).unwrap();
    node.wal_directory = Some("/var/lib/postgresql/15/main/wal".into());
    assert!(plan(&said, &world).is_empty());
    // One that is missing is made with its WAL there.
    let none = changed(&|facts| {
        facts.data.content = Content::Nothing;
        facts.server = None;
        facts.process = pgrepl::facts::Process::Stopped;
    });
    let moves = |plan: &Plan| {
        let mut steps = plan.steps.iter();
        steps.any(|step| matches!(step.action, Action::MoveWal(_)))
    };
    assert!(!none.is_empty() && !moves(&none), "{:?}", steps(&none));
}

#[test]
fn no_two_standbys_are_down_at_once() {
    let (mut cluster, mut world) = wanted(&["server2"]);
    let mut third = cluster.nodes[&"server2".into()].clone();
    third.name = "server3".into();
    cluster.nodes.insert("server3".into(), third);
    let seen = world.hosts[&"server2".into()].clone();
    world.hosts.insert("server3".into(), seen);
    let both = plan(&cluster, &world);
    let told = steps(&both);
    let at = |step: &str| {
        let mut told = told.iter();
        told.position(|one| one.starts_with(step))
            .unwrap_or_else(|| panic!("{step}: {both:#?}"))
    };
    let (first, streams, second) = (
        at("server2 WAL moves"),
        at("server1 server2 streams"),
        at("server3 /wal/15 for its WAL"),
    );
    assert!(first < streams && streams < second, "{told:?}");
    let phase = |at: usize| both.steps[at].phase;
    assert!(phase(first) < phase(streams) && phase(streams) < phase(second));
    let needs = &both.steps[second].needs;
    assert!(needs.contains(&"server2".into()), "{needs:?}");
}
