//! Poolers in front of the servers: where they lead is brought to whoever leads, before a server that led is a standby.

use std::collections::BTreeMap;

use pgrepl::action::{Action, Edit, Pause};
use pgrepl::facts::{Observation, PoolerFacts, Unreachable};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::clients::troubles;
use pgrepl::plan::converge::converge;
use pgrepl::plan::failover::{FailoverRequest, failover};
use pgrepl::plan::switchover::{SwitchoverRequest, switchover};
use pgrepl::plan::{Plan, PlanError, Step};
use pgrepl::render::Templates;

use crate::settled::{Story, node};
use crate::stories::{after, titles};

const POOLER: &str = "pgbouncer@pool1";

fn with_pooler(cluster: &Cluster) -> Cluster {
    let text = "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\n\
                standbys: [server2]\nclients: { pgbouncer: [ { host: pool1, databases: [shop] } ] }\n";
    let reading = read(text).unwrap_or_else(|problems| panic!("{problems:?}"));
    Cluster {
        poolers: reading.cluster.poolers,
        ..cluster.clone()
    }
}

/// What a probe tells of a pooler with these files.
fn probed(cluster: &Cluster, files: &[(&str, &str)], more: &[(&str, &str)]) -> PoolerFacts {
    let mut facts: Vec<(String, String)> = vec![("pool_runs".into(), "yes".into())];
    for (path, text) in files {
        facts.push(("pool_file".into(), format!("{path}\t0123")));
        let lines = text
            .lines()
            .map(|line| ("pool_line".into(), format!("{path}\t{line}")));
        facts.extend(lines);
    }
    for (at, name) in cluster.nodes.keys().enumerate() {
        facts.push(("resolved".into(), format!("{name}\t10.9.0.{}", at + 1)));
        facts.push(("pool_host".into(), format!("{name}\t10.9.0.{}", at + 1)));
    }
    facts.extend(
        more.iter()
            .map(|(key, value)| ((*key).into(), (*value).into())),
    );
    PoolerFacts::read(&cluster.poolers[&NodeName::from(POOLER)], &facts).unwrap()
}

const INI: &str = "/etc/pgbouncer/pgbouncer.ini";

/// A pooler whose file leads to one server and that has loaded another one.
fn pooler(cluster: &Cluster, file: usize, loaded: usize, paused: bool) -> PoolerFacts {
    let text = format!("[databases]\nshop = host=10.9.0.{} dbname=shop\n", file + 1);
    let row = format!("shop|10.9.0.{}|5432|{}", loaded + 1, u8::from(paused));
    let header = ("pool_database", "name|host|port|paused");
    let mut more = vec![header, ("pool_database", row.as_str())];
    if paused {
        more.push(("pool_paused", "yes"));
    }
    probed(cluster, &[(INI, &text)], &more)
}

/// Where clients of the pooler end up; nobody is there where they wait.
fn led(world: &Observation) -> Option<NodeName> {
    let facts = world.poolers[&NodeName::from(POOLER)].as_ref().unwrap();
    let loaded = &facts.loaded["shop"];
    let last = loaded.host.strip_prefix("10.9.0.")?.parse::<usize>().ok()?;
    (!loaded.paused).then(|| node(last - 1))
}

fn recovers(world: &Observation, name: &NodeName) -> bool {
    let facts = world.facts(name);
    facts
        .and_then(|facts| facts.server.as_ref())
        .is_some_and(|server| server.in_recovery)
}

fn story() -> (Story, Observation) {
    let mut story = Story::begin();
    story.cluster = with_pooler(&story.cluster);
    let facts = pooler(&story.cluster, 0, 0, false);
    story.world.poolers = [(NodeName::from(POOLER), Ok(facts))].into();
    let world = story.world.clone();
    (story, world)
}

fn to_second(cluster: &Cluster, world: &Observation) -> Result<Plan, PlanError> {
    let to = node(1);
    let wish = SwitchoverRequest {
        to: Some(&to),
        token: "aa",
        seconds: 90,
        pause: Pause {
            seconds: 5,
            terminates: false,
        },
    };
    switchover(cluster, &Templates::default(), world, &wish)
}

/// No step of a plan leaves clients at a server that recovers, unless they were there before it.
fn never_read_only(plan: &Plan, world: &Observation) {
    let misled = |world: &Observation| led(world).is_some_and(|name| recovers(world, &name));
    let before = misled(world);
    for steps in 0..=plan.steps.len() {
        let then = after(plan, world, steps);
        assert!(
            !misled(&then) || before && steps < plan.steps.len(),
            "after {steps} steps of {:#?}",
            titles(plan)
        );
    }
}

#[test]
fn clients_wait_while_the_primary_changes_and_are_led_to_the_new_one() {
    let (story, world) = story();
    let plan = to_second(&story.cluster, &world).unwrap();
    let point = plan
        .steps
        .iter()
        .find(|step| step.node.as_str() == POOLER)
        .unwrap();
    let Action::PointPooler(pointing) = &point.action else {
        panic!("{point:?}")
    };
    assert!(pointing.pause.is_some());
    let stop = plan
        .steps
        .iter()
        .find(|step| matches!(step.action, Action::Stop(_)))
        .unwrap();
    assert_eq!(stop.phase, point.phase);
    // It may run on the host of one of the servers, which are at work meanwhile.
    assert!(!point.action.act().holds_host());
    let place = pgrepl::plan::builder::place_apart(&story.cluster, &stop.node);
    assert_eq!(stop.action.act().commands(&place)[0].gate, Some("paused"));
    never_read_only(&plan, &world);
    for cut in 0..=plan.steps.len() {
        let cut_world = after(&plan, &world, cut);
        for again in [
            converge(&story.cluster, &Templates::default(), &cut_world, None),
            to_second(&story.cluster, &cut_world),
        ] {
            // What cannot be planned is refused for other reasons, and changes nothing.
            let Ok(again) = again else { continue };
            never_read_only(&again, &cut_world);
            let end = after(&again, &cut_world, again.steps.len());
            let leads = led(&end).unwrap();
            assert!(
                !recovers(&end, &leads),
                "cut after {cut}: {:#?}",
                titles(&again)
            );
            assert_eq!(leads, again.leader);
        }
    }
}

#[test]
fn the_plan_tells_whose_sessions_the_pause_waits_for() {
    let (story, mut world) = story();
    let rows = [
        ("pool_database", "name|host|port|paused"),
        ("pool_database", "shop|10.9.0.1|5432|0"),
        ("pool_pool", "database|user|cl_active|sv_active|pool_mode"),
        ("pool_pool", "shop|app|3|3|session"),
        ("pool_pool", "shop|web|9|2|transaction"),
        ("pool_pool", "shop|idle|0|0|session"),
        ("pool_pool", "other|app|1|1|session"),
    ];
    let text = "[databases]\nshop = host=10.9.0.1\n";
    let facts = probed(&story.cluster, &[(INI, text)], &rows);
    world.poolers.insert(POOLER.into(), Ok(facts));
    let plan = to_second(&story.cluster, &world).unwrap();
    let mut nodes = plan.nodes.iter();
    let pooler = nodes.find(|node| node.node.as_str() == POOLER).unwrap();
    let notes = format!("{:?}", pooler.notes);
    assert!(pooler.notes.len() == 1 && notes.contains("3 of app in shop"));
}

#[test]
fn wherever_a_pooler_was_left_every_command_brings_it_to_the_primary() {
    let (story, world) = story();
    let cluster = &story.cluster;
    let promoted = {
        let plan = to_second(cluster, &world).unwrap();
        let at = plan
            .steps
            .iter()
            .position(|step| matches!(step.action, Action::Promote(_)));
        after(&plan, &world, at.unwrap() + 1)
    };
    for (world, leader) in [(&world, 0), (&promoted, 1)] {
        for (file, loaded) in [(0, 0), (0, 1), (1, 0), (1, 1), (7, 7)] {
            for paused in [false, true] {
                let mut world = world.clone();
                let facts = pooler(cluster, file, loaded, paused);
                world.poolers = [(NodeName::from(POOLER), Ok(facts))].into();
                let told = format!("leader {leader} file {file} loaded {loaded} paused {paused}");
                let wrong = (file, loaded) != (leader, leader) || paused;
                let troubles = troubles(cluster, &world, &node(leader));
                assert_eq!(troubles.len(), usize::from(wrong), "{told}: {troubles:?}");
                let plan = converge(cluster, &Templates::default(), &world, None).unwrap();
                let points = plan.steps.iter().any(|step| step.node.as_str() == POOLER);
                assert_eq!(points, wrong, "{told}: {:#?}", titles(&plan));
                // Where that fails, no standby starts under clients.
                let started =
                    |step: &&Step| matches!(step.action, Action::Start(_)) && step.node == node(0);
                for start in plan.steps.iter().filter(started) {
                    let needs = start.needs.iter().any(|node| node.as_str() == POOLER);
                    assert_eq!(needs, loaded == 0, "{told}: {start:?}");
                }
                never_read_only(&plan, &world);
                let end = after(&plan, &world, plan.steps.len());
                assert_eq!(led(&end), Some(node(leader)), "{told}");
                let rest = converge(cluster, &Templates::default(), &end, None).unwrap();
                assert!(
                    rest.steps.iter().all(|step| step.node.as_str() != POOLER),
                    "{told}"
                );
            }
        }
    }
}

#[test]
fn a_failover_leads_clients_to_the_new_primary_and_goes_on_without_a_pooler() {
    let (story, mut world) = story();
    let gone = Unreachable {
        message: "no route to host".into(),
        help: "ssh server1 true".into(),
        original: String::new(),
    };
    world
        .hosts
        .insert(node(0), pgrepl::facts::Sight::Unreachable(gone.clone()));
    let to = node(1);
    let wish = FailoverRequest {
        to: Some(&to),
        force: true,
        token: "aa",
    };
    let plan = failover(&story.cluster, &Templates::default(), &world, &wish)
        .unwrap()
        .plan;
    let end = after(&plan, &world, plan.steps.len());
    assert_eq!(led(&end), Some(node(1)));
    never_read_only(&plan, &world);
    // Who waits for an answer of the old primary would wait for long.
    let hung = plan.steps.iter().find_map(|step| match &step.action {
        Action::PointPooler(point) => Some(&point.gone),
        _ => None,
    });
    let [hung] = &hung.unwrap()[..] else { panic!() };
    assert_eq!(
        (&hung.node, hung.address.to_string()),
        (&node(0), "10.9.0.1".into())
    );
    world.poolers.insert(POOLER.into(), Err(gone));
    let plan = failover(&story.cluster, &Templates::default(), &world, &wish)
        .unwrap()
        .plan;
    assert!(plan.blocked().any(|(name, _)| name.as_str() == POOLER));
    assert!(
        plan.steps
            .iter()
            .any(|step| matches!(step.action, Action::Promote(_)))
    );
}

#[test]
fn a_switchover_is_refused_while_a_pooler_cannot_be_paused() {
    let (story, world) = story();
    let cluster = &story.cluster;
    let unread = |why: &str| PoolerFacts {
        unread: Some(why.into()),
        ..pooler(cluster, 0, 0, false)
    };
    let other = [("a database", "[databases]\nother = host=x\n")];
    for (found, says) in [
        (
            Err(Unreachable {
                message: "no route to host".into(),
                help: "ssh pool1 true".into(),
                original: String::new(),
            }),
            "no route to host",
        ),
        (
            Ok(unread("its admin console does not answer")),
            "does not answer",
        ),
        (
            Ok(probed(cluster, &other.map(|(_, text)| (INI, text)), &[])),
            "no line for shop",
        ),
        (Ok(pooler(cluster, 1, 1, false)), "point shop to server1"),
    ] {
        let mut world = world.clone();
        world.poolers.insert(POOLER.into(), found);
        let no = to_second(cluster, &world).unwrap_err();
        let PlanError::Refused(no) = no else { panic!() };
        assert!(
            no.details.iter().any(|detail| detail.contains(says)),
            "{says}: {no:?}"
        );
    }
}

/// The text that edits make of a file.
fn edited(file: &str, text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for edit in edits.iter().rev().filter(|edit| edit.file == file) {
        let line = &mut lines[edit.line - 1];
        assert_eq!(line[edit.at..edit.at + edit.old.len()], edit.old);
        line.replace_range(edit.at..edit.at + edit.old.len(), &edit.new);
    }
    lines.join("\n")
}

#[test]
fn only_the_host_and_the_port_of_its_databases_change() {
    let (story, world) = story();
    let mut cluster = story.cluster.clone();
    for (text, becomes) in [
        (
            "shop = host=10.9.0.1 dbname=shop",
            "shop = host=10.9.0.2 dbname=shop",
        ),
        (
            "shop = host='server1' port=5432",
            "shop = host=server2 port=5432",
        ),
        (
            "shop = port=1 host=10.9.0.1",
            "shop = port=5432 host=10.9.0.2",
        ),
        ("shop =", "shop = host=10.9.0.2"),
        (
            "shop = password='host=10.9.0.1 ' host = 10.9.0.1\t",
            "shop = password='host=10.9.0.1 ' host = 10.9.0.2\t",
        ),
        ("shop = host=10.9.0.1,10.9.0.2", "shop = host=10.9.0.2"),
        ("shop = host=10.9.0.2", "shop = host=10.9.0.2"),
        (
            "\"shop\" = host=10.9.0.1\nshop = host=10.9.0.1",
            "\"shop\" = host=10.9.0.2\nshop = host=10.9.0.2",
        ),
    ] {
        let main = format!(
            "[databases]\nother = host=10.9.0.1\n%include {INI}.more\n[pgbouncer]\nlisten_port = 6432"
        );
        let more = format!("{text}\n; shop = host=10.9.0.1");
        let files = [
            (INI, main.as_str()),
            ("/etc/pgbouncer/pgbouncer.ini.more", more.as_str()),
        ];
        let row = [
            ("pool_database", "name|host|port|paused"),
            ("pool_database", "shop|10.9.0.1|5432|0"),
        ];
        cluster
            .poolers
            .get_mut(&NodeName::from(POOLER))
            .unwrap()
            .databases = vec!["shop".into()];
        let mut world = world.clone();
        world
            .poolers
            .insert(POOLER.into(), Ok(probed(&cluster, &files, &row)));
        let plan = {
            // The second server leads already.
            let found = to_second(&story.cluster, &story.world).unwrap();
            let at = found
                .steps
                .iter()
                .position(|step| matches!(step.action, Action::Promote(_)));
            let promoted = Observation {
                poolers: world.poolers.clone(),
                ..after(&found, &story.world, at.unwrap() + 1)
            };
            converge(&cluster, &Templates::default(), &promoted, None).unwrap()
        };
        let edits: BTreeMap<&NodeName, &Vec<Edit>> = plan
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::PointPooler(point) => Some((&step.node, &point.edits)),
                _ => None,
            })
            .collect();
        let edits = edits.values().next().unwrap();
        assert_eq!(edited(INI, &main, edits), main, "{text}");
        let more = edited(files[1].0, &more, edits);
        assert_eq!(more, format!("{becomes}\n; shop = host=10.9.0.1"), "{text}");
    }
}
