//! Every release of Debian in the lab, with its own PostgreSQL.

use crate::lab::Lab;

mod el7;

/// What the server programs of a row can do.
#[derive(PartialEq)]
enum Tools {
    /// Everything.
    All,
    /// initdb, pg_ctl and postgres: nothing that reads or mends the files of a stopped server.
    ServerOnly,
}

/// The matrix: a row more is a line more. `make test` runs the rows marked so, `make test-matrix` all of them.
macro_rules! matrix {
    ($($test:ident: $kind:literal, $version:literal, $tools:ident $(, $ignored:meta)?;)+) => {
        $(
            #[test]
            $(#[$ignored])?
            fn $test() {
                row($kind, $version, &Tools::$tools);
            }
        )+
    };
}

matrix! {
    debian_12_with_postgresql_10: "12:pg10", "10", ServerOnly, ignore = "make test-matrix";
    debian_12_with_postgresql_11: "12:pg11", "11", ServerOnly;
    debian_12_with_postgresql_12: "12:pg12", "12", ServerOnly, ignore = "make test-matrix";
    debian_11_with_postgresql_13: "11:pg", "13", All;
    debian_12_with_postgresql_14: "12:pg14", "14", All, ignore = "make test-matrix";
    debian_12_with_postgresql_15: "12:pg", "15", All, ignore = "make test-matrix";
    debian_13_with_postgresql_16: "13:pg16", "16", All, ignore = "make test-matrix";
    debian_13_with_postgresql_17: "13:pg", "17", All;
    debian_forky_with_postgresql_18: "forky:pg", "18", All;
}

/// A pair is made, changed, and changes its roles.
fn row(kind: &str, version: &str, tools: &Tools) {
    let lab = Lab::up(
        &format!("row{version}"),
        &[&format!("server1={kind}"), &format!("server2={kind}")],
    );
    let body = |more: &str| {
        format!(
            "postgresql: {{ version: {version}{more} }}\nprimary: server1\nstandbys: [server2]\n"
        )
    };
    let inventory = lab.inventory(&body(""));
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    let check = lab.pgrepl(&["check", path]);
    assert_eq!(check.code, 0, "{kind}: {}{}", check.out, check.err);
    let status = lab.pgrepl(&["status", path, "--exit-code"]);
    assert_eq!(status.code, 0, "{kind}: {}{}", status.out, status.err);
    // One parameter that needs a restart of both, the standby first, and one that needs none.
    lab.inventory(&body(
        ", parameters: { max_connections: 130, work_mem: 5MB }",
    ));
    lab.converge(&inventory);
    for host in ["server1", "server2"] {
        assert_eq!(lab.sql(host, "show max_connections"), "130", "{kind}");
        assert_eq!(lab.sql(host, "show work_mem"), "5MB", "{kind}");
    }
    let found = lab.sql("server1", "show server_version");
    assert!(found.starts_with(version), "{kind}: {found}");
    lab.inventory(&body(""));
    lab.converge(&inventory);
    assert_eq!(lab.sql("server2", "show max_connections"), "100", "{kind}");
    assert_eq!(lab.pgrepl(&["check", path]).code, 0, "{kind}");
    assert_eq!(
        lab.sql(
            "server1",
            "select count(*) from pg_namespace where nspname = 'pgrepl_check'"
        ),
        "0"
    );
    match tools {
        Tools::All => change_roles(&lab, path, kind),
        Tools::ServerOnly => without_control_file(&lab, path, kind),
    }
}

/// What needs the control file of a stopped server is refused; the rest works without it.
fn without_control_file(lab: &Lab, path: &str, kind: &str) {
    let ran = |code: i32, arguments: &[&str]| {
        let ran = lab.pgrepl(arguments);
        assert_eq!(
            ran.code, code,
            "{kind}: {arguments:?}: {}{}",
            ran.out, ran.err
        );
        ran
    };
    let refused = ran(
        7,
        &["switchover", path, "--to", "server2", "--auto-approve"],
    );
    assert!(
        refused.err.contains("server1 has no pg_controldata in"),
        "{kind}: {}",
        refused.err
    );
    let rebuild = [
        "-i",
        path,
        "rebuild",
        "server2",
        "--from",
        "primary",
        "--confirm",
        "server2",
        "--auto-approve",
    ];
    ran(0, &rebuild);
    lab.sql(
        "server1",
        "create table t as select generate_series(1, 1000) i",
    );
    lab.until("server2", "select count(*) from t", "1000");
    // Stopped, nothing tells what it holds; but it is marked as a standby and can be nothing else.
    lab.on(
        "server2",
        "pg_ctlcluster $(pg_lsclusters -h | cut -c 1-2) main stop",
    );
    ran(0, &["apply", path, "--auto-approve"]);
    lab.until("server2", "select count(*) from t", "1000");
    // The primary dies; its standby is promoted by pg_ctl, and the dead one copied from it.
    lab.on(
        "server1",
        "pkill -9 -u postgres postgres; while pgrep -u postgres -x postgres; do sleep 0.1; done",
    );
    let failover = [
        "failover",
        path,
        "--to",
        "server2",
        "--force",
        "--confirm",
        "server1",
        "--auto-approve",
    ];
    ran(0, &failover);
    lab.sql("server2", "insert into t values (0)");
    ran(
        0,
        &[
            "-i",
            path,
            "rebuild",
            "server1",
            "--confirm",
            "server1",
            "--auto-approve",
        ],
    );
    lab.until("server1", "select count(*) from t", "1001");
    ran(0, &["check", path]);
    let again = ran(0, &["plan", path, "--detailed-exitcode"]);
    assert!(again.out.contains("Nothing to do"), "{kind}: {}", again.out);
}

/// There, back after a crash, and the crashed one rewound.
fn change_roles(lab: &Lab, path: &str, kind: &str) {
    let ran = |arguments: &[&str]| {
        let ran = lab.pgrepl(arguments);
        assert_eq!(ran.code, 0, "{kind}: {arguments:?}: {}{}", ran.out, ran.err);
        ran
    };
    lab.sql(
        "server1",
        "create table t as select generate_series(1, 1000) i",
    );
    ran(&["switchover", path, "--to", "server2", "--auto-approve"]);
    assert_eq!(
        lab.sql("server2", "select pg_is_in_recovery()"),
        "f",
        "{kind}"
    );
    assert_eq!(
        lab.sql("server2", "select count(*) from t"),
        "1000",
        "{kind}"
    );
    // What the crashed one writes after this is on it alone.
    lab.sql("server1", "select pg_wal_replay_pause()");
    lab.sql(
        "server2",
        "create table only_there as select generate_series(1, 1000) i; checkpoint",
    );
    lab.sql(
        "server1",
        "select pg_terminate_backend(pid) from pg_stat_wal_receiver",
    );
    lab.on(
        "server2",
        "pkill -9 -u postgres postgres; while pgrep -u postgres -x postgres; do sleep 0.1; done",
    );
    lab.sql("server1", "select pg_wal_replay_resume()");
    ran(&[
        "failover",
        path,
        "--to",
        "server1",
        "--force",
        "--confirm",
        "server2",
        "--auto-approve",
    ]);
    lab.sql("server1", "insert into t values (0)");
    let back = ran(&[
        "-i",
        path,
        "rebuild",
        "server2",
        "--confirm",
        "server2",
        "--auto-approve",
    ]);
    assert!(
        back.err.contains("rewind to the history of server1"),
        "{kind}: {}",
        back.err
    );
    lab.until("server2", "select count(*) from t", "1001");
    ran(&[
        "-i",
        path,
        "rebuild",
        "server2",
        "--from",
        "primary",
        "--confirm",
        "server2",
        "--auto-approve",
    ]);
    ran(&["check", path]);
    let again = ran(&["plan", path, "--detailed-exitcode"]);
    assert!(again.out.contains("Nothing to do"), "{kind}: {}", again.out);
}
