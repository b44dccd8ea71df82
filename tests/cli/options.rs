//! Options that every command has, and what stands for a result where there is none.

use clap::Command;

use crate::{pgrepl, text};

/// The words of every command: `plan`, `backup run`, …
pub fn commands(of: &Command, before: &[String]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for command in of
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let words = [before, &[command.get_name().to_owned()]].concat();
        match command.has_subcommands() {
            true => all.extend(commands(command, &words)),
            false => all.push(words),
        }
    }
    all
}

#[test]
fn every_global_option_stands_before_and_behind_every_command() {
    let mut declared = pgrepl::cli::command();
    declared.build();
    let globals = declared
        .get_arguments()
        .filter(|argument| argument.is_global_set());
    let options: Vec<Vec<String>> = globals
        .filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
        .flat_map(|argument| {
            let long = argument.get_long().map(|long| format!("--{long}"));
            let short = argument.get_short().map(|short| format!("-{short}"));
            let value = argument.get_possible_values();
            let value = value
                .first()
                .map_or("a.yaml", |value| value.get_name())
                .to_owned();
            let takes = argument.get_action().takes_values();
            long.into_iter().chain(short).map(move |name| match takes {
                true => vec![name, value.clone()],
                false => vec![name],
            })
        })
        .collect();
    assert!(options.len() > 6, "{options:?}");
    let place = tempfile::tempdir().unwrap();
    for words in commands(&declared, &[]) {
        for option in &options {
            for line in [
                [&option[..], &words].concat(),
                [&words[..], option].concat(),
            ] {
                let line: Vec<&str> = line.iter().map(String::as_str).chain(["--help"]).collect();
                let ran = pgrepl(place.path(), &line);
                assert_eq!(
                    ran.status.code(),
                    Some(0),
                    "{line:?}: {}",
                    text(&ran.stderr)
                );
            }
        }
    }
}

#[test]
fn a_failure_is_a_json_document_where_one_is_asked_for() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("bad.yaml"), "cluster: é\n").unwrap();
    for (line, kind, code) in [
        (&["plan", "bad.yaml", "--format", "json"][..], "invalid", 3),
        (
            &["--format", "json", "-i", "none.yaml", "rebuild", "server2"],
            "invalid",
            3,
        ),
    ] {
        let ran = pgrepl(place.path(), line);
        assert_eq!(ran.status.code(), Some(code), "{line:?}");
        let told: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(told["error"]["kind"], kind, "{told}");
        assert_eq!(told["error"]["code"], code, "{told}");
        assert!(
            !told["error"]["message"]
                .as_str()
                .unwrap()
                .contains('\u{1b}'),
            "{told}"
        );
    }
}

#[test]
fn a_variable_that_is_missing_is_named_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let inventory = "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: NO_SUCH_PASSWORD } }\nprimary: server1\n";
    std::fs::write(place.path().join("shop.yaml"), inventory).unwrap();
    let ran = pgrepl(place.path(), &["plan", "shop.yaml"]);
    assert_eq!(
        text(&ran.stderr),
        "error: the environment has no variable NO_SUCH_PASSWORD, which the replication password is read from\nhelp: export NO_SUCH_PASSWORD=…\n"
    );
}
