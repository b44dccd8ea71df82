//! Every release of Debian in the lab, with its own PostgreSQL.

use crate::lab::Lab;

/// Release of Debian, major version of PostgreSQL. A row more is a line more, and its base in the Makefile.
const ROWS: [(&str, &str); 3] = [("11", "13"), ("13", "17"), ("forky", "18")];

#[test]
fn a_pair_is_made_and_changed_on_every_release() {
    for (release, version) in ROWS {
        let kind = format!("{release}:pg");
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
        assert_eq!(check.code, 0, "{release}: {}{}", check.out, check.err);
        let status = lab.pgrepl(&["status", path, "--exit-code"]);
        assert_eq!(status.code, 0, "{release}: {}{}", status.out, status.err);
        // One parameter that needs a restart of both, the standby first, and one that needs none.
        lab.inventory(&body(
            ", parameters: { max_connections: 130, work_mem: 5MB }",
        ));
        lab.converge(&inventory);
        for host in ["server1", "server2"] {
            assert_eq!(lab.sql(host, "show max_connections"), "130", "{release}");
            assert_eq!(lab.sql(host, "show work_mem"), "5MB", "{release}");
        }
        let found = lab.sql(
            "server1",
            "select current_setting('server_version_num')::int / 10000",
        );
        assert_eq!(found, version);
        lab.inventory(&body(""));
        lab.converge(&inventory);
        assert_eq!(
            lab.sql("server2", "show max_connections"),
            "100",
            "{release}"
        );
        assert_eq!(lab.pgrepl(&["check", path]).code, 0, "{release}");
        assert_eq!(
            lab.sql(
                "server1",
                "select count(*) from pg_namespace where nspname = 'pgrepl_check'"
            ),
            "0"
        );
    }
}
