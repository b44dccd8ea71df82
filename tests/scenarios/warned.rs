//! What a server says to whoever logs in, before it answers.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Tries a login at a server that says this, and returns what is told of it.
fn told(said: &str) -> String {
    let place = tempfile::tempdir().unwrap();
    let psql = place.path().join("psql");
    std::fs::write(&psql, format!("#!/bin/sh\n{said}\n")).unwrap();
    std::fs::set_permissions(psql, PermissionsExt::from_mode(0o755)).unwrap();
    let script = format!(
        "bindir={} home=/ major=19 port=5432 service_user=$(id -un) conninfo=host=a system_id=7712\n{}\n{}\nexec 7>&1\nmain",
        place.path().display(),
        include_str!("../../src/script/prelude.sh"),
        include_str!("../../src/action/access/try_login.sh"),
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn warnings_of_a_login_are_no_answer() {
    let answer = "echo '7712 1 0/3000148 '";
    let ends =
        "echo 'WARNING:  role password will expire soon' >&2; echo 'DETAIL:  in 2 days.' >&2;";
    for said in [answer.to_owned(), format!("{ends} {answer}")] {
        let told = told(&said);
        assert!(told.starts_with("@ok already"), "{told}");
    }
    let other = told(&format!("{ends} echo '7713 1 0/3000148 '"));
    assert!(
        other.contains("system identifier 7712") && other.contains("7713"),
        "{other}"
    );
    let failed = told(&format!(
        "{ends} echo 'psql: error: FATAL:  no pg_hba.conf entry' >&2; exit 2"
    ));
    assert!(failed.contains("no pg_hba.conf entry"), "{failed}");
}
