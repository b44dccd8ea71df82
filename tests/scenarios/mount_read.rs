//! What scripts read of the mount, run here by a shell: what cannot be read or was moved away is not taken for what never was.

use std::path::Path;
use std::process::Command;

/// Runs a text behind the prelude as one that the service user runs whole, and returns what it said.
fn run(top: &Path, rest: &str) -> String {
    let script = format!(
        "runs_as=postgres service_user=postgres home=/ cluster=shop\ntop='{}'\n{}\n{}\nexec 7>&1\n{rest}",
        top.display(),
        include_str!("../../src/script/prelude.sh"),
        include_str!("../../src/script/wal_runs.sh"),
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_directory_that_cannot_be_read_is_not_an_empty_one() {
    let place = tempfile::tempdir().unwrap();
    let top = place.path();
    std::fs::write(top.join("file"), "").unwrap();
    assert_eq!(run(top, "lists \"$top/none\" || echo missing"), "missing\n");
    // Root may read everything: a file in its place is what it cannot list.
    std::fs::create_dir(top.join("base")).unwrap();
    assert_eq!(run(top, "lists \"$top/base\" && echo there"), "there\n");
    let said = run(top, "lists \"$top/file/\" || echo missing");
    assert!(said.starts_with("@fail cannot read "), "{said}");
    let said = run(top, "read_owner; echo on");
    assert!(
        said.starts_with("@refused the cluster's directory"),
        "{said}"
    );
    std::fs::create_dir(top.join(".pgrepl")).unwrap();
    let said = run(top, "read_owner; echo on");
    assert!(said.starts_with("@fail cannot read "), "{said}");
}

#[test]
fn an_archive_that_a_server_has_seen_is_missed_when_it_is_moved_away() {
    let place = tempfile::tempdir().unwrap();
    let (top, data) = (place.path().join("top"), place.path().join("data"));
    std::fs::create_dir_all(top.join("wal")).unwrap();
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("PG_VERSION"), "15\n").unwrap();
    std::fs::write(top.join(".pgrepl"), "7\n").unwrap();
    let called = || {
        let script = format!(
            "set -eu\nrefuse() {{ echo \"$1\"; exit 1; }}\n{}\nmarked '{}' refuse wal\necho works",
            include_str!("../../src/script/patience.sh"),
            top.display()
        );
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&data)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let noted = || std::fs::read_to_string(data.join("pgrepl.archives")).unwrap();
    for _ in 0..2 {
        assert_eq!(called(), "works\n");
        assert_eq!(noted(), format!("{}/wal\n", top.display()));
    }
    std::fs::rename(top.join("wal"), top.join("moved")).unwrap();
    let said = called();
    assert!(
        said.contains("/wal: is the backup file system mounted?"),
        "{said}"
    );
    // Where a new one is wanted, nothing remembers the one before.
    std::fs::remove_file(data.join("pgrepl.archives")).unwrap();
    assert_eq!(called(), "works\n");
}

#[test]
fn the_result_of_a_job_belongs_to_the_run_that_asked_for_it() {
    let place = tempfile::tempdir().unwrap();
    let take = include_str!("../../src/backup/tool_take.sh");
    let look = |run_name: &str| {
        run(
            place.path(),
            &format!("{take}\njob=$top/job run={run_name}\nlook_at_job"),
        )
    };
    assert_eq!(look("one"), "none\n");
    let job = place.path().join("job");
    std::fs::create_dir(&job).unwrap();
    std::fs::write(job.join("run"), "one\n").unwrap();
    assert_eq!(look("one"), "none\n");
    std::fs::write(job.join("complete"), "20261127-020000F\n").unwrap();
    assert_eq!(look("one"), "own\n");
    assert_eq!(look("two"), "ended 20261127-020000F\n");
}
