//! The manual: its links lead somewhere, its commands are command lines, its inventories are valid, its shell reads.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::GOOD;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages by path, and the texts that are read like pages.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let mut paths: Vec<PathBuf> = docs
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.extend(
        ["README.md", "CONTRIBUTING.md", "tests/lab/README.md"].map(|name| root().join(name)),
    );
    paths.sort();
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap();
    paths
        .iter()
        .map(|path| (path.clone(), text(path)))
        .collect()
}

/// The blocks of a page: the language and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some("")) => found.extend(open.take()),
            (Some((_, text)), _) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end: {open:?}");
    found
}

/// A page without its blocks.
fn prose(page: &str) -> String {
    let mut inside = false;
    let lines = page.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The words of a command line, as a shell would read them; it ends where another command begins.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#' | '|' | '&' | ';' | '>' | ')') if word.is_none() => break,
            (None, '|' | '&' | ';' | '>' | ')') => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Every command line of pgrepl in a text.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.lines() {
        for (at, _) in line.match_indices("pgrepl ") {
            let before = line[..at].chars().next_back();
            let begins = before.is_none_or(|c| " ($/".contains(c)) && !line[..at].contains('#');
            if begins {
                found.push(words(&line[at..]));
            }
        }
    }
    found
}

/// What stands between backticks in a text and begins with the program's name.
fn inline(text: &str) -> Vec<Vec<String>> {
    let spans = text.split('`').skip(1).step_by(2);
    spans
        .filter(|span| span.starts_with("pgrepl ") && !span.contains(['…', '\n']))
        .map(words)
        .collect()
}

#[test]
fn every_command_is_a_command_line() {
    let mut seen = 0;
    for (path, page) in pages() {
        let mut all = inline(&prose(&page));
        for (language, text) in blocks(&page) {
            if ["sh", "console"].contains(&language.as_str()) {
                all.extend(commands(&text));
            }
        }
        for command in all {
            seen += 1;
            let parsed = pgrepl::cli::command().try_get_matches_from(&command);
            if let Err(error) = parsed {
                assert!(
                    matches!(error.exit_code(), 0),
                    "{}: {}: {error}",
                    path.display(),
                    command.join(" ")
                );
            }
        }
    }
    assert!(seen > 120, "{seen}");
}

/// Puts what a part of an inventory says into a whole one.
fn merge(into: &mut Value, part: Value) {
    match (into, part) {
        (Value::Object(into), Value::Object(part)) => {
            for (key, value) in part {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, part) => *into = part,
    }
}

#[test]
fn every_inventory_is_valid() {
    let mut seen = 0;
    for (path, page) in pages() {
        for (language, text) in blocks(&page) {
            if language != "yaml" {
                continue;
            }
            seen += 1;
            let part: Value = serde_yaml::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}\n{text}", path.display()));
            let text = match part.get("cluster") {
                Some(_) => text,
                None => {
                    let mut whole: Value = serde_yaml::from_str(GOOD).unwrap();
                    merge(&mut whole, part);
                    whole.to_string()
                }
            };
            if let Err(problems) = pgrepl::inventory::read(&text) {
                panic!("{}: {problems:#?}\n{text}", path.display());
            }
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn every_shell_example_reads() {
    let known = ["", "sh", "console", "text", "yaml", "rego", "sql"];
    for (path, page) in pages() {
        for (language, text) in blocks(&page) {
            assert!(
                known.contains(&language.as_str()),
                "{}: {language}",
                path.display()
            );
            if language != "sh" {
                continue;
            }
            let shell = Command::new("sh")
                .arg("-n")
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let mut shell = shell.unwrap();
            shell
                .stdin
                .take()
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
            let ran = shell.wait_with_output().unwrap();
            assert!(ran.status.success(), "{}: {text}", path.display());
        }
    }
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut linked = BTreeSet::new();
    for (path, page) in pages() {
        for link in prose(&page).split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.contains("://") {
                continue;
            }
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let to = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let to = to.canonicalize();
            let to = to.unwrap_or_else(|_| panic!("{}: {link} is not there", path.display()));
            if !part.is_empty() {
                let text = std::fs::read_to_string(&to).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                assert!(
                    headings.any(|heading| anchor(heading) == part),
                    "{}: {link}",
                    path.display()
                );
            }
            if path.ends_with("docs/SUMMARY.md") {
                linked.insert(to);
            }
        }
    }
    for (path, _) in pages() {
        let listed = linked.contains(&path) || path.ends_with("SUMMARY.md");
        assert!(
            listed || !path.starts_with(root().join("docs")),
            "{} is not in the manual",
            path.display()
        );
    }
}

/// The help of every command, one below the other.
fn reference() -> String {
    fn below(name: &str, command: &clap::Command, text: &mut String) {
        let mut shown = command
            .clone()
            .term_width(100)
            .display_name(name.to_owned())
            .bin_name(name.to_owned());
        let help = shown.render_long_help().to_string();
        let help = help.split("Global options:").next().unwrap_or_default();
        let trimmed: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
        *text += &format!("## {name}\n\n```text\n{}\n```\n\n", trimmed.join("\n"));
        for inner in command
            .get_subcommands()
            .filter(|inner| inner.get_name() != "help")
        {
            below(&format!("{name} {}", inner.get_name()), inner, text);
        }
    }
    let mut whole = pgrepl::cli::command();
    let help = whole.clone().term_width(100).render_long_help().to_string();
    let global = help.split_once("Global options:").unwrap().1;
    let global: Vec<&str> = global.lines().map(str::trim_end).collect();
    let mut text = format!(
        "# Commands\n\nWhat `--help` of each command shows, written from there. Options of every command:\n\n```text\n{}\n```\n\n",
        global.join("\n").trim_matches('\n')
    );
    whole.build();
    for command in whole
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        below(
            &format!("pgrepl {}", command.get_name()),
            command,
            &mut text,
        );
    }
    text.trim_end().to_owned() + "\n"
}

/// `PGREPL_WRITE=1 cargo test --test cli manual` writes it anew.
#[test]
fn the_commands_are_those_of_the_program() {
    let path = root().join("docs/COMMANDS.md");
    let text = reference();
    if std::env::var_os("PGREPL_WRITE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stands == text,
        "docs/COMMANDS.md is old: PGREPL_WRITE=1 cargo test --test cli manual"
    );
}

#[test]
fn the_page_of_exit_codes_has_them_all() {
    let help = pgrepl::cli::command().get_after_help().unwrap().to_string();
    let page = std::fs::read_to_string(root().join("docs/exit-codes.md")).unwrap();
    for line in help.lines().skip(1) {
        let code = line.split_whitespace().next().unwrap();
        assert!(page.contains(&format!("\n| {code} | ")), "{code}");
    }
}

/// A blank in a picture has the width that a viewer's font gives it, or none: each word stands at its own place.
#[test]
fn no_picture_of_a_terminal_depends_on_blanks() {
    for name in ["plan", "apply", "status", "doctor"] {
        let path = root().join(format!("docs/{name}.svg"));
        let text = std::fs::read_to_string(path).unwrap();
        let words = text
            .split("<text ")
            .filter(|word| word.contains("textLength"));
        let mut seen = 0;
        for word in words {
            let shown = word.split(['>', '<']).nth(1).unwrap();
            assert!(
                !shown.is_empty() && !shown.contains(char::is_whitespace),
                "{name}: {word}"
            );
            seen += 1;
        }
        assert!(seen > 20, "{name}: {seen}");
    }
}

/// Packages take the newest entry for their own.
#[test]
fn the_newest_change_is_of_this_version() {
    let text = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let newest = text
        .lines()
        .find_map(|line| line.strip_prefix("## "))
        .unwrap();
    assert!(
        newest.starts_with(concat!(env!("CARGO_PKG_VERSION"), " - ")),
        "{newest}"
    );
}

/// What people read first fits on two screens.
#[test]
fn the_readme_is_short() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let lines = text.lines().count();
    assert!(lines <= 80, "{lines} lines");
}
