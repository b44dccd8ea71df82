//! WAL of a stopped server moves to a place of its own; killed before any step, the same script ends it, and the server may have
//! run meanwhile.

use std::fs;

use crate::exchange::{Host, Layout, each_cut};

/// WAL in the data directory, and a file system for it; WAL behind a link on a file system of its own, and a directory on another.
const MOVES: [Layout; 2] = [
    Layout {
        mounts: &["fast"],
        links: &[("main", "disk/main"), ("ts", "disk/ts")],
        wal: "main/pg_wal",
    },
    Layout {
        mounts: &["disk/wal"],
        links: &[],
        wal: "disk/wal",
    },
];

#[test]
fn wal_moves_wherever_it_is_cut_and_the_server_may_run_in_between() {
    std::thread::scope(|scope| {
        for (layout, to) in MOVES.iter().zip(["fast", "other/wal"]) {
            scope.spawn(move || {
                let place = |host: &Host| host.at(to).display().to_string();
                let verb = |host: &Host, verb: &str| {
                    let (wal, named) = (place(host), place(host));
                    format!("verb={verb} wal_place={wal} named={named}")
                };
                let prepared = |host: &Host| {
                    for file in 2..5 {
                        fs::write(host.at(layout.wal).join(file.to_string()), "old\n").unwrap();
                    }
                    host.script("move WAL", &verb(host, "prepare"), 0);
                    verb(host, "move")
                };
                let wal = |host: &Host| {
                    let there = fs::read_dir(host.at("main/pg_wal")).unwrap();
                    let names =
                        there.map(|entry| entry.unwrap().file_name().into_string().unwrap());
                    let mut names: Vec<String> = names
                        .filter(|name| name != ".pgrepl" && name != "lost+found")
                        .collect();
                    names.sort();
                    names
                };
                let cuts = each_cut(layout, &prepared, "move WAL", &|host, cut| {
                    assert_eq!(
                        fs::read_link(host.at("main/pg_wal")).unwrap(),
                        host.at(to),
                        "{cut}"
                    );
                    assert_eq!(wal(host), ["1", "2", "3", "4"], "{cut}");
                    assert_eq!(
                        host.holds(&host.at("main")).as_deref(),
                        Some("old"),
                        "{cut}"
                    );
                    let before = match layout.wal {
                        "main/pg_wal" => host.at("main/.pgrepl/pgsql_tmp/wal"),
                        own => host.at(own),
                    };
                    assert!(before.join("4").exists(), "{cut}");
                    host.run(
                        "postmaster_pid() { echo 1; }\n",
                        include_str!("../../src/action/data/move_wal.sh"),
                        &verb(host, "drop"),
                        0,
                    );
                    assert!(!host.at("main/.pgrepl/pgsql_tmp/wal").exists());
                    assert_eq!(wal(host), ["1", "2", "3", "4"], "{cut}");
                });
                assert!(cuts > 12, "{cuts}");
                // Its server ran with what it had: the copy that was begun is of no use.
                for cut in 1..=cuts {
                    let host = Host::new(layout);
                    let told = prepared(&host);
                    host.script("move WAL", &told, cut);
                    if !host.at("main/pg_wal").exists() {
                        continue;
                    }
                    fs::write(host.at("main/pg_wal/5"), "old\n").unwrap();
                    let _ = fs::remove_file(host.at("main/pg_wal/2"));
                    host.script("move WAL", &told, 0);
                    assert_eq!(wal(&host), ["1", "3", "4", "5"], "{cut}");
                }
            });
        }
    });
}
