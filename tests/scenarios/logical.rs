//! Logical slots through changes of roles.

use pgrepl::action::Action;
use pgrepl::facts::server::LogicalSlot;
use pgrepl::facts::{Observation, Sight, Unreachable};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::failover::{FailoverRequest, failover};
use pgrepl::plan::lead::lack::About;
use pgrepl::plan::lead::lacks;
use pgrepl::plan::switchover::{SwitchoverRequest, switchover};
use pgrepl::plan::{Plan, PlanError};
use pgrepl::postgres::ServerVersion;
use pgrepl::render::Templates;
use pgrepl::report::lead::{notes, troubles};

use crate::checks::{calm, server};
use crate::facts::recorded;
use crate::stories::after;

fn to(cluster: &Cluster, world: &Observation, node: &str) -> Result<Plan, PlanError> {
    let wish = SwitchoverRequest {
        to: Some(&node.into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    switchover(cluster, &Templates::default(), world, &wish)
}

fn apply(cluster: &Cluster, world: &Observation) -> Plan {
    converge(cluster, &Templates::default(), world, None).unwrap_or_else(|why| panic!("{why:#?}"))
}

fn slot(active: bool) -> LogicalSlot {
    LogicalSlot {
        active,
        failover: true,
        ..LogicalSlot::default()
    }
}

/// A pair of PostgreSQL 17 whose standby synchronizes slots, as its plan leaves it.
fn synced() -> (Cluster, Observation) {
    let text = "cluster: shop\npostgresql: { version: 17, parameters: { wal_level: logical, sync_replication_slots: on } }\n\
                replication: { password: { env: A } }\nprimary: server1\nstandbys: [server2]\n";
    let cluster = read(text)
        .unwrap_or_else(|_| panic!("a bad inventory"))
        .cluster;
    let mut world = Observation::default();
    for name in cluster.nodes.keys() {
        let mut facts = recorded(&cluster, name, "packages");
        facts.packages.server = Some(ServerVersion(170_006));
        facts.packages.tools.insert("pg_controldata".into());
        world
            .hosts
            .insert(name.clone(), Sight::Seen(Box::new(facts)));
    }
    let plan = apply(&cluster, &world);
    let world = after(&plan, &world, plan.steps.len());
    (cluster, world)
}

/// What the server has loaded.
fn says(world: &mut Observation, node: &str, name: &str) -> String {
    let setting = server(world, node).settings.get(name);
    setting.map_or_else(String::new, |setting| setting.setting.clone())
}

#[test]
fn a_slot_that_would_be_lost_needs_a_word() {
    let (cluster, mut world) = calm();
    let read = |active: bool| LogicalSlot {
        active,
        ..LogicalSlot::default()
    };
    server(&mut world, "server1").logical_slots = [("cdc".into(), read(true))].into();
    let plan = to(&cluster, &world, "server2").unwrap();
    let lack = &plan.lacks[0];
    assert_eq!((lack.about, lack.needs_word), (About::LogicalSlot, true));
    let word = plan.needs_word().unwrap();
    assert!(word.contains("logical slot cdc"), "{word}");
    // Told once.
    assert_eq!(plan.notes, []);
    let (one, two) = (NodeName::from("server1"), NodeName::from("server2"));
    let found = lacks(&cluster, &Templates::default(), &world, &one, &two).unwrap();
    assert_eq!(troubles(&two, &found), []);
    let noted = notes(&two, &found);
    assert_eq!(noted.len(), 1, "{noted:#?}");
    assert!(
        noted[0]
            .message
            .contains("cdc: does not, the primary has it"),
        "{noted:#?}"
    );
    // One of the same name that is left there does not go on where the primary's was.
    server(&mut world, "server2").logical_slots = [("cdc".into(), read(true))].into();
    assert_eq!(to(&cluster, &world, "server2").unwrap().lacks, []);
    server(&mut world, "server2").logical_slots = [("cdc".into(), read(false))].into();
    let plan = to(&cluster, &world, "server2").unwrap();
    assert_eq!(plan.lacks[0].standby, "one that is not kept up to date");
}

#[test]
fn whoever_leads_waits_for_the_one_who_may_lead_next() {
    let (cluster, mut world) = synced();
    assert_eq!(apply(&cluster, &world).steps, []);
    let waited = "synchronized_standby_slots";
    assert_eq!(says(&mut world, "server1", waited), "server2");
    assert_eq!(says(&mut world, "server2", waited), "");
    let conninfo = says(&mut world, "server2", "primary_conninfo");
    assert!(conninfo.contains("dbname=postgres"), "{conninfo}");
    server(&mut world, "server1").logical_slots = [("cdc".into(), slot(true))].into();
    let plan = to(&cluster, &world, "server2").unwrap();
    assert_eq!(plan.lacks, []);
    let place = |wanted: &dyn Fn(&Action) -> bool| {
        let found = plan.steps.iter().position(|step| wanted(&step.action));
        found.unwrap_or_else(|| panic!("{plan:#?}"))
    };
    let waits = place(&|action| matches!(action, Action::WaitSlots(_)));
    assert!(waits < place(&|action| matches!(action, Action::Stop(_))));
    let left = place(&|action| matches!(action, Action::DropSlot(slot) if slot.left));
    assert_eq!(plan.steps[left].node.as_str(), "server1");
    // Cut anywhere, it comes to the same end.
    for cut in 0..=plan.steps.len() {
        let mut world = after(&plan, &world, cut);
        for _ in 0..3 {
            let next = match to(&cluster, &world, "server2") {
                Ok(next) => next,
                Err(_) => apply(&cluster, &world),
            };
            world = after(&next, &world, next.steps.len());
        }
        assert_eq!(apply(&cluster, &world).steps, [], "cut at {cut}");
        assert_eq!(
            says(&mut world, "server2", waited),
            "server1",
            "cut at {cut}"
        );
        assert_eq!(says(&mut world, "server1", waited), "", "cut at {cut}");
    }
    // One that the standby has ready is not waited for.
    let ready = LogicalSlot {
        synced: true,
        ..slot(false)
    };
    server(&mut world, "server2").logical_slots = [("cdc".into(), ready)].into();
    let plan = to(&cluster, &world, "server2").unwrap();
    let waits = |action: &Action| matches!(action, Action::WaitSlots(_));
    assert!(!plan.steps.iter().any(|step| waits(&step.action)));
}

#[test]
fn a_new_primary_does_not_wait_for_the_one_that_is_gone() {
    let (cluster, mut world) = synced();
    let gone = Unreachable {
        message: "it is off".into(),
        help: String::new(),
        original: String::new(),
    };
    let one = NodeName::from("server1");
    world.hosts.insert(one.clone(), Sight::Unreachable(gone));
    server(&mut world, "server2").receiver = None;
    let wish = FailoverRequest {
        to: None,
        force: false,
        token: "aa",
    };
    let plan = failover(&cluster, &Templates::default(), &world, &wish)
        .unwrap_or_else(|why| panic!("{why:#?}"))
        .plan;
    let mut world = after(&plan, &world, plan.steps.len());
    assert_eq!(
        says(&mut world, "server2", "synchronized_standby_slots"),
        ""
    );
}

#[test]
fn what_synchronizing_needs_is_said_before_a_host_is_asked() {
    let text = |parameters: &str| {
        format!(
            "cluster: shop\npostgresql: {{ version: 17, parameters: {{ {parameters} }} }}\n\
             replication: {{ password: {{ env: A }} }}\nprimary: server1\nstandbys: [server2]\n"
        )
    };
    for bad in [
        "sync_replication_slots: on",
        "sync_replication_slots: true, wal_level: logical, hot_standby_feedback: off",
    ] {
        assert!(read(&text(bad)).is_err(), "{bad}");
    }
    for good in [
        "sync_replication_slots: off",
        "sync_replication_slots: on, wal_level: logical",
    ] {
        assert!(read(&text(good)).is_ok(), "{good}");
    }
}
