//! From hosts to a streaming pair, and on.

use std::collections::BTreeSet;

use crate::lab::{Lab, PASSWORD};

const PAIR: &str = "postgresql: { version: 15 }\nprimary: server1\nstandbys: [server2]\n";

#[test]
fn bare_hosts_become_a_streaming_pair() {
    let lab = Lab::up("bare", &["server1=12", "server2=12"]);
    let inventory = lab.inventory(PAIR);
    // What SQL, psql, libpq and pg_hba.conf take for something of their own.
    let role = "r$pgrepl$ %I :x; drop role postgres";
    let named = std::fs::read_to_string(&inventory).unwrap();
    let named = named.replace(
        "replication: {",
        &format!("replication: {{ user: \"{role}\","),
    );
    std::fs::write(&inventory, named).unwrap();
    let inventory = inventory.to_str().unwrap();

    for host in ["server1", "server2"] {
        let write = "printf '%s' \"$1\" >/run/needle; : >/run/found";
        lab.tell("exec", &[host, "sh", "-c", write, "sh", PASSWORD]);
        lab.on(
            host,
            "nohup sh -c 'while [ ! -e /run/enough ]; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null \
             | tr \"\\\\000\" \"\\\\n\" | grep -aFf /run/needle >>/run/found; echo >>/run/looks; sleep 0.05; done' >/dev/null 2>&1 &",
        );
    }

    // Reading changes nothing, on hosts without PostgreSQL and on hosts with it.
    let look = || -> BTreeSet<String> {
        ["server1", "server2"]
            .iter()
            .flat_map(|host| {
                let files = lab.tell("snapshot", &[host]);
                let files: Vec<String> = files.lines().map(|f| format!("{host} {f}")).collect();
                files
            })
            .collect()
    };
    let untouched = |when: &str| {
        let before = look();
        for command in [
            vec!["plan", inventory],
            vec!["status", inventory],
            vec!["-i", inventory, "doctor"],
            vec!["render", inventory],
            vec!["validate", inventory],
            vec!["apply", inventory, "--dry-run"],
            vec!["apply", inventory],
        ] {
            lab.pgrepl(&command);
        }
        let changed: Vec<String> = look().symmetric_difference(&before).cloned().collect();
        assert!(changed.is_empty(), "{when}: {changed:#?}");
    };
    untouched("before the first apply");
    // Nobody is there to approve: refused, not hung.
    assert_eq!(lab.pgrepl(&["apply", inventory]).code, 7);
    assert_eq!(
        lab.pgrepl(&["plan", inventory, "--detailed-exitcode"]).code,
        2
    );

    lab.converge(inventory.as_ref());
    untouched("after it");
    lab.sql(
        "server1",
        "create table t (i int); insert into t values (42)",
    );
    lab.until(
        "server2",
        "select count(*) from pg_class where relname = 't'",
        "1",
    );
    lab.until("server2", "select i from t", "42");
    assert_eq!(lab.sql("server2", "select pg_is_in_recovery()"), "t");
    assert_eq!(
        lab.sql(
            "server1",
            "select active from pg_replication_slots where slot_name = 'server2'"
        ),
        "t"
    );
    assert_eq!(lab.sql("server1", "show data_checksums"), "on");
    let status = lab.pgrepl(&["status", inventory, "--exit-code"]);
    assert_eq!(status.code, 0, "{}", status.out);
    assert!(status.out.contains("no problems"), "{}", status.out);

    a_host_chooses_names_and_not_facts(&lab, inventory);
    no_secret_of_a_host_is_shown(&lab, inventory);

    // A server does not replicate from itself.
    let itself = lab.on("server1", &format!("cd /; PGUSER='{role}' setpriv --reuid postgres --regid postgres --init-groups psql 'host=10.77.0.0 hostaddr='$(hostname -I | cut -d' ' -f1)' dbname=replication replication=1' -c IDENTIFY_SYSTEM 2>&1 || :"));
    assert!(itself.contains("pg_hba.conf rejects"), "{itself}");

    // No password anywhere on the hosts but in .pgpass, and none in a process list while all of it was done.
    for host in ["server1", "server2"] {
        let found = lab.on(host, "grep -rlFf /run/needle /etc /var/log /var/lib/postgresql/15 /tmp /run/pgrepl 2>/dev/null || :; journalctl --no-pager | grep -cFf /run/needle || :");
        assert_eq!(found, "0", "{host}");
        let looks = lab.on(host, "touch /run/enough; cat /run/found; wc -l </run/looks");
        let looks: usize = looks
            .parse()
            .unwrap_or_else(|_| panic!("{host}: a password in {looks}"));
        assert!(looks > 5, "{host}: only {looks} looks");
        assert_eq!(
            lab.on(host, "stat -c '%U %a' /var/lib/postgresql/.pgpass"),
            "postgres 600"
        );
    }
}

fn a_host_chooses_names_and_not_facts(lab: &Lab, inventory: &str) {
    // Any local user may listen on a port, in a directory of any name.
    let listen = "use IO::Socket::INET; mkdir $d; chdir $d or die; $s = IO::Socket::INET->new(LocalPort => 5432, Listen => 1) or die; sleep 600";
    lab.on("server2", "systemctl stop postgresql@15-main");
    lab.on(
        "server2",
        &format!("runuser -u nobody -- perl -e '$d = \"/tmp/x\\n\\@fact other_port 1\\n\\@exit 0\"; {listen}' >/dev/null 2>&1 & echo $! >/run/listener; sleep 1; ss -Hltn 'sport = :5432' | grep -q ."),
    );
    let plan = lab.pgrepl(&["plan", inventory]);
    let said = r"taken by perl, process";
    assert!(plan.out.contains(said), "{}", plan.out);
    let forged = r"/tmp/x\n@fact other_port 1\n@exit 0";
    assert!(plan.out.contains(forged), "{}", plan.out);
    lab.on("server2", "pkill -P $(cat /run/listener) perl || pkill -x perl; sleep 1; systemctl start postgresql@15-main; rm -rf /tmp/x*");
    lab.until("server1", "select count(*) from pg_stat_replication", "1");
    let strange = "/etc/postgresql/15/main/conf.d/x\n@fact at_work y.conf";
    lab.on(
        "server2",
        &format!("runuser -u postgres -- touch '{strange}'"),
    );
    let plan = lab.pgrepl(&["plan", inventory]);
    assert!(
        plan.out
            .contains(r"conf.d/x\n@fact at_work y.conf has a tab"),
        "{}",
        plan.out
    );
    lab.on("server2", &format!("rm '{strange}'"));
    // A line without end, before the answer begins.
    lab.on(
        "server2",
        "cd /home/admin; echo 'tr \"\\0\" x </dev/zero' >.bashrc",
    );
    let plan = lab.pgrepl(&["plan", inventory]);
    let said = "cannot read the answer of server2: expected lines of at most 16 MiB";
    assert!(plan.out.contains(said), "{}{}", plan.out, plan.err);
    lab.on("server2", "rm /home/admin/.bashrc");
}

fn no_secret_of_a_host_is_shown(lab: &Lab, inventory: &str) {
    let file = |name: &str| format!("/etc/postgresql/15/main/{name}");
    for name in ["postgresql.conf", "pg_hba.conf"] {
        lab.on("server2", &format!("cp -p {0} /run/{name}", file(name)));
    }
    let rules = "host all all 10.9.9.0/24 ldap ldapserver=x ldapbindpasswd=\"hunter2Canary\"\n# the password was hunter2Canary";
    lab.on(
        "server2",
        &format!(
            "printf '%s\\n' '{rules}' >>{}; printf '%s\\n' \"archive_command = 'PGPASSWORD=hunter2Canary true'\" \"#primary_conninfo = 'password=hunter2Canary'\" >>{}",
            file("pg_hba.conf"),
            file("postgresql.conf")
        ),
    );
    let saved = lab.path("saved.plan");
    let saved = saved.to_str().unwrap();
    for command in [
        &["plan", "--diff", "full"][..],
        &["plan", "--format", "markdown", "--diff", "full"],
        &["plan", "--format", "json", "--out", saved],
        &["plan", "-vv"],
        &["apply", "--dry-run", "--format", "jsonl"],
        &["status"],
        &["status", "--format", "json"],
        &["status", "--format", "markdown"],
        &["check", "-vv"],
        &["switchover", "--to", "server2", "--dry-run"],
    ] {
        let ran = lab.pgrepl(&[command, &[inventory]].concat());
        for said in [&ran.out, &ran.err] {
            assert!(!said.contains("hunter2Canary"), "{command:?}: {said}");
        }
    }
    let saved = std::fs::read_to_string(saved).unwrap();
    assert!(
        !saved.contains("hunter2Canary") && saved.contains("***"),
        "{saved}"
    );
    for name in ["postgresql.conf", "pg_hba.conf"] {
        lab.on("server2", &format!("mv /run/{name} {}", file(name)));
    }
    lab.converge(inventory.as_ref());
}

#[test]
fn a_server_with_a_history_keeps_it_and_gets_standbys() {
    let lab = Lab::up(
        "adopt",
        &["server1=12:main", "server2=12:pg", "server3=12:pg"],
    );
    lab.on("server1", "systemctl start postgresql@15-main; grep -c conf.d /etc/postgresql/15/main/postgresql.conf");
    let inventory = lab.inventory(
        "postgresql: { version: 15, parameters: { max_connections: 130 } }\nprimary: server1\nstandbys: [server2, server3]\nhosts: { server3: { upstream: server2, apply_delay: 1s } }\n",
    );
    let plan = lab.pgrepl(&["plan", inventory.to_str().unwrap()]);
    assert!(
        plan.out.contains("work_mem = 7MB")
            && plan
                .out
                .contains("host legacy all 10.0.0.0/8 scram-sha-256"),
        "{}",
        plan.out
    );
    assert!(
        plan.out
            .contains("ALTER SYSTEM has set maintenance_work_mem"),
        "{}",
        plan.out
    );
    assert!(!plan.out.contains("new database cluster"), "{}", plan.out);

    lab.converge(&inventory);
    for host in ["server1", "server2", "server3"] {
        assert_eq!(lab.sql(host, "show work_mem"), "7MB", "{host}");
        assert_eq!(lab.sql(host, "show max_connections"), "130", "{host}");
    }
    assert_eq!(
        lab.sql("server1", "show log_min_duration_statement"),
        "250ms"
    );
    assert_eq!(lab.sql("server2", "show maintenance_work_mem"), "96MB");
    assert!(
        lab.on("server1", "cat /etc/postgresql/15/main/pg_hba.conf")
            .contains("host legacy all 10.0.0.0/8 scram-sha-256")
    );
    assert!(
        lab.on("server1", "ls /etc/postgresql/15/main")
            .contains("postgresql.conf.before-pgrepl")
    );
    let kept = "setpriv --reuid postgres --regid postgres --init-groups psql -XAtq -d legacy -c 'select count(*) from kept'";
    assert_eq!(lab.on("server3", &format!("cd /; {kept}")), "1000");
    // server3 follows server2, not the primary.
    assert_eq!(
        lab.sql(
            "server1",
            "select string_agg(application_name, ',') from pg_stat_replication"
        ),
        "server2"
    );
    assert_eq!(
        lab.sql(
            "server2",
            "select string_agg(application_name, ',') from pg_stat_replication"
        ),
        "server3"
    );

    // Lowering a value needs the primary first and the standbys after it; raising the other way round.
    for most in ["110", "160"] {
        let inventory = lab.inventory(&format!(
            "postgresql: {{ version: 15, parameters: {{ max_connections: {most} }} }}\nprimary: server1\nstandbys: [server2, server3]\nhosts: {{ server3: {{ upstream: server2, apply_delay: 1s }} }}\n"
        ));
        lab.converge(&inventory);
        for host in ["server1", "server2", "server3"] {
            assert_eq!(lab.sql(host, "show max_connections"), most, "{host}");
        }
    }

    // server3 leaves: its slot and its rules go, the server itself stays as it is.
    let inventory = lab.inventory("postgresql: { version: 15, parameters: { max_connections: 160 } }\nprimary: server1\nstandbys: [server2]\n");
    // It streams: that needs a word.
    let path = inventory.to_str().unwrap();
    let slots = "select count(*) from pg_replication_slots where slot_name = 'server3'";
    let refused = lab.pgrepl(&["apply", path, "--auto-approve"]);
    assert_eq!(refused.code, 7, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("--confirm server3"), "{}", refused.err);
    assert_eq!(lab.sql("server2", slots), "1");
    let ran = lab.pgrepl(&["apply", path, "--auto-approve", "--confirm", "server3"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    lab.converge(&inventory);
    for host in ["server1", "server2"] {
        assert_eq!(lab.sql(host, slots), "0");
        let rules = lab.on(host, "cat /etc/postgresql/15/main/pg_hba.conf");
        assert!(!rules.contains("server3"), "{host}: {rules}");
    }
    assert_eq!(lab.sql("server3", "select pg_is_in_recovery()"), "t");
}
