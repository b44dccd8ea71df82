//! A slot that has lost its WAL is made anew before somebody needs it; one that is in use or still keeps WAL is not touched.

use pgrepl::action::Action;
use pgrepl::facts::server::Slot;
use pgrepl::facts::{Observation, Process};
use pgrepl::inventory::Cluster;
use pgrepl::plan::converge::converge;
use pgrepl::plan::rebuild;
use pgrepl::plan::rebuild::request::CopySource;
use pgrepl::plan::switchover::{SwitchoverRequest, switchover};
use pgrepl::plan::{Plan, PlanError};
use pgrepl::render::Templates;
use pgrepl::report::status::conclude;

use crate::checks::{calm, first, second, server};
use crate::stories::{after, titles};

fn slot(world: &mut Observation) -> &mut Slot {
    first(world).slots.get_mut("server2").unwrap()
}

/// server2 is stopped, and so nobody uses its slot.
fn stopped(world: &Observation) -> Observation {
    let mut world = world.clone();
    let facts = world.facts_mut(&"server2".into()).unwrap();
    facts.server = None;
    facts.process = Process::Stopped;
    first(&mut world)
        .senders
        .retain(|sender| sender.name != "server2");
    slot(&mut world).active = false;
    world
}

/// The slots that a plan makes: the host, the slot, and whether an old one goes.
fn made(plan: &Plan) -> Vec<(String, String, bool)> {
    let of = |action: &Action| match action {
        Action::CreateSlot(create) => Some((create.slot.clone(), create.anew)),
        _ => None,
    };
    plan.steps
        .iter()
        .filter_map(|step| of(&step.action).map(|(slot, anew)| (step.node.to_string(), slot, anew)))
        .collect()
}

fn on(node: &str, slot: &str) -> Vec<(String, String, bool)> {
    vec![(node.into(), slot.into(), true)]
}

fn apply(cluster: &Cluster, world: &Observation) -> Plan {
    converge(cluster, &Templates::default(), world, None).unwrap()
}

fn rebuilt(cluster: &Cluster, world: &Observation, from: CopySource) -> Result<Plan, PlanError> {
    let wish = rebuild::RebuildRequest {
        node: &"server2".into(),
        from,
        rewind_failed: false,
        commits: None,
    };
    rebuild::rebuild(cluster, &Templates::default(), world, &wish).map(|rebuild| rebuild.plan)
}

#[test]
fn a_standby_whose_wal_is_gone_is_copied_with_a_slot_that_keeps_wal() {
    let (cluster, world) = calm();
    let mut world = stopped(&world);
    slot(&mut world).wal_status = Some("lost".into());
    let plan = apply(&cluster, &world);
    let (node, no) = plan.blocked().next().unwrap();
    assert_eq!(node.as_str(), "server2");
    assert!(no.message.contains("has lost the WAL"), "{}", no.message);
    assert_eq!(no.help, "pgrepl rebuild server2 --from primary");
    assert_eq!(made(&plan), []);
    for from in [CopySource::Auto, CopySource::Primary] {
        let plan = rebuilt(&cluster, &world, from).unwrap();
        // That of server3, which follows it, goes with its old data.
        let follower = ("server2".to_owned(), "server3".to_owned(), false);
        assert_eq!(
            made(&plan),
            [on("server1", "server2"), vec![follower]].concat()
        );
        let at = |wanted: fn(&Action) -> bool| {
            let mut steps = plan.steps.iter();
            steps.position(|step| wanted(&step.action)).unwrap()
        };
        let slot = at(|action| matches!(action, Action::CreateSlot(_)));
        let copy = at(|action| matches!(action, Action::BaseBackup(_)));
        assert!(plan.steps[slot].phase < plan.steps[copy].phase);
        let end = after(&plan, &world, plan.steps.len());
        let left = apply(&cluster, &end);
        assert_eq!(titles(&left), ["server2 server3 streams and has caught up"]);
    }
}

#[test]
fn only_a_slot_that_is_of_no_use_is_made_anew() {
    let (cluster, world) = calm();
    let still = stopped(&world);
    let with = |world: &Observation, change: fn(&mut Slot)| {
        let mut world = world.clone();
        change(slot(&mut world));
        world
    };
    let old = |plan: &Plan| {
        let mut slots = made(plan);
        slots.retain(|(_, _, anew)| *anew);
        slots
    };
    let anew = |world: &Observation| made(&apply(&cluster, world));
    // The slot was not used for too long: the WAL may still be there.
    let idle = with(&still, |slot| {
        slot.wal_status = Some("lost".into());
        slot.invalidation = Some("idle_timeout".into());
    });
    assert_eq!(anew(&idle), on("server1", "server2"));
    // Nothing has to be lost yet: a standby that is only stopped catches up.
    let unsure = with(&still, |slot| slot.wal_status = Some("unreserved".into()));
    assert_eq!(anew(&unsure), []);
    // The copy itself asks for the checkpoint that would take it.
    let plan = rebuilt(&cluster, &unsure, CopySource::Primary).unwrap();
    assert_eq!(old(&plan), on("server1", "server2"));
    let never_used = with(&still, |slot| slot.restart_lsn = None);
    let plan = rebuilt(&cluster, &never_used, CopySource::Primary).unwrap();
    assert_eq!(old(&plan), on("server1", "server2"));
    let good = rebuilt(&cluster, &still, CopySource::Primary).unwrap();
    assert_eq!(old(&good), []);
    // It streams without the slot, which somebody else may use.
    let used = with(&world, |slot| slot.wal_status = Some("lost".into()));
    assert_eq!(anew(&used), []);
    let unused = with(&used, |slot| slot.active = false);
    assert_eq!(anew(&unused), on("server1", "server2"));
    let foreign = {
        let mut world = world.clone();
        let lost = Slot {
            wal_status: Some("lost".into()),
            ..Slot::idle()
        };
        first(&mut world).slots.insert("somebody".into(), lost);
        world
    };
    assert_eq!(anew(&foreign), []);
}

#[test]
fn a_switchover_makes_a_lost_slot_on_the_candidate_anew_before_anything_stops() {
    let (cluster, mut world) = calm();
    let lost = Slot {
        wal_status: Some("lost".into()),
        ..Slot::idle()
    };
    second(&mut world).slots.insert("server1".into(), lost);
    let wish = SwitchoverRequest {
        to: Some(&"server2".into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    let plan = switchover(&cluster, &Templates::default(), &world, &wish).unwrap();
    assert_eq!(made(&plan), on("server2", "server1"));
    let stop = plan
        .steps
        .iter()
        .find(|step| matches!(step.action, Action::Stop(_)));
    let slot = plan
        .steps
        .iter()
        .find(|step| matches!(step.action, Action::CreateSlot(_)));
    assert!(slot.unwrap().phase < stop.unwrap().phase);
}

#[test]
fn a_lost_slot_is_a_problem_with_something_to_type() {
    let (cluster, mut world) = calm();
    let found = |world: &Observation| -> Vec<(String, String)> {
        let status = conclude(&cluster, world);
        let of = status
            .problems
            .into_iter()
            .filter(|trouble| trouble.message.contains("slot"));
        of.map(|trouble| (trouble.message, trouble.help)).collect()
    };
    assert_eq!(found(&world), []);
    let state = server(&mut world, "server1")
        .slots
        .get_mut("server2")
        .unwrap();
    state.wal_status = Some("lost".into());
    let [(message, help)] = &found(&world)[..] else {
        panic!("{:?}", found(&world));
    };
    assert!(message.contains("slot server2 is lost"), "{message}");
    assert_eq!(help, "pgrepl rebuild server2 --from primary");
}
