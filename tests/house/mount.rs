//! Who touches the backup mount.

use super::files;
use super::his::OF_PROGRAMS;

/// The commands of a script, without comments and without the texts in single quotes, which root hands to somebody else.
pub(super) fn commands(text: &str) -> Vec<String> {
    let told = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let told = told.collect::<Vec<_>>().join("\n");
    // One between letters is an apostrophe.
    let letters: Vec<char> = told.chars().collect();
    let letter = |at: Option<usize>| {
        at.and_then(|at| letters.get(at))
            .is_some_and(|c| c.is_ascii_lowercase())
    };
    let quoted = letters
        .iter()
        .enumerate()
        .filter(|(at, c)| **c != '\'' || !letter(at.checked_sub(1)) || !letter(Some(at + 1)));
    let told: String = quoted.map(|(_, c)| *c).collect();
    let bare: String = told.split('\'').step_by(2).collect();
    let ends = ["\n", " && ", " || ", "; ", " | ", "{ "];
    let one_a_line = ends.iter().fold(bare.replace("\\\n", " "), |text, end| {
        text.replace(end, "\n")
    });
    one_a_line
        .lines()
        .map(|line| line.trim().to_owned())
        .collect()
}

/// A file server may give root no right at all: whatever touches the mount does so as the service user. A script that works
/// there and needs root for nothing is his whole; in any other one each command that names a path of the mount is his.
#[test]
fn root_touches_nothing_on_the_mount() {
    let mut his: Vec<String> = ["unpack.sh", "fetch_work.sh"].map(str::to_owned).into();
    for (_, text) in files("src/action", "rs") {
        if text.contains(".mount_command(") {
            let parts = text.split("script!(").skip(1);
            his.extend(parts.flat_map(|rest| {
                let parts = rest.split(')').next().unwrap_or_default();
                let names = parts.split('"').skip(1).step_by(2);
                names.map(str::to_owned).collect::<Vec<_>>()
            }));
        }
    }
    // What is sent for a program of an engine's own is his but for what starts its unit.
    let root = files("src/action", "sh")
        .into_iter()
        .chain(files("src/script", "sh"))
        .chain(files("src/facts", "sh"))
        .chain(
            files("src/backup", "sh")
                .into_iter()
                .filter(|(path, _)| path.ends_with("/take.sh") || path.ends_with("tool_take.sh")),
        )
        .filter(|(path, _)| !his.iter().any(|name| path.ends_with(name.as_str())))
        // The list of the backups is read by him too.
        .filter(|(path, _)| !path.ends_with("basebackup/list.sh"))
        .filter(|(path, _)| !OF_PROGRAMS.iter().any(|name| path.ends_with(name)));
    let mut looked = 0;
    let mut by_root = Vec::new();
    for (path, text) in root {
        let mut there = vec!["top".to_owned(), "mount".to_owned()];
        for command in commands(&text) {
            let named = there.iter().any(|name| {
                command.contains(&format!("${name}")) || command.contains(&format!("${{{name}"))
            });
            if !named {
                continue;
            }
            let assigned = command.split_once('=').filter(|(name, value)| {
                name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !value.contains("$(")
            });
            if let Some((name, _)) = assigned {
                there.push(name.to_owned());
                continue;
            }
            let words = [
                // A line of a list that is told to systemd.
                "$top",
                "fail ",
                "refused ",
                "note ",
                "follow ",
                "[ -n \"${top:-}\" ]",
                "[ -n \"$mount\" ]",
                "start_unit ",
            ];
            let begins = ["if ", "then ", "until ", "! ", "124:", "**) ", "*) "];
            let bare = begins
                .iter()
                .fold(command.as_str(), |bare, word| bare.trim_start_matches(word));
            let says = words.iter().any(|word| bare.starts_with(word));
            let by_him = command.contains("as_service_user ")
                || command.contains("within ")
                || command.contains("last_words ");
            looked += 1;
            if !says && !by_him && !command.contains("$(escape \"$top\")") {
                by_root.push(format!("{path}: {command}"));
            }
        }
    }
    assert!(by_root.is_empty(), "{by_root:#?}");
    assert!(looked > 20);
}
