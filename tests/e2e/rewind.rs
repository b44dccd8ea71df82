//! An old primary that comes back: with WAL that only the archive still has, and with nothing that the new one lacks.

use std::path::Path;

use crate::backup::archived;
use crate::lab::{Lab, Ran, release};

fn failover(lab: &Lab, path: &str, to: &str, from: &str) -> Ran {
    let done = lab.pgrepl(&[
        "failover",
        path,
        "--to",
        to,
        "--confirm",
        from,
        "--force",
        "--auto-approve",
    ]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    done
}

fn rebuild(lab: &Lab, path: &str, host: &str) -> Ran {
    let done = lab.pgrepl(&[
        "--verbose",
        "-i",
        path,
        "rebuild",
        host,
        "--confirm",
        host,
        "--auto-approve",
    ]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    done
}

/// server2 leads, goes on alone, and crashes; what its WAL has of the common history is in the archive only.
pub fn rewound_with_wal_from_the_archive(lab: &Lab, inventory: &Path) {
    let path = inventory.to_str().unwrap();
    lab.converge(inventory);
    lab.sql("server2", "checkpoint");
    lab.sql(
        "server2",
        "create table kept as select generate_series(1, 1000) i",
    );
    archived(lab, "server2");
    let now = lab.sql("server2", "select pg_current_wal_lsn()");
    lab.until(
        "server1",
        &format!("select pg_last_wal_replay_lsn() >= '{now}'"),
        "t",
    );
    let hba = "/etc/postgresql/*/main/pg_hba.conf";
    lab.on(
        "server2",
        &format!("cp -p {hba} /root/hba; sed -i '/^host *replication/d' {hba}"),
    );
    lab.sql("server2", "select pg_reload_conf()");
    lab.until(
        "server2",
        "select count(*) from (select pg_terminate_backend(pid) from pg_stat_replication) t",
        "0",
    );
    archived(lab, "server2");
    // What comes after the last segment that was archived is on it alone.
    lab.sql("server2", "insert into kept values (-1)");
    lab.sql("server2", "checkpoint");
    let major = release().1;
    lab.on(
        "server2",
        &format!(
            "pkill -9 -u postgres postgres; while pgrep -u postgres -x postgres; do sleep 0.1; done; cp -p /root/hba {hba}"
        ),
    );
    let gone = lab.on(
        "server2",
        &format!(
            "cd /var/lib/postgresql/{major}/main/pg_wal; \
             last=$(/usr/lib/postgresql/{major}/bin/pg_controldata .. | sed -n 's/.*REDO WAL file: *//p'); \
             for file in 0*; do case $file in *.*) ;; \"$last\") break ;; *) ls /mnt/backups/shop/wal/$file.gz && rm $file ;; esac; done"
        ),
    );
    assert!(gone.lines().count() >= 2, "{gone}");
    let told = failover(lab, path, "server1", "server2");
    let lost: Option<u64> = told
        .out
        .split_once(": at least ")
        .and_then(|(_, bytes)| bytes.split_once(" bytes")?.0.parse().ok());
    assert!(lost.is_some_and(|bytes| bytes > 0), "{}", told.out);
    lab.sql("server1", "insert into kept values (-2)");
    let done = rebuild(lab, path, "server2");
    assert!(
        done.err.contains("rewind to the history of server1")
            && done.err.contains("came from the archive"),
        "{}",
        done.err
    );
    lab.until("server2", "select count(*) from kept where i = -2", "1");
    assert_eq!(
        lab.sql("server2", "select count(*), min(i) from kept"),
        "1001|-2"
    );
    assert_eq!(lab.sql("server2", "select count(*) from t"), "1000");
    lab.converge(inventory);
}

/// server1 leads and is stopped cleanly: server2 has all it had.
pub fn attached_without_new_data(lab: &Lab, path: &str) {
    let major = release().1;
    let place =
        format!("stat -c %i /var/lib/postgresql/{major}/main; ls /var/lib/postgresql/{major}");
    let before = lab.on("server1", &place);
    lab.on(
        "server1",
        &format!("systemctl stop postgresql@{major}-main"),
    );
    failover(lab, path, "server2", "server1");
    lab.sql("server2", "insert into kept values (-3)");
    let done = rebuild(lab, path, "server1");
    assert!(done.out.contains("needs no new data"), "{}", done.out);
    for costly in ["rewind", "base backup", "set aside"] {
        assert!(!done.err.contains(costly), "{costly}: {}", done.err);
    }
    assert_eq!(lab.on("server1", &place), before);
    lab.until("server1", "select count(*) from kept where i = -3", "1");
    let again = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert!(again.out.contains("Nothing to do"), "{}", again.out);
}
