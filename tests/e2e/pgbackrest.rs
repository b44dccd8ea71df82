//! The same story as the own engine's, with Debian's pgbackrest.

use crate::backups::AS_POSTGRES;
use crate::lab::{Lab, Ran};

const OWN: &str = "postgresql: { version: 15 }\nprimary: server1\nstandbys: [server2]\n\
                   backup: { mount: /mnt/backups, keep: { count: 2 }, from: primary }\n";

/// Runs pgrepl and asserts how it ends.
fn run(lab: &Lab, path: &str, code: i32, arguments: &[&str]) -> Ran {
    let ran = lab.pgrepl(&[&["-i", path], arguments].concat());
    assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
    ran
}

/// Asks the copy beside the standby.
pub fn beside(lab: &Lab, question: &str) -> String {
    lab.on(
        "server2",
        &format!(
            "cd /; {AS_POSTGRES} psql -XAtq -p 5433 -d postgres -c \"{}\"; systemctl stop pgrepl-shop-copy-srv-copy",
            question.replace('"', "\\\"")
        ),
    )
}

/// Ends a segment and waits until it is in the repository.
fn archived(lab: &Lab, primary: &str) {
    let segment = lab.sql(primary, "select pg_logical_emit_message(true, 'x', 'x') is null; select pg_walfile_name(pg_current_wal_lsn()); select pg_switch_wal() is null");
    let segment = segment.lines().nth(1).unwrap().to_owned();
    lab.on(primary, &format!("k=0; until ls /mnt/backups/shop/pgbackrest/archive/shop/*/*/{segment}-* >/dev/null 2>&1; do sleep 0.1; k=$((k + 1)); [ $k -lt 300 ] || exit 1; done"));
}

#[test]
fn pgbackrest_takes_over_and_brings_a_dropped_table_back() {
    let lab = Lab::up("pgbackrest", &["--mount", "server1=12:pg", "server2=12:pg"]);
    lab.converge(&lab.inventory(OWN));
    lab.on("server1", "install -d -o postgres /srv/fast");
    lab.on("server2", "install -d -o postgres /srv/fast");
    lab.sql("server1", "create tablespace fast location '/srv/fast'");
    lab.sql("server1", "create table orders tablespace fast as select i, md5(i::text) as t from generate_series(1, 20000) i");

    // From one engine to another: packages, files and a reload, no restart.
    let inventory = lab.inventory(&OWN.replace("from: primary", "from: primary, tool: pgbackrest"));
    let path = inventory.to_str().unwrap();
    let plan = run(&lab, path, 0, &["plan"]);
    for said in [
        "packages pgbackrest",
        "pgbackrest.conf",
        "repository in /mnt/backups/shop",
        "reload",
    ] {
        assert!(plan.out.contains(said), "{said}: {}", plan.out);
    }
    assert!(!plan.out.contains("restart"), "{}", plan.out);
    lab.converge(&inventory);
    let check = run(&lab, path, 0, &["check"]);
    assert_eq!(
        check.out.matches("sees the WAL in the archive").count(),
        2,
        "{}",
        check.out
    );

    assert_eq!(run(&lab, path, 0, &["backup", "list"]).out, "No backups.\n");
    let other = run(&lab, path, 7, &["backup", "run", "--host", "server2"]);
    assert!(other.err.contains("where the primary is"), "{}", other.err);
    run(&lab, path, 0, &["backup", "run"]);
    run(&lab, path, 0, &["backup", "run", "--type", "incr"]);
    let list = run(&lab, path, 0, &["backup", "list"]).out;
    assert!(
        list.contains("I  incremental  ") && list.matches("server1").count() == 2,
        "{list}"
    );

    // Rows after the backup, then a mistake.
    lab.sql(
        "server1",
        "insert into orders select i, 'late' from generate_series(20001, 20100) i",
    );
    let sum = "select count(*), md5(string_agg(i || t, ',' order by i)) from orders";
    let before = lab.sql("server1", sum);
    lab.on("server1", "sleep 1.1");
    let moment = lab.sql("server1", "select now()");
    lab.on("server1", "sleep 1.1");
    lab.sql("server1", "drop table orders; create table mistake (i int)");
    archived(&lab, "server1");

    // For trial, and beside the cluster that goes on with the mistake: the archive is asked in a directory of their own.
    let drill = run(&lab, path, 0, &["backup", "verify", "--drill"]);
    assert!(
        drill.err.contains("can be restored") && drill.err.contains("no damage"),
        "{}",
        drill.err
    );
    run(
        &lab,
        path,
        0,
        &[
            "restore",
            "--to",
            "server2",
            "--time",
            &moment,
            "--data-directory",
            "/srv/copy",
            "--auto-approve",
        ],
    );
    assert_eq!(beside(&lab, sum), before);
    assert_eq!(
        lab.on("server1", "ls /mnt/backups/shop/restores | wc -l"),
        "0"
    );
    let restore = [
        "restore",
        "--to",
        "server1",
        "--time",
        &moment,
        "--auto-approve",
        "--confirm",
        "server1",
    ];
    run(&lab, path, 0, &restore);
    assert_eq!(lab.sql("server1", sum), before);
    lab.until("server2", sum, &before);
    let mistakes = "select count(*) from pg_class where relname = 'mistake'";
    assert_eq!(lab.sql("server1", mistakes), "0");
    assert_eq!(lab.sql("server1", "show archive_mode"), "on");
    archived(&lab, "server1");

    // A standby made from a backup of an older timeline follows; the archive goes on when roles change.
    let rebuild = [
        "rebuild",
        "server2",
        "--from",
        "backup",
        "--confirm",
        "server2",
        "--auto-approve",
    ];
    let rebuilt = run(&lab, path, 0, &rebuild);
    assert!(rebuilt.err.contains("by pgbackrest"), "{}", rebuilt.err);
    lab.until("server2", sum, &before);
    for to in ["server2", "server1"] {
        run(&lab, path, 0, &["switchover", "--to", to, "--auto-approve"]);
        run(&lab, path, 0, &["check"]);
    }

    // What is beyond two full backups goes, with what depends on it; nothing else.
    run(&lab, path, 0, &["backup", "run"]);
    run(&lab, path, 0, &["backup", "run"]);
    let shown = run(&lab, path, 0, &["backup", "prune", "--dry-run"]);
    assert!(shown.out.contains("WAL before"), "{}", shown.out);
    let listed = || {
        let list = run(&lab, path, 0, &["backup", "list"]).out;
        list.lines().filter(|line| line.starts_with("20")).count()
    };
    assert_eq!(listed(), 4);
    run(&lab, path, 0, &["backup", "prune", "--auto-approve"]);
    assert_eq!(listed(), 2);
    let again = run(&lab, path, 0, &["backup", "prune", "--dry-run"]);
    assert!(again.out.contains("Nothing to do"), "{}", again.out);

    // Nobody on one host sees pgbackrest's lock on another: ours is on the mount.
    lab.on(
        "server1",
        "cd /mnt/backups/shop; mkdir lock; printf '1\\tserver9\\t1 1 1\\tbackup\\t2026-01-01 00:00:00\\n' >lock/owner; chown -R postgres: lock",
    );
    let held = run(&lab, path, 1, &["backup", "run"]);
    assert!(
        held.err.contains("the mount is taken by backup on server9"),
        "{}",
        held.err
    );
    // Silent for long, its host is gone.
    lab.on(
        "server1",
        "touch -d '11 minutes ago' /mnt/backups/shop/lock/owner",
    );
    run(&lab, path, 0, &["backup", "run"]);

    // A flipped byte is found, although `pgbackrest verify` ends with 0, and damaged data is never put in place.
    run(&lab, path, 0, &["backup", "verify"]);
    lab.on("server1", "cd /mnt/backups/shop/pgbackrest/backup/shop; for f in 2*/pg_data/base/5/1259.zst; do n=$(($(stat -c %s $f) / 2)); \
        b=$(od -An -t u1 -j $n -N 1 $f | tr -d ' '); printf \"\\\\$(printf %o $((b ^ 1)))\" | dd of=$f bs=1 seek=$n conv=notrunc status=none; done");
    let damaged = run(&lab, path, 1, &["backup", "verify"]);
    assert!(damaged.err.contains("is damaged"), "{}", damaged.err);
    let rebuilt = run(&lab, path, 1, &rebuild);
    assert!(
        rebuilt.err.contains("could not be restored"),
        "{}",
        rebuilt.err
    );
    run(&lab, path, 0, &["rebuild", "server2", "--auto-approve"]);
    lab.until("server2", sum, &before);
    let end = run(&lab, path, 0, &["plan", "--detailed-exitcode"]);
    assert!(end.out.contains("Nothing to do"), "{}", end.out);

    // The file system goes away: WAL waits on the server, nothing lands under the mount point.
    lab.on("server1", "umount -l /mnt/backups");
    lab.sql(
        "server1",
        "select pg_logical_emit_message(true, 'x', 'x') is null; select pg_switch_wal() is null",
    );
    lab.until(
        "server1",
        "select failed_count > 0 from pg_stat_archiver",
        "t",
    );
    assert_eq!(lab.on("server1", "ls -A /mnt/backups | wc -l"), "0");
    let gone = run(&lab, path, 7, &["backup", "run"]);
    assert!(gone.err.contains("nothing is mounted"), "{}", gone.err);
}

#[test]
fn the_timer_of_pgbackrest_backs_up_the_primary_once() {
    let lab = Lab::up("pgbrtimer", &["--mount", "server1=12:pg", "server2=12:pg"]);
    let inventory = lab.inventory(&OWN.replace(
        "keep: { count: 2 }, from: primary",
        "keep: { count: 1 }, from: primary, tool: pgbackrest, schedule: \"Mon *-*-* 02:30\"",
    ));
    lab.converge(&inventory);
    let path = inventory.to_str().unwrap();
    let ids = || {
        lab.on(
            "server1",
            "ls /mnt/backups/shop/pgbackrest/backup/shop | grep '^2.*F$' || :",
        )
    };
    let fire = |host: &str| {
        lab.on(host, "systemctl start pgrepl-shop-backup.service || { journalctl -n 20 -o cat -u pgrepl-shop-backup.service; false; }")
    };
    fire("server2");
    assert_eq!(ids(), "", "a standby takes none");
    fire("server1");
    let first = ids();
    assert_eq!(first.lines().count(), 1, "{first}");
    // A standby that has not told that it is beyond keeps the older one; it goes once it has.
    fire("server1");
    assert!(ids().starts_with(&first), "{}", ids());
    let position = lab.sql("server1", "select pg_current_wal_lsn()");
    lab.until(
        "server2",
        &format!("select pg_last_wal_replay_lsn() >= '{position}'"),
        "t",
    );
    lab.sql("server2", "checkpoint");
    let known = ids();
    fire("server2");
    assert_eq!(ids(), known);
    fire("server1");
    let second = ids().lines().last().unwrap().to_owned();
    assert!(!ids().contains(&first), "{}", ids());
    assert_eq!(ids().lines().count(), 2, "{}", ids());
    let list = run(&lab, path, 0, &["backup", "list"]).out;
    assert!(list.contains(&second), "{list}");
    // One that failed shows.
    lab.on("server1", "cd /mnt/backups/shop; mv .pgrepl away; systemctl start pgrepl-shop-backup.service || :; mv away .pgrepl");
    let status = run(&lab, path, 0, &["status"]).out;
    assert!(
        status.contains("server1  its scheduled backup failed"),
        "{status}"
    );
}
