//! A PgBouncer in front of a pair: its clients wait while the primary changes, and are never left at a standby.

use std::collections::BTreeSet;

use crate::cut::cut;
use crate::lab::{Lab, release};
use crate::writer::{RULE, Writer};

fn inventory() -> String {
    format!(
        "postgresql: {{ version: {}, {RULE} }}\nprimary: server1\nstandbys: [server2]\n\
         clients: {{ pgbouncer: [ {{ host: pool1, databases: [postgres] }}, {{ host: server1, databases: [postgres] }} ], \
         health: {{ port: 8008 }} }}\n",
        release().1
    )
}

/// Configures it as an owner would: what is below concerns nobody but him.
pub fn pooler(lab: &Lab) {
    lab.on(
        "pool1",
        "printf '%s\\n' '[databases]' '%include /etc/pgbouncer/shop.ini' 'other = host=server1' '[pgbouncer]' \
         'logfile = /var/log/postgresql/pgbouncer.log' 'pidfile = /var/run/postgresql/pgbouncer.pid' 'listen_addr = *' \
         'listen_port = 6432' 'unix_socket_dir = /var/run/postgresql' 'auth_type = any' 'pool_mode = transaction' \
         >/etc/pgbouncer/pgbouncer.ini; \
         printf '%s\\n' '; ours' \"postgres = host=server1 user=app password='app' ; dbname=x\" | sed 's/ ; dbname=x//' >/etc/pgbouncer/shop.ini; \
         chown postgres:postgres /etc/pgbouncer/shop.ini; chmod 640 /etc/pgbouncer/shop.ini; systemctl start pgbouncer",
    );
}

/// Configures another one on the host of a server, which leads to that over its socket, and whose console is reached over it too.
fn pooler_of_a_server(lab: &Lab) {
    lab.on(
        "server1",
        "printf '%s\\n' '[databases]' 'postgres = user=postgres' '[pgbouncer]' 'logfile = /var/log/postgresql/pgbouncer.log' \
         'pidfile = /var/run/postgresql/pgbouncer.pid' 'listen_addr = 127.0.0.1' 'unix_socket_dir = /var/run/postgresql' \
         'auth_type = any' 'pool_mode = transaction' >/etc/pgbouncer/pgbouncer.ini; systemctl start pgbouncer",
    );
}

/// The server that a client of the pooler meets, and whether it takes writes.
fn met(lab: &Lab) -> String {
    lab.on(
        "pool1",
        "psql -XAtq -h 127.0.0.1 -p 6432 -U app postgres -c \"select pg_is_in_recovery() || ' ' || host(inet_server_addr())\"",
    )
}

fn address(lab: &Lab, host: &str) -> String {
    let all = lab.on(host, "hostname -I");
    all.split_whitespace().next().unwrap_or_default().to_owned()
}

/// Configures HAProxy with what pgrepl has for it.
fn balancer(lab: &Lab, path: &str) {
    let out = lab.path("rendered");
    let ran = lab.pgrepl(&[
        "render",
        path,
        "--file",
        "haproxy.cfg",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    lab.send(
        "pool1",
        &out.join("clients/haproxy.cfg"),
        "/etc/haproxy/haproxy.cfg",
    );
    lab.on("pool1", "systemctl start haproxy");
    for (host, health, status) in [
        ("server1", "primary", "200"),
        ("server1", "replica", "503"),
        ("server2", "primary", "503"),
        ("server2", "replica", "200"),
        ("server2", "health", "200"),
        ("server2", "else", "503"),
    ] {
        let ask = format!(
            "exec 3<>/dev/tcp/{host}/8008; printf 'GET /{health} HTTP/1.1\r\nHost: x\r\n\r\n' >&3; head -n 1 <&3 | cut -d ' ' -f 2"
        );
        let told = lab.tell("exec", &["pool1", "bash", "-c", &ask]);
        assert_eq!(told.trim(), status, "{host} /{health}");
    }
}

/// Waits until the balancer leads who writes to this server, and who reads to the other one.
fn balanced(lab: &Lab, to: &str) {
    balances(lab, 5000, &format!("false {}", address(lab, to)));
    balances(lab, 5001, "true");
}

fn balances(lab: &Lab, port: u16, wanted: &str) {
    let ask = format!(
        "for i in $(seq 100); do told=$(PGPASSWORD=app PGCONNECT_TIMEOUT=2 psql -XAtq -h 127.0.0.1 -p {port} -U app postgres \
             -c \"select pg_is_in_recovery() || ' ' || host(inet_server_addr())\" 2>/dev/null); \
             case $told in '{wanted}'*) exit 0 ;; esac; sleep 0.1; done; echo \"$told\" >&2; exit 1"
    );
    lab.on("pool1", &ask);
}

/// A pair and the host of a pooler, set up.
fn hosts(name: &str) -> (Lab, std::path::PathBuf) {
    let kind = |flavour: &str| format!("{}:{flavour}", release().0);
    let (pg, pool) = (kind("pg"), kind("pool"));
    let lab = Lab::up(
        name,
        &[
            &format!("server1={pool}"),
            &format!("server2={pg}"),
            &format!("pool1={pool}"),
        ],
    );
    let inventory = lab.inventory(&inventory());
    pooler(&lab);
    pooler_of_a_server(&lab);
    lab.converge(&inventory);
    (lab, inventory)
}

#[test]
fn clients_of_a_pooler_notice_no_switchover() {
    let (lab, inventory) = hosts("pooler");
    let path = inventory.to_str().unwrap();
    let writer = Writer::start(&lab, "pool1", "server1", "127.0.0.1 port=6432");
    balancer(&lab, path);
    let whole = |to: &str| {
        let ran = lab.pgrepl(&["switchover", path, "--to", to, "--auto-approve"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert_eq!(met(&lab), format!("false {}", address(&lab, to)));
        writer.goes_on();
        balanced(&lab, to);
    };
    whole("server2");
    let own = lab.on(
        "server1",
        "head -n 2 /etc/pgbouncer/pgbouncer.ini | tail -n 1",
    );
    assert_eq!(
        own,
        format!("postgres = user=postgres host={}", address(&lab, "server2"))
    );
    // What the owner wrote stands there as before, and so does to whom it belongs.
    let file = lab.on(
        "pool1",
        "stat -c '%U:%G %a' /etc/pgbouncer/shop.ini; cat /etc/pgbouncer/shop.ini",
    );
    assert_eq!(
        file,
        "postgres:postgres 640\n; ours\npostgres = host=server2 user=app password='app'"
    );
    assert!(
        lab.on("pool1", "cat /etc/pgbouncer/pgbouncer.ini")
            .contains("other = host=server1")
    );
    let again = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
    whole("server1");

    // A transaction that does not end is a reason not to stop anything.
    lab.on(
        "pool1",
        "systemd-run -q -u stuck sh -c \"printf 'begin; select 1; select pg_sleep(600);' | psql -h 127.0.0.1 -p 6432 -U app postgres\"",
    );
    lab.until(
        "server1",
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep'",
        "1",
    );
    let life = lab.sql("server1", "select pg_postmaster_start_time()");
    let refused = lab.pgrepl(&["switchover", path, "--to", "server2", "--auto-approve"]);
    assert_eq!(refused.code, 7, "{}{}", refused.out, refused.err);
    assert!(
        refused.err.contains("nothing was stopped"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("1 of them still open"),
        "{}",
        refused.err
    );
    writer.goes_on();
    assert_eq!(
        lab.sql("server1", "select pg_postmaster_start_time()"),
        life
    );
    let ended = lab.pgrepl(&[
        "switchover",
        path,
        "--to",
        "server2",
        "--auto-approve",
        "--terminate-after",
        "1",
    ]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    writer.goes_on();
    // Until here every statement of the writer had its answer.
    let gaps = lab.on("pool1", "awk '$1 != NR { print; exit }' /tmp/acked");
    assert_eq!(gaps, "");

    // Killed while clients wait, they go on; typed again, it leads them to the new primary.
    let arguments = ["switchover", "--to", "server1", "--auto-approve"];
    for event in [
        "\"step_started\",\"step\":4",
        "promoted: it is the primary",
        "standby.signal",
    ] {
        lab.kill_at(path, &arguments, event);
        let paused = "psql -XAtq -F, -h /var/run/postgresql -p 6432 -U pgbouncer pgbouncer -c 'show databases'";
        let paused = format!(
            "for i in $(seq 50); do runuser -u postgres -- {paused} | grep -q ',1,0$' || exit 0; sleep 0.1; done; exit 1"
        );
        lab.on("pool1", &paused);
    }
    let ran = lab.pgrepl(&["switchover", path, "--to", "server1", "--auto-approve"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(met(&lab), format!("false {}", address(&lab, "server1")));
    writer.goes_on();

    // Led elsewhere by hand, it is told, and brought back.
    lab.on(
        "pool1",
        "sed -i s/host=server1/host=server2/ /etc/pgbouncer/shop.ini; systemctl reload pgbouncer",
    );
    let status = lab.pgrepl(&["status", path, "--exit-code"]);
    assert_eq!(status.code, 2, "{}{}", status.out, status.err);
    assert!(
        status
            .out
            .contains("points postgres to server2, and server1 leads"),
        "{}",
        status.out
    );
    assert_ne!(lab.pgrepl(&["check", path]).code, 0);
    lab.converge(&inventory);
    assert_eq!(met(&lab), format!("false {}", address(&lab, "server1")));
    assert_eq!(lab.pgrepl(&["check", path]).code, 0);
    let (rows, missing) = writer.stop("server1");
    assert!(
        rows > 10 && missing.is_empty(),
        "{rows} rows, lost {missing:?}"
    );
    gone(&lab, path);
}

/// The primary is gone: who waits for an answer of its does not wait for TCP to give up, and everybody else goes on.
fn gone(lab: &Lab, path: &str) {
    let new = format!("false {}", address(lab, "server2"));
    lab.on(
        "pool1",
        "systemd-run -q -u hung sh -c \"echo 'select pg_sleep(600)' | psql -h 127.0.0.1 -p 6432 -U app postgres\"",
    );
    lab.until(
        "server1",
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep'",
        "1",
    );
    lab.tell("cut", &["server1"]);
    let arguments = ["failover", path, "--to", "server2", "--force", "--confirm"];
    let ran = lab.pgrepl(&[&arguments[..], &["server1", "--auto-approve"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(met(lab), new);
    balances(lab, 5000, &new);
    let ended =
        "for i in $(seq 50); do systemctl is-active -q hung || exit 0; sleep 0.1; done; exit 1";
    lab.on("pool1", ended);
}

#[test]
#[ignore = "some minutes: cargo test --test e2e -- --ignored poolers"]
fn killed_after_any_step_clients_are_led_to_a_server_that_takes_writes() {
    let (lab, inventory) = hosts("poolkill");
    let path = inventory.to_str().unwrap();
    let writer = Writer::start(&lab, "pool1", "server1", "127.0.0.1 port=6432");
    let arguments = ["switchover", path, "--to", "server2", "--auto-approve"];
    let mut earlier = BTreeSet::new();
    while let Some(step) = cut(&lab, path, &arguments, &mut earlier) {
        let again = lab.pgrepl(&["apply", path, "--auto-approve"]);
        assert_eq!(again.code, 0, "{step}: {}{}", again.out, again.err);
        let met = met(&lab);
        assert!(met.starts_with("false "), "{step}: {met}");
        writer.goes_on();
        // Where the change was past its middle, it is made again from its beginning.
        if met.ends_with(&address(&lab, "server2")) {
            let back = lab.pgrepl(&["switchover", path, "--to", "server1", "--auto-approve"]);
            assert_eq!(back.code, 0, "{step}: {}{}", back.out, back.err);
        }
    }
    assert!(earlier.len() >= 8, "only {} steps were cut", earlier.len());
    assert_eq!(met(&lab), format!("false {}", address(&lab, "server2")));
    let (rows, missing) = writer.stop("server2");
    assert!(
        rows > 10 && missing.is_empty(),
        "{rows} rows, lost {missing:?}"
    );
}
