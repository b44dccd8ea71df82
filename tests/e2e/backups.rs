//! Incremental backups, copies beside the cluster, and an archive that is damaged.

use std::process::Stdio;

use crate::beside::a_copy_is_of_use_and_goes;
use crate::lab::{Lab, Ran};

pub const AS_POSTGRES: &str = "setpriv --reuid postgres --regid postgres --init-groups";

pub fn good(ran: Ran) -> Ran {
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    ran
}

pub fn pair(lab: &Lab, version: u32, rest: &str) -> String {
    let inventory = lab.inventory(&format!(
        "postgresql: {{ version: {version} }}\nprimary: server1\nstandbys: [server2]\n{rest}"
    ));
    lab.converge(&inventory);
    inventory.to_str().unwrap().to_owned()
}

/// Ends a segment and waits until it is on the mount; its name.
pub fn archived(lab: &Lab, primary: &str) -> String {
    // One at a time: an older psql tells the last answer only.
    lab.sql(primary, "select pg_logical_emit_message(true, 'x', 'x')");
    let segment = lab.sql(primary, "select pg_walfile_name(pg_current_wal_lsn())");
    lab.sql(primary, "select pg_switch_wal()");
    wait(
        lab,
        primary,
        &format!("[ -f /mnt/backups/shop/wal/{segment}.gz ]"),
    );
    segment
}

/// Waits until a shell command on a host succeeds.
pub fn wait(lab: &Lab, host: &str, condition: &str) {
    lab.on(
        host,
        &format!(
            "k=0; until {condition}; do sleep 0.1; k=$((k + 1)); [ $k -lt 600 ] || exit 1; done"
        ),
    );
}

/// Flips a bit in the middle of a file.
fn flip(lab: &Lab, file: &str) {
    lab.on(
        "server1",
        &format!(
            "f=$(echo {file}); n=$(($(stat -c %s $f) / 2)); b=$(od -An -t u1 -j $n -N 1 $f | tr -d ' '); \
         printf \"\\\\$(printf %o $((b ^ 1)))\" | dd of=$f bs=1 seek=$n conv=notrunc status=none"
        ),
    );
}

#[test]
fn what_changed_since_a_backup_is_restored_with_it() {
    let lab = Lab::up("chain", &["--mount", "server1=13:pg", "server2=13:pg"]);
    let path = pair(
        &lab,
        17,
        "backup: { mount: /mnt/backups, keep: { count: 1 } }\n",
    );
    // The WAL that the backup begins with creates the tablespace: replayed carelessly, it would lead into that of the
    // server that runs.
    lab.on("server1", "install -d -o postgres /srv/fast");
    lab.on("server2", "install -d -o postgres /srv/fast");
    lab.sql("server1", "create tablespace fast location '/srv/fast'");
    lab.sql("server1", "create table orders tablespace fast as select i, md5(i::text) as t from generate_series(1, 20000) i");
    good(lab.pgrepl(&["backup", "run", &path]));
    lab.sql(
        "server1",
        "insert into orders select i, 'more' from generate_series(20001, 20100) i",
    );
    good(lab.pgrepl(&["backup", "run", &path, "--type", "incremental"]));
    let suffix = lab.on(
        "server1",
        "command -v zstd >/dev/null && echo zst || echo gz",
    );
    assert_eq!(
        lab.on(
            "server1",
            &format!("ls /mnt/backups/shop/base/*/base.tar.{suffix} /mnt/backups/shop/base/*/[0-9]*.tar.{suffix} | wc -l")
        ),
        "4"
    );
    // Nothing is written behind it: its WAL ends where it is consistent.
    let newest = lab.on("server1", "ls /mnt/backups/shop/base | tail -n 1");
    good(lab.pgrepl(&["-i", &path, "backup", "verify", &newest, "--drill"]));
    good(lab.pgrepl(&[
        "-i",
        &path,
        "restore",
        "--to",
        "server1",
        "--immediate",
        "--auto-approve",
        "--confirm",
        "server1",
    ]));
    lab.until("server2", "select count(*) from orders", "20100");
    lab.sql(
        "server1",
        "insert into orders select i, 'late' from generate_series(20101, 20200) i",
    );
    let sum = "select count(*), md5(string_agg(i || t, ',' order by i)) from orders";
    let before = lab.sql("server1", sum);
    lab.on("server1", "sleep 1.1");
    let moment = lab.sql("server1", "select now()");
    lab.on("server1", "sleep 1.1");
    lab.sql("server1", "delete from orders where i % 2 = 0");
    archived(&lab, "server1");

    let list = good(lab.pgrepl(&["backup", "list", &path])).out;
    assert!(
        list.contains("  full  ") && list.contains("  on 2"),
        "{list}"
    );
    assert!(list.contains("Restorable: any moment from "), "{list}");
    let status = good(lab.pgrepl(&["status", &path])).out;
    assert!(
        status.contains("backups  last ") && status.contains("restorable: any moment from "),
        "{status}"
    );

    // The one that is kept keeps what it builds on.
    let pruned = good(lab.pgrepl(&["backup", "prune", &path, "--auto-approve"]));
    assert_eq!(
        lab.on("server1", "ls /mnt/backups/shop/base | wc -l"),
        "2",
        "{}",
        pruned.out
    );
    let drill = good(lab.pgrepl(&["-i", &path, "backup", "verify", "--drill"]));
    assert_eq!(
        drill.err.matches("pg_amcheck finds no damage").count(),
        2,
        "{}",
        drill.err
    );
    assert!(drill.err.contains("segments are whole"), "{}", drill.err);

    // Beside the cluster, which stays as it is.
    let copy = [
        "restore",
        &path,
        "--to",
        "server2",
        "--time",
        &moment,
        "--data-directory",
        "/srv/restored",
        "--auto-approve",
    ];
    let dry = good(lab.pgrepl(&[&copy[..], &["--dry-run"]].concat()));
    assert!(
        dry.out.contains("the cluster is left alone") && dry.out.contains("the archive reaches to"),
        "{}{}",
        dry.out,
        dry.err
    );
    let inside = [
        &copy[..7],
        &["/var/lib/postgresql/17/main/x", "--auto-approve"],
    ]
    .concat();
    assert_eq!(lab.pgrepl(&inside).code, 7);
    good(lab.pgrepl(&copy));
    let there = |sql: &str| {
        lab.on(
            "server2",
            &format!("{AS_POSTGRES} psql -XAtq -p 5433 -d postgres -c \"{sql}\""),
        )
    };
    assert_eq!(there(sum), before);
    assert_eq!(there("show archive_mode"), "off");
    assert_eq!(
        there("select pg_tablespace_location(oid) from pg_tablespace where spcname = 'fast'")
            .rsplit_once('/')
            .unwrap()
            .0,
        "/srv/restored.tablespaces"
    );
    assert_eq!(lab.sql("server1", "select count(*) from orders"), "10100");
    lab.until("server2", "select count(*) from orders", "10100");
    assert_eq!(
        good(lab.pgrepl(&["plan", &path, "--detailed-exitcode"])).code,
        0
    );

    // A standby is made from the two.
    good(lab.pgrepl(&[
        "-i",
        &path,
        "rebuild",
        "server2",
        "--from",
        "backup",
        "--confirm",
        "server2",
        "--auto-approve",
    ]));
    lab.until("server2", "select count(*) from orders", "10100");

    // Damage in what it builds on is found where it is used.
    let first = lab.on("server1", "ls -d /mnt/backups/shop/base/* | head -n 1");
    flip(&lab, &format!("{first}/base.tar.*"));
    let verify = lab.pgrepl(&["-i", &path, "backup", "verify"]);
    assert!(
        verify.code != 0 && verify.err.contains("is damaged: base.tar."),
        "{}",
        verify.err
    );
    let copy = [
        "restore",
        &path,
        "--to",
        "server2",
        "--immediate",
        "--data-directory",
        "/srv/second",
        "--port",
        "5434",
        "--auto-approve",
    ];
    let damaged = lab.pgrepl(&copy);
    assert!(
        damaged.code != 0 && damaged.err.contains("could not be restored"),
        "{}",
        damaged.err
    );
    assert_eq!(lab.on("server2", "ls /srv/second 2>/dev/null | wc -l"), "0");
}

#[test]
fn damaged_wal_is_found_and_never_replayed() {
    let lab = Lab::up("damage", &["--mount", "server1=11:pg", "server2=11:pg"]);
    let path = pair(
        &lab,
        13,
        "backup: { mount: /mnt/backups, keep: { count: 1 } }\n",
    );
    lab.sql("server1", "create table t as select 1 as i");
    good(lab.pgrepl(&["backup", "run", &path]));
    let incremental = lab.pgrepl(&["backup", "run", &path, "--type", "incremental"]);
    assert!(
        incremental.code == 7 && incremental.err.contains("--type full"),
        "{}",
        incremental.err
    );
    // Enough of it, and nothing that repeats: among zeros a flipped bit may mean the same.
    lab.sql("server1", "insert into t select 2; create table filler as select md5(i::text) from generate_series(1, 100000) i");
    let segment = archived(&lab, "server1");
    lab.sql("server1", "insert into t select 3");
    archived(&lab, "server1");
    let file = format!("/mnt/backups/shop/wal/{segment}.gz");
    lab.on("server1", &format!("cp -p {file} /tmp/whole"));
    flip(&lab, &file);
    let verify = lab.pgrepl(&["-i", &path, "backup", "verify"]);
    assert!(
        verify.code != 0
            && verify
                .err
                .contains(&format!("archived WAL is damaged: {segment}.gz")),
        "{}",
        verify.err
    );
    let copy = [
        "restore",
        &path,
        "--to",
        "server2",
        "--latest",
        "--data-directory",
        "/srv/restored",
        "--auto-approve",
    ];
    let stopped = lab.pgrepl(&copy);
    assert!(
        stopped.code != 0 && stopped.err.contains("ended without reaching its target"),
        "{}",
        stopped.err
    );

    // A hole is named, by everybody who is asked.
    lab.on("server1", &format!("rm {file}"));
    for command in ["list", "check", "status"] {
        let ran = match command {
            "list" => lab.pgrepl(&["backup", "list", &path]),
            command => lab.pgrepl(&[command, &path]),
        };
        assert!(
            format!("{}{}", ran.out, ran.err).contains("gap in the archive: "),
            "{command}: {}{}",
            ran.out,
            ran.err
        );
    }
    lab.on("server1", &format!("mv /tmp/whole {file}"));
    good(lab.pgrepl(&["-i", &path, "backup", "verify"]));
    let again = lab.pgrepl(&copy);
    good(again);
    let there = lab.on(
        "server2",
        &format!("{AS_POSTGRES} psql -XAtq -p 5433 -d postgres -c 'select count(*) from t'"),
    );
    assert_eq!(there, "3");

    // What only the older backup needs goes with it.
    good(lab.pgrepl(&["backup", "run", &path, "--host", "server1"]));
    good(lab.pgrepl(&["backup", "prune", &path, "--auto-approve"]));
    let left = lab.on(
        "server1",
        &format!("ls /mnt/backups/shop/base | wc -l; ls {file} 2>/dev/null | wc -l"),
    );
    assert_eq!(left, "1\n0");
}

#[test]
fn killed_while_it_verifies_copies_and_prunes_it_ends_when_it_is_asked_again() {
    let lab = Lab::up("killed", &["--mount", "server1=12:pg"]);
    let inventory = lab.inventory(
        "postgresql: { version: 15 }\nprimary: server1\nstandbys: []\nbackup: { mount: /mnt/backups, keep: { count: 1 } }\n",
    );
    lab.converge(&inventory);
    let path = inventory.to_str().unwrap();
    lab.sql(
        "server1",
        "create table t as select i, md5(i::text) as x from generate_series(1, 300000) i",
    );
    for _ in 0..2 {
        good(lab.pgrepl(&["backup", "run", path]));
    }
    archived(&lab, "server1");
    let kill_when = |arguments: &[&str], seen: &str| {
        let mut child = lab
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait(&lab, "server1", seen);
        let _ = child.kill();
        let _ = child.wait();
    };
    let verify = ["-i", path, "backup", "verify", "--drill"];
    kill_when(
        &verify,
        "ls /var/lib/postgresql/15/main.pgrepl-drill/data/PG_VERSION 2>/dev/null",
    );
    good(lab.pgrepl(&verify));
    let copy = [
        "restore",
        path,
        "--to",
        "server1",
        "--latest",
        "--data-directory",
        "/srv/copy",
        "--auto-approve",
    ];
    let conditions = [
        "ls /srv/copy.pgrepl-new/data/PG_VERSION 2>/dev/null",
        "[ -f /srv/copy.pgrepl-new/data/postmaster.pid ]",
    ];
    for condition in conditions {
        kill_when(&copy, condition);
        wait(&lab, "server1", "flock -n /run/pgrepl/shop.lock true");
    }
    let restored = good(lab.pgrepl(&copy));
    let count = lab.on(
        "server1",
        &format!("{AS_POSTGRES} psql -XAtq -p 5433 -d postgres -c 'select count(*) from t'"),
    );
    assert_eq!(count, "300000");
    a_copy_is_of_use_and_goes(&lab, path, &restored.err, &kill_when);
    let prune = ["backup", "prune", path, "--auto-approve"];
    kill_when(
        &prune,
        "ls -d /mnt/backups/shop/lock /mnt/backups/shop/base/*.removing 2>/dev/null || [ $(ls /mnt/backups/shop/base | wc -l) = 1 ]",
    );
    wait(&lab, "server1", "flock -n /run/pgrepl/shop.lock true");
    good(lab.pgrepl(&prune));
    assert_eq!(lab.on("server1", "ls /mnt/backups/shop/base | wc -l; ls /mnt/backups/shop/lock 2>/dev/null | wc -l; ls /mnt/backups/shop/restores | wc -l"), "1\n0\n0");
    good(lab.pgrepl(&verify));
}
