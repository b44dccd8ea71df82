//! What the processes that pgrepl starts inherit.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{GOOD, directory_with, text};

/// Runs a plan with an ssh that tells what it was started with, and fails.
fn heard(inventory: &str, variables: &[(&str, &str)]) -> String {
    let directory = directory_with(inventory);
    let ssh = directory.path().join("ssh");
    let script = "#!/bin/sh\n{ env; ulimit -c; ls -ld \"$HOME\"/run/pgrepl-*; } >>\"$HOME/heard\"\nexit 255\n";
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let short = tempfile::Builder::new()
        .prefix("h")
        .tempdir_in("/tmp")
        .unwrap();
    let run = short.path();
    std::os::unix::fs::symlink(run, directory.path().join("run")).unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let ran = Command::new("sh")
        .args([
            "-c",
            "umask 0; ulimit -c unlimited 2>/dev/null; exec \"$0\" plan",
        ])
        .arg(env!("CARGO_BIN_EXE_pgrepl"))
        .current_dir(directory.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory.path())
        .env("XDG_RUNTIME_DIR", run)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(4), "{}", text(&ran.stderr));
    std::fs::read_to_string(directory.path().join("heard")).unwrap()
}

#[test]
fn no_program_that_is_started_is_told_the_password() {
    let heard = heard(
        GOOD,
        &[("SHOP_REPLICATION_PASSWORD", "hunter2"), ("OTHER", "stays")],
    );
    assert!(heard.contains("OTHER=stays"), "{heard}");
    assert!(!heard.contains("SHOP_REPLICATION_PASSWORD"), "{heard}");
    assert!(!heard.contains("hunter2"), "{heard}");
    // Nor does it leave what it knows in a core, or its connection to others.
    assert!(heard.lines().any(|line| line == "0"), "{heard}");
    assert!(heard.contains("drwx------"), "{heard}");
    assert!(!heard.contains("drwxrwxrwx"), "{heard}");
}
