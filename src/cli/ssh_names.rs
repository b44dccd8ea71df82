//! The hosts that the user's SSH configuration names, as suggestions to somebody who is asked for hosts.

use std::path::{Path, PathBuf};

/// Files beyond this are not looked into: a configuration may include itself.
const FILES: usize = 50;

/// Returns the names of `Host` lines without patterns, each once, in the order of the files.
pub fn names(file: Option<&str>) -> Vec<String> {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut files = vec![file.map_or_else(|| home.join(".ssh/config"), PathBuf::from)];
    let mut at = 0;
    while at < files.len() && files.len() < FILES {
        let text = std::fs::read_to_string(&files[at]).unwrap_or_default();
        let (names, included) = read(&text);
        for name in names {
            if !found.contains(&name) {
                found.push(name);
            }
        }
        for pattern in included {
            files.extend(matching(&home, &pattern));
        }
        at += 1;
    }
    found
}

/// Reads one file: the names it has, and the files it includes (ssh_config(5)).
fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut names, mut included) = (Vec::new(), Vec::new());
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
    {
        let Some(end) = line.find(|c: char| c.is_whitespace() || c == '=') else {
            continue;
        };
        let (key, rest) = line.split_at(end);
        let words = rest
            .trim_start_matches(|c: char| c.is_whitespace() || c == '=')
            .split_whitespace()
            .map(|word| word.trim_matches('"').to_owned());
        match key.to_ascii_lowercase().as_str() {
            "host" => names.extend(words.filter(|word| !word.contains(['*', '?', '!']))),
            "include" => included.extend(words),
            _ => {}
        }
    }
    (names, included)
}

/// The files of an Include: relative to ~/.ssh, with `*` in the last part only.
fn matching(home: &Path, pattern: &str) -> Vec<PathBuf> {
    let path = match pattern.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => home.join(".ssh").join(pattern),
    };
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Vec::new();
    };
    let name = name.to_string_lossy();
    let Some((begin, end)) = name.split_once('*') else {
        return vec![path.clone()];
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_patterns_are_not() {
        let text = "# Host no\nHost a b *.example !c\n  HostName 10.0.0.1\nhost=\"d\"\nInclude conf.d/* ~/x\nMatch host z\n";
        let (names, included) = read(text);
        assert_eq!(names, ["a", "b", "d"]);
        assert_eq!(included, ["conf.d/*", "~/x"]);
    }
}
