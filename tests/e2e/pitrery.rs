//! pitrery on servers of its time. The real program is in no package of Debian's: a stand-in beside this file does what
//! its manual pages say, as far as pgrepl asks it; it was compared with 3.4 and 2.1 by hand.

use crate::lab::{Lab, Ran};
use crate::pgbackrest::beside;

const PAIR: &str = "postgresql: { version: 13 }\nprimary: server1\nstandbys: [server2]\n\
                    backup: { mount: /mnt/backups, keep: { count: 1 }, from: primary, tool: pitrery, schedule: \"Mon *-*-* 02:30\" }\n";
pub const PROGRAMS: [(&str, &str); 3] = [
    ("pitrery", include_str!("pitrery/pitrery.sh")),
    ("archive_wal", include_str!("pitrery/archive_wal.sh")),
    ("restore_wal", include_str!("pitrery/restore_wal.sh")),
];

/// Runs pgrepl and asserts how it ends.
fn run(lab: &Lab, path: &str, code: i32, arguments: &[&str]) -> Ran {
    let ran = lab.pgrepl(&[&["-i", path], arguments].concat());
    assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.out, ran.err);
    ran
}

fn archived(lab: &Lab, primary: &str) -> String {
    // psql of that time tells the last answer only.
    lab.sql(
        primary,
        "select pg_logical_emit_message(true, 'x', 'x') is null",
    );
    let segment = lab.sql(primary, "select pg_walfile_name(pg_current_wal_lsn())");
    lab.sql(primary, "select pg_switch_wal() is null");
    lab.on(primary, &format!("k=0; until [ -f /mnt/backups/shop/pitrery/archived_wal/{segment}.gz ]; do sleep 0.1; k=$((k + 1)); [ $k -lt 300 ] || exit 1; done"));
    segment
}

#[test]
fn pitrery_is_driven_and_judged_by_what_is_on_the_mount() {
    let lab = Lab::up("pitrery", &["--mount", "server1=11:pg", "server2=11:pg"]);
    let inventory = lab.inventory(PAIR);
    let path = inventory.to_str().unwrap();
    let missing = run(&lab, path, 0, &["plan"]);
    assert!(
        missing.out.contains("pitrery is not installed"),
        "{}",
        missing.out
    );
    for host in ["server1", "server2"] {
        for (name, text) in PROGRAMS {
            lab.on(host, &format!("cat >/usr/local/bin/{name} <<'PROGRAM'\n{text}PROGRAM\nchmod 755 /usr/local/bin/{name}"));
        }
    }
    lab.converge(&inventory);
    run(&lab, path, 0, &["check"]);
    lab.sql(
        "server1",
        "create table orders as select i, md5(i::text) as t from generate_series(1, 20000) i",
    );

    // It says that all is well, and made nothing.
    lab.on("server1", "touch /etc/pitrery/lie");
    let lied = run(&lab, path, 1, &["backup", "run"]);
    assert!(lied.err.contains("there is no new backup"), "{}", lied.err);
    lab.on("server1", "rm /etc/pitrery/lie");
    assert_eq!(run(&lab, path, 0, &["backup", "list"]).out, "No backups.\n");
    run(&lab, path, 0, &["backup", "run"]);
    let incremental = run(&lab, path, 7, &["backup", "run", "--type", "incr"]);
    assert!(
        incremental.err.contains("full backups only"),
        "{}",
        incremental.err
    );
    let list = run(&lab, path, 0, &["backup", "list"]).out;
    assert!(
        list.contains("server1") && list.lines().count() == 3 && list.contains("\nRestorable: "),
        "{list}"
    );
    run(&lab, path, 0, &["backup", "verify"]);

    let sum = "select count(*), md5(string_agg(i || t, ',' order by i)) from orders";
    lab.sql("server1", "insert into orders values (0, 'late')");
    let before = lab.sql("server1", sum);
    lab.on("server1", "sleep 1.1");
    let moment = lab.sql("server1", "select now()");
    lab.on("server1", "sleep 1.1");
    lab.sql("server1", "drop table orders");
    archived(&lab, "server1");

    // For trial, and beside the cluster that goes on with the mistake.
    let drill = run(&lab, path, 0, &["backup", "verify", "--drill"]);
    assert!(drill.err.contains("can be restored"), "{}", drill.err);
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
    assert_eq!(
        lab.on(
            "server1",
            "ls -d /var/lib/postgresql/13/main/restored_config_files 2>/dev/null || echo none"
        ),
        "none"
    );
    let rebuild = [
        "rebuild",
        "server2",
        "--from",
        "backup",
        "--confirm",
        "server2",
        "--auto-approve",
    ];
    run(&lab, path, 0, &rebuild);
    lab.until("server2", sum, &before);

    // Another content under a name that is taken is refused; the same again is fine.
    let segment = archived(&lab, "server1");
    let again = lab.on("server1", &format!(
        "cd /tmp; gzip -dc /mnt/backups/shop/pitrery/archived_wal/{segment}.gz >{segment}; chmod 644 {segment}; \
         p='setpriv --reuid postgres --regid postgres --init-groups /usr/local/lib/pgrepl/shop/pitrery-archive /mnt/backups/shop'; \
         $p /tmp/{segment} {segment} && printf x | dd of={segment} bs=1 seek=9000 conv=notrunc status=none; \
         $p /tmp/{segment} {segment} 2>&1 || echo refused"
    ));
    assert!(
        again.contains("another content") && again.ends_with("refused"),
        "{again}"
    );

    run(&lab, path, 0, &["backup", "run"]);
    let shown = run(&lab, path, 0, &["backup", "prune", "--dry-run"]);
    assert!(shown.out.contains("WAL before"), "{}", shown.out);
    run(&lab, path, 0, &["backup", "prune", "--auto-approve"]);
    let list = run(&lab, path, 0, &["backup", "list"]).out;
    assert_eq!(list.matches(" full ").count(), 1, "{list}");
    let end = run(&lab, path, 0, &["plan", "--detailed-exitcode"]);
    assert!(end.out.contains("Nothing to do"), "{}", end.out);

    // The timer's program: where the primary is, and what a backup by hand is at work on stays.
    let fire = |host: &str| {
        lab.on(host, "systemctl start pgrepl-shop-backup.service || journalctl -n 20 -o cat -u pgrepl-shop-backup.service")
    };
    let ids = || {
        lab.on(
            "server1",
            "cd /mnt/backups/shop/pitrery; ls -d 2* current 2>/dev/null || :",
        )
    };
    let before_timer = ids();
    fire("server2");
    assert_eq!(ids(), before_timer, "a standby takes none");
    lab.on(
        "server1",
        "install -d -o postgres /mnt/backups/shop/pitrery/current",
    );
    let refused = fire("server1");
    assert!(
        refused.contains("expected nobody at work in /mnt/backups/shop/pitrery/current"),
        "{refused}"
    );
    lab.on(
        "server1",
        "touch -d '11 minutes ago' /mnt/backups/shop/pitrery/current",
    );
    assert_eq!(fire("server1"), "");
    assert!(
        ids().lines().count() <= 2 && !ids().contains("current") && ids() != before_timer,
        "{}",
        ids()
    );
    let taken = ids().lines().last().unwrap().to_owned();
    let list = run(&lab, path, 0, &["backup", "list"]).out;
    assert!(list.contains(&taken), "{list}");

    // A flipped byte in the archive is found.
    let segment = archived(&lab, "server1");
    lab.on("server1", &format!("cd /mnt/backups/shop/pitrery/archived_wal; n=$(($(stat -c %s {segment}.gz) / 2)); \
        b=$(od -An -t u1 -j $n -N 1 {segment}.gz | tr -d ' '); printf \"\\\\$(printf %o $((b ^ 1)))\" | dd of={segment}.gz bs=1 seek=$n conv=notrunc status=none"));
    let damaged = run(&lab, path, 1, &["backup", "verify"]);
    assert!(
        damaged
            .err
            .contains(&format!("damaged: archived_wal/{segment}.gz")),
        "{}",
        damaged.err
    );

    // pitrery makes the directory it archives to; without the file system it is not called.
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
}
