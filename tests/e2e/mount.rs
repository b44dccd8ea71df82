//! A mount that gives no answer, that is gone, full, read-only or another one: nothing hangs, nothing is lost, and it is told.

use std::process::{Child, Stdio};

use crate::backups::{AS_POSTGRES, archived, good, pair, wait};
use crate::lab::{Lab, Ran};

const BACKUPS: &str = "backup: { mount: /mnt/backups, keep: { count: 1 } }\n";
/// Enough to be in the middle of.
const ROWS: &str = "create table t as select i, md5(i::text) || md5((i + 1)::text) as x from generate_series(1, 600000) i";

/// Takes the mount away under a program that is in the middle of its work.
fn stall_under(lab: &Lab, host: &str, program: &str) {
    wait(lab, host, &format!("pkill -STOP -x {program}"));
    lab.tell("stall", &[host]);
    lab.on(host, &format!("pkill -CONT -x {program}"));
}

fn begin(lab: &Lab, arguments: &[&str]) -> Child {
    lab.command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Asserts that a run ended badly, and what it said.
fn said(ran: &Ran, code: i32, words: &str) {
    let text = format!("{}{}", ran.out, ran.err);
    assert!(
        ran.code == code && text.contains(words),
        "{words}: {} {text}",
        ran.code
    );
}

fn switch(lab: &Lab) {
    lab.sql(
        "server1",
        "select pg_logical_emit_message(true, 'x', 'x') is null; select pg_switch_wal() is null",
    );
}

#[test]
fn a_mount_that_does_not_answer_holds_nobody() {
    let lab = Lab::up(
        "stall",
        &["--stalling-mount", "server1=12:pg", "server2=12:pg"],
    );
    let path = pair(&lab, 15, BACKUPS);
    let path = path.as_str();
    lab.sql("server1", ROWS);
    good(lab.pgrepl(&["backup", "run", path]));
    let segment = archived(&lab, "server1");

    // The primary's own mount: its WAL waits, its server serves, and everybody who is asked says what is wrong.
    lab.tell("stall", &["server1"]);
    switch(&lab);
    switch(&lab);
    lab.until(
        "server1",
        "select failed_count > 0 from pg_stat_archiver",
        "t",
    );
    let restore = [
        "-i",
        path,
        "restore",
        "--to",
        "server1",
        "--latest",
        "--auto-approve",
        "--confirm",
        "server1",
    ];
    let asked: [&[&str]; 7] = [
        &["status", path],
        &["plan", path],
        &["apply", path, "--auto-approve"],
        &["backup", "run", path, "--host", "server1"],
        &restore,
        &["switchover", path, "--to", "server2", "--auto-approve"],
        &["backup", "list", path],
    ];
    let children: Vec<Child> = asked
        .iter()
        .map(|arguments| begin(&lab, arguments))
        .collect();
    let [status, plan, apply, run, restored, switchover, list] = children
        .into_iter()
        .map(|child| lab.finish(child))
        .collect::<Vec<Ran>>()
        .try_into()
        .unwrap_or_else(|_| panic!());
    for ran in [&status, &plan, &apply] {
        said(ran, 0, "/mnt/backups does not answer");
        assert!(!ran.out.contains("nothing is mounted"), "{}", ran.out);
    }
    said(&status, 0, "at this pace the disk is full in ");
    said(&status, 0, "server1  archiving 0000000");
    for ran in [&run, &restored] {
        said(ran, 7, "/mnt/backups of server1 does not answer");
    }
    said(&switchover, 7, "archiving fails");
    // Another host reads them.
    said(&list, 0, "  full  ");
    assert_eq!(lab.sql("server1", "select count(*) from t"), "600000");
    // Nobody's mount answers: nothing is removed.
    lab.tell("stall", &["server2"]);
    let prune = lab.pgrepl(&["backup", "prune", path, "--auto-approve"]);
    said(&prune, 7, "does not answer");
    lab.tell("resume", &["server2"]);

    // What recovery is told: stop, and never that this was the end of the archive; a standby goes on by streaming. And the
    // server can be stopped: it gives up on its archive in time.
    let fetch = |name: &str, r#use: &str| {
        let got = format!("/var/lib/postgresql/{use}.{name}");
        format!(
            "{{ c=0; said=$({AS_POSTGRES} /usr/local/lib/pgrepl/shop/restore-wal /mnt/backups/shop {name} {got} {use} 2>&1) || c=$?; \
             echo {use} $c $(ls {got} 2>/dev/null | wc -l) $said; rm -f {got}; }}"
        )
    };
    let (recovery, standby) = (fetch(&segment, "recovery"), fetch(&segment, "standby"));
    let told = lab.on("server1", &format!("cd /; {{ {recovery} & {standby} & wait; }} | sort; timeout 120 pg_ctlcluster 15 main stop -m fast; pg_ctlcluster 15 main start"));
    let stale = "restore-wal: /mnt/backups/shop does not answer";
    assert_eq!(told, format!("recovery 200 0 {stale}\nstandby 1 0 {stale}"));
    assert_eq!(
        lab.on("server2", &format!("cd /; {recovery}")),
        "recovery 0 1"
    );
    let absent = fetch("0000000100000000000000FF", "recovery");
    assert_eq!(
        lab.on("server2", &format!("cd /; {absent}")),
        "recovery 1 0"
    );

    lab.tell("resume", &["server1"]);
    let segment = archived(&lab, "server1");
    assert_eq!(lab.on("server1", &format!("ls -A /mnt/backups/shop/wal | grep -c '^[.]' || :; gzip -t /mnt/backups/shop/wal/{segment}.gz")), "0");

    // In the middle of a backup, which goes on by itself when there is an answer again: the next run joins it, or takes its own.
    let run = begin(&lab, &["backup", "run", path]);
    stall_under(&lab, "server2", "pg_basebackup");
    said(&lab.finish(run), 1, "/mnt/backups/shop does not answer");
    lab.tell("resume", &["server2"]);
    let next = good(lab.pgrepl(&["-v", "backup", "run", path]));
    let backups = if format!("{}{}", next.out, next.err).contains("joined") {
        2
    } else {
        3
    };
    assert_eq!(lab.on("server1", "ls /mnt/backups/shop/base | wc -l; ls -d /mnt/backups/shop/base/*.inprogress /mnt/backups/shop/lock 2>/dev/null | wc -l"), format!("{backups}\n0"));
    good(lab.pgrepl(&["-i", path, "backup", "verify"]));

    // In the middle of a restore that is to stay as it is: everything is set aside, nothing new is begun, and the same
    // restore ends it.
    let stays = [&restore[..], &["--no-put-back"]].concat();
    let run = begin(&lab, &stays);
    stall_under(&lab, "server1", "tar");
    said(&lab.finish(run), 8, "/mnt/backups/shop does not answer");
    said(
        &lab.pgrepl(&["apply", path, "--auto-approve"]),
        7,
        "is set aside: no new cluster is begun beside it",
    );
    lab.tell("resume", &["server1"]);
    good(lab.pgrepl(&restore));
    lab.until("server2", "select count(*) from t", "600000");
    good(lab.pgrepl(&["check", path]));
}

#[test]
fn a_mount_that_is_gone_full_read_only_or_another_one_loses_nothing() {
    let lab = Lab::up("mount", &["--mount", "server1=12:pg", "server2=12:pg"]);
    let path = pair(&lab, 15, BACKUPS);
    let path = path.as_str();
    lab.sql("server1", ROWS);
    for _ in 0..2 {
        good(lab.pgrepl(&["backup", "run", path, "--host", "server1"]));
    }
    let bases = || lab.on("server1", "ls /mnt/backups/shop/base");
    archived(&lab, "server1");
    let before = bases();

    // It becomes full in the middle of a backup: that one goes, and the next finds its place again.
    lab.on("server1", &format!("{AS_POSTGRES} sh -c 'fallocate -l $(($(df -B1 --output=avail /mnt/backups | tail -n 1) - 10000000)) /mnt/backups/ballast'"));
    let full = lab.pgrepl(&["backup", "run", path, "--host", "server1"]);
    said(&full, 1, "No space left on device");
    assert!(full.err.contains("/mnt/backups/shop/base/"), "{}", full.err);
    assert_eq!(bases(), before);

    // Without a free byte backups are removed all the same: they are what makes room again.
    lab.on("server1", &format!("{AS_POSTGRES} sh -c 'exec 2>/dev/null; mkdir /mnt/backups/rest; cat /dev/zero >/mnt/backups/rest/zero; i=0; \
        while echo x >/mnt/backups/rest/$i; do i=$((i + 1)); done; exit 0'"));
    let prune = ["backup", "prune", path, "--auto-approve"];
    good(lab.pgrepl(&prune));
    assert_eq!(lab.on("server1", "ls /mnt/backups/shop/base | wc -l"), "1");
    lab.on("server1", "rm -r /mnt/backups/ballast /mnt/backups/rest");
    good(lab.pgrepl(&["backup", "run", path, "--host", "server1"]));
    let before = bases();

    // Read-only: what would go stays whole.
    lab.on("server1", "mount -o remount,bind,ro /mnt/backups");
    said(
        &lab.pgrepl(&prune),
        1,
        "could not be pruned: it cannot be written",
    );
    assert_eq!(bases(), before);
    assert_eq!(
        good(lab.pgrepl(&["backup", "list", path]))
            .out
            .matches("  full  ")
            .count(),
        2
    );
    lab.on("server1", "mount -o remount,bind,rw /mnt/backups");
    good(lab.pgrepl(&prune));
    assert_eq!(lab.on("server1", "ls /mnt/backups/shop/base | wc -l"), "1");

    // Another file system in its place on one host: that host is left alone until it has the right one.
    lab.on(
        "server2",
        "mount -t tmpfs tmpfs /mnt/backups; chown postgres: /mnt/backups",
    );
    let other = "/mnt/backups of server2 is not the file system that server1 has there";
    said(&lab.pgrepl(&["plan", path]), 0, other);
    let apply = lab.pgrepl(&["apply", path, "--auto-approve"]);
    assert!(apply.code != 0, "{}", apply.out);
    said(&apply, apply.code, other);
    let id = lab.sql(
        "server1",
        "select system_identifier from pg_control_system()",
    );
    lab.on("server2", &format!("mkdir -p /mnt/backups/shop/wal; printf '%s\\ntoken=other\\n' {id} >/mnt/backups/shop/.pgrepl"));
    said(&lab.pgrepl(&["plan", path]), 0, other);
    lab.on("server2", "umount /mnt/backups");

    // Gone in the middle of a restore: what was there before is put back. The mount comes back, and the same restore ends.
    lab.on(
        "server1",
        "mkdir /mnt/kept; mount --bind /mnt/backups /mnt/kept",
    );
    let restore = [
        "-i",
        path,
        "restore",
        "--to",
        "server1",
        "--latest",
        "--auto-approve",
        "--confirm",
        "server1",
    ];
    let run = begin(&lab, &restore);
    lab.on(
        "server1",
        "timeout 60 sh -c 'until pkill -STOP -x tar; do sleep 0.02; done'; umount -l /mnt/backups; pkill -CONT -x tar",
    );
    let gone = lab.finish(run);
    said(&gone, 1, "is the archive there, and can it be read?");
    said(
        &gone,
        1,
        "server1, server2 run again with the data of before",
    );
    said(
        &lab.pgrepl(&restore),
        7,
        "nothing is mounted on /mnt/backups of server1",
    );
    // It can be read only, which is enough for a restore.
    lab.on(
        "server1",
        "mount --bind /mnt/kept /mnt/backups; mount -o remount,bind,ro /mnt/backups",
    );
    said(
        &good(lab.pgrepl(&restore)),
        0,
        "is read-only: other hosts cannot see this restore",
    );
    lab.on("server1", "mount -o remount,bind,rw /mnt/backups");
    lab.until("server2", "select count(*) from t", "600000");
    good(lab.pgrepl(&["check", path]));
    assert_eq!(
        lab.on(
            "server1",
            "umount -l /mnt/backups; ls -A /mnt/backups | wc -l"
        ),
        "0"
    );
}
