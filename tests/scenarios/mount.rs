//! What host scripts do on the mount, run here by a shell: who gets the lock, and what of others is left alone.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LOCK: &str = include_str!("../../src/script/mount_lock.sh");

/// A shell with the lock's functions; `top` is its directory, `node` its host.
fn shell(top: &Path, node: &str, rest: &str) -> Child {
    let script = format!(
        "set -eu\numask 077\ntop='{}' node={node}\nas_owner() {{ \"$@\"; }}\n{LOCK}\n{rest}",
        top.display()
    );
    // It ends by itself where the test fails.
    Command::new("timeout")
        .args(["-s", "KILL", "120", "sh", "-c", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn said(child: Child) -> String {
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn until(path: &Path) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(begin.elapsed() < Duration::from_secs(30), "no {path:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A lock of another host, which was seen so long ago.
fn lock_of_another(top: &Path, seen: &str) {
    let made = shell(
        top,
        "server9",
        &format!(
            "mkdir -p \"$top/lock\"; printf '%s\\tserver9\\t1 1 1\\tprune\\t2026-01-01 00:00:00\\n' \"$(cat /proc/sys/kernel/random/uuid)\" >\"$top/lock/owner\"; touch -d '{seen}' \"$top/lock/owner\""
        ),
    );
    assert_eq!(said(made), "");
}

#[test]
fn of_two_that_find_a_lock_left_over_one_takes_it() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path();
    lock_of_another(top, "11 minutes ago");
    // One has judged it, and is slow to end it.
    let slow = shell(
        top,
        "slow",
        "as_owner() {\n if [ \"$1 ${3:-}\" = \"mv $top/lock\" ]; then : >\"$top/judged\"; until [ -e \"$top/go\" ]; do sleep 0.05; done; fi\n \"$@\"\n}\n\
         lock_mount slow 0 && echo taken || echo \"$why\"",
    );
    until(&top.join("judged"));
    let quick = shell(
        top,
        "quick",
        "lock_mount quick 0\n: >\"$top/taken\"\nuntil [ -e \"$top/done\" ]; do sleep 0.05; done\nholds_lock && echo held\nunlock_mount",
    );
    until(&top.join("taken"));
    std::fs::write(top.join("go"), "").unwrap();
    let slow = said(slow);
    std::fs::write(top.join("done"), "").unwrap();
    assert!(
        slow.starts_with("is taken by quick on quick since"),
        "{slow}"
    );
    assert_eq!(said(quick), "held\n");
    assert!(!top.join("lock").exists());
}

#[test]
fn a_lock_is_left_over_when_its_host_is_silent_or_its_process_gone() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path();
    let ask = |node: &str| {
        said(shell(
            top,
            node,
            "if lock_mount backup 0; then echo taken; unlock_mount; else echo \"$why\"; fi",
        ))
    };
    assert_eq!(ask("server1"), "taken\n");
    lock_of_another(top, "1 minute ago");
    let refused = ask("server1");
    assert!(
        refused.starts_with("is taken by prune on server9 since 2026-01-01 00:00:00 UTC, seen ")
            && refused.contains("it is free by itself"),
        "{refused}"
    );
    // The host itself knows that it has no such process, also when it was installed anew.
    assert_eq!(ask("server9"), "taken\n");
    lock_of_another(top, "11 minutes ago");
    assert_eq!(ask("server1"), "taken\n");
}

#[test]
fn who_was_taken_for_dead_stops() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path();
    // It was silent for long; when it looks again, another has the lock.
    let silent = shell(
        top,
        "server1",
        "sleep() { until [ -e \"$top/go\" ]; do command sleep 0.05; done; }\n\
         lock_mount backup 0\n: >\"$top/taken\"\nwhile :; do command sleep 0.1; done",
    );
    until(&top.join("taken"));
    let ended = shell(
        top,
        "server2",
        "touch -d '11 minutes ago' \"$top/lock/owner\"\nlock_mount prune 0\n: >\"$top/go\"\nunlock_mount",
    );
    assert_eq!(said(ended), "");
    let status = silent.wait_with_output().unwrap().status;
    assert!(!status.success(), "it went on without the lock");
}

#[test]
fn a_backup_that_somebody_takes_by_hand_with_pitrery_keeps_its_directory() {
    let work = include_str!("../../src/backup/pitrery/work.sh");
    let clear = |touched: &str, at_work: &str| {
        let place = tempfile::tempdir().unwrap();
        let top = place.path();
        let rest = format!(
            "mkdir -p \"$top/pitrery/current\" \"$top/lock\"\n: >\"$top/lock/owner\"\nrepository=$top/pitrery\n\
             : >\"$repository/current/pgdata.tar.gz\"\ntouch -d '{touched}' \"$repository/current/pgdata.tar.gz\" \"$repository/current\"\n\
             refused() {{ echo \"expected $1, found $2\"; exit 0; }}\n{work}\n{at_work}\nclear_current\nls \"$repository\""
        );
        said(shell(top, "server1", &rest))
    };
    let nobody = "at_work() { :; }";
    let somebody = "at_work() { printf '77 '; }";
    assert_eq!(clear("11 minutes ago", nobody), "");
    assert!(clear("11 minutes ago", somebody).contains("found process 77 here"));
    assert!(clear("1 minute ago", nobody).contains("found something written "));
    // The process is found as it is: a program that a shell reads.
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("pitrery");
    std::fs::write(&program, "sleep 30; :\n").unwrap();
    let mut runs = Command::new("bash")
        .arg(&program)
        .args(["-c", "shop", "backup"])
        .spawn()
        .unwrap();
    let found = said(shell(place.path(), "server1", &format!("{work}\nat_work")));
    runs.kill().unwrap();
    runs.wait().unwrap();
    assert!(
        found
            .split_whitespace()
            .any(|id| id == runs.id().to_string()),
        "{found}"
    );
}

#[test]
fn a_backup_that_another_host_has_not_finished_counts_for_nothing_and_keeps_what_it_needs() {
    let place = tempfile::tempdir().unwrap();
    let kept = include_str!("../../src/script/kept.sh");
    let scheduled = include_str!("../../src/backup/basebackup/scheduled.sh");
    let mut rest = "nodes=server1 keep=count keep_number=1 data_directory=/nowhere port=1 socket_directory=/nowhere from=primary\n\
                    major=15 bindir=/bin\nmkdir -p \"$top/hosts\" \"$top/wal\"; echo 0000000000000009 >\"$top/hosts/server1\"\n"
        .to_owned();
    for (id, wal, parent) in [
        ("1", 1, ""),
        ("2", 2, ""),
        ("3", 3, ""),
        ("4.inprogress", 4, "1"),
    ] {
        rest += &format!(
            "mkdir -p \"$top/base/{id}\"; printf 'id={id}\\nended={wal}\\ntimeline=1\\nstop_lsn=0/{wal}000100\\nstart_wal=00000001000000000000000{wal}\\nparent={parent}\\n' >\"$top/base/{id}/info\"\n"
        );
    }
    let decided = said(shell(
        place.path(),
        "server1",
        &format!("{rest}{kept}{scheduled}\nbeyond | decide"),
    ));
    assert_eq!(decided, "gone 2\nbefore 0000000000000001\n");
}

#[test]
fn the_mark_of_a_copy_that_was_cut_goes_and_that_of_another_host_stays() {
    let tell = include_str!("../../src/script/tell_position.sh");
    let left = |running: &str| {
        let place = tempfile::tempdir().unwrap();
        let rest = format!(
            "cluster=shop bindir=/nowhere data_directory=/nowhere\nmkdir -p \"$top/restores\"\n\
             for mark in server1 'server1~srv-copy' 'server10~srv-copy' server1.example; do echo a >\"$top/restores/$mark\"; done\n\
             systemctl() {{ for said in \"$@\"; do [ \"$said\" != '{running}' ] || echo \"$said\"; done; }}\n{tell}\ntell_position\nls \"$top/restores\""
        );
        said(shell(place.path(), "server1", &rest))
    };
    assert_eq!(left(""), "server1.example\nserver10~srv-copy\n");
    assert_eq!(
        left("pgrepl-shop-recover-srv-copy.service"),
        "server1.example\nserver10~srv-copy\nserver1~srv-copy\n"
    );
}

#[test]
fn what_a_restore_reads_is_not_for_the_timer_to_remove() {
    let tool = include_str!("../../src/backup/tool.sh");
    let read = |ids: &str| {
        let place = tempfile::tempdir().unwrap();
        let rest = format!(
            "mkdir \"$top/restores\"; echo 20261125-144843F >\"$top/restores/server2\"\n{tool}\nif is_read {ids}; then echo \"$said\"; fi"
        );
        said(shell(place.path(), "server1", &rest))
    };
    assert_eq!(
        read("20261124-144843F 20261125-144843F"),
        "server2 restores from 20261125-144843F\n"
    );
    assert_eq!(read("20261125-144843F_20261125-144849I"), "");
    assert_eq!(read(""), "");
}

#[test]
fn a_timer_counts_what_leads_to_the_newest_timeline_and_keeps_the_last_of_it() {
    let decided = |keep: &str, meanwhile: &str| {
        let place = tempfile::tempdir().unwrap();
        let kept = include_str!("../../src/script/kept.sh");
        let scheduled = include_str!("../../src/backup/basebackup/scheduled.sh");
        let mut rest = format!(
            "nodes=server1 {keep} data_directory=/nowhere port=1 socket_directory=/nowhere from=primary\n\
             major=15 bindir=/bin\nmkdir -p \"$top/hosts\" \"$top/wal\"; echo 0000000000000009 >\"$top/hosts/server1\"\n\
             printf '1\\t0/3000000\\tbefore\\n' >\"$top/wal/00000002.history\"\n"
        );
        // The third one is of the timeline that was left, behind the fork.
        for (id, timeline, wal) in [(1, 1, 1), (2, 1, 2), (3, 1, 4), (4, 2, 5)] {
            rest += &format!(
                "mkdir -p \"$top/base/{id}\"; printf 'id={id}\\nended={wal}\\ntimeline={timeline}\\nstop_lsn=0/{wal}000100\\nstart_wal=00000001000000000000000{wal}\\n' >\"$top/base/{id}/info\"\n"
            );
        }
        said(shell(
            place.path(),
            "server1",
            &format!("{rest}{kept}{scheduled}\n{meanwhile}\nbeyond | decide"),
        ))
    };
    let gone = |keep: &str| -> Vec<String> {
        let said = decided(keep, "");
        let ids = said.lines().filter_map(|line| line.strip_prefix("gone "));
        ids.map(str::to_owned).collect()
    };
    assert_eq!(gone("keep=count keep_number=1"), ["1", "2", "3"]);
    // The one that leads nowhere is not counted, and stays as long as an older one does.
    assert_eq!(gone("keep=count keep_number=2"), ["1"]);
    assert!(gone("keep=count keep_number=3").is_empty());
    assert!(gone("keep=count keep_number=9").is_empty());
    assert_eq!(gone("keep=days keep_number=1"), ["1", "2", "3"]);
    // Histories that cannot be read are not taken for none: nothing goes.
    for meanwhile in ["rm -r \"$top/wal\"", "cat() { return 1; }"] {
        assert_eq!(decided("keep=count keep_number=1", meanwhile), "");
    }
}

#[test]
fn a_segment_of_a_timeline_that_was_left_is_given_out_up_to_the_fork() {
    let cut = include_str!("../../src/script/fork.sh");
    let left = |name: &str, who: &str| {
        let place = tempfile::tempdir().unwrap();
        let script = format!(
            "set -eu\nmkdir wal\nprintf '1\\t0/300100\\tx\\n' >wal/00000002.history\n\
             printf '1\\t0/200100\\tx\\n' >wal/00000003.history\n\
             head -c 1048576 /dev/zero | tr '\\0' x >segment\n{cut}\ncode=0\n\
             cut_at_fork {name} segment {who} wal/*.history || code=$?\necho $code\n\
             if [ -f segment ]; then tr -d '\\0' <segment | wc -c; stat -c %s segment; fi\n"
        );
        let ran = std::process::Command::new("sh")
            .args(["-c", &script])
            .current_dir(place.path())
            .output()
            .unwrap();
        let said = String::from_utf8(ran.stdout).unwrap();
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let whole = "0 1048576 1048576";
    // A standby follows the newest timeline, which left the first one 256 bytes behind the beginning of segment 2.
    assert_eq!(left("000000010000000000000001", "standby"), whole);
    assert_eq!(left("000000010000000000000002", "standby"), "0 256 1048576");
    assert_eq!(left("000000010000000000000003", "standby"), "1");
    assert_eq!(left("000000030000000000000002", "standby"), whole);
    assert_eq!(left("000000010000000000000002", "recovery-2"), whole);
    assert_eq!(
        left("000000010000000000000003", "recovery-2"),
        "0 256 1048576"
    );
    assert_eq!(left("000000010000000000000004", "recovery-1"), whole);
    assert_eq!(left("000000010000000000000004", "recovery"), whole);
    assert_eq!(left("000000010000000000000004", "rewind"), whole);
    assert_eq!(left("00000004.history", "standby"), whole);
}
