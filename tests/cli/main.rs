//! The command line as users see it: whole outputs and exit codes, in an empty environment.

mod advice;
mod bad;
mod ci;
mod environment;
mod formats;
mod hostile;
mod manual;
mod options;
mod sarif;
mod shape;
mod tools;
mod trust;
mod untrusted;
mod versions;

use std::path::Path;
use std::process::{Command, Output};

/// A minimal inventory that is right.
pub const GOOD: &str = "\
cluster: shop
postgresql: { version: 16 }
replication: { password: { env: SHOP_REPLICATION_PASSWORD } }
primary: server1
standbys: [server2]
";

/// Runs pgrepl in a directory with nothing of the caller's environment.
pub fn pgrepl(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgrepl"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", directory)
        .output()
        .unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub fn directory_with(inventory: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("inventory.yaml"), inventory).unwrap();
    directory
}

#[test]
fn a_good_inventory_is_said_to_be_good() {
    let directory = directory_with(GOOD);
    let ran = pgrepl(directory.path(), &["validate"]);
    assert_eq!(text(&ran.stderr), "");
    assert_eq!(ran.status.code(), Some(0));
    insta::assert_snapshot!(text(&ran.stdout));
}

#[test]
fn hosts_of_the_ssh_configuration_are_suggested() {
    let directory = tempfile::tempdir().unwrap();
    let ssh = directory.path().join(".ssh/conf.d");
    std::fs::create_dir_all(&ssh).unwrap();
    std::fs::write(ssh.join("db.conf"), "Host db2 *.lan\n").unwrap();
    std::fs::write(
        directory.path().join(".ssh/config"),
        "Host db1\nInclude conf.d/*.conf\n",
    )
    .unwrap();
    let ran = pgrepl(directory.path(), &["init"]);
    assert_eq!(ran.status.code(), Some(64));
    let said = text(&ran.stderr);
    let help =
        "help: pgrepl init --primary db1 --standby db2; your SSH configuration has db1, db2\n";
    assert!(said.ends_with(help), "{said}");
}

#[test]
fn every_example_is_valid_and_renders() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories");
    let mut seen = 0;
    for entry in std::fs::read_dir(&examples).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_str().unwrap().to_owned();
        if !name.ends_with(".yaml") {
            continue;
        }
        seen += 1;
        let source = std::fs::read_to_string(&path).unwrap();
        assert!(
            source.starts_with("# yaml-language-server: $schema="),
            "{name} names no schema"
        );
        let ran = pgrepl(&examples, &["validate", &name]);
        assert_eq!(ran.status.code(), Some(0), "{name}: {}", text(&ran.stderr));
        let ran = pgrepl(&examples, &["render", &name]);
        assert_eq!(ran.status.code(), Some(0), "{name}: {}", text(&ran.stderr));
        assert!(text(&ran.stdout).contains("pg_hba.conf"), "{name}");
    }
    assert!(seen >= 5, "only {seen} examples");
}

#[test]
fn a_configuration_beside_its_data_names_no_place_of_it() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories");
    let ran = pgrepl(
        &examples,
        &[
            "render",
            "custom.yaml",
            "--host",
            "server2",
            "--file",
            "postgresql.conf",
        ],
    );
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    // It says itself where it is.
    assert!(!text(&ran.stderr).contains("Debian's"));
    let rendered = text(&ran.stdout);
    assert!(!rendered.contains("/srv/postgresql/data"), "{rendered}");
    insta::assert_snapshot!(rendered);
}

#[test]
fn the_files_of_a_pair_are_rendered_offline() {
    let directory = directory_with(
        &GOOD
            .replace("[server2]", "[server2, server3]")
            .replace("16 }", "16, parameters: { work_mem: 8MB }, hba: [ \"host shop app 10.0.0.0/24 scram-sha-256\" ] }")
            .replace(
                "primary:",
                "hosts:\n  server1: { address: 10.0.0.11 }\n  server2: { address: 10.0.0.12 }\n  server3: { address: db3.example.org, upstream: server2, apply_delay: 1h }\nprimary:",
            ),
    );
    let ran = pgrepl(directory.path(), &["render"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains("note: places are Debian's"));
    insta::assert_snapshot!(text(&ran.stdout));
}

#[test]
fn a_template_written_out_and_changed_replaces_the_built_in_one() {
    let directory = directory_with(&format!("{GOOD}templates: mine\n"));
    let names = [
        "postgresql.conf.j2",
        "pg_hba.conf.j2",
        "pgpass.j2",
        "standby.conf.j2",
        "recovery.conf.j2",
    ];
    for name in names {
        let ran = pgrepl(
            directory.path(),
            &["render", "--eject", name, "--out", "mine"],
        );
        assert_eq!(ran.status.code(), Some(0), "{name}: {}", text(&ran.stderr));
    }
    let before = pgrepl(directory.path(), &["render"]);
    for name in names {
        let path = directory.path().join("mine").join(name);
        let template = std::fs::read_to_string(&path).unwrap();
        let comment = if name == "pgpass.j2" { "" } else { "# mine\n" };
        std::fs::write(&path, format!("{template}\n{comment}")).unwrap();
    }
    let after = pgrepl(directory.path(), &["render"]);
    assert_eq!(after.status.code(), Some(0), "{}", text(&after.stderr));
    assert_eq!(text(&before.stdout).matches("# mine").count(), 0);
    assert_eq!(text(&after.stdout).matches("# mine").count(), 5);

    std::fs::write(
        directory.path().join("mine/pg_hba.conf.j2"),
        "{{ nothing.here }}",
    )
    .unwrap();
    let ran = pgrepl(directory.path(), &["render"]);
    assert_eq!(ran.status.code(), Some(3));
    assert!(
        text(&ran.stderr).contains("pg_hba.conf.j2") && text(&ran.stderr).contains("line 1"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn an_inventory_is_found_where_it_is_said_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let ran = pgrepl(directory.path(), &["validate"]);
    assert_eq!(ran.status.code(), Some(64));
    insta::assert_snapshot!(text(&ran.stderr));
    let ran = pgrepl(directory.path(), &["validate", "nowhere.yaml"]);
    assert_eq!(ran.status.code(), Some(3));
    assert!(text(&ran.stderr).contains("nowhere.yaml"));
    for name in ["inventory.yaml", "pgrepl.yaml"] {
        std::fs::write(directory.path().join(name), GOOD).unwrap();
        let ran = pgrepl(directory.path(), &["validate"]);
        assert!(text(&ran.stdout).contains(name), "{}", text(&ran.stdout));
    }
}

#[test]
fn usage_errors_end_with_64_and_help_with_0() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["frobnicate"][..],
        &["plan", "--no-such-option"],
        &[],
        &["render", "--eject", "nothing.j2"],
        &["apply", "--format", "yaml"],
        &["validate", "--format", "markdown"],
        &["--format", "markdown", "backup", "verify"],
    ] {
        let ran = pgrepl(directory.path(), arguments);
        assert_eq!(ran.status.code(), Some(64), "{arguments:?}");
    }
    for command in [
        "validate", "render", "plan", "apply", "status", "check", "init", "schema",
    ] {
        let ran = pgrepl(directory.path(), &[command, "--help"]);
        assert_eq!(ran.status.code(), Some(0), "{command}");
        let help = text(&ran.stdout);
        let examples = help.matches(&format!("\n  pgrepl {command}")).count();
        assert!(examples >= 1, "{command} shows no example: {help}");
    }
    let ran = pgrepl(directory.path(), &["version"]);
    let told = text(&ran.stdout);
    assert!(told.starts_with(concat!("pgrepl ", env!("CARGO_PKG_VERSION"), "\n")));
    assert!(
        told.contains("PostgreSQL 9.6, 10, ") && told.contains(", 19\n"),
        "{told}"
    );
    assert!(text(&pgrepl(directory.path(), &["man"]).stdout).contains(".TH pgrepl"));
    for told in ["man", "--help"] {
        let told = text(&pgrepl(directory.path(), &[told]).stdout);
        assert!(told.contains("130  interrupted"), "{told}");
    }
    assert!(text(&pgrepl(directory.path(), &["completions", "bash"]).stdout).contains("_pgrepl()"));
}

#[test]
fn a_first_inventory_is_written_and_is_valid() {
    let directory = tempfile::tempdir().unwrap();
    let ran = pgrepl(
        directory.path(),
        &[
            "init",
            "--cluster",
            "shop",
            "--version",
            "16",
            "--primary",
            "server1",
            "--standby",
            "server2",
        ],
    );
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let written = std::fs::read_to_string(directory.path().join("pgrepl.yaml")).unwrap();
    insta::assert_snapshot!(written);
    let schema = std::fs::read(directory.path().join("pgrepl.schema.json")).unwrap();
    let printed = pgrepl(directory.path(), &["schema"]).stdout;
    assert_eq!(schema, printed);
    let ran = pgrepl(directory.path(), &["validate"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));

    let again = pgrepl(
        directory.path(),
        &["--no-input", "init", "--primary", "server9"],
    );
    assert_eq!(again.status.code(), Some(7));
    assert_eq!(
        std::fs::read_to_string(directory.path().join("pgrepl.yaml")).unwrap(),
        written
    );
}

#[test]
fn nothing_is_written_of_a_host_that_cannot_be_reached() {
    let directory = tempfile::tempdir().unwrap();
    let from = ["--no-input", "init", "--from-host", "nowhere.invalid"];
    let ran = pgrepl(directory.path(), &from);
    assert_eq!(ran.status.code(), Some(4), "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("nowhere.invalid"),
        "{}",
        text(&ran.stderr)
    );
    let ran = pgrepl(directory.path(), &["init", "--from-host=-oProxyCommand=x"]);
    assert_eq!(ran.status.code(), Some(64), "{}", text(&ran.stderr));
    assert!(!directory.path().join("pgrepl.yaml").exists());
}

#[test]
fn unknown_hosts_are_refused_with_the_nearest_name() {
    let directory = directory_with(GOOD);
    let ran = pgrepl(directory.path(), &["plan", "--limit", "sever2"]);
    assert_eq!(ran.status.code(), Some(64));
    assert!(
        text(&ran.stderr).contains("did you mean `server2`"),
        "{}",
        text(&ran.stderr)
    );
}

#[test]
fn a_password_that_cannot_be_had_is_named_before_any_host_is_contacted() {
    let directory = directory_with(GOOD);
    let ran = pgrepl(directory.path(), &["plan"]);
    assert_eq!(ran.status.code(), Some(1), "{}", text(&ran.stderr));
    assert!(
        text(&ran.stderr).contains("SHOP_REPLICATION_PASSWORD"),
        "{}",
        text(&ran.stderr)
    );
}
