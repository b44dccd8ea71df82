//! What goes wrong: the program dies, two run at once, hosts do not answer.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::lab::Lab;

const PAIR: &str = "postgresql: { version: 15 }\nprimary: server1\nstandbys: [server2]\n";

#[test]
fn killed_after_any_step_and_run_again_it_still_converges() {
    let lab = Lab::up("kill", &["server1=12:pg", "server2=12:pg"]);
    let inventory = lab.inventory(PAIR);
    let path = inventory.to_str().unwrap();
    let mut kills = 0;
    loop {
        // Each run is killed after its first step, so that every step of the plan is once the last one.
        let mut child = lab
            .command(&["--format", "jsonl", "apply", path, "--auto-approve"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        let stepped = events
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains("\"step_ended\"") && !line.contains("already_done"));
        let _ = child.kill();
        let _ = child.wait();
        if stepped.is_none() {
            break;
        }
        kills += 1;
        assert!(kills < 40, "it never comes to an end");
        // The dead run's lock is freed with its connection.
        let begin = std::time::Instant::now();
        while lab.pgrepl(&["apply", path]).code == 6 {
            assert!(begin.elapsed().as_secs() < 30);
        }
    }
    assert!(kills >= 10, "only {kills} steps were cut");
    lab.converge(&inventory);
    lab.sql(
        "server1",
        "create table t (i int); insert into t values (7)",
    );
    lab.until(
        "server2",
        "select count(*) from pg_class where relname = 't'",
        "1",
    );
    assert_eq!(lab.on("server2", "ls /var/lib/postgresql/15"), "main");
}

#[test]
fn two_runs_at_once_and_hosts_that_do_not_answer_are_told_plainly() {
    let lab = Lab::up("trouble", &["server1=12:pg", "server2=12:pg"]);
    let inventory = lab.inventory(PAIR);
    let path = inventory.to_str().unwrap();

    // A cluster is not initialised while a host that may hold it is silent.
    lab.on("server2", "systemctl stop ssh");
    let ran = lab.pgrepl(&["plan", path]);
    assert_eq!(ran.code, 7, "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("server2") && ran.err.contains("connection refused"),
        "{}",
        ran.err
    );
    lab.on("server2", "systemctl start ssh");

    // Of two runs one works and the other names it.
    let spawn = || {
        lab.command(&["apply", path, "--auto-approve"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (one, other) = (spawn(), spawn());
    let (one, other) = (lab.finish(one), lab.finish(other));
    let mut codes = [one.code, other.code];
    codes.sort_unstable();
    assert_eq!(codes, [0, 6], "{}{}", one.err, other.err);
    let loser = if one.code == 6 { &one } else { &other };
    assert!(
        loser.err.contains("is locked by another run") && loser.err.contains("pid"),
        "{}",
        loser.err
    );
    lab.converge(&inventory);

    // A standby that says nothing any more does not hold the restart of its primary, not even where it may for ever.
    let with = |parameters: &str| {
        lab.inventory(&PAIR.replace(
            "15 }",
            &format!("15, parameters: {{ wal_sender_timeout: 0{parameters} }} }}"),
        ))
    };
    lab.converge(&with(""));
    let address = lab.on("server1", "hostname -I");
    let away = format!("route %s blackhole {}", address.trim());
    lab.on("server2", &format!("ip {}", away.replace("%s", "add")));
    lab.on(
        "server1",
        "su postgres -c \"psql -c 'create table missed ()'\"",
    );
    with(", track_activity_query_size: 2kB");
    let restarts = spawn();
    lab.on(
        "server1",
        "timeout 60 sh -c 'until [ \"$(su postgres -c \"psql -XAtc \\\"show track_activity_query_size\\\"\")\" = 2kB ]; do sleep 0.2; done'",
    );
    lab.on("server2", &format!("ip {}", away.replace("%s", "del")));
    let ran = lab.finish(restarts);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    lab.until(
        "server2",
        "select count(*) from pg_class where relname = 'missed'",
        "1",
    );

    // One unreachable host does not hide the others.
    lab.on("server2", "systemctl stop ssh");
    let ran = lab.pgrepl(&["status", path, "--exit-code"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.out.contains("running")
            && ran.out.contains("unreachable")
            && ran.out.contains("connection refused"),
        "{}",
        ran.out
    );
}

#[test]
fn an_interrupt_ends_after_the_running_step_and_the_rest_is_done_later() {
    let lab = Lab::up("interrupt", &["server1=12:pg", "server2=12:pg"]);
    let inventory = lab.inventory(PAIR);
    let path = inventory.to_str().unwrap();
    let mut child = lab
        .command(&["--format", "jsonl", "apply", path, "--auto-approve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let events = BufReader::new(child.stdout.take().unwrap());
    let mut lines = events.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("\"step_started\"")));
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let rest: Vec<String> = lines.collect();
    let ran = lab.finish(child);
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(
        rest.iter().any(|line| line.contains("\"interrupted\"")),
        "{rest:#?}"
    );
    assert!(
        ran.err.contains("not started: interrupted") && ran.err.contains("help: pgrepl apply"),
        "{}",
        ran.err
    );
    lab.converge(&inventory);
}
