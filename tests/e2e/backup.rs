//! Archive, backups and a way back, on a second file system that all hosts share.

use crate::lab::{Lab, release};

fn pair() -> String {
    format!(
        "postgresql: {{ version: {} }}\nprimary: server1\nstandbys: [server2]\nbackup: {{ mount: /mnt/backups, keep: {{ count: 2 }} }}\n",
        release().1
    )
}

/// Waits until what was written is in the archive.
pub fn archived(lab: &Lab, primary: &str) {
    // One question at a time: psql before 15 prints only the last answer of several.
    lab.sql(primary, "select pg_logical_emit_message(true, 'x', 'x')");
    let segment = lab.sql(primary, "select pg_walfile_name(pg_current_wal_lsn())");
    lab.sql(primary, "select pg_switch_wal()");
    lab.on(primary, &format!("k=0; until [ -f /mnt/backups/shop/wal/{segment}.gz ]; do sleep 0.1; k=$((k + 1)); [ $k -lt 300 ] || exit 1; done"));
}

#[test]
fn a_dropped_table_comes_back_row_for_row() {
    let lab = Lab::servers("backup", &["--mount", "server1", "server2"]);
    let inventory = lab.inventory(&pair());
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    assert_eq!(
        lab.on("server1", "head -n 1 /mnt/backups/shop/.pgrepl"),
        lab.sql(
            "server2",
            "select system_identifier from pg_control_system()"
        )
    );
    lab.on("server1", "install -d -o postgres /srv/fast");
    lab.on("server2", "install -d -o postgres /srv/fast");
    lab.sql("server1", "create tablespace fast location '/srv/fast'");
    lab.sql("server1", "create table orders tablespace fast as select i, md5(i::text) as t from generate_series(1, 20000) i");
    archived(&lab, "server1");

    let none = lab.pgrepl(&["backup", "list", path]);
    assert_eq!(none.out, "No backups.\n", "{}", none.err);
    let run = lab.pgrepl(&["backup", "run", path]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let list = lab.pgrepl(&["backup", "list", path]);
    assert!(
        list.out.contains("server2") && list.out.matches("  full  ").count() == 1,
        "{}{}",
        list.out,
        list.err
    );

    // What it will need when it is unpacked is known for each place that it goes to.
    let data = lab.sql(
        "server1",
        "select sum(pg_tablespace_size(oid))::bigint from pg_tablespace where spcname <> 'fast'",
    );
    let fast = lab.sql("server1", "select pg_tablespace_size('fast')");
    let unpacked = lab.on(
        "server1",
        "sed -n 's/^unpacked=//p' /mnt/backups/shop/base/*/info | sort",
    );
    let known: Vec<u64> = unpacked
        .lines()
        .map(|line| line.split_once(' ').unwrap().1.parse().unwrap())
        .collect();
    assert!(unpacked.lines().nth(1).unwrap().starts_with("data "));
    for (known, real) in known.iter().zip([fast, data]) {
        let real: u64 = real.parse().unwrap();
        assert!(known.abs_diff(real) < real / 4, "{unpacked}, of {real}");
    }

    // Rows after the backup, then a mistake.
    // Rows after the backup, in a tablespace that it does not know too, then a mistake.
    for host in ["server1", "server2"] {
        lab.on(host, "install -d -o postgres /srv/late");
    }
    lab.sql("server1", "create tablespace late location '/srv/late'");
    lab.sql(
        "server1",
        "create table later tablespace late as select 1 as i",
    );
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

    let arguments = [
        "restore",
        path,
        "--to",
        "server1",
        "--time",
        &moment,
        "--auto-approve",
    ];
    let dry = lab.pgrepl(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, 0, "{}{}", dry.out, dry.err);
    assert!(
        dry.out.contains("recover to") && dry.out.contains("set aside"),
        "{}",
        dry.out
    );
    assert_eq!(lab.sql("server1", "select count(*) from mistake"), "0");
    let unsaid = lab.pgrepl(&arguments);
    assert_eq!(unsaid.code, 7, "{}", unsaid.err);
    let early = lab.pgrepl(&[
        "restore",
        path,
        "--to",
        "server1",
        "--time",
        "2001-01-01 00:00:00+00",
        "--dry-run",
    ]);
    assert_eq!(early.code, 7, "{}", early.err);
    assert!(
        early.err.contains("no backup ended before"),
        "{}",
        early.err
    );
    // A name that the archive does not have shows only when all of it is replayed: what was there before is put back.
    let lost = lab.pgrepl(&[
        "restore",
        path,
        "--to",
        "server1",
        "--name",
        "nowhere",
        "--auto-approve",
        "--confirm",
        "server1",
    ]);
    assert_eq!(lost.code, 1, "{}", lost.err);
    for said in [
        "ended without reaching its target: the archive does not have it",
        "server1, server2 run again with the data of before",
        "/main.pgrepl-failed-",
        "where the archive does not have the target, with one that it has",
    ] {
        assert!(lost.err.contains(said), "{said}: {}", lost.err);
    }
    let plan = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{}{}", plan.out, plan.err);
    let restored = lab.pgrepl(&[&arguments[..], &["--confirm", "server1"]].concat());
    assert_eq!(restored.code, 0, "{}{}", restored.out, restored.err);
    assert_eq!(lab.sql("server1", sum), before);
    lab.until("server2", sum, &before);
    lab.until("server2", "select i from later", "1");
    assert_eq!(
        lab.sql(
            "server1",
            "select count(*) from pg_class where relname = 'mistake'"
        ),
        "0"
    );
    assert_eq!(lab.sql("server1", "show archive_mode"), "on");
    let check = lab.pgrepl(&["check", path]);
    assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    assert_eq!(
        check.out.matches("sees the WAL in the archive").count(),
        2,
        "{}",
        check.out
    );
    archived(&lab, "server1");

    lab.on("server1", "k=0; until [ -f /mnt/backups/shop/wal/00000002.history ]; do sleep 0.1; k=$((k + 1)); [ $k -lt 300 ] || exit 1; done");

    // Backups beyond what is kept go, and the WAL before them; the newest timeline leads on.
    for _ in 0..2 {
        let run = lab.pgrepl(&["backup", "run", path, "--host", "server1"]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    }
    archived(&lab, "server1");
    let shown = lab.pgrepl(&["backup", "prune", path, "--dry-run"]);
    assert!(
        shown.out.contains("WAL before"),
        "{}{}",
        shown.out,
        shown.err
    );
    assert_eq!(lab.on("server1", "ls /mnt/backups/shop/base | wc -l"), "3");
    let pruned = lab.pgrepl(&["backup", "prune", path, "--auto-approve"]);
    assert_eq!(pruned.code, 0, "{}{}", pruned.out, pruned.err);
    assert_eq!(lab.on("server1", "ls /mnt/backups/shop/base | wc -l"), "2");

    let drill = lab.pgrepl(&[
        "-i", path, "backup", "verify", "--drill", "--host", "server2",
    ]);
    assert_eq!(drill.code, 0, "{}{}", drill.out, drill.err);
    assert!(
        drill.err.contains(if release().1 == "13" {
            "  restored in"
        } else {
            "pg_amcheck finds no damage; restored in"
        }),
        "{}",
        drill.err
    );
    assert_eq!(
        lab.on(
            "server2",
            "ls -d /var/lib/postgresql/*/main.pgrepl-drill 2>/dev/null || echo gone"
        ),
        "gone"
    );

    // A standby made from the backup follows, though its WAL is gone from the primary.
    let from = [
        "-i",
        path,
        "rebuild",
        "server2",
        "--from",
        "backup",
        "--confirm",
        "server2",
        "--auto-approve",
    ];
    let from = lab.pgrepl(&from);
    assert_eq!(from.code, 0, "{}{}", from.out, from.err);
    assert!(from.err.contains("restore backup"), "{}", from.err);
    lab.until("server2", sum, &before);

    // Archiving goes on without a gap when the primary changes.
    for to in ["server2", "server1"] {
        let switched = lab.pgrepl(&["switchover", path, "--to", to, "--auto-approve"]);
        assert_eq!(switched.code, 0, "{}{}", switched.out, switched.err);
        let check = lab.pgrepl(&["check", path]);
        assert_eq!(check.code, 0, "{}{}", check.out, check.err);
    }
    let gaps = lab.on(
        "server1",
        "cd /mnt/backups/shop/wal; ls | sed -n 's/^[0-9A-F]\\{8\\}\\([0-9A-F]\\{16\\}\\).*/\\1/p' | sort -u | \
         while read -r at; do n=$(printf %d 0x$at); n=$((n / 4294967296 * 256 + n % 4294967296)); \
         [ -z \"$last\" ] || [ $((last + 1)) = $n ] || echo \"gap before $at\"; last=$n; done",
    );
    assert_eq!(gaps, "");

    // A flipped byte in a backup is found and the damaged data is never put in place.
    lab.on("server1", "cd /mnt/backups/shop/base; f=$(echo $(ls -d 2* | tail -n 1)/base.tar.*); n=$(($(stat -c %s $f) / 2)); \
        b=$(od -An -t u1 -j $n -N 1 $f | tr -d ' '); printf \"\\\\$(printf %o $((b ^ 1)))\" | dd of=$f bs=1 seek=$n conv=notrunc status=none");
    let damaged = lab.pgrepl(&["-i", path, "backup", "verify"]);
    assert_eq!(damaged.code, 8, "{}{}", damaged.out, damaged.err);
    assert!(
        damaged.err.contains("is damaged: base.tar."),
        "{}",
        damaged.err
    );
    let from = [
        "-i",
        path,
        "rebuild",
        "server2",
        "--from",
        "backup",
        "--confirm",
        "server2",
        "--auto-approve",
    ];
    let from = lab.pgrepl(&from);
    assert_eq!(from.code, 1, "{}{}", from.out, from.err);
    for said in [
        "could not be restored",
        "server2 runs again with the data of before",
    ] {
        assert!(from.err.contains(said), "{said}: {}", from.err);
    }
    lab.until("server2", sum, &before);
    let whole = lab.pgrepl(&["-i", path, "rebuild", "server2", "--auto-approve"]);
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    lab.until("server2", sum, &before);
}

#[test]
fn an_archive_that_is_not_there_loses_nothing() {
    let lab = Lab::servers("archive", &["--mount", "server1", "server2"]);
    let inventory = lab.inventory(&pair());
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    archived(&lab, "server1");
    let program = "/usr/local/lib/pgrepl/shop/archive-wal /mnt/backups/shop";
    let as_postgres = "setpriv --reuid postgres --regid postgres --init-groups";

    // The same content again is fine, another content under the same name never is.
    let again = format!(
        "cd /tmp; f=$(ls /mnt/backups/shop/wal/*.gz | head -n 1); n=$(basename $f .gz); gzip -dc $f >$n; chmod 644 $n; \
         {as_postgres} {program} /tmp/$n $n && printf x | dd of=$n bs=1 seek=9000 conv=notrunc status=none; \
         {as_postgres} {program} /tmp/$n $n 2>&1 || echo refused"
    );
    let again = lab.on("server1", &again);
    assert!(
        again.contains("another content") && again.ends_with("refused"),
        "{again}"
    );

    // The file system goes away: WAL waits on the server, nothing lands under the mount point, status tells.
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
    let status = lab.pgrepl(&["status", path]);
    assert!(
        status.out.contains("nothing is mounted on /mnt/backups"),
        "{}",
        status.out
    );
    let run = lab.pgrepl(&["backup", "run", path, "--host", "server1"]);
    assert_eq!(run.code, 7, "{}", run.err);
    assert!(run.err.contains("nothing is mounted"), "{}", run.err);
}

#[test]
fn killed_at_any_step_a_backup_and_a_restore_still_end() {
    let lab = Lab::servers("backupkill", &["--mount", "server1", "server2"]);
    let inventory = lab.inventory(&pair());
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    lab.sql(
        "server1",
        "create table t as select i, repeat('x', 900) as x from generate_series(1, 400000) i",
    );
    archived(&lab, "server1");
    let kill_at = |arguments: &[&str], event: &str| lab.kill_at(path, arguments, event);
    // The backup goes on without its run, and the next run joins it, or takes its own: nothing is half done.
    for host in ["server1", "server2"] {
        lab.hold_backup(host);
    }
    assert!(kill_at(&["backup", "run"], "\"step_progress\"").is_some());
    for host in ["server1", "server2"] {
        lab.release_backup(host);
    }
    let run = lab.pgrepl(&["-v", "backup", "run", path]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(
        lab.on(
            "server1",
            "ls /mnt/backups/shop/base | wc -l; ls /mnt/backups/shop/base | grep -c inprogress || :"
        ),
        if format!("{}{}", run.out, run.err).contains("joined") {
            "1\n0"
        } else {
            "2\n0"
        }
    );
    assert_eq!(lab.pgrepl(&["-i", path, "backup", "verify"]).code, 0);

    lab.sql("server1", "insert into t values (0, 'late')");
    archived(&lab, "server1");
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
    // Each step is once the last one; what was done before it is done again, on copies.
    let mut kills = 0;
    while kills < 4 && kill_at(&restore[2..], "\"step_ended\"").is_some() {
        kills += 1;
    }
    assert_eq!(kills, 4);
    let done = lab.pgrepl(&restore);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(lab.sql("server1", "select count(*) from t"), "400001");
    lab.until("server2", "select count(*) from t", "400001");
    let again = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert!(again.out.contains("Nothing to do"), "{}", again.out);
}
