//! What runs on hosts is checked as it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::files;
use super::mount::commands;

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

/// The text of what `script!` or `verb!` of an engine puts together, from behind its bracket, and the scripts in it.
fn joined(
    source: &str,
    begin: &str,
    scripts: &BTreeMap<String, String>,
) -> Option<(String, Vec<String>)> {
    let folder = Path::new(source).parent()?;
    let (library, own) = begin.trim_start().strip_prefix('[')?.split_once(']')?;
    let own = own.split(')').next()?;
    let names = |text: &str| -> Vec<String> {
        text.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let mut paths = vec!["src/script/prelude.sh".to_owned()];
    paths.extend(
        names(library)
            .iter()
            .map(|name| format!("src/script/{name}")),
    );
    for name in names(own) {
        let mut path = folder.to_owned();
        for part in name.split('/') {
            match part {
                ".." => drop(path.pop()),
                part => path.push(part),
            }
        }
        paths.push(path.display().to_string());
    }
    let texts: Option<Vec<&str>> = paths
        .iter()
        .map(|path| scripts.get(path).map(String::as_str))
        .collect();
    Some((format!("{}\nrun_main\n", texts?.concat()), paths))
}

#[test]
fn scripts_for_hosts_pass_shellcheck() {
    let scripts: BTreeMap<String, String> = files("src", "sh").into_iter().collect();
    let (mut sent, mut seen) = (BTreeMap::new(), BTreeSet::new());
    for (path, text) in files("src", "rs") {
        for part in text.split("script!(").skip(1) {
            if let Some((whole, names)) = joined(&path, part, &scripts) {
                sent.insert(whole, format!("{path}, {}", names.last().unwrap()));
                seen.extend(names);
            }
        }
    }
    assert!(sent.len() > 40, "{} scripts are put together", sent.len());
    let functions = |text: &str| -> BTreeSet<String> {
        let heads = text.lines().filter_map(|line| line.split_once("() {"));
        let names = heads.map(|(name, _)| name.to_owned());
        names.filter(|name| !name.contains(' ')).collect()
    };
    let all: BTreeSet<String> = scripts.values().flat_map(|text| functions(text)).collect();
    for (whole, path) in &sent {
        let own = functions(whole);
        for command in commands(whole) {
            let bare = [
                "if ", "do ", "then ", "else ", "elif ", "until ", "while ", "! ", "(",
            ]
            .iter()
            .fold(command.as_str(), |bare, word| bare.trim_start_matches(word));
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = bare.find(|c| !letters(c)).unwrap_or(bare.len());
            let called = if bare[end..].starts_with(['=', ')', '|']) {
                ""
            } else {
                &bare[..end]
            };
            let missing = all.contains(called) && !own.contains(called);
            assert!(
                !missing,
                "{path} calls {called}, which it does not have: {command}"
            );
        }
    }
    // What goes another way: by a macro of the engines, as a file of its own, as the value of a variable.
    let prelude = &scripts["src/script/prelude.sh"];
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

/// CentOS 7 has systemd 219: a property that is asked for with `--value` is empty there.
#[test]
fn properties_of_units_are_read_in_the_way_of_every_systemd() {
    for (path, text) in files("src", "sh") {
        let asks = |line: &&str| !line.trim_start().starts_with('#') && line.contains("systemctl");
        let mut lines = text.lines().filter(asks);
        let line = lines.find(|line| line.contains("--value"));
        assert_eq!(line, None, "{path}");
    }
}
