//! Another minor version on real hosts, with runs that are killed in the middle.

use std::collections::BTreeSet;

use crate::backups::good;
use crate::cut::cut_at_begin;
use crate::lab::Lab;
use crate::writer::{RULE, Writer};

/// Gives a host two extensions of version 1.0.
fn old_extensions(lab: &Lab, host: &str) {
    lab.on(
        host,
        "cd /usr/share/postgresql/16/extension; for e in good bad; do printf \"default_version = '1.0'\\n\" >$e.control; \
         echo \"create table $e (i int);\" >$e--1.0.sql; done",
    );
}

/// Gives it their version 1.1, of which one cannot be had.
fn new_extensions(lab: &Lab, host: &str) {
    lab.on(
        host,
        "cd /usr/share/postgresql/16/extension; sed -i s/1.0/1.1/ good.control bad.control; \
         echo 'alter table good add j int;' >good--1.0--1.1.sql; echo 'alter table bad add half int; select 1/0;' >bad--1.0--1.1.sql",
    );
}

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
    for host in ["server1", "server2"] {
        lab.on(host, "mkdir -p /etc/needrestart/conf.d");
    }
    // A host that cannot install it keeps everybody else as he is.
    let broken = "mv /srv/postgresql /srv/away";
    lab.on("server2", broken);
    let failed = lab.pgrepl(&["update", path, "--auto-approve"]);
    assert_ne!(failed.code, 0);
    lab.on("server2", "mv /srv/away /srv/postgresql");
    assert_eq!(versions(), ["16.13", "16.13"]);
    let hosts = ["server1", "server2"];
    for host in hosts {
        old_extensions(&lab, host);
    }
    for database in ["postgres", "template1"] {
        for name in ["good", "bad"] {
            lab.on("server1", &format!("cd /; runuser -u postgres -- psql -XAtq -d {database} -c 'create extension {name}'"));
        }
    }
    for host in hosts {
        new_extensions(&lab, host);
    }
    let update = ["update", "--auto-approve", "--switch-back", "--extensions"];
    for step in [
        "packages postgresql-16",
        "restart postgresql@16-main",
        "stop postgresql@16-main",
    ] {
        assert!(lab.kill_at(path, &update, step).is_some(), "{step}");
    }
    let seen = lab.pgrepl(&["status", path]).out;
    assert!(seen.contains("an update that has not ended"), "{seen}");
    // What restarts servers after an update leaves this one alone meanwhile.
    let quiet = lab.on("server1", "cat /etc/needrestart/conf.d/*");
    assert!(quiet.contains("q(postgresql@16-main"), "{quiet}");
    // One extension fails, in each database: all else is done, and nothing is held for it.
    let failed = lab.pgrepl(&[
        "update",
        path,
        "--auto-approve",
        "--switch-back",
        "--extensions",
    ]);
    assert_ne!(failed.code, 0);
    assert!(
        failed.err.contains("2 of 4 extensions stay as they were"),
        "{}",
        failed.err
    );
    let extensions = "select string_agg(extname || ' ' || extversion, ', ' order by extname) from pg_extension where extname in ('good', 'bad')";
    assert_eq!(lab.sql("server1", extensions), "bad 1.0, good 1.1");
    assert_eq!(
        lab.sql(
            "server1",
            "select count(*) from pg_attribute where attname = 'half'"
        ),
        "0"
    );
    for host in hosts {
        let mend =
            "sed -i 's|select 1/0|select 1|' /usr/share/postgresql/16/extension/bad--1.0--1.1.sql";
        lab.on(host, mend);
    }
    let done = good(lab.pgrepl(&["update", path, "--auto-approve", "--extensions"])).err;
    assert!(
        done.contains("server1 runs 16.15, server2 runs 16.15"),
        "{done}"
    );
    assert_eq!(lab.sql("server1", extensions), "bad 1.1, good 1.1");
    assert_eq!(versions(), ["16.15", "16.15"]);
    assert_eq!(lab.sql("server1", "select count(*) from t"), "1000");
    for host in ["server1", "server2"] {
        assert_eq!(
            lab.on(host, "apt-mark showhold; ls /etc/needrestart/conf.d"),
            ""
        );
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

/// Kills an update as soon as a step begins, and types it again, until it has come to its end with all steps.
fn killed_at_every_step(name: &str, kind: &str, version: &str, versions: [&str; 2], held: &str) {
    let hosts = ["server1", "server2"];
    let lab = Lab::up(
        name,
        &hosts
            .map(|host| format!("{host}={kind}"))
            .each_ref()
            .map(String::as_str),
    );
    let inventory = lab.inventory(&format!(
        "postgresql: {{ version: {version}, {RULE} }}\nprimary: server1\nstandbys: [server2]\n"
    ));
    lab.converge(&inventory);
    let path = inventory.to_str().unwrap();
    let runs = || hosts.map(|host| lab.sql(host, "show server_version"));
    assert_eq!(runs(), [versions[0]; 2]);
    let writer = Writer::start(&lab, "server2", "server1", "server1,server2");
    let arguments = ["update", path, "--auto-approve", "--switch-back"];
    let mut earlier = BTreeSet::new();
    while cut_at_begin(&lab, path, &arguments, &mut earlier).is_some() {}
    assert!(
        earlier.len() >= 20,
        "only {} steps: {earlier:#?}",
        earlier.len()
    );
    writer.goes_on();
    assert_eq!(runs(), [versions[1]; 2]);
    assert_eq!(lab.sql("server1", "select pg_is_in_recovery()"), "f");
    let left = hosts.map(|host| {
        lab.on(
            host,
            &format!("{held}; ls -A /var/lib/pgrepl/shop | grep held || :"),
        )
    });
    assert_eq!(left, ["", ""]);
    let plan = good(lab.pgrepl(&["plan", path])).out;
    assert!(plan.contains("Nothing to do"), "{plan}");
    let (rows, missing) = writer.stop("server1");
    assert!(
        rows > 10 && missing.is_empty(),
        "{rows} rows, lost {missing:?}"
    );
}

#[test]
#[ignore = "some minutes: cargo test --test e2e -- --ignored killed_at_every_step"]
fn killed_at_every_step_an_update_of_debian_goes_on() {
    let held = "apt-mark showhold; dpkg --audit; test $(dpkg-query -W -f '${Version}\\n' postgresql-16 postgresql-client-16 | sort -u | wc -l) = 1";
    killed_at_every_step("upkill", "13:minors16", "16", ["16.13", "16.15"], held);
}

#[test]
#[ignore = "some minutes: cargo test --test e2e -- --ignored killed_at_every_step"]
fn killed_at_every_step_an_update_of_the_rhel_family_goes_on() {
    let held = "dnf -q versionlock list; test $(rpm -q --qf '%{VERSION}\\n' postgresql15 postgresql15-server | sort -u | wc -l) = 1";
    killed_at_every_step(
        "upkillrhel",
        "12:rhelminors",
        "15",
        ["15.17", "15.19"],
        held,
    );
}
