//! What help texts say to type is a command line of pgrepl.

use std::path::Path;

const COMMANDS: [&str; 9] = [
    "apply",
    "backup",
    "check",
    "failover",
    "plan",
    "rebuild",
    "restore",
    "status",
    "switchover",
];

/// The command that a text begins with, up to what belongs to the sentence around it.
fn command(text: &str) -> Vec<String> {
    let end = text
        .find(['"', ';', ',', ')', '`', '\\', '|'])
        .unwrap_or(text.len());
    let words = text[..end].split_whitespace();
    let mut command: Vec<String> = Vec::new();
    for word in words {
        if ["or", "with", "shows", "then"].contains(&word) {
            break;
        }
        command.push(word.trim_end_matches(':').replace(['{', '}'], ""));
        if word.ends_with(':') {
            break;
        }
    }
    command
}

fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn what_is_advised_is_a_command_line() {
    let mut texts = Vec::new();
    for room in ["plan", "report", "facts"] {
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room),
            &mut texts,
        );
    }
    let mut seen = 0;
    let lines = texts.iter().flat_map(|text| text.lines());
    for line in lines.filter(|line| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("pgrepl ") {
            let said = command(&line[at..]);
            if said.len() < 2 || !COMMANDS.contains(&said[1].as_str()) {
                continue;
            }
            seen += 1;
            let parsed = pgrepl::cli::command().try_get_matches_from(&said);
            assert!(
                parsed.is_ok(),
                "{}: {}",
                said.join(" "),
                parsed.unwrap_err()
            );
        }
    }
    assert!(seen > 40, "{seen}");
}
