//! Servers with configurations as people have them (tests/configurations): brought under an inventory, alone and in pairs,
//! they have every setting, rule and map as before, and nobody is let in or kept out in another way.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::adopt::{describe, nothing_to_do, pgrepl};
use crate::lab::Lab;

/// On each host some, one after the other.
const ALONE: [(&str, &str, &[&str]); 4] = [
    (
        "server1",
        "15",
        &["typed-elsewhere", "layers", "directory-service"],
    ),
    (
        "server2",
        "15",
        &["refusing-first", "elsewhere", "many-bytes"],
    ),
    (
        "server3",
        "17",
        &[
            "certificates-only",
            "patterns",
            "changes-read",
            "carried-along",
        ],
    ),
    ("server4", RHEL, &["beside-data"]),
];

/// PostgreSQL 15 as the RHEL family has it, with its configuration beside its data.
const RHEL: &str = "15 of the RHEL family";

const PAIRS: [&str; 3] = ["layers", "refusing-first", "elsewhere"];

/// What follows from the roles, and where pgrepl has files that stood elsewhere: the plan says so.
const DECIDED: [&str; 5] = [
    "cluster_name",
    "hba_file",
    "ident_file",
    "primary_conninfo",
    "primary_slot_name",
];

/// What a server understands of its configuration.
struct Understood {
    settings: BTreeMap<String, String>,
    rules: Vec<String>,
    maps: Vec<String>,
}

/// Logs in from everywhere on the host as those who matter, and says what came of it, a login a line.
const LOGINS: &str = r#"cd / && exec runuser -u postgres -- env HOME=/nowhere sh -c '
    for from in /var/run/postgresql 127.0.0.1 $(hostname -I | cut -d " " -f 1); do
        for login in postgres/shop app/postgres app/shop replicator/postgres postgres/replication replicator/replication; do
            more= ask="select 1" user=${login%/*} database=${login#*/}
            if [ $database = replication ]; then more=replication=true ask=IDENTIFY_SYSTEM; fi
            said=$(psql -w -XAtq -d "host=$from user=$user dbname=$database $more" -c "$ask" 2>&1) && said=in
            echo "$from $login" $said
        done
    done'"#;

fn understood(lab: &Lab, host: &str) -> Understood {
    let told = lab.sql(
        host,
        "select 'set ' || to_json(array[name, setting])::text from pg_settings where source not in ('client', 'override', 'session')
         union all select 'rule ' || (to_jsonb(r) - 'line_number' - 'rule_number' - 'file_name')::text from pg_hba_file_rules r
         union all select 'map ' || (to_jsonb(m) - 'line_number' - 'map_number' - 'file_name')::text from pg_ident_file_mappings m",
    );
    let of = |kind: &str| -> Vec<String> {
        let lines = told.lines().filter_map(|line| line.strip_prefix(kind));
        lines.map(str::to_owned).collect()
    };
    let pair = |line: &String| serde_json::from_str::<(String, String)>(line).unwrap();
    let mut settings: BTreeMap<String, String> = of("set ").iter().map(pair).collect();
    settings.retain(|name, _| !DECIDED.contains(&name.as_str()));
    Understood {
        settings,
        rules: of("rule "),
        maps: of("map "),
    }
}

/// What becomes of logins that nobody but pgrepl decides about: once a server is pgrepl's it never replicates from itself,
/// and its administrator may copy it over the socket.
fn logins(lab: &Lab, host: &str) -> Vec<String> {
    let own = |login: &&str| {
        let local = login.starts_with('/');
        !login.contains(if local {
            " postgres/replication "
        } else {
            " replicator/replication "
        })
    };
    let logins = lab.on(host, LOGINS);
    logins.lines().filter(own).map(str::to_owned).collect()
}

/// Nothing of what was understood before is gone, and its rules stand in their old order.
fn nothing_lost(what: &str, before: &Understood, after: &Understood) {
    for (name, setting) in &before.settings {
        assert_eq!(after.settings.get(name), Some(setting), "{what}: {name}");
    }
    let mut rules = after.rules.iter();
    for rule in &before.rules {
        assert!(
            rules.any(|found| found == rule),
            "{what}: {rule} is gone, or before another one now: {:#?}",
            after.rules
        );
    }
    assert_eq!(after.maps, before.maps, "{what}");
}

/// Where a server has its configuration and its data, and its service.
fn place(version: &str) -> [String; 3] {
    match version {
        RHEL => [
            "/var/lib/pgsql/15/data",
            "/var/lib/pgsql/15/data",
            "postgresql-15",
        ]
        .map(str::to_owned),
        version => [
            format!("/etc/postgresql/{version}/main"),
            format!("/var/lib/postgresql/{version}/main"),
            format!("postgresql@{version}-main"),
        ],
    }
}

/// Makes a server with the roles and the database that the configurations speak of.
fn create(lab: &Lab, host: &str, version: &str) {
    let [here, _, unit] = place(version);
    let make = match version {
        RHEL => {
            "dnf -qy install postgresql15-server && /usr/pgsql-15/bin/postgresql-15-setup initdb"
                .to_owned()
        }
        version => format!("pg_createcluster {version} main >/dev/null"),
    };
    lab.on(
        host,
        &format!("{make} && mkdir /root/plain && cp -a {here}/*.conf /root/plain && systemctl enable --quiet --now {unit}"),
    );
    lab.sql(
        host,
        "create role app login; create role guest login; create role staff;
         create role replicator login replication password 'motdepasse'",
    );
    lab.sql(host, "create database shop");
}

/// Lays a configuration over that of a server; `then` is done before it starts with it.
fn configure(lab: &Lab, host: &str, version: &str, name: &str, then: &str) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/configurations")
        .join(name);
    let archive = lab.path(&format!("{host}.tar"));
    let packed = Command::new("tar")
        .args(["--owner=0", "--group=0", "-C"])
        .args([
            from.as_os_str(),
            "-cf".as_ref(),
            archive.as_os_str(),
            ".".as_ref(),
        ])
        .status();
    assert!(packed.unwrap().success());
    lab.send(host, &archive, "/root/configuration.tar");
    let [here, data, unit] = place(version);
    lab.on(host, &format!(
        "set -e; here={here} data={data}
         systemctl stop {unit}
         if [ $here != $data ]; then rm -r $here; mkdir $here; fi
         cp -a /root/plain/*.conf $here; rm $here/pg_hba.conf; : >$here/pg_ident.conf
         {then}
         tar -xf /root/configuration.tar --no-overwrite-dir -C $here
         if [ -f $here/auto.conf ]; then cat $here/auto.conf >>$data/postgresql.auto.conf; rm $here/auto.conf; fi
         chown -R postgres: $here
         systemctl start {unit}"
    ));
}

fn keeps_everything(lab: &Lab, name: &str, hosts: &[&str], version: &str) -> String {
    let [.., unit] = place(version);
    let before: Vec<_> = hosts.iter().map(|host| understood(lab, host)).collect();
    let first = hosts[0];
    let ways = logins(lab, first);
    let inventory = describe(lab, hosts[hosts.len() - 1]);
    let apply = pgrepl(lab, &["apply", &inventory, "--auto-approve"]);
    assert_eq!(apply.code, 0, "{name}: {}\n{}", apply.out, apply.err);
    for (host, before) in hosts.iter().zip(&before) {
        nothing_lost(
            &format!("{name} on {host}, applied"),
            before,
            &understood(lab, host),
        );
        lab.on(host, &format!("systemctl restart {unit}"));
        nothing_lost(
            &format!("{name} on {host}, restarted"),
            before,
            &understood(lab, host),
        );
    }
    for (was, is) in ways.iter().zip(&logins(lab, first)) {
        assert_eq!(was, is, "{name}");
    }
    nothing_to_do(lab, &inventory);
    inventory
}

/// A line that neither pgrepl understands nor the server loads: the server goes on with what it had, and is left alone.
fn is_left_alone(lab: &Lab, inventory: &str) {
    let told = "select count(*) from pg_hba_file_rules where error is not null";
    let file = "cat /etc/postgresql/17/main/pg_hba.conf";
    lab.on(
        "server3",
        "sed -i '/^# --- end of kept/i host all all 10.99.0.0/16 voiceprint depth=3' /etc/postgresql/17/main/pg_hba.conf",
    );
    lab.sql("server3", "select pg_reload_conf()");
    lab.until("server3", told, "1");
    let before = lab.on("server3", file);
    let apply = pgrepl(lab, &["apply", inventory, "--auto-approve"]);
    assert_eq!(apply.code, 7, "{}{}", apply.out, apply.err);
    assert!(apply.out.contains("voiceprint"), "{}", apply.out);
    assert_eq!(lab.on("server3", file), before);
    lab.on(
        "server3",
        "sed -i '/voiceprint/d' /etc/postgresql/17/main/pg_hba.conf",
    );
    lab.sql("server3", "select pg_reload_conf()");
    lab.until("server3", told, "0");
    nothing_to_do(lab, inventory);
}

/// As whom, and in what isolation, sessions of the server's own user begin is nobody else's business; a standby has no
/// serializable transactions.
fn sessions_that_begin_otherwise(lab: &Lab, inventory: &str) {
    for what in ["role = app", "default_transaction_isolation = serializable"] {
        let set = format!("alter role postgres in database postgres set {what}");
        lab.on(
            "server1",
            &format!("cd /; runuser -u postgres -- psql -Xqd template1 -c '{set}'"),
        );
    }
    let isolation = "PGOPTIONS='-c role=none' runuser -u postgres -- psql -XAtc 'select 1' 2>&1";
    let refused = "cd /; until SAID | grep -q 'cannot use serializable mode'; do sleep 0.1; done";
    lab.on("server2", &refused.replace("SAID", isolation));
    nothing_to_do(lab, inventory);
    let status = pgrepl(lab, &["status", inventory]);
    assert!(
        !status.out.contains("does not let pgrepl in"),
        "{}",
        status.out
    );
}

#[test]
fn servers_that_others_configured_lose_nothing() {
    let lab = Lab::up(
        "configs",
        &[
            "server1=12:pg",
            "server2=12:pg",
            "server3=13:pg",
            "server4=12:rhel",
        ],
    );
    std::thread::scope(|scope| {
        for (host, version, names) in ALONE {
            let lab = &lab;
            scope.spawn(move || {
                create(lab, host, version);
                for name in names {
                    configure(lab, host, version, name, ": >$data/postgresql.auto.conf");
                    let inventory = keeps_everything(lab, name, &[host], version);
                    if *name == "changes-read" {
                        is_left_alone(lab, &inventory);
                    }
                }
            });
        }
    });
    for name in PAIRS {
        configure(&lab, "server1", "15", name, ": >$data/postgresql.auto.conf");
        let copy = "cd /; rm -r $data; runuser -u postgres -- pg_basebackup -D $data -R -C -S follows -c fast \
             -d 'host=server1 user=replicator password=motdepasse'";
        configure(&lab, "server2", "15", name, copy);
        lab.until(
            "server1",
            "select state from pg_stat_replication",
            "streaming",
        );
        let inventory = keeps_everything(&lab, name, &["server1", "server2"], "15");
        lab.until(
            "server1",
            "select state from pg_stat_replication",
            "streaming",
        );
        if name == PAIRS[2] {
            sessions_that_begin_otherwise(&lab, &inventory);
            break;
        }
        lab.on("server2", "systemctl stop postgresql@15-main");
        lab.sql(
            "server1",
            "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active",
        );
    }
}
