//! Changes of a pair that runs: parameters, passwords, synchronous standbys, saved plans.

use std::os::unix::fs::PermissionsExt;

use crate::lab::Lab;

#[test]
fn changes_are_planned_applied_and_undone_when_the_server_refuses_them() {
    let lab = Lab::up("change", &["server1=12:pg", "server2=12:pg"]);
    let pair = |more: &str| format!("{more}\nprimary: server1\nstandbys: [server2]\n");
    let inventory = lab.inventory(&pair("postgresql: { version: 15 }"));
    let path = inventory.to_str().unwrap().to_owned();
    lab.converge(&inventory);
    let started = lab.sql("server1", "select pg_postmaster_start_time()");

    // A parameter that only needs a reload does not restart anything.
    lab.inventory(&pair(
        "postgresql: { version: 15, parameters: { work_mem: 8MB } }",
    ));
    let plan = lab.pgrepl(&["plan", &path]);
    assert!(
        plan.out.contains("reload") && !plan.out.contains("restart of"),
        "{}",
        plan.out
    );
    lab.converge(&inventory);
    assert_eq!(lab.sql("server2", "show work_mem"), "8MB");
    assert_eq!(
        lab.sql("server1", "select pg_postmaster_start_time()"),
        started
    );

    // The same value in another spelling is no change of the server; gone from the file, it goes back.
    lab.inventory(&pair("postgresql: { version: 15 }"));
    lab.converge(&inventory);
    assert_eq!(lab.sql("server1", "show work_mem"), "4MB");

    // What the server understands is what the inventory says, whatever characters are in it.
    for value in ["it''s \\n $HOME; #1", "a\\\\b é % @", " 'x' "] {
        let yaml = value
            .replace("''", "'")
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        lab.inventory(&pair(&format!(
            "postgresql: {{ version: 15, parameters: {{ log_line_prefix: \"{yaml}\" }} }}"
        )));
        lab.converge(&inventory);
        let said = lab.sql(
            "server1",
            "select '|' || current_setting('log_line_prefix') || '|'",
        );
        assert_eq!(said, format!("|{}|", value.replace("''", "'")));
    }

    // A value that is valid and still cannot work: the old file is put back and the server runs.
    lab.inventory(&pair("postgresql: { version: 15 }\nhosts: { server1: { parameters: { shared_buffers: 900TB } } }"));
    let refused = lab.pgrepl(&["apply", &path, "--auto-approve"]);
    assert_eq!(refused.code, 3, "{}{}", refused.out, refused.err);
    lab.inventory(&pair("postgresql: { version: 15 }\nhosts: { server1: { parameters: { shared_buffers: 6TB, huge_pages: on } } }"));
    let refused = lab.pgrepl(&["apply", &path, "--auto-approve"]);
    assert_eq!(refused.code, 8, "{}{}", refused.out, refused.err);
    assert!(
        refused.err.contains("the old one was put back"),
        "{}",
        refused.err
    );
    assert_eq!(lab.sql("server1", "show shared_buffers"), "128MB");

    // A rule of the user's own template that PostgreSQL would not load never reaches a host.
    let before = lab.on("server1", "cat /etc/postgresql/15/main/pg_hba.conf");
    lab.file(
        "templates/pg_hba.conf.j2",
        "local all all peer\nhost all all 10.0.0.0/99 md5\n",
    );
    lab.inventory(&pair("postgresql: { version: 15 }\ntemplates: templates"));
    let refused = lab.pgrepl(&["apply", &path, "--auto-approve"]);
    assert_eq!(refused.code, 3, "{}{}", refused.out, refused.err);
    assert!(
        refused.err.contains("pg_hba.conf.j2") && refused.err.contains("/99"),
        "{}",
        refused.err
    );
    assert_eq!(
        lab.on("server1", "cat /etc/postgresql/15/main/pg_hba.conf"),
        before
    );

    // A plan is saved; the world moves; the plan is refused.
    lab.inventory(&pair(
        "postgresql: { version: 15, parameters: { work_mem: 9MB } }",
    ));
    lab.converge(&inventory);
    lab.inventory(&pair(
        "postgresql: { version: 15, parameters: { work_mem: 10MB } }",
    ));
    let saved = lab.file("saved.plan", "");
    let saved = saved.to_str().unwrap();
    assert_eq!(lab.pgrepl(&["plan", &path, "--out", saved]).code, 0);
    let mode = std::fs::metadata(saved).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    lab.on(
        "server1",
        "echo \"# by hand\" >>/etc/postgresql/15/main/postgresql.conf",
    );
    let stale = lab.pgrepl(&["apply", saved, "--auto-approve"]);
    assert_eq!(stale.code, 5, "{}{}", stale.out, stale.err);
    assert_eq!(lab.pgrepl(&["plan", &path, "--out", saved]).code, 0);
    let done = lab.pgrepl(&["apply", saved, "--auto-approve"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    assert_eq!(lab.sql("server2", "show work_mem"), "10MB");

    // Commits wait for the standby.
    let synchronous = std::fs::read_to_string(&inventory)
        .unwrap()
        .replace("replication: {", "replication: { synchronous: 1,");
    std::fs::write(&inventory, synchronous).unwrap();
    lab.converge(&inventory);
    assert_ne!(
        lab.sql("server1", "select sync_state from pg_stat_replication"),
        "async"
    );

    // A new password: the role and .pgpass change, and the standby comes back with it.
    let status = lab
        .command(&["apply", &path, "--auto-approve"])
        .env("SHOP_PASSWORD", "another one")
        .output()
        .unwrap();
    assert!(
        status.status.success(),
        "{}",
        String::from_utf8_lossy(&status.stderr)
    );
    lab.on("server2", "systemctl restart postgresql@15-main");
    lab.until(
        "server1",
        "select count(*) from pg_stat_replication where state = 'streaming'",
        "1",
    );
}
