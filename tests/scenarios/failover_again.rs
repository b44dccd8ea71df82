//! A failover that is typed again: whatever an earlier one left, it ends what was begun and promotes nobody beside it.

use pgrepl::action::Action;
use pgrepl::facts::{Facts, Observation, Process, Sight, Unreachable};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::{PlanError, Refusal, failover};
use pgrepl::render::Templates;

use crate::worlds::{STATES, running_primary, state};

fn cluster(standbys: &str) -> Cluster {
    let text = format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\nstandbys: [{standbys}]\n"
    );
    read(&text)
        .unwrap_or_else(|_| panic!("a bad inventory"))
        .cluster
}

fn silent() -> Sight {
    Sight::Unreachable(Unreachable {
        message: "no route to host".into(),
        help: String::new(),
        original: String::new(),
    })
}

fn plan(cluster: &Cluster, world: &Observation) -> Result<failover::Failover, PlanError> {
    let wish = failover::FailoverRequest {
        to: None,
        force: false,
        token: "aa",
    };
    failover::failover(cluster, &Templates::default(), world, &wish)
}

fn promotes(failover: &failover::Failover) -> bool {
    let mut steps = failover.plan.steps.iter();
    steps.any(|step| matches!(step.action, Action::Promote(_)))
}

/// A standby hears of its primary no more.
fn silenced(mut facts: Facts) -> Facts {
    if let Some(server) = &mut facts.server {
        server.receiver = None;
    }
    facts
}

/// The world after server1 was lost, with these servers.
fn left(servers: Vec<(&str, Facts)>) -> Observation {
    let seen = servers
        .into_iter()
        .map(|(node, facts)| (node.into(), Sight::Seen(Box::new(facts))));
    Observation {
        hosts: [("server1".into(), silent())]
            .into_iter()
            .chain(seen)
            .collect(),
        ..Observation::default()
    }
}

#[test]
fn what_an_earlier_failover_has_promoted_is_named() {
    let refused = |world: &Observation, standbys: &str| -> Refusal {
        match plan(&cluster(standbys), world) {
            Err(PlanError::Refused(no)) => no,
            other => panic!("{:?}", other.map(|failover| failover.loss)),
        }
    };
    let two = NodeName::from("server2");
    for standbys in ["server2", "server2, server3"] {
        let wish = cluster(standbys);
        let mut servers = vec![("server2", state(&wish, &two, 2))];
        if standbys != "server2" {
            servers.push(("server3", state(&wish, &"server3".into(), 7)));
        }
        let done = plan(&wish, &left(servers.clone())).unwrap_or_else(|why| panic!("{why:?}"));
        assert_eq!((&done.plan.leader, &done.from), (&two, &two));
        assert!(!promotes(&done));
        assert_eq!(done.loss, "server2 leads already, nothing more is lost");

        servers[0].1.server = None;
        servers[0].1.process = Process::Busy;
        let no = refused(&left(servers.clone()), standbys);
        assert_eq!(
            no.message,
            "server2 is starting up as a primary and does not answer yet"
        );
        assert!(no.help.contains("run this again"), "{}", no.help);
    }
    let wish = cluster("server2");
    let mut standby = state(&wish, &two, 7);
    standby.server = None;
    standby.process = Process::Busy;
    let no = refused(&left(vec![("server2", standby)]), "server2");
    assert!(
        no.message
            .starts_with("server2 is starting up and does not answer yet"),
        "{}",
        no.message
    );
    // `apply` starts nothing while server1 is silent.
    let wish = cluster("server2");
    let stopped = left(vec![("server2", state(&wish, &two, 5))]);
    let no = refused(&stopped, "server2");
    assert_eq!(
        no.message,
        "server2 is only stopped, and no standby runs that could take over"
    );
    assert_eq!(
        no.help,
        "ssh server2 sudo systemctl start postgresql@15-main.service"
    );
}

#[test]
fn nobody_is_promoted_beside_a_primary_that_is_seen() {
    let cluster = cluster("server2, server3");
    let names: Vec<NodeName> = cluster.nodes.keys().cloned().collect();
    let all: Vec<Vec<Facts>> = names
        .iter()
        .map(|node| {
            (0..STATES.len())
                .map(|at| silenced(state(&cluster, node, at)))
                .collect()
        })
        .collect();
    let (mut done, mut planned) = (0, 0);
    for index in 0..(STATES.len() + 1).pow(3) {
        let mut rest = index;
        let hosts = names.iter().zip(&all).map(|(node, states)| {
            let at = rest % (STATES.len() + 1);
            rest /= STATES.len() + 1;
            let sight = states
                .get(at)
                .map_or_else(silent, |facts| Sight::Seen(Box::new(facts.clone())));
            (node.clone(), sight)
        });
        let world = Observation {
            hosts: hosts.collect(),
            ..Observation::default()
        };
        let Ok(failover) = plan(&cluster, &world) else {
            continue;
        };
        let primaries: Vec<&NodeName> = world
            .seen()
            .filter(|(_, facts)| running_primary(facts))
            .map(|(node, _)| node)
            .collect();
        if promotes(&failover) {
            planned += 1;
            assert!(primaries.is_empty(), "{index}: {primaries:?}");
        } else {
            done += 1;
            assert_eq!(primaries, [&failover.plan.leader], "{index}");
        }
    }
    assert!(done > 100 && planned > 100, "{done} {planned}");
}
