//! Another minor version on real hosts, with runs that are killed in the middle.

use crate::backups::good;
use crate::lab::Lab;

#[test]
fn killed_in_the_middle_an_update_goes_on_and_ends_with_every_server_there() {
    let lab = Lab::up("update", &["server1=13:minors16", "server2=13:minors16"]);
    let inventory =
        lab.inventory("postgresql: { version: 16 }\nprimary: server1\nstandbys: [server2]\n");
    lab.converge(&inventory);
    let path = inventory.to_str().unwrap();
    lab.sql(
        "server1",
        "create table t as select i from generate_series(1, 1000) i",
    );
    let versions = || ["server1", "server2"].map(|host| lab.sql(host, "show server_version"));
    assert_eq!(versions(), ["16.13", "16.13"]);
    let shown = good(lab.pgrepl(&["update", path, "--dry-run"])).out;
    assert!(shown.contains("16.13 -> 16.15"), "{shown}");
    assert_eq!(versions(), ["16.13", "16.13"]);
    // A host that cannot install it keeps everybody else as he is.
    let broken = "mv /srv/postgresql /srv/away";
    lab.on("server2", broken);
    let failed = lab.pgrepl(&["update", path, "--auto-approve"]);
    assert_ne!(failed.code, 0);
    lab.on("server2", "mv /srv/away /srv/postgresql");
    assert_eq!(versions(), ["16.13", "16.13"]);
    let update = ["update", "--auto-approve", "--switch-back"];
    for step in [
        "packages postgresql-16",
        "restart postgresql@16-main",
        "stop postgresql@16-main",
    ] {
        assert!(lab.kill_at(path, &update, step).is_some(), "{step}");
    }
    let seen = lab.pgrepl(&["status", path]).out;
    assert!(seen.contains("an update that has not ended"), "{seen}");
    let done = good(lab.pgrepl(&["update", path, "--auto-approve", "--switch-back"])).err;
    assert!(
        done.contains("server1 runs 16.15, server2 runs 16.15"),
        "{done}"
    );
    assert_eq!(versions(), ["16.15", "16.15"]);
    assert_eq!(lab.sql("server1", "select count(*) from t"), "1000");
    for host in ["server1", "server2"] {
        assert_eq!(lab.on(host, "apt-mark showhold"), "");
    }
    let plan = good(lab.pgrepl(&["plan", path])).out;
    assert!(plan.contains("Nothing to do"), "{plan}");
    // A setting that needs a restart rides on a switchover, too.
    let next = lab.inventory(
        "postgresql: { version: 16, parameters: { shared_buffers: 160MB } }\nprimary: server1\nstandbys: [server2]\n",
    );
    let next = next.to_str().unwrap();
    good(lab.pgrepl(&["apply", next, "--via", "switchover", "--auto-approve"]));
    for host in ["server1", "server2"] {
        assert_eq!(lab.sql(host, "show shared_buffers"), "160MB");
    }
    let path = next;
    assert_eq!(lab.sql("server2", "select pg_is_in_recovery()"), "f");
    let again = good(lab.pgrepl(&["update", path, "--auto-approve"]));
    assert!(!format!("{}{}", again.out, again.err).contains("packages postgresql"));
}
