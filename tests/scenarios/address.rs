//! The address that the primary alone holds: taken away from whoever else has it before whoever leads gets it, wherever it was left.

use pgrepl::action::{Action, Pause};
use pgrepl::facts::address::AddressFacts;
use pgrepl::facts::{Observation, Sight, Unreachable};
use pgrepl::inventory::{Cluster, NodeName, VirtualAddress, read};
use pgrepl::plan::address::{doubled, troubles};
use pgrepl::plan::converge::converge;
use pgrepl::plan::failover::{FailoverRequest, failover};
use pgrepl::plan::rebuild::{CopySource, RebuildRequest, rebuild};
use pgrepl::plan::switchover::{SwitchoverRequest, switchover};
use pgrepl::plan::{Plan, PlanError};
use pgrepl::render::Templates;

use crate::settled::{Story, node};
use crate::stories::{after, titles};

fn address() -> VirtualAddress {
    VirtualAddress::read("10.9.0.100/24", "eth0").unwrap()
}

fn links(at: usize) -> AddressFacts {
    let link = format!("02:00:00:00:00:0{}", at + 1);
    AddressFacts {
        interfaces: [("eth0".to_owned(), link)].into(),
        unit: true,
        ..AddressFacts::default()
    }
}

/// A pair and a third server, in sync, with the address on the primary.
fn story() -> (Cluster, Observation) {
    let mut story = Story::begin();
    story.cluster.address = Some(address());
    let names: Vec<NodeName> = story.cluster.nodes.keys().cloned().collect();
    for (at, name) in names.iter().enumerate() {
        story.world.facts_mut(name).unwrap().address = links(at);
    }
    let plan = plan_of(&story.cluster, &story.world);
    let world = after(&plan, &story.world, plan.steps.len());
    assert_eq!(holders(&world), [node(0)]);
    assert!(plan_of(&story.cluster, &world).steps.is_empty());
    (story.cluster, world)
}

fn plan_of(cluster: &Cluster, world: &Observation) -> Plan {
    converge(cluster, &Templates::default(), world, None).unwrap_or_else(|no| panic!("{no:?}"))
}

fn to_second(cluster: &Cluster, world: &Observation) -> Result<Plan, PlanError> {
    let to = node(1);
    let wish = SwitchoverRequest {
        to: Some(&to),
        token: "aa",
        seconds: 90,
        pause: Pause::default(),
    };
    switchover(cluster, &Templates::default(), world, &wish)
}

fn away(world: &mut Observation, name: &NodeName) {
    let gone = Unreachable {
        message: "no route to host".into(),
        help: format!("ssh {name} true"),
        original: String::new(),
    };
    world.hosts.insert(name.clone(), Sight::Unreachable(gone));
}

fn holders(world: &Observation) -> Vec<NodeName> {
    let holds = world
        .seen()
        .filter(|(_, facts)| facts.address.holds(&address()));
    holds.map(|(name, _)| name.clone()).collect()
}

fn recovers(world: &Observation, name: &NodeName) -> bool {
    world
        .facts(name)
        .is_some_and(|facts| facts.standby().is_some())
}

/// No step of a plan gives the address to a second host, nor to one that recovers.
fn never_on_two(plan: &Plan, world: &Observation) {
    let mut before = holders(world);
    for steps in 1..=plan.steps.len() {
        let then = after(plan, world, steps);
        let now = holders(&then);
        let told = format!("after {steps} steps of {:#?}", titles(plan));
        for new in now.iter().filter(|name| !before.contains(name)) {
            assert_eq!(now.len(), 1, "{told}");
            assert!(!recovers(&then, new), "{told}");
        }
        before = now;
    }
}

fn takes(plan: &Plan) -> Vec<&NodeName> {
    let steps = plan.steps.iter();
    let takes = steps.filter(|step| matches!(step.action, Action::TakeAddress(_)));
    takes.map(|step| &step.node).collect()
}

#[test]
fn a_switchover_hands_it_over_with_the_stop_and_the_promotion_and_ends_from_every_cut() {
    let (cluster, world) = story();
    let plan = to_second(&cluster, &world).unwrap();
    let told = titles(&plan);
    assert!(
        told.iter()
            .any(|title| title.contains("take 10.9.0.100 away")),
        "{told:#?}"
    );
    assert!(
        told.iter()
            .any(|title| title.contains("promote, add 10.9.0.100")),
        "{told:#?}"
    );
    assert!(takes(&plan).is_empty(), "{told:#?}");
    never_on_two(&plan, &world);
    for cut in 0..=plan.steps.len() {
        let cut_world = after(&plan, &world, cut);
        // A promotion whose host could not add it, or which was killed before.
        let mut without = cut_world.clone();
        for (_, facts) in without.seen_mut() {
            facts.address.held.clear();
        }
        for cut_world in [&cut_world, &without] {
            for again in [
                converge(&cluster, &Templates::default(), cut_world, None),
                to_second(&cluster, cut_world),
            ] {
                // What cannot be planned is refused for other reasons, and changes nothing.
                let Ok(again) = again else { continue };
                never_on_two(&again, cut_world);
                let end = after(&again, cut_world, again.steps.len());
                let leader = vec![again.leader.clone()];
                assert_eq!(
                    holders(&end),
                    leader,
                    "cut after {cut}: {:#?}",
                    titles(&again)
                );
                assert!(plan_of(&cluster, &end).steps.is_empty());
            }
        }
    }
}

/// Which of the two servers hold it; who answers for it.
const PLACES: [&[usize]; 5] = [&[], &[0], &[1], &[0, 1], &[2]];

#[test]
fn wherever_it_was_left_every_command_brings_it_to_the_primary() {
    let (cluster, world) = story();
    let promoted = {
        let plan = to_second(&cluster, &world).unwrap();
        after(&plan, &world, plan.steps.len())
    };
    for (world, leader) in [(&world, 0), (&promoted, 1)] {
        for places in PLACES {
            for silent in [None, Some(2), Some(1 - leader)] {
                let mut world = world.clone();
                for at in 0..3 {
                    let facts = world.facts_mut(&node(at)).unwrap();
                    facts.address = links(at);
                    facts.address.held = match places.contains(&at) {
                        true => vec![address()],
                        false => Vec::new(),
                    };
                }
                if let Some(at) = silent {
                    away(&mut world, &node(at));
                }
                let told = format!("leader {leader}, on {places:?}, away {silent:?}");
                let wrong = holders(&world) != [node(leader)];
                let troubles = troubles(&cluster, &world, &node(leader));
                assert_eq!(troubles.is_empty(), !wrong, "{told}: {troubles:?}");
                assert!(troubles.iter().all(|(_, advice)| !advice.help.is_empty()));
                let plan = plan_of(&cluster, &world);
                never_on_two(&plan, &world);
                let end = after(&plan, &world, plan.steps.len());
                assert_eq!(
                    holders(&end),
                    [node(leader)],
                    "{told}: {:#?}",
                    titles(&plan)
                );
                let wanted: &[NodeName] = match places.contains(&leader) {
                    true => &[],
                    false => &[node(leader)],
                };
                assert!(
                    takes(&plan).into_iter().eq(wanted),
                    "{told}: {:#?}",
                    titles(&plan)
                );
                let rest = plan_of(&cluster, &end);
                assert!(rest.steps.is_empty(), "{told}: {:#?}", titles(&rest));
            }
        }
    }
}

#[test]
fn a_host_that_is_left_alone_keeps_it_and_nobody_else_gets_it() {
    let (cluster, mut world) = story();
    for (at, held) in [(0, false), (1, true)] {
        let facts = world.facts_mut(&node(at)).unwrap();
        facts.address.held = if held { vec![address()] } else { Vec::new() };
    }
    let only = [node(0)].into();
    let plan = converge(&cluster, &Templates::default(), &world, Some(&only)).unwrap();
    assert!(takes(&plan).is_empty(), "{:#?}", titles(&plan));
    let notes: Vec<&str> = plan
        .nodes
        .iter()
        .flat_map(|node| node.notes.iter().map(|note| note.message.as_str()))
        .collect();
    assert!(
        notes
            .iter()
            .any(|note| note.contains("server2 has 10.9.0.100")),
        "{notes:?}"
    );
}

#[test]
fn a_failover_takes_it_only_after_asking_who_has_it_and_says_whom_it_could_not_ask() {
    let (cluster, world) = story();
    let to = node(1);
    let wish = FailoverRequest {
        to: Some(&to),
        force: true,
        token: "aa",
    };
    let plan_for = |world: &Observation| {
        failover(&cluster, &Templates::default(), world, &wish)
            .unwrap()
            .plan
    };
    // Its host is there, its server stops.
    let plan = plan_for(&world);
    never_on_two(&plan, &world);
    assert_eq!(takes(&plan), [&to]);
    let end = holders(&after(&plan, &world, plan.steps.len()));
    assert_eq!(end, [node(1)]);
    // Its host is gone.
    let mut alone = world.clone();
    away(&mut alone, &node(0));
    let plan = plan_for(&alone);
    assert_eq!(takes(&plan), [&to]);
    let step = plan
        .steps
        .iter()
        .find(|step| matches!(step.action, Action::TakeAddress(_)));
    assert!(
        step.unwrap().why.contains("server1 cannot be reached"),
        "{step:?}"
    );
    let told = plan
        .notes
        .iter()
        .any(|note| note.message.contains("server1 may still have 10.9.0.100"));
    assert!(told, "{:?}", plan.notes);
    assert_eq!(holders(&after(&plan, &alone, plan.steps.len())), [to]);
}

#[test]
fn a_rebuild_takes_it_away_before_anything_else() {
    let (cluster, world) = story();
    let plan = to_second(&cluster, &world).unwrap();
    let mut world = after(&plan, &world, plan.steps.len());
    let old = &mut world.facts_mut(&node(0)).unwrap().address.held;
    old.push(address());
    let wish = RebuildRequest {
        node: &node(0),
        from: CopySource::Primary,
        rewind_failed: false,
        commits: None,
    };
    let rebuilt = rebuild(&cluster, &Templates::default(), &world, &wish);
    let plan = rebuilt.unwrap_or_else(|no| panic!("{no:?}")).plan;
    let first = titles(&plan).swap_remove(0);
    assert_eq!(first, "server1 take 10.9.0.100 away");
    assert_eq!(holders(&after(&plan, &world, plan.steps.len())), [node(1)]);
}

#[test]
fn who_else_answers_for_it_is_told_with_what_to_do() {
    let (cluster, world) = story();
    let answered = |link: &str, by: usize| {
        let mut world = world.clone();
        world.facts_mut(&node(by)).unwrap().address.answered = Some(link.into());
        world
    };
    let told = |world: &Observation| -> Vec<String> {
        let troubles = troubles(&cluster, world, &node(0));
        troubles
            .into_iter()
            .map(|(_, advice)| format!("{} ({})", advice.message, advice.help))
            .collect()
    };
    // That of the primary itself is no trouble.
    assert!(told(&answered("02:00:00:00:00:01", 1)).is_empty());
    let strange = told(&answered("02:00:00:00:00:99", 1));
    assert!(
        strange[0].contains("answered as well by 02:00:00:00:00:99, which none of the servers has"),
        "{strange:?}"
    );
    let mut gone = answered("02:00:00:00:00:99", 1);
    away(&mut gone, &node(2));
    let gone = told(&gone);
    assert!(
        gone[0].contains("which may be server3, which cannot be reached"),
        "{gone:?}"
    );
    let mut lacks = world.clone();
    let facts = lacks.facts_mut(&node(0)).unwrap();
    facts.address.held.clear();
    facts.address.interfaces = [("ens3".to_owned(), "02:00:00:00:00:01".to_owned())].into();
    let lacks = told(&lacks);
    assert!(
        lacks[0].contains("no interface eth0 for 10.9.0.100, but ens3"),
        "{lacks:?}"
    );
    assert!(
        lacks[0].contains("hosts: { server1: { interface: … } }"),
        "{lacks:?}"
    );
}

#[test]
fn two_primaries_with_it_are_told_where_nobody_can_be_said_to_lead() {
    let (cluster, mut world) = story();
    assert!(doubled(&cluster, &world).is_empty());
    let second = &mut world.facts_mut(&node(1)).unwrap().address.held;
    second.push(address());
    let told: Vec<String> = doubled(&cluster, &world)
        .into_iter()
        .map(|(node, advice)| format!("{node}: {}", advice.help))
        .collect();
    let del = |name: &str| {
        format!(
            "{name}: if it is not to lead: ssh {name} sudo ip address del 10.9.0.100/24 dev eth0"
        )
    };
    assert_eq!(told, [del("server1"), del("server2")]);
}

#[test]
fn no_switchover_to_a_host_without_the_interface() {
    let (mut cluster, world) = story();
    let second = cluster.nodes.get_mut(&node(1)).unwrap();
    second.interface = Some("ens9".into());
    let Err(PlanError::Refused(no)) = to_second(&cluster, &world) else {
        panic!()
    };
    assert!(
        no.details
            .iter()
            .any(|told| told.contains("no interface ens9")),
        "{no:?}"
    );
}

#[test]
fn it_changes_no_rule_as_it_comes_and_goes_and_leaves_with_the_inventory() {
    let (cluster, world) = story();
    let old = VirtualAddress::read("10.9.0.200/24", "eth0").unwrap();
    let mut moved = cluster.clone();
    moved.address = Some(old.clone());
    let plan = plan_of(&moved, &world);
    let end = after(&plan, &world, plan.steps.len());
    let held = &end.facts(&node(0)).unwrap().address.held;
    assert_eq!(held[..], [old]);
    assert!(plan_of(&moved, &end).steps.is_empty());
    let mut none = cluster.clone();
    none.address = None;
    let plan = plan_of(&none, &world);
    let end = after(&plan, &world, plan.steps.len());
    assert!(holders(&end).is_empty(), "{:#?}", titles(&plan));
    assert!(plan_of(&none, &end).steps.is_empty());
}

#[test]
fn a_server_that_could_not_hear_it_is_told_before_anything_is_done() {
    let read_with = |listen: &str, more: &str| {
        let text = format!(
            "cluster: shop\npostgresql: {{ version: 15, listen_addresses: \"{listen}\" }}\nreplication: {{ password: {{ env: A }} }}\n\
             primary: server1\nstandbys: [server2]\nclients: {{ address: {{ ip: 10.9.0.100/24, interface: eth0 }} }}\n{more}"
        );
        match read(&text) {
            Ok(_) => String::new(),
            Err(problems) => format!("{problems:?}"),
        }
    };
    assert_eq!(read_with("*", ""), "");
    assert_eq!(read_with("0.0.0.0", ""), "");
    assert!(read_with("10.9.0.1", "").contains("does not hear 10.9.0.100"));
    let own = read_with("*", "hosts: { server2: { address: 10.9.0.100 } }\n");
    assert!(own.contains("is the address of `server2`"), "{own}");
}
