//! The files of versions that need a recovery.conf.

use crate::{GOOD, directory_with, pgrepl, text};

/// The pair of a well-known how-to for 9.6 on CentOS 7, by its addresses.
fn how_to(version: &str) -> String {
    GOOD.replace("16 }", &format!("{version} }}")).replace(
        "primary:",
        "hosts:\n  server1: { address: 192.168.122.100 }\n  server2: { address: 192.168.122.219 }\nbackup: { mount: /mnt/backups, tool: basebackup }\nprimary:",
    )
}

#[test]
fn versions_before_12_get_a_recovery_conf_with_the_lines_of_the_how_to() {
    for (version, method, passfile) in [
        ("9.6", "md5", ""),
        (
            "10",
            "scram-sha-256",
            " passfile=/var/lib/postgresql/.pgpass",
        ),
        (
            "11",
            "scram-sha-256",
            " passfile=/var/lib/postgresql/.pgpass",
        ),
    ] {
        let directory = directory_with(&how_to(version));
        let shown = |host: &str, file: &str| {
            let ran = pgrepl(
                directory.path(),
                &["render", "--host", host, "--file", file],
            );
            assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
            text(&ran.stdout)
        };
        let recovery = shown("server2", "recovery.conf");
        for line in [
            "standby_mode = 'on'",
            &format!(
                "primary_conninfo = 'host=192.168.122.100 port=5432 user=replicator application_name=server2 sslmode=prefer connect_timeout=10{passfile}'"
            ),
            "recovery_target_timeline = 'latest'",
            "primary_slot_name = 'server2'",
            "restore_command = '/usr/local/lib/pgrepl/shop/restore-wal /mnt/backups/shop %f %p standby'",
        ] {
            assert!(
                recovery.lines().any(|found| found == line),
                "{version}: no {line} in {recovery}"
            );
        }
        assert_eq!(shown("server1", "recovery.conf"), "", "{version}");
        assert_eq!(shown("server2", "standby.signal"), "", "{version}");
        let conf = shown("server2", "postgresql.conf");
        for word in [
            "primary_conninfo",
            "recovery_target",
            "restore_command",
            "wal_keep_size",
        ] {
            assert!(!conf.contains(word), "{version}: {word} in {conf}");
        }
        assert!(conf.contains("\nwal_keep_segments = '32'\n"), "{conf}");
        // Each refuses itself and lets the other one in.
        for (host, own, peer) in [("server1", "100", "219"), ("server2", "219", "100")] {
            let hba = shown(host, "pg_hba.conf");
            let rules: Vec<String> = hba
                .lines()
                .map(|line| line.split('#').next().unwrap())
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
                .collect();
            for rule in [
                format!("host replication replicator 192.168.122.{own}/32 reject"),
                format!("host replication replicator 192.168.122.{peer}/32 {method}"),
            ] {
                assert!(rules.contains(&rule), "{version}: no {rule} in {hba}");
            }
            assert!(
                shown(host, ".pgpass")
                    .contains(&format!("192.168.122.{peer}:5432:*:replicator:***")),
                "{version}"
            );
        }
    }
}

#[test]
fn the_files_of_old_versions_are_rendered_offline() {
    for version in ["9.6", "11"] {
        let directory = directory_with(&how_to(version));
        let ran = pgrepl(directory.path(), &["render", "--host", "server2"]);
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        insta::assert_snapshot!(format!("the_files_of_{version}"), text(&ran.stdout));
    }
}

#[test]
fn the_restore_command_of_an_archive_of_ones_own_goes_where_the_version_reads_it() {
    let own = "restore_command: \"cp /archive/%f %p\"";
    for (version, file, other) in [
        ("11", "recovery.conf", "postgresql.conf"),
        ("12", "postgresql.conf", "standby.signal"),
    ] {
        let directory = directory_with(
            &GOOD.replace("16 }", &format!("{version}, parameters: {{ {own} }} }}")),
        );
        let says_it = |file: &str| {
            let ran = pgrepl(
                directory.path(),
                &["render", "--host", "server2", "--file", file],
            );
            assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
            text(&ran.stdout).contains("\nrestore_command = 'cp /archive/%f %p'\n")
        };
        assert!(says_it(file) && !says_it(other), "{version}");
    }
}
