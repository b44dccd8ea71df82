//! What is said to SELinux, whose programs are scripts here; a policy of its own is on no host of the lab.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Runs a line after the functions that every action has, and returns what was called and noted. `types` is what
/// matchpathcon finds, `semanage` the body of that program.
fn told(line: &str, port: u16, types: &str, semanage: &str) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    let calls = place.path().join("calls");
    let record = format!("echo \"${{0##*/}} $*\" >>{}; ", calls.display());
    for (name, body) in [
        ("selinuxenabled", String::new()),
        ("matchpathcon", format!("echo system_u:object_r:{types}:s0")),
        ("restorecon", record.clone()),
        ("semanage", format!("{record}{semanage}")),
    ] {
        let path = place.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let data = place.path().join("d.1/data");
    std::fs::create_dir_all(data.join("pg_tblspc")).unwrap();
    std::fs::create_dir(place.path().join("space")).unwrap();
    std::os::unix::fs::symlink(place.path().join("space"), data.join("pg_tblspc/16384")).unwrap();
    let script = format!(
        "bindir=/none major=15 port={port} service_user=$(id -un)\n{}\n{}\nPATH={top}:$PATH; data_directory={top}/d.1/data; exec 7>>{top}/calls\n{line}",
        include_str!("../../src/script/prelude.sh"),
        include_str!("../../src/script/manager.sh"),
        top = place.path().display(),
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = std::fs::read_to_string(calls).unwrap();
    let top = place.path().display().to_string();
    let text = text
        .replace(&top.replace('.', "\\."), "T")
        .replace(&top, "T");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn selinux_is_told_of_data_that_its_policy_does_not_know() {
    let known = ["restorecon -R T/d.1/data", "restorecon -R T/space"];
    assert_eq!(told("label_data", 5432, "postgresql_db_t", ""), known);
    assert_eq!(
        told("label_data", 5432, "var_t", ""),
        [
            "semanage fcontext -a -t postgresql_db_t T/d\\.1/data(/.*)?",
            "@note SELinux knows T/d.1/data as postgresql_db_t from now on",
            "restorecon -R T/d.1/data",
            "semanage fcontext -a -t postgresql_db_t T/space(/.*)?",
            "@note SELinux knows T/space as postgresql_db_t from now on",
            "restorecon -R T/space",
        ]
    );
    // Without the program the labels that somebody gave stay, and it is said what is missing.
    let noted = told("label_data", 5432, "var_t", "exit 1").join("\n");
    assert!(
        noted.contains("@note SELinux may keep the server from T/space: semanage fcontext -a -t"),
        "{noted}"
    );
    assert!(!noted.contains("\nrestorecon"), "{noted}");
}

#[test]
fn programs_are_told_by_the_name_that_the_policy_has_for_their_place() {
    let conflict = "case $* in *local*) echo \"ValueError: File spec conflicts with equivalency rule; Try adding '/usr/lib/pgrepl(/.*)?' instead\"; exit 1 ;; esac";
    let told = told(
        "label_as bin_t /usr/local/lib/pgrepl",
        5432,
        "lib_t",
        conflict,
    );
    let said: Vec<&str> = told
        .iter()
        .map(String::as_str)
        .filter(|line| line.starts_with("semanage fcontext") || line.starts_with("restorecon"))
        .collect();
    assert_eq!(
        said,
        [
            "semanage fcontext -a -t bin_t /usr/local/lib/pgrepl(/.*)?",
            "semanage fcontext -a -t bin_t /usr/lib/pgrepl(/.*)?",
            "restorecon -R /usr/local/lib/pgrepl",
        ]
    );
}

#[test]
fn selinux_is_told_of_another_port_once() {
    let list =
        "case $2 in -l) echo 'postgresql_port_t              tcp      5444, 5432, 9898' ;; esac";
    for (port, asks) in [(5432, false), (5444, false), (5433, true)] {
        let told = told("allow_port", port, "lib_t", list).join("\n");
        let add = format!("semanage port -a -t postgresql_port_t -p tcp {port}");
        assert_eq!(told.contains(&add), asks, "{port}: {told}");
    }
}
