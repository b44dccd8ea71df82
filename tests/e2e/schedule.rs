//! Backups by a timer, and a standby that lives from the archive while the mount is full or read-only.

use crate::backups::{AS_POSTGRES, archived, good, pair};
use crate::lab::Lab;

#[test]
fn the_timer_takes_backups_wherever_the_role_is() {
    let lab = Lab::up("timer", &["--mount", "server1=12:pg", "server2=12:pg"]);
    let scheduled =
        "backup: { mount: /mnt/backups, keep: { count: 2 }, schedule: \"Mon *-*-* 02:30\" }\n";
    let path = pair(&lab, 15, scheduled);
    let hosts = ["server1", "server2"];
    let fire = || {
        for host in hosts {
            lab.on(host, "systemctl start pgrepl-shop-backup.service || journalctl -n 20 -o cat -u pgrepl-shop-backup.service");
        }
        // Who is faster than a minute ago is not asked twice.
        lab.on(
            "server1",
            "sed -i 's/^begun=.*/begun=1/' /mnt/backups/shop/base/*/info",
        )
    };
    let from = || {
        lab.on(
            "server1",
            "sed -n 's/^host=//p' /mnt/backups/shop/base/*/info | tr '\\n' ' '",
        )
    };
    for host in hosts {
        assert_eq!(lab.on(host, "systemctl is-active pgrepl-shop-backup.timer; systemctl is-enabled pgrepl-shop-backup.timer"), "active\nenabled");
    }
    fire();
    assert_eq!(from(), "server2");
    // The program needs nothing of pgrepl's, and the roles may change without it.
    good(lab.pgrepl(&["switchover", &path, "--to", "server2", "--auto-approve"]));
    fire();
    assert_eq!(from(), "server2 server1");
    // Without a standby the primary backs itself up; the oldest one goes.
    lab.on("server1", "systemctl stop postgresql@15-main");
    lab.until("server2", "select count(*) from pg_stat_replication", "0");
    let failed = lab.on(
        "server1",
        "systemctl start pgrepl-shop-backup.service 2>&1 || echo failed",
    );
    assert!(failed.ends_with("failed"), "{failed}");
    lab.on("server2", "systemctl start pgrepl-shop-backup.service");
    assert_eq!(from(), "server1 server2");
    let status = good(lab.pgrepl(&["status", &path])).out;
    assert!(
        status.contains("server1  its scheduled backup failed"),
        "{status}"
    );
    good(lab.pgrepl(&["apply", &path, "--auto-approve"]));
    good(lab.pgrepl(&["-i", &path, "backup", "verify"]));

    // One at a time: somebody else's lock is waited for, and one whose owner is gone is not.
    lab.on("server1", &format!("{AS_POSTGRES} sh -c 'mkdir /mnt/backups/shop/lock; printf \"1\\tserver9\\t1 1 1\\tprune\\t2026-01-01 00:00:00\\n\" >/mnt/backups/shop/lock/owner'"));
    let taken = lab.pgrepl(&["backup", "run", &path]);
    assert!(
        taken.code != 0 && taken.err.contains("the mount is taken by prune on server9"),
        "{}",
        taken.err
    );
    lab.on(
        "server1",
        "touch -d '1 hour ago' /mnt/backups/shop/lock/owner",
    );
    good(lab.pgrepl(&["backup", "run", &path]));
    assert_eq!(
        lab.on("server1", "ls /mnt/backups/shop/lock 2>/dev/null | wc -l"),
        "0"
    );

    // Without a schedule nothing of it is left.
    let path = pair(
        &lab,
        15,
        "backup: { mount: /mnt/backups, keep: { count: 2 } }\n",
    );
    for host in hosts {
        assert_eq!(lab.on(host, "ls /etc/systemd/system/pgrepl-* /usr/local/lib/pgrepl/shop/scheduled-backup 2>/dev/null | wc -l"), "0");
    }
    good(lab.pgrepl(&["check", &path]));
}

#[test]
fn a_standby_that_was_away_catches_up_from_the_archive_alone() {
    let lab = Lab::up(
        "behind",
        &["--mount", "server1=forky:pg", "server2=forky:pg"],
    );
    let inventory = lab.inventory(
        "postgresql: { version: 18, parameters: { wal_keep_size: 0, max_wal_size: 64MB, min_wal_size: 32MB } }\n\
         primary: server1\nstandbys: [server2]\nbackup: { mount: /mnt/backups, keep: { count: 1 } }\n",
    );
    let text = std::fs::read_to_string(&inventory)
        .unwrap()
        .replace("password:", "slots: false, password:");
    std::fs::write(&inventory, text).unwrap();
    lab.converge(&inventory);
    let path = inventory.to_str().unwrap();
    let first = lab.sql("server1", "select pg_walfile_name(pg_current_wal_lsn())");
    lab.on("server2", "systemctl stop postgresql@18-main");
    for _ in 0..3 {
        lab.sql("server1", "drop table if exists t; create table t as select i, repeat('x', 500) as x from generate_series(1, 60000) i");
        archived(&lab, "server1");
        lab.sql("server1", "checkpoint");
    }
    assert_eq!(
        lab.on(
            "server1",
            &format!("ls /var/lib/postgresql/18/main/pg_wal/{first} 2>/dev/null | wc -l")
        ),
        "0"
    );
    good(lab.pgrepl(&["backup", "run", path, "--host", "server1"]));
    good(lab.pgrepl(&["backup", "run", path, "--host", "server1"]));

    // What it still needs stays in the archive, whatever the backups need; that holds for a full and a read-only mount too.
    good(lab.pgrepl(&["backup", "prune", path, "--auto-approve"]));
    assert_eq!(lab.on("server1", "ls /mnt/backups/shop/base | wc -l"), "1");
    assert_eq!(
        lab.on(
            "server1",
            &format!("ls /mnt/backups/shop/wal/{first}.gz | wc -l")
        ),
        "1"
    );
    lab.on("server1", &format!("{AS_POSTGRES} sh -c 'fallocate -l $(df -B1 --output=avail /mnt/backups | tail -n 1) /mnt/backups/ballast; dd if=/dev/zero of=/mnt/backups/rest bs=4k status=none 2>/dev/null || :'"));
    lab.sql(
        "server1",
        "select pg_logical_emit_message(true, 'x', 'x') is null; select pg_switch_wal() is null",
    );
    lab.until(
        "server1",
        "select failed_count > 0 from pg_stat_archiver",
        "t",
    );
    let full = lab.pgrepl(&["backup", "run", path, "--host", "server1"]);
    assert!(
        full.code != 0 && full.err.contains("No space left on device"),
        "{}",
        full.err
    );
    assert_eq!(lab.on("server1", "ls /mnt/backups/shop/base | wc -l"), "1");
    let status = lab.pgrepl(&["status", path]).out;
    assert!(
        status.contains("/mnt/backups has 0 B of ") && status.contains(" WAL file"),
        "{status}"
    );
    lab.on(
        "server1",
        "rm /mnt/backups/ballast /mnt/backups/rest; mount -o remount,bind,ro /mnt/backups",
    );
    let read_only = lab.pgrepl(&["backup", "run", path, "--host", "server1"]);
    assert!(
        read_only.code != 0 && read_only.err.contains("cannot write to /mnt/backups"),
        "{}",
        read_only.err
    );
    let prune = lab.pgrepl(&["backup", "prune", path, "--auto-approve"]);
    assert!(
        prune.code == 0 || prune.err.contains("could not be pruned"),
        "{}",
        prune.err
    );
    lab.on("server1", "mount -o remount,bind,rw /mnt/backups");
    lab.until(
        "server1",
        "select last_archived_time > last_failed_time from pg_stat_archiver",
        "t",
    );
    good(lab.pgrepl(&["backup", "list", path]));

    good(lab.pgrepl(&["apply", path, "--auto-approve"]));
    lab.until("server2", "select count(*) from t", "60000");
    lab.until(
        "server2",
        "select status from pg_stat_wal_receiver",
        "streaming",
    );
    let log = lab.on(
        "server2",
        &format!(
            "grep -c 'restored log file \"{first}\"' /var/log/postgresql/postgresql-18-main.log"
        ),
    );
    assert_eq!(log, "1");
    good(lab.pgrepl(&["check", path]));
    good(lab.pgrepl(&["backup", "prune", path, "--auto-approve"]));
    assert_eq!(
        lab.on(
            "server1",
            &format!("ls /mnt/backups/shop/wal/{first}.gz 2>/dev/null | wc -l")
        ),
        "0"
    );
}
