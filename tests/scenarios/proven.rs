//! What `check` proves, and what it says where nothing can be proven: the cause, once.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use pgrepl::command::Vault;
use pgrepl::execute::{Run, execute};
use pgrepl::facts::Observation;
use pgrepl::host::scripted::{Answer, ScriptedHost};
use pgrepl::host::{Host, Line};
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::plan::check::check;
use pgrepl::plan::{Plan, PlanError};
use pgrepl::render::Templates;
use pgrepl::report::proof::{Proof, show};
use pgrepl::report::style::Style;

use crate::checks::calm;
use crate::stories::stories;

const FULL: &str = "could not extend file \"base/5/16384\": No space left on device";

fn planned(cluster: &Cluster, world: &Observation) -> Plan {
    check(cluster, &Templates::default(), world, "aa", 30).unwrap()
}

fn ok() -> Answer {
    let text = String::new();
    let changed = true;
    Ok(vec![Line::Ok { changed, text }, Line::Exit(0)])
}

/// A host that tells a word.
fn tells(word: &str, value: &str) -> Answer {
    let told = Line::Fact(word.into(), value.into());
    ok().map(|lines| std::iter::once(told).chain(lines).collect())
}

fn fails(why: &str) -> Answer {
    Ok(vec![Line::Fail(why.into()), Line::Exit(0)])
}

/// What a check says on hosts that answer so.
fn said(cluster: &Cluster, world: &Observation, hosts: Vec<ScriptedHost>) -> String {
    let plan = planned(cluster, world);
    let hosts: Vec<Rc<ScriptedHost>> = hosts.into_iter().map(Rc::new).collect();
    let named = hosts.iter().zip(1..).map(|(host, at)| {
        let name = NodeName::new(format!("server{at}"));
        (name, host.clone() as Rc<dyn Host>)
    });
    let connected: BTreeMap<NodeName, Rc<dyn Host>> = named.collect();
    let run = Run {
        cluster,
        hosts: &connected,
        seen: world,
        vault: &Vault::default(),
        password: None,
        parallel: 10,
        stop: &Cell::new(false),
        stamp: "20260131T120000Z".into(),
        tell: &|_| {},
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcomes = runtime.block_on(execute(&plan, &run));
    for host in hosts {
        assert_eq!(host.left(), Vec::<String>::new());
    }
    let proof = Proof::conclude(&plan, world, &outcomes, &|_| Some(12), true);
    show(&proof, Style::plain())
}

fn with_backups() -> (Cluster, Observation) {
    let story = stories()
        .into_iter()
        .find(|story| story.name == "to_pgbackrest")
        .unwrap();
    (story.cluster, story.world)
}

#[test]
fn a_row_that_is_read_everywhere_is_a_line_for_each_server() {
    let (cluster, world) = calm();
    let host = ScriptedHost::new;
    let first = host().on("write", tells("written", "yes")).on("drop", ok());
    let read = || host().on("read", ok());
    let text = said(&cluster, &world, vec![first, read(), read()]);
    for line in [
        "server1      wrote a row",
        "server3      read it within 12 ms",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_row_that_cannot_be_written_is_waited_for_nowhere_and_told_once() {
    let (cluster, world) = calm();
    let host = ScriptedHost::new;
    // The standbys would wait for the row for as long as they are let.
    let first = host().on("write", fails(FULL));
    let text = said(
        &cluster,
        &world,
        vec![first, host().silent("read"), host().silent("read")],
    );
    assert_eq!(text.matches("No space left").count(), 1, "{text}");
    assert_eq!(text.matches('✘').count(), 1, "{text}");
    assert!(text.contains("server2, server3 nothing to read"), "{text}");
}

#[test]
fn a_segment_that_does_not_end_or_arrive_is_told_once() {
    let (cluster, world) = with_backups();
    let host = ScriptedHost::new;
    let wrote = || {
        let wrote = host().on("write", tells("written", "yes"));
        wrote.on("drop", ok())
    };
    let hosts = |first: ScriptedHost, see: Option<&str>| {
        let reads = || match see {
            Some(why) => host().on("read", ok()).on("see", fails(why)),
            None => host().on("read", ok()),
        };
        vec![first, reads(), reads()]
    };
    let first = wrote().on("end a WAL segment", fails(FULL));
    let text = said(&cluster, &world, hosts(first, None));
    assert_eq!(text.matches("No space left").count(), 1, "{text}");
    assert_eq!(text.matches('✘').count(), 1, "{text}");

    let missing = "00000001000000000000000A is not in /mnt/backups/shop/wal after 30 s";
    let first = wrote()
        .on(
            "end a WAL segment",
            tells("segment", "00000001000000000000000A"),
        )
        .on("see", fails(missing));
    let text = said(&cluster, &world, hosts(first, Some(missing)));
    assert_eq!(text.matches("is not in").count(), 1, "{text}");
    assert!(text.contains("server1, server2, server3: 0000"), "{text}");
}

#[test]
fn nothing_is_written_where_the_last_bytes_are_needed() {
    let (cluster, world) = calm();
    let full = |node: &str| {
        let mut world = world.clone();
        let facts = world.facts_mut(&node.into()).unwrap();
        facts.disks[0].free = 0;
        world
    };
    match check(&cluster, &Templates::default(), &full("server1"), "aa", 30) {
        Err(PlanError::Refused(no)) => {
            assert!(no.message.starts_with("only 0 MB are free on / of server1"));
            assert!(no.help.contains("ssh server1 df -h /"), "{}", no.help);
        }
        other => panic!("{other:?}"),
    }
    let host = ScriptedHost::new;
    let first = host().on("write", tells("written", "yes")).on("drop", ok());
    let hosts = vec![first, host(), host().on("read", ok())];
    let text = said(&cluster, &full("server2"), hosts);
    assert_eq!(text.matches("on / of server2").count(), 1, "{text}");
    assert!(
        text.contains("help: free some: ssh server2 df -h /"),
        "{text}"
    );
    assert!(text.contains("server3      read it"), "{text}");
}
