//! Plans executed on scripted hosts: what a failure, a refusal, a lost connection and an interrupt lead to.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use pgrepl::action::{Archived, SeeArchived, SwitchWal};
use pgrepl::command::Vault;
use pgrepl::execute::{Run, execute, settle_started};
use pgrepl::host::scripted::{Answer, ScriptedHost};
use pgrepl::host::{Host, HostError, Line};
use pgrepl::inventory::NodeName;
use pgrepl::plan::converge::converge;
use pgrepl::plan::{Plan, Step};
use pgrepl::render::Templates;
use pgrepl::report::ending::ending;
use pgrepl::report::event::{Event, Outcome};

use crate::stories::stories;

fn ok() -> Answer {
    Ok(vec![
        Line::Ok {
            changed: true,
            text: String::new(),
        },
        Line::Exit(0),
    ])
}

fn fail(why: &str) -> Answer {
    Ok(vec![
        Line::Said("the last words".into()),
        Line::Fail(why.into()),
        Line::Exit(0),
    ])
}

/// Executes the story of raised connections, the standbys first, and tells how each step ended.
fn run(hosts: [ScriptedHost; 3], stop: bool) -> Vec<String> {
    run_with(hosts, stop, |_| {})
}

fn run_with(hosts: [ScriptedHost; 3], stop: bool, change: impl FnOnce(&mut Plan)) -> Vec<String> {
    let story = stories()
        .into_iter()
        .find(|story| story.name == "raise_max_connections")
        .unwrap();
    let mut plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    change(&mut plan);
    let hosts: Vec<Rc<ScriptedHost>> = hosts.into_iter().map(Rc::new).collect();
    let connected: BTreeMap<NodeName, Rc<dyn Host>> = hosts
        .iter()
        .enumerate()
        .map(|(at, host)| {
            let name = format!("server{}", at + 1);
            (NodeName::new(name), host.clone() as Rc<dyn Host>)
        })
        .collect();
    let stop = Cell::new(stop);
    let vault = Vault::default();
    let told = Cell::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let run = Run {
        cluster: &story.cluster,
        hosts: &connected,
        seen: &story.world,
        vault: &vault,
        password: None,
        parallel: 10,
        stop: &stop,
        stamp: "20260131T120000Z".into(),
        tell: &|event| {
            if matches!(event, Event::StepEnded { .. }) {
                told.set(told.get() + 1);
            }
        },
    };
    let outcomes = runtime.block_on(async {
        let outcomes = execute(&plan, &run).await;
        settle_started(&plan, &outcomes, &run).await;
        outcomes
    });
    for host in hosts {
        assert_eq!(
            host.left(),
            Vec::<String>::new(),
            "expected and not asked for"
        );
    }
    let begun = outcomes
        .iter()
        .filter(|outcome| !matches!(outcome, Outcome::Skipped { .. }))
        .count();
    assert_eq!(
        told.get(),
        begun,
        "every step that began is told to have ended"
    );
    plan.steps
        .iter()
        .zip(&outcomes)
        .map(|(step, outcome)| {
            let how = match outcome {
                Outcome::Changed { .. } => "changed".to_owned(),
                Outcome::AlreadyDone => "already".to_owned(),
                Outcome::Refused { expected, found } => format!("refused: {expected}, {found}"),
                Outcome::Failed { message, output } => format!("failed: {message} {output:?}"),
                Outcome::Skipped { because } => format!("skipped: {because}"),
                Outcome::Unknown { because } => format!("unknown: {because}"),
            };
            format!("{} {}: {how}", step.node, step.action.act().title())
        })
        .collect()
}

#[test]
fn a_failed_run_tells_its_cause_first_and_last_and_folds_the_rest() {
    let story = stories()
        .into_iter()
        .find(|story| story.name == "raise_max_connections");
    let story = story.unwrap();
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    let because = |because: &str| Outcome::Skipped {
        because: because.into(),
    };
    let failed = Outcome::Failed {
        message: "the disk is full".into(),
        output: Vec::new(),
    };
    let of = plan.steps.len();
    let outcomes = |reasons: [&str; 2]| {
        let rest = (1..of).map(|step| because(reasons[step % 2]));
        std::iter::once(failed.clone())
            .chain(rest)
            .collect::<Vec<_>>()
    };
    let same = outcomes(["an earlier step failed"; 2]);
    let cause = format!(
        "{}  {}: failed: the disk is full",
        plan.steps[0].node,
        plan.steps[0].action.act().title()
    );
    let text = ending(&plan, &same, "not everything was done", false);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("not everything was done: {cause}"));
    assert_eq!(lines[3], format!("  {cause}"));
    let folded = format!("  {} steps not started: an earlier step failed", of - 1);
    assert_eq!(lines[2], folded);
    assert_eq!(lines.len(), 4, "{text}");
    let two = ending(&plan, &outcomes(["one", "two"]), "x", false);
    let folded = format!("{} steps not started because of that; each one: -v", of - 1);
    assert!(two.contains(&folded), "{two}");
    let all = ending(&plan, &same, "x", true);
    assert_eq!(all.matches(": not started: an earlier").count(), of - 1);
}

fn host() -> ScriptedHost {
    ScriptedHost::new()
}

/// The standby that nothing goes wrong on.
fn third() -> ScriptedHost {
    host()
        .on("write postgresql.conf", ok())
        .on("restart", ok())
        .on("settle", ok())
}

#[test]
fn a_failure_on_a_standby_leaves_the_primary_alone() {
    let done = run(
        [
            host(),
            host()
                .on("write postgresql.conf", ok())
                .on("restart", fail("the server did not start")),
            third(),
        ],
        false,
    );
    insta::assert_snapshot!(done.join("\n"));
}

#[test]
fn a_lost_connection_is_an_unknown_outcome_and_not_a_failure() {
    let lost = Err(HostError::Lost("the connection to server2 was lost".into()));
    let done = run(
        [host(), host().on("write postgresql.conf", lost), third()],
        false,
    );
    insta::assert_snapshot!(done.join("\n"));
}

#[test]
fn nobody_waits_for_a_standby_that_is_gone() {
    let does = |host: ScriptedHost| host.on("write postgresql.conf", ok()).on("restart", ok());
    let done = run(
        [
            does(host()).silent("wait for server2").on("settle", ok()),
            does(host())
                .on("settle", ok())
                .lost("lost the connection to server2"),
            does(host()).on("settle", ok()),
        ],
        false,
    );
    assert!(
        done.iter().any(|step| step
            .ends_with("failed: not waited for any longer: lost the connection to server2 []")),
        "{done:#?}"
    );
}

#[test]
fn a_file_that_is_not_as_planned_is_refused() {
    let refused = Ok(vec![Line::Refused("a".into(), "b".into()), Line::Exit(0)]);
    let done = run(
        [host(), host().on("write postgresql.conf", refused), third()],
        false,
    );
    assert!(done[0].ends_with("refused: a, b"), "{done:?}");
    assert!(
        done[1].contains("skipped: an earlier step on server2"),
        "{done:?}"
    );
}

#[test]
fn after_an_interrupt_nothing_more_is_begun() {
    let done = run([host(), host(), host()], true);
    assert!(
        done.iter()
            .all(|step| step.ends_with("skipped: interrupted")),
        "{done:?}"
    );
}

#[test]
fn a_script_that_was_cut_short_counts_as_failed() {
    let silent = Ok(vec![Line::Said("Terminated".into())]);
    let done = run(
        [host(), host().on("write postgresql.conf", silent), third()],
        false,
    );
    assert!(
        done[0].contains("failed: its script ended without a result"),
        "{done:?}"
    );
}

#[test]
fn a_plan_is_done_host_after_host() {
    let settle = |host: ScriptedHost| host.on("settle", ok());
    let standby = |host: ScriptedHost| host.on("write postgresql.conf", ok()).on("restart", ok());
    let waits = |host: ScriptedHost, what: &str| host.on(what, ok());
    let primary = waits(standby(host()), "wait for server2");
    let done = run(
        [
            settle(primary),
            settle(waits(standby(host()), "wait for server3")),
            settle(standby(host())),
        ],
        false,
    );
    assert!(
        done.iter().all(|step| step.ends_with("changed")),
        "{done:#?}"
    );
}

/// What one host tells another is read into its type on its way, and a host that tells something else has failed.
#[test]
fn a_word_of_one_host_that_is_a_command_reaches_no_other_host() {
    let tell = |value: &str| {
        Ok(vec![
            Line::Fact("segment".into(), value.into()),
            Line::Ok {
                changed: true,
                text: value.into(),
            },
            Line::Exit(0),
        ])
    };
    let done = |value: &str, second: ScriptedHost| {
        let hosts = [host().on("end a WAL segment", tell(value)), second, host()];
        run_with(hosts, false, |plan| {
            let step = |phase, node: &str, action| Step {
                phase,
                node: node.into(),
                action,
                why: String::new(),
                needs: Vec::new(),
            };
            let place = Archived {
                top: "/backup/shop".into(),
                pattern: "/wal/SEGMENT.gz".into(),
            };
            let see = SeeArchived { place, seconds: 1 };
            plan.steps = vec![
                step(0, "server1", SwitchWal {}.into()),
                step(1, "server2", see.into()),
            ];
        })
    };
    let good = done("00000001000000000000000A", host().on("see it", ok()));
    assert!(
        good.iter().all(|how| how.ends_with(": changed")),
        "{good:#?}"
    );
    for value in [
        "x; touch /tmp/x",
        "$(id)",
        "",
        "00000001000000000000000A\nx",
        "0000000100000000000000*",
    ] {
        // The other host is not asked for anything.
        let bad = done(value, host());
        let why =
            "failed: cannot use what server1 tells of segment: expected the name of a WAL segment";
        assert!(bad[0].contains(why), "{bad:#?}");
        assert!(bad[1].contains("skipped"), "{bad:#?}");
    }
}
