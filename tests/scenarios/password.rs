//! The password that was given is not the one that replication uses: a slip of the person who types, or what apply is for.

use std::collections::BTreeSet;

use pgrepl::action::Action;
use pgrepl::facts::Observation;
use pgrepl::facts::server::StoredPassword;
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::plan::converge::converge;
use pgrepl::plan::rebuild::rebuild;
use pgrepl::plan::rebuild::request::{CopySource, RebuildRequest};
use pgrepl::plan::{Plan, PlanError};
use pgrepl::render::Templates;

use crate::checks::{calm, first, other_password};

fn slip() -> (Cluster, Observation) {
    let (cluster, mut world) = calm();
    other_password(first(&mut world));
    for facts in world.hosts.keys().cloned().collect::<Vec<_>>() {
        if let Some(file) = world
            .facts_mut(&facts)
            .and_then(|facts| facts.pgpass.as_mut())
        {
            file.same_password = Some(false);
        }
    }
    (cluster, world)
}

fn apply(cluster: &Cluster, world: &Observation, limit: Option<&BTreeSet<NodeName>>) -> Plan {
    converge(cluster, &Templates::default(), world, limit).unwrap_or_else(|_| panic!("refused"))
}

#[test]
fn no_command_but_apply_gives_replication_another_password() {
    let (cluster, world) = slip();
    let node = "server2".into();
    for from in [CopySource::Auto, CopySource::Primary] {
        let wish = RebuildRequest {
            node: &node,
            from,
            rewind_failed: false,
            commits: None,
        };
        match rebuild(&cluster, &Templates::default(), &world, &wish) {
            Err(PlanError::Refused(no)) => {
                assert_eq!(no.message, "A is not the password that replication uses");
                assert_eq!(no.help, "export A=…");
            }
            _ => panic!("the password is changed by a rebuild"),
        }
    }
}

#[test]
fn a_password_that_was_not_compared_stays_and_the_plan_says_so() {
    let (cluster, mut world) = calm();
    let names: Vec<NodeName> = world.hosts.keys().cloned().collect();
    for facts in &names {
        let facts = world.facts_mut(facts).unwrap();
        if let Some(role) = facts
            .server
            .as_mut()
            .and_then(|server| server.role.as_mut())
        {
            role.password = StoredPassword::NotCompared;
        }
        facts.pgpass.as_mut().unwrap().same_password = None;
    }
    let plan = apply(&cluster, &world, None);
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    let [note] = &plan.notes[..] else {
        panic!("{:#?}", plan.notes)
    };
    let said = "the replication password could not be read and was not compared with what server1, server2, server3 have stored";
    assert_eq!(note.message, said);
    // What is not written in the right way is planned nevertheless.
    let file = world.facts_mut(&names[1]).unwrap().pgpass.as_mut().unwrap();
    file.mode = "644".into();
    assert_eq!(apply(&cluster, &world, None).steps.len(), 1);
}

#[test]
fn another_password_is_given_to_every_server_and_tried_or_to_none() {
    let (cluster, world) = slip();
    let plan = apply(&cluster, &world, None);
    let place = |wanted: &dyn Fn(&Action) -> bool, node: &str| {
        let mut steps = plan.steps.iter();
        steps.position(|step| step.node.as_str() == node && wanted(&step.action))
    };
    let tells = |plan: &Plan| {
        let mut notes = plan.notes.iter();
        notes.any(|note| note.message.contains("gives it to all servers"))
    };
    assert!(tells(&plan), "{:?}", plan.notes);
    let role = place(&|action| matches!(action, Action::EnsureRole(_)), "server1");
    for node in ["server1", "server2"] {
        let file = place(&|action| matches!(action, Action::WritePgpass(_)), node);
        assert!(file.is_some(), "{node}: {:#?}", plan.steps);
    }
    let login = place(&|action| matches!(action, Action::TryLogin(_)), "server2");
    assert!(role.is_some() && login > role, "{:#?}", plan.steps);
    let file = place(
        &|action| matches!(action, Action::WritePgpass(_)),
        "server2",
    );
    assert!(login > file, "{:#?}", plan.steps);

    let alone = BTreeSet::from(["server1".into()]);
    let plan = apply(&cluster, &world, Some(&alone));
    let changes = |step: &pgrepl::plan::Step| matches!(step.action, Action::EnsureRole(_));
    assert!(!plan.steps.iter().any(changes), "{:#?}", plan.steps);
    assert!(!tells(&plan), "{:?}", plan.notes);
    let (node, blocked) = plan.blocked().next().expect("the primary is left alone");
    assert_eq!(node.as_str(), "server1");
    assert!(
        blocked.message.contains("server2, which needs it too"),
        "{}",
        blocked.message
    );
}

/// A login that pgrepl makes itself takes no answer but SCRAM's, where the version knows how to say so and nothing else is asked for.
#[test]
fn who_stands_in_for_the_primary_is_not_given_the_password() {
    let (mut cluster, world) = calm();
    let login = |cluster: &Cluster, world: &Observation| {
        let platform = pgrepl::platform::assume(None, cluster.major, "main", None);
        let role = pgrepl::inventory::Role::Standby {
            upstream: "server1".into(),
        };
        let view = pgrepl::files::View {
            cluster,
            node: &cluster.nodes[&NodeName::from("server2")],
            role: &role,
            platform: &platform,
            world,
            leader: &"server1".into(),
            floors: Default::default(),
            synchronous: true,
        };
        pgrepl::files::own_conninfo(&view, &"server1".into()).unwrap()
    };
    let asked = " require_auth=scram-sha-256";
    assert!(
        !login(&cluster, &world).contains(asked),
        "15 does not know it"
    );
    cluster.major = "16".parse().unwrap();
    assert!(login(&cluster, &world).ends_with(asked));
    // Who is let in without a password, or is asked for it in clear, stays so.
    for method in ["trust", "cert", "password", "ldap ldapserver=x"] {
        let mut world = world.clone();
        let files = &mut world.facts_mut(&"server1".into()).unwrap().files;
        let rules = files
            .iter_mut()
            .find(|(path, _)| path.ends_with("pg_hba.conf"));
        let text = rules.unwrap().1.content.as_mut().unwrap();
        *text = format!("host replication all 10.0.0.0/8 {method}\n{text}");
        assert!(!login(&cluster, &world).contains(asked), "{method}");
    }
    let mut md5 = world.clone();
    first(&mut md5).role.as_mut().unwrap().password =
        pgrepl::facts::server::StoredPassword::SameMd5;
    assert!(!login(&cluster, &md5).contains(asked));
}

#[test]
fn more_encryption_is_tried_before_a_standby_is_told_to_ask_for_it() {
    let (mut cluster, world) = calm();
    for (mode, tried) in [
        ("disable", false),
        ("allow", false),
        ("prefer", false),
        ("require", true),
        ("verify-ca", true),
        ("verify-full", true),
    ] {
        cluster.replication.sslmode = mode.into();
        let plan = apply(&cluster, &world, None);
        for node in ["server2", "server3"] {
            let place = |wanted: &dyn Fn(&Action) -> bool| {
                let mut steps = plan.steps.iter();
                steps.position(|step| step.node.as_str() == node && wanted(&step.action))
            };
            let login = place(&|action| matches!(action, Action::TryLogin(_)));
            let file = place(&|action| matches!(action, Action::WriteFile(_)));
            assert_eq!(login.is_some(), tried, "{mode}: {:#?}", plan.steps);
            let phase = |at: Option<usize>| at.map(|at| plan.steps[at].phase);
            assert!(
                !tried || phase(login) < phase(file),
                "{mode}: {:#?}",
                plan.steps
            );
        }
    }
}
