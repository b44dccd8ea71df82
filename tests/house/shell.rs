//! What runs on hosts is checked as it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::files;

fn shellcheck(path: &str, script: &str) {
    let mut child = Command::new("shellcheck")
        // The variables come from the command; functions of the prelude are not all used by each script.
        .args([
            "-s",
            "sh",
            "-e",
            "SC2154,SC2317,SC2329,SC2034,SC2119,SC2120",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("shellcheck must be installed: make lint installs it");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{path}: {}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// A string literal at the beginning of a text, and what follows it.
fn literal(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut letters = inner.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &inner[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                // The line goes on behind the indentation of the next one.
                '\n' => {
                    let rest = letters.as_str().trim_start();
                    let skipped = letters.as_str().len() - rest.len();
                    for _ in 0..letters.as_str()[..skipped].chars().count() {
                        letters.next();
                    }
                }
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

/// The text of a `concat!`, from behind its bracket, and the scripts in it; `None` where a macro's own arguments are among
/// its parts.
fn joined(
    source: &str,
    begin: &str,
    scripts: &BTreeMap<String, String>,
) -> Option<(String, Vec<String>)> {
    let folder = Path::new(source).parent()?;
    let (mut rest, mut text, mut names) = (begin, String::new(), Vec::new());
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        if rest.starts_with(')') {
            return (!names.is_empty()).then_some((text, names));
        }
        if let Some(included) = rest.strip_prefix("include_str!(") {
            let (name, after) = literal(included)?;
            let mut path = folder.to_owned();
            for part in name.split('/') {
                match part {
                    ".." => drop(path.pop()),
                    part => path.push(part),
                }
            }
            let path = path.display().to_string();
            text.push_str(scripts.get(&path)?);
            names.push(path);
            rest = after.trim_start().strip_prefix(')')?;
        } else {
            let (value, after) = literal(rest)?;
            text.push_str(&value);
            rest = after;
        }
    }
}

#[test]
fn scripts_for_hosts_pass_shellcheck() {
    let scripts: BTreeMap<String, String> = files("src", "sh").into_iter().collect();
    let (mut sent, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for (path, text) in files("src", "rs") {
        for part in text.split("concat!(").skip(1) {
            if let Some((whole, names)) = joined(&path, part, &scripts) {
                sent.insert(whole, format!("{path}, {}", names.last().unwrap()));
                seen.extend(names);
            }
        }
    }
    assert!(sent.len() > 40, "{} scripts are put together", sent.len());
    // What goes another way: by a macro of the engines, as a file of its own, as the value of a variable.
    let prelude = &scripts["src/action/prelude.sh"];
    for (path, text) in scripts.iter().filter(|(path, _)| !seen.contains(*path)) {
        let whole = if text.starts_with("#!/bin/sh") {
            text.clone()
        } else {
            format!("{prelude}\n{text}\nmain\n")
        };
        sent.insert(whole, path.clone());
    }
    // One at a time it is the longest of all tests without a host.
    let all: Vec<_> = sent.iter().collect();
    let together = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for some in all.chunks(all.len().div_ceil(together)) {
            scope.spawn(|| {
                some.iter()
                    .for_each(|(whole, path)| shellcheck(path, whole))
            });
        }
    });
}

/// What a host, its users or its files chose could begin another fact where somebody else than the prelude writes them down.
#[test]
fn facts_are_told_by_the_prelude_alone() {
    let scripts = files("src", "sh");
    let told: Vec<&String> = scripts
        .iter()
        .filter(|(path, text)| text.contains("@fact") && !path.ends_with("/prelude.sh"))
        .map(|(path, _)| path)
        .collect();
    assert!(told.is_empty(), "{told:?}");
    // What `awk -v` is given it reads once more: a backslash and an n in a name become the end of a line.
    for (path, text) in &scripts {
        for line in text.lines().filter(|line| line.contains("fact(")) {
            assert!(
                !line.contains("awk -v") || line.contains("-v per="),
                "{path}: {line}"
            );
        }
    }
}
