//! Inventories of people who are not trusted, as CI reads them: nothing runs for them, nothing of the machine is read for them.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::{GOOD, directory_with, pgrepl, text};

const OFFLINE: [&[&str]; 2] = [&["validate", "--untrusted"], &["render", "--untrusted"]];
const ALL: [&[&str]; 3] = [OFFLINE[0], OFFLINE[1], &["plan", "--untrusted"]];

fn password(from: &str) -> String {
    GOOD.replace("env: SHOP_REPLICATION_PASSWORD", from)
}

fn refused(directory: &Path, line: usize, why: &str) {
    for command in ALL {
        let ran = pgrepl(directory, command);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(3), "{command:?}: {said}");
        assert!(said.contains(why), "{command:?}: {said}");
        assert!(said.contains("--untrusted"), "{command:?}: {said}");
        let place = format!("inventory.yaml:{line}:");
        assert!(said.contains(&place), "{command:?}: {said}");
        assert_eq!(text(&ran.stdout), "");
    }
}

#[test]
fn what_reaches_beyond_the_inventory_is_refused_with_its_line() {
    let custom = "platform: { bindir: /tmp/bin, home: /tmp, start: touch ran, stop: touch ran }";
    let host = |what: &str| format!("{GOOD}hosts:\n  server2:\n    {what}\n");
    for (inventory, line, why) in [
        (
            password("command: touch ran; echo hunter2"),
            3,
            "a command for the password is not run",
        ),
        (password("file: ../secret"), 3, "a password file elsewhere"),
        (
            password("file: /etc/passwd"),
            3,
            "a password file elsewhere",
        ),
        (
            password("file: /nowhere/secret"),
            3,
            "a password file elsewhere",
        ),
        (
            password("file: nowhere/../../secret"),
            3,
            "a password file elsewhere",
        ),
        (password("file: linked"), 3, "a password file elsewhere"),
        (password("file: dangling"), 3, "a password file elsewhere"),
        (password("file: up/secret"), 3, "a password file elsewhere"),
        (
            format!("{GOOD}ssh: {{ config_file: config }}\n"),
            6,
            "`config_file` is not read",
        ),
        (
            host("ssh: { config_file: config }"),
            8,
            "`config_file` is not read",
        ),
        (
            GOOD.replace("16 }", &format!("16, data_directory: /srv/pg, {custom} }}")),
            2,
            "`platform` is not taken",
        ),
        (
            host(&format!("data_directory: /srv/pg\n    {custom}")),
            9,
            "`platform` is not taken",
        ),
        (
            format!("{GOOD}templates: /usr\n"),
            6,
            "templates from elsewhere",
        ),
        (
            format!("{GOOD}templates: ..\n"),
            6,
            "templates from elsewhere",
        ),
        (
            format!("{GOOD}templates: up\n"),
            6,
            "templates from elsewhere",
        ),
    ] {
        let above = directory_with("");
        let directory = above.path().join("repository");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(above.path().join("secret"), "x").unwrap();
        std::fs::write(directory.join("inventory.yaml"), &inventory).unwrap();
        symlink("../secret", directory.join("linked")).unwrap();
        symlink("../nowhere", directory.join("dangling")).unwrap();
        symlink("..", directory.join("up")).unwrap();
        refused(&directory, line, why);
        assert!(!directory.join("ran").exists(), "{inventory}");
        let said = pgrepl(&directory, ALL[0]);
        assert!(!text(&said.stderr).contains("hunter2"));
        // Whoever trusts the author says so by leaving the option away.
        if !inventory.contains("templates") {
            assert_eq!(
                pgrepl(&directory, &["validate"]).status.code(),
                Some(0),
                "{inventory}"
            );
        }
    }
}

#[test]
fn every_refusal_is_told_at_once() {
    let inventory = format!(
        "{}ssh: {{ config_file: config }}\ntemplates: /usr\n",
        password("command: pass")
    );
    let directory = directory_with(&inventory);
    for line in [3, 6, 7] {
        refused(directory.path(), line, "with --untrusted");
    }
}

#[test]
fn what_stays_in_the_inventory_s_directory_is_taken() {
    let eject = ["render", "--eject", "pg_hba.conf.j2", "--out", "mine"];
    for password in [
        password("file: secret"),
        password("file: not/there/yet"),
        GOOD.to_owned(),
    ] {
        let directory = directory_with(&format!("{password}templates: mine\n"));
        std::fs::write(directory.path().join("secret"), "x").unwrap();
        assert_eq!(pgrepl(directory.path(), &eject).status.code(), Some(0));
        for command in OFFLINE {
            let ran = pgrepl(directory.path(), command);
            assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        }
    }
}

#[test]
fn an_inventory_that_is_a_link_shows_no_line_of_another_file() {
    let above = directory_with("hunter2\n");
    let directory = above.path().join("repository");
    std::fs::create_dir(&directory).unwrap();
    symlink("../inventory.yaml", directory.join("inventory.yaml")).unwrap();
    for command in ALL {
        let ran = pgrepl(&directory, command);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(3), "{said}");
        assert!(said.contains("a link to one elsewhere"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_plan_goes_on_without_the_password() {
    let inventory = GOOD
        .replace("server", "no-such-host-")
        .replace("shop\n", "shop\nbecome: none\n");
    for inventory in [
        inventory.clone(),
        inventory.replace("env: SHOP_REPLICATION_PASSWORD", "file: x"),
    ] {
        let directory = directory_with(&inventory);
        let ran = pgrepl(directory.path(), &["plan"]);
        assert!(
            text(&ran.stderr).contains("password"),
            "{}",
            text(&ran.stderr)
        );
        let ran = pgrepl(directory.path(), &["plan", "--untrusted"]);
        let said = text(&ran.stderr);
        assert!(!said.contains("password"), "{said}");
        assert!(said.contains("no host could be read"), "{said}");
    }
}

#[test]
fn what_is_rendered_goes_through_no_link_in_the_directory_for_it() {
    let above = directory_with("");
    let directory = above.path().join("repository");
    std::fs::create_dir_all(directory.join("out/server1")).unwrap();
    std::fs::create_dir(above.path().join("home")).unwrap();
    std::fs::write(directory.join("inventory.yaml"), GOOD).unwrap();
    for file in ["home/.pgpass", "home/keys"] {
        std::fs::write(above.path().join(file), "hers").unwrap();
    }
    let hers = |file: &str| std::fs::read_to_string(above.path().join(file)).unwrap();
    symlink(
        "../../../home/keys",
        directory.join("out/server1/postgresql.conf"),
    )
    .unwrap();
    let render = ["render", "--untrusted", "--out", "out"];
    let ran = pgrepl(&directory, &render);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert_eq!(hers("home/keys"), "hers");
    let made = directory
        .join("out/server1/postgresql.conf")
        .symlink_metadata();
    assert!(made.unwrap().is_file());
    std::fs::remove_dir_all(directory.join("out/server2")).unwrap();
    symlink("../../home", directory.join("out/server2")).unwrap();
    let ran = pgrepl(&directory, &render);
    let said = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains("a link to one elsewhere"), "{said}");
    assert_eq!(hers("home/.pgpass"), "hers");
    assert!(!above.path().join("home/postgresql.conf").exists());
}
