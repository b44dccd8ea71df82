//! Every command in every format: a result, an error, or a refusal, but never a format that is ignored.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::options::commands;
use crate::{pgrepl, text};

/// Hosts that nobody answers on.
const NOBODY: &str = "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { file: password } }\n\
     backup: { mount: /mnt/backups }\nprimary: server1\nstandbys: [server2]\n\
     ssh: { config_file: ssh_config }\n";

/// What stands behind a command so that it is a whole command line.
const REST: [(&str, &[&str]); 7] = [
    ("switchover", &["--to", "server2"]),
    ("failover", &["--to", "server2"]),
    ("rebuild", &["server2"]),
    ("restore", &["--to", "server1", "--latest"]),
    ("completions", &["bash"]),
    ("init", &["new.yaml", "--primary", "server1"]),
    ("render", &["--host", "server1"]),
];

/// The formats of each command besides the one for people.
fn formats(command: &str) -> &'static [&'static str] {
    match command {
        "completions" | "man" => &[],
        "init" | "validate" | "render" | "schema" | "version" => &["json"],
        "plan" | "status" | "check" | "doctor" | "backup list" => &["json", "jsonl", "markdown"],
        _ => &["json", "jsonl"],
    }
}

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("inventory.yaml"), NOBODY).unwrap();
    std::fs::write(place.path().join("password"), "it's").unwrap();
    let ssh = "Host *\n  HostName 127.0.0.1\n  Port 1\n";
    std::fs::write(place.path().join("ssh_config"), ssh).unwrap();
    place
}

fn run(place: &Path, line: &[&str]) -> (Output, String) {
    let ran = pgrepl(place, line);
    let out = text(&ran.stdout);
    (ran, out)
}

/// The one document of an output.
fn document(line: &[&str], out: &str) -> Value {
    let all: Vec<Value> = serde_json::Deserializer::from_str(out)
        .into_iter()
        .map(|document| document.unwrap_or_else(|error| panic!("{line:?}: {error}: {out}")))
        .collect();
    assert_eq!(all.len(), 1, "{line:?}: {out}");
    all[0].clone()
}

fn error<'a>(line: &[&str], document: &'a Value) -> &'a Value {
    let error = &document["error"];
    for key in ["kind", "message", "help"] {
        assert!(error[key].is_string(), "{line:?}: {document}");
    }
    let message = error["message"].as_str().unwrap();
    assert!(
        !message.is_empty() && !message.contains('\u{1b}'),
        "{line:?}: {message}"
    );
    error
}

#[test]
fn every_command_has_its_result_in_each_format_or_refuses_it() {
    let mut declared = pgrepl::cli::command();
    declared.build();
    let mut seen = 0;
    for words in commands(&declared, &[]) {
        let name = words.join(" ");
        let rest = REST.iter().find(|(command, _)| *command == name);
        let rest = rest.map_or(&[][..], |(_, rest)| rest);
        for format in ["json", "jsonl", "markdown"] {
            seen += 1;
            let place = place();
            let words = words.iter().map(String::as_str);
            let line: Vec<&str> = ["--format", format]
                .into_iter()
                .chain(words)
                .chain(rest.iter().copied())
                .collect();
            let (ran, out) = run(place.path(), &line);
            let code = ran.status.code();
            if !formats(&name).contains(&format) {
                assert_eq!(code, Some(64), "{line:?}: {out}{}", text(&ran.stderr));
                assert!(text(&ran.stderr).contains("help: "), "{line:?}");
                if format == "json" {
                    let document = document(&line, &out);
                    assert_eq!(error(&line, &document)["kind"], "usage");
                } else {
                    assert_eq!(out, "", "{line:?}");
                }
                continue;
            }
            assert!(
                ![Some(64), Some(70), None].contains(&code),
                "{line:?}: {}",
                text(&ran.stderr)
            );
            if format == "json" {
                let document = document(&line, &out);
                // A status tells of hosts that cannot be read, a doctor finds them; what needs one has failed.
                match code {
                    Some(0 | 2) => assert!(document["error"].is_null(), "{line:?}: {document}"),
                    _ => assert!(error(&line, &document)["code"].is_number()),
                }
            }
        }
    }
    assert!(seen >= 3 * 19, "{seen}");
}

#[test]
fn a_document_tells_what_is_wrong_and_what_to_type() {
    let place = place();
    let (ran, out) = run(place.path(), &["plan", "--format", "json"]);
    assert_eq!(ran.status.code(), Some(4));
    let told = document(&[], &out);
    let told = error(&[], &told);
    assert_eq!(told["kind"], "unreachable");
    assert!(
        told["message"].as_str().unwrap().contains("server1"),
        "{told}"
    );
    assert_ne!(told["help"], "", "{told}");

    std::fs::write(
        place.path().join("bad.yaml"),
        "cluster: shop\nprimry: server1\n",
    )
    .unwrap();
    let (ran, out) = run(place.path(), &["validate", "bad.yaml", "--format", "json"]);
    assert_eq!(ran.status.code(), Some(3));
    let told = document(&[], &out);
    let message = error(&[], &told)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("bad.yaml:2:1: "), "{message}");

    for line in [
        &["--format", "json", "plan", "--nonsense"][..],
        &["--format=json", "nonsense"],
    ] {
        let (ran, out) = run(place.path(), line);
        assert_eq!(ran.status.code(), Some(64));
        let told = document(line, &out);
        let message = error(line, &told)["message"].as_str().unwrap().to_owned();
        assert!(message.contains("nonsense"), "{message}");
    }
}

#[test]
fn what_is_watched_is_no_one_document_and_nobody_is_asked_over_one() {
    let place = place();
    for line in [
        &["--format", "json", "status", "--watch"][..],
        &["--format", "markdown", "apply"],
        &["--format", "markdown", "backup", "prune"],
    ] {
        let (ran, _) = run(place.path(), line);
        assert_eq!(ran.status.code(), Some(64), "{line:?}");
    }
    let (ran, _) = run(
        place.path(),
        &["--format", "markdown", "apply", "--dry-run"],
    );
    assert_eq!(ran.status.code(), Some(4), "{}", text(&ran.stderr));
}
