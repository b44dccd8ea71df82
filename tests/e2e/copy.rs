//! A base backup that something happens to: its program dies, its network goes, its disk fills.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use crate::lab::Lab;

const PAIR: &str = "postgresql: { version: 15 }\nprimary: server1\nstandbys: [server2]\n";
const ALONE: &str = "postgresql: { version: 15 }\nprimary: server1\n";
const ROWS: &str = "400000";

/// A primary with a table that takes a while to copy.
fn primary(name: &str, standby: &str) -> Lab {
    let lab = Lab::up(name, &["server1=12:pg", standby]);
    lab.converge(&lab.inventory(ALONE));
    lab.sql("server1", &format!("create table big as select i, repeat('x', 900) as t from generate_series(1, {ROWS}) i; checkpoint"));
    lab
}

/// Applies until the copy has begun.
fn copying(lab: &Lab, path: &str) -> (Child, JoinHandle<String>) {
    lab.hold_backup("server1");
    let mut child = lab
        .command(&["--format", "jsonl", "apply", path, "--auto-approve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let events = BufReader::new(child.stdout.take().unwrap());
    let mut lines = events.lines().map_while(Result::ok);
    if !lines.any(|line| line.contains("\"step_progress\"")) {
        panic!("the copy did not begin: {}", lab.finish(child).err);
    }
    // What is written later must find a reader.
    let rest = std::thread::spawn(move || lines.collect::<Vec<_>>().join("\n"));
    (child, rest)
}

fn complete(lab: &Lab) {
    lab.until("server2", "select count(*) from big", ROWS);
    assert_eq!(lab.on("server2", "ls /var/lib/postgresql/15"), "main");
}

#[test]
fn it_outlives_its_run_and_is_joined() {
    let lab = primary("join", "server2=12:pg");
    let inventory = lab.inventory(PAIR);
    let (mut child, _) = copying(&lab, inventory.to_str().unwrap());
    child.kill().unwrap();
    let _ = child.wait();
    lab.release_backup("server1");
    let staging = "stat -c %i /var/lib/postgresql/15/main.pgrepl-new";
    let before = lab.on("server2", staging);
    let status = lab.pgrepl(&["status", inventory.to_str().unwrap()]);
    assert!(status.out.contains("server2"), "{}", status.out);
    let ran = lab.converge(&inventory);
    assert!(
        ran.out.contains("joined") || ran.out.contains("the finished copy is used"),
        "{before}: {}",
        ran.out
    );
    complete(&lab);
}

#[test]
fn it_survives_the_loss_of_the_standbys_network() {
    let lab = primary("cut", "server2=12:pg");
    let inventory = lab.inventory(PAIR);
    let (child, _) = copying(&lab, inventory.to_str().unwrap());
    lab.tell("cut", &["server2"]);
    let ran = lab.finish(child);
    assert_eq!(ran.code, 8, "{}", ran.err);
    assert!(
        ran.err.contains("outcome unknown") && ran.err.contains("help:"),
        "{}",
        ran.err
    );
    lab.tell("heal", &["server2"]);
    lab.release_backup("server1");
    lab.converge(&inventory);
    complete(&lab);
}

#[test]
fn it_is_not_begun_without_space_and_ends_cleanly_when_space_runs_out() {
    let lab = primary("full", "server2=12:pg,disk=700M");
    let inventory = lab.inventory(PAIR);
    let path = inventory.to_str().unwrap();
    lab.tell("fill", &["server2", "/var/lib/postgresql"]);
    let ran = lab.pgrepl(&["plan", path]);
    assert!(
        ran.out.contains("not enough space on"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(lab.pgrepl(&["apply", path, "--auto-approve"]).code, 7);
    lab.tell("free", &["server2", "/var/lib/postgresql"]);

    // What no database counts and pg_basebackup copies all the same.
    let ballast = "/var/lib/postgresql/15/main/ballast";
    lab.on(
        "server1",
        &format!("head -c 400M /dev/zero >{ballast}; chown postgres {ballast}"),
    );
    let ran = lab.pgrepl(&["--format", "jsonl", "apply", path, "--auto-approve"]);
    assert_eq!(ran.code, 8, "{}", ran.err);
    assert!(ran.out.contains("No space left on device"), "{}", ran.out);
    assert_eq!(
        lab.on(
            "server2",
            "ls /var/lib/postgresql/15 | grep -c '^main$' || :"
        ),
        "0"
    );
    lab.on("server1", &format!("rm {ballast}"));
    lab.converge(&inventory);
    complete(&lab);
}
