//! Runs that are killed while a backup tool works, and timers that are killed: typed again, or fired again, they end.

use crate::backups::{good, wait};
use crate::lab::Lab;
use crate::pitrery::PROGRAMS;

/// A server alone, with a backup that a timer takes.
fn alone(lab: &Lab, version: u32, tool: &str) -> String {
    let inventory = lab.inventory(&format!(
        "postgresql: {{ version: {version} }}\nprimary: server1\nstandbys: []\n\
         backup: {{ mount: /mnt/backups, keep: {{ count: 9 }}, from: primary, tool: {tool}, schedule: \"Mon *-*-* 02:30\" }}\n"
    ));
    lab.converge(&inventory);
    inventory.to_str().unwrap().to_owned()
}

/// The backups that are listed: nothing half done is one.
fn backups(lab: &Lab, path: &str) -> usize {
    let list = good(lab.pgrepl(&["backup", "list", path])).out;
    list.lines().filter(|line| line.starts_with("20")).count()
}

/// Kills the program of the timer while it works; fired again, after `first`, it takes its backup, and nothing half done is
/// left.
fn timer(lab: &Lab, path: &str, works: &str, first: &str) {
    let before = backups(lab, path);
    lab.on(
        "server1",
        "systemctl start --no-block pgrepl-shop-backup.service",
    );
    wait(lab, "server1", works);
    lab.on(
        "server1",
        "systemctl kill -s KILL pgrepl-shop-backup.service",
    );
    wait(
        lab,
        "server1",
        "systemctl is-failed -q pgrepl-shop-backup.service",
    );
    assert_eq!(backups(lab, path), before);
    let status = good(lab.pgrepl(&["status", path])).out;
    assert!(
        status.contains("server1  its scheduled backup failed"),
        "{status}"
    );
    lab.on("server1", &format!("{first}\nsystemctl start pgrepl-shop-backup.service || {{ journalctl -n 20 -o cat -u pgrepl-shop-backup.service; false; }}"));
    assert_eq!(backups(lab, path), before + 1);
    let left = "ls -d /mnt/backups/shop/base/*.inprogress /mnt/backups/shop/lock /mnt/backups/shop/pitrery/current 2>/dev/null | wc -l";
    assert_eq!(lab.on("server1", left), "0");
}

/// Kills a backup and a restore of a tool while it works, and the restore after one of its steps, too.
fn runs(lab: &Lab, path: &str, restores: &str) {
    let before = backups(lab, path);
    assert!(
        lab.kill_at(path, &["backup", "run"], "\"step_progress\"")
            .is_some()
    );
    // The next run joins the backup while it goes on; once it has ended, it takes its own.
    let next = good(lab.pgrepl(&["-v", "backup", "run", path]));
    let more = if format!("{}{}", next.out, next.err).contains("joined") {
        1
    } else {
        2
    };
    assert_eq!(backups(lab, path), before + more, "{}", next.out);
    good(lab.pgrepl(&["-i", path, "backup", "verify"]));
    lab.sql("server1", "insert into t values (0, 'late')");
    let restore = [
        "restore",
        "--to",
        "server1",
        "--latest",
        "--auto-approve",
        "--confirm",
        "server1",
    ];
    assert!(lab.kill_at(path, &restore, restores).is_some());
    for _ in 0..2 {
        assert!(lab.kill_at(path, &restore, "\"step_ended\"").is_some());
    }
    good(lab.pgrepl(&[&["-i", path], &restore[..]].concat()));
    assert_eq!(lab.sql("server1", "select count(*) from t"), "400001");
    let plan = good(lab.pgrepl(&["plan", path])).out;
    assert!(plan.contains("Nothing to do"), "{plan}");
    good(lab.pgrepl(&["check", path]));
}

const TABLE: &str =
    "create table t as select i, repeat('x', 300) as x from generate_series(1, 400000) i";

#[test]
fn killed_in_the_middle_a_timer_and_pgbackrest_end_the_next_time() {
    let lab = Lab::up("killtool", &["--mount", "server1=12:pg"]);
    let path = alone(&lab, 15, "basebackup");
    lab.sql("server1", TABLE);
    timer(
        &lab,
        &path,
        "ls /mnt/backups/shop/base/*.inprogress/data/base.tar* >/dev/null 2>&1",
        "",
    );
    let path = alone(&lab, 15, "pgbackrest");
    timer(
        &lab,
        &path,
        "ls -d /mnt/backups/shop/pgbackrest/backup/shop/2*/pg_data >/dev/null 2>&1",
        "",
    );
    runs(&lab, &path, "\"step_progress\"");
}

#[test]
fn killed_in_the_middle_pitrery_ends_the_next_time() {
    let lab = Lab::up("killpitr", &["--mount", "server1=11:pg"]);
    for (name, text) in PROGRAMS {
        lab.on("server1", &format!("cat >/usr/local/bin/{name} <<'PROGRAM'\n{text}PROGRAM\nchmod 755 /usr/local/bin/{name}"));
    }
    let path = alone(&lab, 13, "pitrery");
    lab.sql("server1", TABLE);
    // What it left may be another's, for ten minutes.
    let current = "/mnt/backups/shop/pitrery/current";
    timer(
        &lab,
        &path,
        &format!("[ -d {current}/data ]"),
        &format!(
            "if systemctl start pgrepl-shop-backup.service; then exit 1; fi
             journalctl -o cat -u pgrepl-shop-backup.service | grep 'expected nobody at work in {current}' || exit 1
             find {current} -exec touch -d '11 minutes ago' {{}} +"
        ),
    );
    // It is too fast to tell of its progress.
    runs(&lab, &path, "\"title\":\"restore backup ");
}
