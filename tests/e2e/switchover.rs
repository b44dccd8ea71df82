//! The primary changes, and nothing is lost.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::cut::cut;
use crate::lab::{Lab, release};
use crate::writer::{RULE, Writer};

fn pair() -> String {
    // A stopping primary gives up a standby that does not answer after this time.
    format!(
        "postgresql: {{ version: {}, {RULE}, parameters: {{ wal_sender_timeout: 20s }} }}\nprimary: server1\nstandbys: [server2]\n",
        release().1
    )
}

fn leads(lab: &Lab, host: &str) -> bool {
    lab.sql(host, "select not pg_is_in_recovery()") == "t"
}

#[test]
fn roles_change_among_four_servers_and_the_file_follows() {
    let lab = Lab::servers("switch", &["server1", "server2", "server3", "server4"]);
    let inventory = lab.inventory(&format!(
        "postgresql: {{ version: {}, {RULE} }}\nprimary: server1   # for now\nstandbys: [server2, server3, server4]\n\
         hosts: {{ server4: {{ upstream: server3 }} }}\n",
        release().1
    ));
    let text = std::fs::read_to_string(&inventory).unwrap();
    let synchronous = text.replace("replication: {", "replication: { synchronous: 1,");
    std::fs::write(&inventory, synchronous).unwrap();
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    let writer = Writer::start(&lab, "server4", "server1", "server1,server2,server3");
    // Which of several is not guessed; a rehearsal changes nothing.
    let vague = lab.pgrepl(&["switchover", path, "--auto-approve"]);
    assert_eq!(vague.code, 7, "{}", vague.err);
    assert!(vague.err.contains("--to HOST"), "{}", vague.err);
    let dry = lab.pgrepl(&["switchover", path, "--to", "server2", "--dry-run"]);
    assert_eq!(dry.code, 0, "{}{}", dry.out, dry.err);
    assert!(dry.err.contains("Nothing was changed"), "{}", dry.err);
    assert!(leads(&lab, "server1"));
    for to in ["server2", "server3", "server1"] {
        let ran = lab.pgrepl(&[
            "switchover",
            path,
            "--to",
            to,
            "--auto-approve",
            "--write-inventory",
        ]);
        assert_eq!(ran.code, 0, "{to}: {}{}", ran.out, ran.err);
        assert!(leads(&lab, to));
        // Shown as the how-to shows it: both servers say the same of the last record.
        assert!(
            ran.err.contains("is here too, with the same REDO location"),
            "{}",
            ran.err
        );
        let waits =
            "select count(*) > 0 from pg_stat_replication where sync_state in ('sync', 'quorum')";
        lab.until(to, waits, "t");
        for other in ["server1", "server2", "server3", "server4"] {
            let names = lab.sql(other, "show synchronous_standby_names");
            assert_eq!(names.is_empty(), other != to, "{other}: {names}");
        }
        let text = std::fs::read_to_string(&inventory).unwrap();
        assert!(
            text.contains(&format!("primary: {to}   # for now")),
            "{text}"
        );
        writer.goes_on();
        let again = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
        assert_eq!(again.code, 0, "{to}: {}{}", again.out, again.err);
        assert!(again.out.contains("Nothing to do"), "{}", again.out);
        assert!(
            !again.out.contains("but the inventory says"),
            "{}",
            again.out
        );
    }
    assert_eq!(lab.pgrepl(&["status", path, "--exit-code"]).code, 0);
    let (rows, missing) = writer.stop("server1");
    assert!(
        rows > 10 && missing.is_empty(),
        "{rows} rows, lost {missing:?}"
    );
    for standby in ["server2", "server3", "server4"] {
        lab.until(
            standby,
            "select count(*) from acked",
            &lab.sql("server1", "select count(*) from acked"),
        );
    }
}

#[test]
fn killed_after_any_step_and_typed_again_it_still_ends() {
    let lab = Lab::servers("switchkill", &["server1", "server2"]);
    let inventory = lab.inventory(&pair());
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    let writer = Writer::start(&lab, "server2", "server1", "server1,server2");
    let arguments = ["switchover", path, "--to", "server2", "--auto-approve"];
    let (mut earlier, mut undone) = (BTreeSet::new(), false);
    while let Some(step) = cut(&lab, path, &arguments, &mut earlier) {
        // Whoever stops a server with systemctl in this moment stops one that runs.
        if step.contains("started, accepting connections") {
            let state = "systemctl show -p SubState --value 'postgresql@*-main.service'";
            assert_eq!(lab.on("server1", state), "running", "{step}");
        }
        let alive: Vec<&str> = ["server1", "server2"]
            .into_iter()
            .filter(|host| {
                lab.on(host, "pg_lsclusters -h | awk '{ print $4 }'") == "online"
                    && leads(&lab, host)
            })
            .collect();
        assert!(alive.len() <= 1, "two primaries after {step}");
        if alive.is_empty() && !undone {
            // Nobody leads: apply makes the one that was stopped serve again; the next time switchover goes on.
            undone = true;
            earlier.remove(&step);
            let back = lab.pgrepl(&["apply", path, "--auto-approve"]);
            assert_eq!(back.code, 0, "{}{}", back.out, back.err);
            assert!(leads(&lab, "server1"));
            writer.goes_on();
        }
    }
    let kills = earlier.len();
    assert!(kills >= 8, "only {kills} steps were cut");
    assert!(leads(&lab, "server2"));
    writer.goes_on();
    let (rows, missing) = writer.stop("server2");
    assert!(
        rows > 10 && missing.is_empty(),
        "{rows} rows, lost {missing:?}"
    );
    lab.converge(&inventory);
}

#[test]
fn what_cannot_be_finished_is_undone() {
    let lab = Lab::servers("undo", &["server1", "server2,disk=1500M", "client"]);
    let inventory = lab.inventory(&pair());
    let path = inventory.to_str().unwrap();
    let arguments = ["switchover", path, "--to", "server2", "--auto-approve"];
    lab.converge(&inventory);
    let writer = Writer::start(&lab, "client", "server1", "server1,server2");

    // A paused standby, one whose login fails: both are said before anything stops.
    lab.sql("server1", "alter role replicator valid until '2000-01-01'");
    let now = lab.sql("server1", "select pg_current_wal_lsn()");
    lab.until(
        "server2",
        &format!("select pg_last_wal_replay_lsn() >= '{now}'"),
        "t",
    );
    lab.sql("server2", "select pg_wal_replay_pause()");
    let paused = lab.pgrepl(&arguments);
    assert_eq!(paused.code, 7, "{}", paused.err);
    assert!(
        paused.err.contains("replay is paused on server2")
            && paused.err.contains("cannot log in for replication"),
        "{}",
        paused.err
    );
    lab.sql("server2", "select pg_wal_replay_resume()");
    let closed = lab.pgrepl(&arguments);
    assert_eq!(closed.code, 1, "{}", closed.err);
    assert!(
        closed.err.contains("cannot log in for replication"),
        "{}",
        closed.err
    );
    assert!(leads(&lab, "server1"));
    lab.sql("server1", "alter role replicator valid until 'infinity'");
    writer.goes_on();

    // A standby without space, too.
    lab.tell("fill", &["server2", "/var/lib/postgresql"]);
    let full = lab.pgrepl(&arguments);
    assert_eq!(full.code, 7, "{}", full.err);
    assert!(full.err.contains("MB are needed to lead"), "{}", full.err);
    lab.tell("free", &["server2", "/var/lib/postgresql"]);

    // The standby dies or hangs, its network is cut or its disk fills, while the primary stops: the primary comes back.
    for trouble in ["server", "network", "time", "disk"] {
        // It does not receive any more, so the primary waits for it: long enough for the trouble to come in time.
        lab.on("server2", "pkill -STOP -f '[w]alreceiver'");
        let limit: &[&str] = match trouble {
            "time" => &["--timeout", "2"],
            _ => &[],
        };
        let mut child = lab
            .command(&[&["--format", "jsonl"], &arguments[..], limit].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut events = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let begun =
            events.any(|line| line.contains("\"step_started\"") && line.contains("\"stop "));
        assert!(begun, "{trouble}");
        match trouble {
            "server" => drop(lab.on("server2", "pkill -9 -u postgres postgres")),
            "network" => drop(lab.tell("cut", &["server2"])),
            "disk" => {
                lab.tell("fill", &["server2", "/var/lib/postgresql"]);
                lab.on("server2", "pkill -CONT -f '[w]alreceiver'");
            }
            _ => {}
        }
        events.for_each(drop);
        let ran = lab.finish(child);
        assert_eq!(ran.code, 1, "{trouble}: {}", ran.err);
        assert!(
            ran.err
                .contains("server1 was started again and is the primary as before"),
            "{trouble}: {}",
            ran.err
        );
        assert!(leads(&lab, "server1"));
        match trouble {
            "network" => {
                lab.tell("heal", &["server2"]);
                lab.on("server2", "pkill -CONT -f '[w]alreceiver'");
            }
            "time" => {
                assert!(ran.err.contains("did not stop within 2 s"), "{}", ran.err);
                lab.on("server2", "pkill -CONT -f '[w]alreceiver'");
            }
            "disk" => drop(lab.tell("free", &["server2", "/var/lib/postgresql"])),
            _ => {}
        }
        writer.goes_on();
        lab.converge(&inventory);
    }

    // The primary was stopped by hand, before the standby had everything: what it lacks is carried over.
    let (rows, missing) = writer.stop("server1");
    assert!(
        rows > 10 && missing.is_empty(),
        "{rows} rows, lost {missing:?}"
    );
    let hba = "/etc/postgresql/*/main/pg_hba.conf";
    lab.on(
        "server1",
        &format!("cp -p {hba} /root/hba; sed -i '/^host *replication/d' {hba}"),
    );
    lab.sql("server1", "select pg_reload_conf()");
    lab.until(
        "server1",
        "select count(*) from (select pg_terminate_backend(pid) from pg_stat_replication) t",
        "0",
    );
    lab.sql(
        "server1",
        "create table late as select generate_series(1, 200000) i",
    );
    lab.on(
        "server1",
        &format!(
            "systemctl stop postgresql@{}-main; cp -p /root/hba {hba}",
            release().1
        ),
    );
    let carried = lab.pgrepl(&arguments);
    assert_eq!(carried.code, 0, "{}{}", carried.out, carried.err);
    assert!(carried.err.contains("missing WAL"), "{}", carried.err);
    assert_eq!(lab.sql("server2", "select count(*) from late"), "200000");
    lab.until("server1", "select count(*) from late", "200000");
}
