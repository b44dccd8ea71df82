//! Bad inventories: each mistake is shown with its place and a way out, and the exit code is 3.

use super::{GOOD, pgrepl, text};

/// What is wrong, and how it looks.
fn cases() -> Vec<(&'static str, String)> {
    let with = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        GOOD.replace(from, to)
    };
    let plus = |more: &str| format!("{GOOD}{more}\n");
    let parameters = |list: &str| {
        with(
            "version: 16 }",
            &format!("version: 16, parameters: {{ {list} }} }}"),
        )
    };
    let hba = |line: &str| with("version: 16 }", &format!("version: 16, hba: [ {line} ] }}"));
    vec![
        ("an empty file", String::new()),
        ("no YAML", "cluster: [shop\n".into()),
        ("a tab for indentation", "cluster:\n\tshop\n".into()),
        ("a list instead of keys", "- shop\n".into()),
        ("two documents", format!("{GOOD}---\n{GOOD}")),
        ("an alias", plus("templates: *t\n")),
        ("an unknown key", plus("standby: [server3]")),
        ("an unknown key inside", with("version: 16 }", "version: 16, prot: 5433 }")),
        ("a key twice", plus("primary: server3")),
        ("a key twice inside", with("version: 16 }", "version: 16, port: 5433, port: 5434 }")),
        ("no cluster name", with("cluster: shop\n", "")),
        ("a bad cluster name", with("cluster: shop", "cluster: Shop-1")),
        ("no version", with("{ version: 16 }", "{ port: 5433 }")),
        ("a version that does not exist", with("16 }", "9.7 }")),
        ("a version too old", with("16 }", "9.5 }")),
        ("a version too new", with("16 }", "20 }")),
        ("a minor version", with("16 }", "16.4 }")),
        ("no replication", with("replication: { password: { env: SHOP_REPLICATION_PASSWORD } }\n", "")),
        ("a password in clear", with("{ env: SHOP_REPLICATION_PASSWORD }", "hunter2")),
        ("two sources of a password", with("env: SHOP_REPLICATION_PASSWORD", "env: A, file: b")),
        ("an environment variable that cannot be", with("SHOP_REPLICATION_PASSWORD", "\"A B\"")),
        ("no primary", with("primary: server1\n", "")),
        ("one host with two roles", with("[server2]", "[server1]")),
        ("a standby twice", with("[server2]", "[server2, server2]")),
        ("a host name that is an option", with("primary: server1", "primary: -oProxyCommand=x")),
        ("a host without a role", plus("hosts: { sever2: { port: 5433 } }")),
        ("an upstream that does not exist", plus("hosts: { server2: { upstream: server4 } }")),
        ("an upstream in a circle", with("[server2]", "[server2, server3]") + "hosts: { server2: { upstream: server3 }, server3: { upstream: server2 } }\n"),
        ("a host that follows itself", plus("hosts: { server2: { upstream: server2 } }")),
        ("a bad address", plus("hosts: { server2: { address: 10.0.0.1.2 } }")),
        ("two hosts with one address", plus("hosts: { server1: { address: 10.0.0.1 }, server2: { address: 10.0.0.1 } }")),
        ("hosts whose slots would have one name", with("primary: server1", "primary: server-2").replace("[server2]", "[server_2, server2]")),
        ("a server that no standby reaches", with("version: 16 }", "version: 16, listen_addresses: localhost }")),
        ("a primary that no standby reaches", plus("hosts: { server1: { listen_addresses: '127.0.0.1, ::1' } }")),
        ("a schedule that systemd does not understand", plus("backup: { mount: /mnt/b, schedule: '25:30' }")),
        ("a port out of range", with("version: 16 }", "version: 16, port: 65536 }")),
        ("an instance with a dash", with("version: 16 }", "version: 16, instance: my-shop }")),
        ("an instance without a name", plus("hosts: { server2: { instance: '' } }")),
        ("a firewall that is neither", with("version: 16 }", "version: 16, firewall: open }")),
        ("a relative data directory", with("version: 16 }", "version: 16, data_directory: data }")),
        ("a platform without its data", with("16 }", "16, platform: { bindir: /opt/pg/bin, home: /srv/pg, unit: pg.service } }")),
        ("a platform that nothing starts", with("16 }", "16, data_directory: /srv/pg/data, platform: { bindir: /opt/pg/bin, home: /srv/pg } }")),
        ("a platform with two starters", with("16 }", "16, data_directory: /srv/pg/data, platform: { bindir: /opt/pg/bin, home: /srv/pg, unit: pg.service, stop: x } }")),
        ("a platform with bad words", with("16 }", "16, data_directory: /srv/pg/data, platform: { bindir: bin, user: root, unit: pg } }")),
        ("a parameter that does not exist", parameters("shared_bufers: 1GB")),
        ("a parameter of a later version", with("version: 16 }", "version: 16, parameters: { io_method: worker } }")),
        ("a parameter of an older version", parameters("wal_keep_segments: 10")),
        ("a parameter that pgrepl owns", parameters("primary_slot_name: x")),
        ("a connection that cannot be read", parameters("primary_conninfo: x")),
        ("a bad unit", parameters("shared_buffers: 1gb")),
        ("a value out of range", parameters("max_connections: 0")),
        ("a bad boolean", parameters("fsync: perhaps")),
        ("a bad word", parameters("wal_level: maximal")),
        ("a value that replication forbids", parameters("wal_level: minimal")),
        ("too few senders", parameters("max_wal_senders: 1")),
        ("archiving by hand beside backups", parameters("archive_mode: on") + "backup: { mount: /mnt/backups }\n"),
        ("a bad delay", plus("hosts: { server2: { apply_delay: soon } }")),
        ("a bad pg_hba.conf type", hba("\"hots all all all md5\"")),
        ("a bad pg_hba.conf address", hba("\"host all all 10.0.0.0/33 md5\"")),
        ("a bad pg_hba.conf method", hba("\"host all all all scram\"")),
        ("a short pg_hba.conf line", hba("\"host all all\"")),
        ("more synchronous standbys than there are", with("replication: { ", "replication: { synchronous: 2, ")),
        ("a bad sslmode", with("replication: { ", "replication: { sslmode: maybe, ")),
        ("a backup without a mount", plus("backup: { tool: pgbackrest }")),
        ("a relative mount", plus("backup: { mount: backups }")),
        ("an unknown backup tool", plus("backup: { mount: /mnt/b, tool: barman }")),
        ("pitrery with a version it does not know", plus("backup: { mount: /mnt/b, tool: pitrery }")),
        ("two ways to keep backups", plus("backup: { mount: /mnt/b, keep: { count: 3, days: 4 } }")),
        ("no backup kept", plus("backup: { mount: /mnt/b, keep: { count: 0 } }")),
        ("ssh options that begin with a dash", plus("ssh: { jump: -oProxyCommand=x }")),
        ("an unknown way to become root", plus("become: su")),
        ("many mistakes at once", "cluster: Shop\npostgresql: { version: 8, parametres: {} }\nprimary: a b\nstandbys: server2\n".into()),
    ]
}

#[test]
fn every_mistake_is_shown_where_it_stands() {
    let mut shown = String::new();
    let cases = cases();
    assert!(cases.len() >= 40);
    for (what, inventory) in cases {
        let directory = super::directory_with(&inventory);
        let ran = pgrepl(directory.path(), &["validate", "inventory.yaml"]);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(3), "{what}: {said}");
        assert!(said.starts_with("error"), "{what}: {said}");
        assert!(
            said.contains("inventory.yaml:"),
            "{what} has no place: {said}"
        );
        assert!(!said.contains("hunter2"), "{what}: {said}");
        shown += &format!("=== {what}\n{said}\n");
    }
    insta::assert_snapshot!(shown);
}
