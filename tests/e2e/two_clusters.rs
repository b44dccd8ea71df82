//! Two clusters on the same two hosts: each is set up and changed, and the other does not notice.

use std::path::PathBuf;
use std::process::Stdio;

use crate::lab::Lab;

const SHOP: &str = "5432";
const BLOG: &str = "5433";

fn inventory(lab: &Lab, cluster: &str, postgresql: &str, primary: &str, standby: &str) -> PathBuf {
    let text = format!(
        "cluster: {cluster}\nssh: {{ config_file: {} }}\nreplication: {{ password: {{ env: SHOP_PASSWORD }} }}\n\
         postgresql: {{ version: 15, {postgresql} }}\nprimary: {primary}\nstandbys: [{standby}]\n",
        lab.ssh_config()
    );
    lab.file(&format!("{cluster}.yaml"), &text)
}

fn sql(lab: &Lab, host: &str, port: &str, sql: &str) -> String {
    lab.on(
        host,
        &format!("cd /; setpriv --reuid postgres --regid postgres --init-groups psql -XAtq -p {port} -d postgres -c \"{sql}\""),
    )
}

/// What shows that nobody touched a cluster: its postmasters, its files, its data directories.
fn traces(lab: &Lab, instance: &str) -> Vec<String> {
    ["server1", "server2"]
        .iter()
        .map(|host| {
            lab.on(
                host,
                &format!(
                    "head -n 3 /var/lib/postgresql/15/{instance}/postmaster.pid; \
                     sha256sum /etc/postgresql/15/{instance}/*.conf; ls -d /var/lib/postgresql/15/{instance}*"
                ),
            )
        })
        .collect()
}

fn matches(lab: &Lab, path: &str) {
    let plan = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{path}: {}{}", plan.out, plan.err);
}

#[test]
fn two_clusters_live_on_the_same_hosts_and_leave_each_other_alone() {
    let lab = Lab::up("twoclusters", &["server1=12:pg", "server2=12:ufw"]);
    let shop = inventory(&lab, "shop", "instance: shop", "server1", "server2");
    lab.converge(&shop);

    // The port of another cluster is seen before anything is done.
    let blog = inventory(&lab, "blog", "instance: blog", "server2", "server1");
    let (shop_path, blog_path) = (shop.to_str().unwrap(), blog.to_str().unwrap());
    let taken = lab.pgrepl(&["apply", blog_path, "--auto-approve"]);
    assert_ne!(taken.code, 0, "{}{}", taken.out, taken.err);
    let message = "left alone: port 5432 is taken by postgres, process ";
    assert_eq!(taken.out.matches(message).count(), 2, "{}", taken.out);
    assert!(
        taken.out.contains(" in /var/lib/postgresql/15/shop"),
        "{}",
        taken.out
    );
    for host in ["server1", "server2"] {
        assert_eq!(lab.on(host, "ls /etc/postgresql/15"), "shop", "{host}");
    }
    matches(&lab, shop_path);
    // Also when it is stopped just now.
    for host in ["server2", "server1"] {
        lab.on(host, "systemctl stop postgresql@15-shop");
    }
    let set = lab.pgrepl(&["plan", blog_path]).out;
    let message = "port 5432 is set in /etc/postgresql/15/shop/postgresql.conf";
    assert_eq!(set.matches(message).count(), 2, "{set}");
    lab.converge(&shop);

    let before = traces(&lab, "shop");
    inventory(
        &lab,
        "blog",
        "instance: blog, port: 5433",
        "server2",
        "server1",
    );
    lab.converge(&blog);
    matches(&lab, shop_path);
    assert_eq!(before, traces(&lab, "shop"));
    sql(&lab, "server1", SHOP, "create table shop (i int)");
    sql(&lab, "server2", BLOG, "create table blog (i int)");
    for (host, port, table) in [("server2", SHOP, "shop"), ("server1", BLOG, "blog")] {
        let seen = format!(
            "cd /; until [ \"$(setpriv --reuid postgres --regid postgres --init-groups psql -XAtq -p {port} -d postgres \
             -c 'select count(*) from {table}' 2>/dev/null)\" = 0 ]; do sleep 0.1; done"
        );
        lab.on(
            host,
            &format!("timeout 60 sh -c '{}'", seen.replace('\'', "'\\''")),
        );
        assert_eq!(sql(&lab, host, port, "select pg_is_in_recovery()"), "t");
        let tables = sql(
            &lab,
            host,
            port,
            "select string_agg(tablename, ',') from pg_tables where schemaname = 'public'",
        );
        assert_eq!(tables, table, "{host}");
    }
    for host in ["server1", "server2"] {
        let lines = lab.on(host, "grep -c '^# >>> pgrepl' /var/lib/postgresql/.pgpass");
        assert_eq!(lines, "2", "{host}");
    }
    let rules = lab.on("server2", "ufw show added");
    assert!(
        rules.contains("port 5432 proto tcp comment 'pgrepl shop'")
            && rules.contains("port 5433 proto tcp comment 'pgrepl blog'"),
        "{rules}"
    );

    // The roles of one change; the other does not notice.
    let before = traces(&lab, "blog");
    let ran = lab.pgrepl(&["switchover", shop_path, "--to", "server2", "--auto-approve"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(before, traces(&lab, "blog"));
    matches(&lab, blog_path);
    assert_eq!(
        sql(&lab, "server2", SHOP, "select pg_is_in_recovery()"),
        "f"
    );
    assert_eq!(
        sql(&lab, "server2", BLOG, "select pg_is_in_recovery()"),
        "f"
    );

    // One is copied anew; what is set aside is its own.
    inventory(&lab, "shop", "instance: shop", "server2", "server1");
    let before = traces(&lab, "shop");
    let ran = lab.pgrepl(&[
        "-i",
        blog_path,
        "rebuild",
        "server1",
        "--from",
        "primary",
        "--confirm",
        "server1",
        "--auto-approve",
    ]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(before, traces(&lab, "shop"));
    let aside = lab.on("server1", "ls -d /var/lib/postgresql/15/*.pgrepl-*");
    assert!(
        aside.starts_with("/var/lib/postgresql/15/blog.pgrepl-"),
        "{aside}"
    );

    // Both are changed at the same time.
    inventory(
        &lab,
        "shop",
        "instance: shop, parameters: { max_connections: 110 }",
        "server2",
        "server1",
    );
    inventory(
        &lab,
        "blog",
        "instance: blog, port: 5433, parameters: { max_connections: 120 }",
        "server2",
        "server1",
    );
    let runs: Vec<_> = [shop_path, blog_path]
        .iter()
        .map(|path| {
            let mut command = lab.command(&["apply", path, "--auto-approve"]);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for run in runs {
        let ran = lab.finish(run);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
    for host in ["server1", "server2"] {
        assert_eq!(
            sql(&lab, host, SHOP, "show max_connections"),
            "110",
            "{host}"
        );
        assert_eq!(
            sql(&lab, host, BLOG, "show max_connections"),
            "120",
            "{host}"
        );
    }
    matches(&lab, shop_path);
    matches(&lab, blog_path);

    // A port that is not the server's is not asked: the other cluster would answer.
    inventory(&lab, "blog", "instance: blog", "server2", "server1");
    let other = lab.pgrepl(&["plan", blog_path]);
    assert_ne!(other.code, 0, "{}", other.out);
    let said = format!("{}{}", other.out, other.err);
    assert!(
        said.contains("server2 runs on port 5433, not on that of the inventory"),
        "{said}"
    );
}
