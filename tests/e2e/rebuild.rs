//! The primary is lost, servers come back from the dead, standbys are made anew.

use std::collections::BTreeSet;

use crate::cut::{cut, cut_after_every_step};
use crate::lab::{Lab, release};
use crate::rewind::{attached_without_new_data, rewound_with_wal_from_the_archive};
use crate::writer::{RULE, Writer};

fn body(standbys: &str) -> String {
    format!(
        "postgresql: {{ version: {}, {RULE} }}\nprimary: server1\nstandbys: [{standbys}]\n",
        release().1
    )
}

#[test]
fn a_lost_primary_is_replaced_and_rewound_when_it_comes_back() {
    let lab = Lab::servers("failover", &["server1", "server2", "server3", "client"]);
    let inventory = lab.inventory(&body("server2, server3"));
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    let writer = Writer::start(&lab, "client", "server1", "server1,server2,server3");
    let failover = |more: &[&str]| {
        lab.pgrepl(
            &[
                &["failover", path, "--to", "server2", "--auto-approve"],
                more,
            ]
            .concat(),
        )
    };
    let alive = failover(&["--confirm", "server1"]);
    assert_eq!(alive.code, 7, "{}", alive.err);
    assert!(
        alive.err.contains("pgrepl switchover --to server2"),
        "{}",
        alive.err
    );

    lab.tell("kill", &["server1"]);
    // The standbys notice by themselves that nobody sends any more.
    for standby in ["server2", "server3"] {
        lab.sql(
            standby,
            "select pg_terminate_backend(pid) from pg_stat_wal_receiver",
        );
        lab.until(
            standby,
            "select count(*) from pg_stat_wal_receiver where status = 'streaming'",
            "0",
        );
    }
    let unsaid = failover(&[]);
    assert_eq!(unsaid.code, 7, "{}", unsaid.err);
    assert!(unsaid.err.contains("--confirm server1"), "{}", unsaid.err);
    assert!(unsaid.out.contains("NOT fenced"), "{}", unsaid.out);
    assert!(
        unsaid.out.contains("Loss: server2 has WAL up to"),
        "{}",
        unsaid.out
    );
    let chosen = lab.pgrepl(&["failover", path, "--dry-run"]);
    assert_eq!(chosen.code, 0, "{}{}", chosen.out, chosen.err);
    assert!(chosen.out.contains("it has the most"), "{}", chosen.out);
    // Killed after its first step again and again, it comes to its end.
    let kills = cut_after_every_step(
        &lab,
        path,
        &[
            "failover",
            path,
            "--to",
            "server2",
            "--auto-approve",
            "--confirm",
            "server1",
        ],
    );
    assert!(kills >= 4, "only {kills} steps were cut");
    let done = failover(&["--confirm", "server1"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    writer.goes_on();
    assert_eq!(lab.sql("server3", "select count(*) from pg_stat_wal_receiver where sender_host = (select sender_host from pg_stat_wal_receiver)"), "1");

    let (rows, missing) = writer.stop("server2");
    assert!(rows > 10, "{rows} rows");
    assert!(
        missing.len() <= 5,
        "more is lost than a power cut explains: {missing:?}"
    );
    // All of it is of the end that was announced: whatever was acknowledged before is there.
    let numbers: Vec<usize> = missing.iter().map(|row| row.parse().unwrap()).collect();
    if let [first, .., last] = numbers[..] {
        assert_eq!(last - first + 1, numbers.len(), "{missing:?}");
    }

    // The old primary comes back as a second one: nobody starts, stops or follows it unasked.
    lab.tell("boot", &["server1"]);
    lab.on("server1", "until pg_isready -q; do sleep 0.1; done");
    lab.sql("server1", "insert into acked values (-1)");
    let refused = lab.pgrepl(&["apply", path, "--auto-approve"]);
    assert_eq!(refused.code, 7, "{}{}", refused.out, refused.err);
    assert!(
        refused.err.contains("both run as primary")
            && refused.err.contains("timeline 1, WAL up to")
            && refused.err.contains("timeline 2 (which left timeline 1 at"),
        "{}",
        refused.err
    );
    let unsaid = lab.pgrepl(&["-i", path, "rebuild", "server1", "--auto-approve"]);
    assert_eq!(unsaid.code, 7, "{}", unsaid.err);
    let wrong = lab.pgrepl(&[
        "-i",
        path,
        "rebuild",
        "server2",
        "--confirm",
        "server2",
        "--auto-approve",
    ]);
    assert_eq!(wrong.code, 7, "{}", wrong.err);
    assert_eq!(lab.sql("server2", "select pg_is_in_recovery()"), "f");
    let back = [
        "-i",
        path,
        "rebuild",
        "server1",
        "--confirm",
        "server1",
        "--auto-approve",
    ];
    let shown = lab.pgrepl(&[&back[..], &["--dry-run"]].concat());
    assert!(
        shown.out.contains("rewind to the history of server2"),
        "{}",
        shown.out
    );
    // What is lost is counted, and how to keep it is told.
    let counted =
        shown.out.contains("transactions are lost") || shown.out.contains("1 transaction is lost");
    let keeps = "pgrepl rebuild server1 --from primary";
    assert!(counted && shown.out.contains(keeps), "{}", shown.out);
    let changed = "the data of server1 is changed in place, nothing set aside";
    assert!(shown.out.contains(changed), "{}", shown.out);
    let kills = cut_after_every_step(&lab, path, &back);
    assert!(kills >= 3, "only {kills} steps were cut");
    lab.converge(&inventory);
    lab.until("server1", "select count(*) from acked where i < 0", "0");
    lab.until(
        "server1",
        "select count(*) from acked",
        &lab.sql("server2", "select count(*) from acked"),
    );
    // A standby can be copied from another one.
    let near = [
        "-i",
        path,
        "rebuild",
        "server3",
        "--from",
        "server1",
        "--confirm",
        "server3",
        "--auto-approve",
    ];
    let near = lab.pgrepl(&near);
    assert_eq!(near.code, 0, "{}{}", near.out, near.err);
    assert!(
        near.err.contains("base backup from server1"),
        "{}",
        near.err
    );
    let again = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert!(again.out.contains("Nothing to do"), "{}", again.out);
}

#[test]
fn a_standby_is_made_anew_with_its_tablespaces_however_often_it_is_cut() {
    let lab = Lab::servers("rebuild", &["--mount", "server1", "server2"]);
    let inventory = lab.inventory(&body("server2"));
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    lab.on("server1", "install -d -o postgres /srv/fast");
    lab.on("server2", "install -d -o postgres /srv/fast");
    lab.sql("server1", "create tablespace fast location '/srv/fast'");
    lab.sql(
        "server1",
        "create table t tablespace fast as select generate_series(1, 1000) i",
    );
    let rebuild = |more: &[&str]| {
        let arguments = [&["-i", path, "rebuild", "server2", "--auto-approve"], more].concat();
        lab.pgrepl(&arguments)
    };
    lab.until(
        "server2",
        "select count(*) from pg_class where relname = 't'",
        "1",
    );
    let idle = rebuild(&[]);
    assert_eq!(idle.code, 0, "{}{}", idle.out, idle.err);
    assert!(idle.out.contains("needs no new data"), "{}", idle.out);
    let unsaid = rebuild(&["--from", "primary"]);
    assert_eq!(unsaid.code, 7, "{}", unsaid.err);

    // Where a tablespace does not fit nothing is done, whatever else has room.
    lab.on(
        "server2",
        "mkdir /small && mount -t tmpfs -o size=16k tmpfs /small",
    );
    lab.inventory(&format!(
        "{}hosts: {{ server2: {{ tablespaces: {{ /srv/fast: /small/fast }} }} }}\n",
        body("server2")
    ));
    let full = rebuild(&["--from", "primary", "--confirm", "server2"]);
    assert_eq!(full.code, 7, "{}{}", full.out, full.err);
    assert!(
        full.err
            .contains("not enough space on /small: /small/fast needs about 1 MB, 0 MB are free")
            && full.err.contains("ssh server2 df -h /small"),
        "{}",
        full.err
    );
    assert_eq!(
        lab.sql("server2", "select count(*) from pg_stat_wal_receiver"),
        "1"
    );

    // The new copy puts its tablespaces elsewhere. Killed after its first step again and again, it comes to its end.
    let mapped = format!(
        "{}hosts: {{ server2: {{ tablespaces: {{ /srv/fast: /data/fast }} }} }}\n",
        body("server2")
    );
    lab.inventory(&mapped);
    let anew = [
        "-i",
        path,
        "rebuild",
        "server2",
        "--auto-approve",
        "--confirm",
        "server2",
    ];
    let writer = Writer::start(&lab, "server1", "server1", "server1");
    let mut earlier = BTreeSet::new();
    let asked = [&anew[..], &["--from", "primary"]].concat();
    for _ in 0..2 {
        cut(&lab, path, &asked, &mut earlier);
    }
    let kills = 2 + cut_after_every_step(&lab, path, &anew);
    assert!(kills >= 4, "only {kills} steps were cut");
    lab.converge(&inventory);
    let (rows, missing) = writer.stop("server1");
    assert!(rows > 10 && missing.is_empty(), "lost {missing:?}");
    lab.until(
        "server2",
        "select count(*) from acked",
        &lab.sql("server1", "select count(*) from acked"),
    );
    lab.until("server2", "select count(*) from t", "1000");
    let data = format!("/var/lib/postgresql/{}/main", release().1);
    let aside = lab.on(
        "server2",
        &format!("ls -d {data}.pgrepl-2* /srv/fast.pgrepl-2*"),
    );
    assert_eq!(aside.lines().count(), 2, "{aside}");
    assert_eq!(
        lab.on("server2", &format!("readlink {data}/pg_tblspc/*")),
        "/data/fast"
    );

    // Something else stands where the standby should, or another cluster: nothing is touched.
    let look = format!("cd {data}; find . -type f | sort | xargs sha256sum | sha256sum");
    for (place, said) in [
        (
            format!("mkdir {data}; echo mine >{data}/letter"),
            "holds something that is no PostgreSQL instance",
        ),
        (
            format!(
                "setpriv --reuid postgres --regid postgres --init-groups /usr/lib/postgresql/{}/bin/initdb -D {data} >/dev/null",
                release().1
            ),
            "holds another cluster",
        ),
    ] {
        lab.on(
            "server2",
            &format!(
                "systemctl stop postgresql@{}-main; mv {data} {data}.kept; {place}",
                release().1
            ),
        );
        let before = lab.on("server2", &look);
        let other = rebuild(&["--confirm", "server2"]);
        assert_eq!(other.code, 7, "{}", other.err);
        assert!(other.err.contains(said), "{}", other.err);
        assert_eq!(before, lab.on("server2", &look));
        lab.on("server2", &format!("rm -r {data}; mv {data}.kept {data}"));
    }
    lab.converge(&inventory);

    // The primary crashes and is given up although its host lives: it is fenced, recovered and rewound.
    lab.on("server1", "pkill -9 -u postgres postgres");
    lab.on(
        "server1",
        "while pgrep -u postgres -x postgres; do sleep 0.1; done",
    );
    let failover = |more: &[&str]| {
        lab.pgrepl(
            &[
                &[
                    "failover",
                    path,
                    "--to",
                    "server2",
                    "--auto-approve",
                    "--confirm",
                    "server1",
                ],
                more,
            ]
            .concat(),
        )
    };
    let mild = failover(&[]);
    assert_eq!(mild.code, 7, "{}", mild.err);
    assert!(
        mild.err.contains("starting it again loses nothing"),
        "{}",
        mild.err
    );
    let forced = failover(&["--force"]);
    assert_eq!(forced.code, 0, "{}{}", forced.out, forced.err);
    let status = lab.pgrepl(&["status", path]);
    assert!(status.out.contains("fenced"), "{}", status.out);
    lab.pgrepl(&["apply", path, "--auto-approve"]);
    assert_eq!(
        lab.on("server1", "pg_lsclusters -h | awk '{ print $4 }'"),
        "down"
    );
    let back = lab.pgrepl(&[
        "-i",
        path,
        "rebuild",
        "server1",
        "--confirm",
        "server1",
        "--auto-approve",
    ]);
    assert_eq!(back.code, 0, "{}{}", back.out, back.err);
    lab.until("server1", "select count(*) from t", "1000");
    assert_eq!(lab.pgrepl(&["check", path]).code, 0);

    lab.inventory(&format!("{mapped}backup: {{ mount: /mnt/backups }}\n"));
    rewound_with_wal_from_the_archive(&lab, &inventory);
    attached_without_new_data(&lab, path);
}
