//! The walls of the house, checked on its source text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[path = "house/circles.rs"]
mod circles;
#[path = "house/his.rs"]
mod his;
#[path = "house/mount.rs"]
mod mount;
#[path = "house/shell.rs"]
mod shell;

/// Which rooms a room may name.
const WALLS: [(&str, &str); 17] = [
    ("postgres", ""),
    ("platform", "postgres"),
    ("inventory", "platform postgres"),
    ("facts", "inventory postgres"),
    ("command", ""),
    ("script", ""),
    ("render", "postgres"),
    ("backup", "command facts inventory platform postgres script"),
    (
        "files",
        "backup command facts inventory platform postgres render script",
    ),
    (
        "action",
        "backup command facts inventory platform postgres script",
    ),
    (
        "plan",
        "action backup facts files inventory platform postgres render",
    ),
    (
        "adopt",
        "action backup facts files inventory platform postgres render",
    ),
    ("host", "command facts inventory postgres script"),
    ("report", "action facts inventory plan postgres"),
    (
        "observe",
        "action backup command facts host inventory platform postgres report script",
    ),
    (
        "execute",
        "action command facts host inventory observe plan report script",
    ),
    (
        "cli",
        "action adopt backup command execute facts files host inventory observe plan platform postgres render report",
    ),
];

/// Rooms that decide: no input or output, no clock, no order that changes from run to run.
const PURE: [&str; 12] = [
    "script",
    "backup",
    "postgres",
    "platform",
    "inventory",
    "facts",
    "command",
    "render",
    "files",
    "action",
    "plan",
    "adopt",
];
const IMPURE: [&str; 10] = [
    "tokio",
    "openssh",
    "indicatif",
    "std::fs",
    "std::process",
    "std::env",
    "std::net::Tcp",
    "SystemTime",
    "HashMap",
    "HashSet",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn files(directory: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root().join(directory), &mut found);
    found
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The text of a source file without its tests, which stand at its end.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

fn room(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap();
    inside.split('/').next().unwrap().trim_end_matches(".rs")
}

#[test]
fn rooms_know_only_the_rooms_they_may() {
    let walls: BTreeMap<&str, BTreeSet<&str>> = WALLS
        .iter()
        .map(|(room, may)| (*room, may.split_whitespace().collect()))
        .collect();
    let mut broken = Vec::new();
    for (path, text) in files("src", "rs") {
        let here = room(&path);
        if matches!(here, "main" | "lib") {
            continue;
        }
        let may = walls
            .get(here)
            .unwrap_or_else(|| panic!("{path} is in no known room"));
        for part in product(&text).split("crate::").skip(1) {
            let named: String = part
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            if named != here && !may.contains(named.as_str()) {
                broken.push(format!("{path} names {named}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn rooms_that_decide_touch_nothing() {
    let mut broken = Vec::new();
    for (path, text) in files("src", "rs") {
        if !PURE.contains(&room(&path)) {
            continue;
        }
        for word in IMPURE {
            if product(&text).contains(word) {
                broken.push(format!("{path} names {word}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn everything_printed_comes_from_the_report() {
    for (path, text) in files("src", "rs") {
        for word in [
            "println!",
            "eprint",
            "print!",
            "io::stdout()",
            "io::stderr()",
            "dbg!",
        ] {
            let terminal = text.matches(&format!("{word}.is_terminal")).count();
            assert!(
                path.starts_with("src/report/") || product(&text).matches(word).count() == terminal,
                "{path} uses {word}"
            );
        }
    }
}

#[test]
fn versions_are_compared_in_the_version_table_only() {
    let compare = [
        "major >", "major <", "major ==", "major !=", "Major(", ".major =",
    ];
    for (path, text) in files("src", "rs") {
        if path == "src/postgres/version.rs" || path.starts_with("src/postgres/parameters") {
            continue;
        }
        for (number, line) in product(&text).lines().enumerate() {
            let compares = compare.iter().any(|word| line.contains(word))
                && !line.trim_start().starts_with("//");
            assert!(!compares, "{path}:{}: {line}", number + 1);
        }
    }
}

/// A family is a row of the platform room: others ask what installs packages and what keeps an instance. Help of the command
/// line and of the inventory is for every host.
#[test]
fn families_are_named_in_the_platform_room_only() {
    let words = [
        "Debian", "debian", "Rhel", "RHEL", "rhel", "Family", "$family", "apt-get", "dnf",
    ];
    for (path, text) in ["rs", "sh"].iter().flat_map(|kind| files("src", kind)) {
        let installs = path.ends_with("script/installer.sh")
            || path.ends_with("facts/offers.sh")
            || path.contains("action/host/packages");
        if path.starts_with("src/platform/") || installs {
            continue;
        }
        let helps = path.starts_with("src/cli/") || path == "src/inventory/file.rs";
        for (number, line) in product(&text).lines().enumerate() {
            let begin = line.trim_start();
            let comment = begin.starts_with("//") || begin.starts_with('#');
            let named = words.iter().any(|word| line.contains(word));
            let told = !comment || (helps && begin.starts_with("///"));
            assert!(!(named && told), "{path}:{}: {line}", number + 1);
        }
    }
}

/// An engine is a folder of the backup room; others ask it. Its name stands in the inventory and names its templates.
#[test]
fn engines_are_named_in_the_backup_room_only() {
    for (path, text) in ["rs", "sh"].iter().flat_map(|kind| files("src", kind)) {
        let declares = ["src/inventory/backup.rs", "src/render.rs"].contains(&path.as_str());
        if path.starts_with("src/backup/") || declares {
            continue;
        }
        for (number, line) in product(&text).lines().enumerate() {
            let begin = line.trim_start();
            let comment = begin.starts_with("//") || begin.starts_with('#');
            let low = line.to_lowercase();
            let named = ["pgbackrest", "pitrery"]
                .iter()
                .any(|engine| low.contains(engine));
            assert!(comment || !named, "{path}:{}: {line}", number + 1);
        }
    }
}

/// A script is told what to do by names, options and truths; the only thing it may ask is whether two versions are the same.
#[test]
fn scripts_compare_no_versions() {
    let orders = [" -lt ", " -le ", " -gt ", " -ge ", " -eq ", " -ne "];
    for (path, text) in files("src", "sh") {
        for (number, line) in text.lines().enumerate() {
            let names_version = line.contains("$major") || line.contains("version");
            let compares = names_version && orders.iter().any(|order| line.contains(order));
            assert!(!compares, "{path}:{}: {line}", number + 1);
        }
    }
    for (path, text) in files("templates", "j2") {
        for word in ["version", "major"] {
            assert!(!text.contains(word), "{path} names {word}");
        }
    }
}

/// In front of `||` the shell goes on after what fails, and all of a script stands there: it must ask itself.
#[test]
fn a_script_goes_on_only_after_a_rename_that_succeeded() {
    for (path, text) in files("src/action", "sh")
        .into_iter()
        .chain(files("src/script", "sh"))
    {
        for (number, line) in text.lines().enumerate() {
            let renames = line.trim_start().starts_with("mv ");
            let asks = line.contains("||") || line.contains("&&");
            assert!(!renames || asks, "{path}:{}: {line}", number + 1);
        }
    }
}

/// What others choose would end a text between dollars as well as a text between quotes, and no function doubles dollars.
#[test]
fn no_sql_is_quoted_with_dollars() {
    for (path, text) in ["sh", "rs"].iter().flat_map(|kind| files("src", kind)) {
        for (number, line) in product(&text).lines().enumerate() {
            // In a text between double quotes of the shell a dollar has a backslash.
            let quoted = line.split("\\$").skip(1).any(|tag| {
                tag.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                    && line.contains(&format!("\\${tag}\\$"))
            });
            let line = line.to_lowercase();
            let begins = ["do $$", "as $$"]
                .iter()
                .any(|begins| line.contains(begins));
            assert!(!quoted && !begins, "{path}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn a_file_does_one_thing() {
    for directory in ["src", "tests", "templates"] {
        for extension in ["rs", "sh", "j2"] {
            for (path, text) in files(directory, extension) {
                let lines = text.lines().count();
                assert!(lines <= 400, "{path} has {lines} lines");
            }
        }
    }
}

#[test]
fn nothing_is_left_for_later_and_nothing_can_panic_unexplained() {
    for (path, text) in files("src", "rs") {
        for word in ["TODO", "FIXME", "XXX", "todo!", "unimplemented!"] {
            assert!(!text.contains(word), "{path} holds {word}");
        }
        assert!(!product(&text).contains(".unwrap()"), "{path} unwraps");
        let panics = product(&text).contains("panic!") && !path.ends_with("host/scripted.rs");
        assert!(!panics, "{path} panics");
    }
}
