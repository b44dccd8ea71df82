//! Files need each other in one direction only.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, product};

type Words = Vec<String>;

/// The module that a file is.
fn module(path: &str) -> Words {
    let inside = path.strip_prefix("src/").unwrap().trim_end_matches(".rs");
    let mut words: Words = inside.split('/').map(str::to_owned).collect();
    if words
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        words.pop();
    }
    words
}

/// The paths in a tree of imports.
fn flatten(tree: &str, before: &[String], found: &mut Vec<Words>) {
    let words = |text: &str| -> Words {
        let names = text.split("::").map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let tree = tree.trim();
    let Some((head, inner)) = tree.split_once('{') else {
        let plain = tree.split(" as ").next().unwrap_or_default();
        found.push([before, &words(plain)].concat());
        return;
    };
    let before = [before, &words(head)].concat();
    let (mut depth, mut part) = (0, String::new());
    for letter in inner.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth < 0 || (letter == ',' && depth == 0) {
            if !part.trim().is_empty() {
                flatten(&part, &before, found);
            }
            part.clear();
        } else {
            part.push(letter);
        }
    }
}

/// The imports of a file, whether each only gives a name on, and the text without them.
fn imports(text: &str) -> (Vec<(bool, Words)>, String) {
    let (mut found, mut without) = (Vec::new(), String::new());
    let mut rest = text;
    while let Some(at) = rest.find("use ") {
        let line = rest[..at].rsplit('\n').next().unwrap_or_default().trim();
        let begins = line.is_empty() || (line.starts_with("pub") && !line.contains(' '));
        let gives = !line.is_empty();
        without.push_str(&rest[..at]);
        rest = &rest[at + 4..];
        let Some((tree, after)) = rest.split_once(';').filter(|_| begins) else {
            continue;
        };
        rest = after;
        let mut paths = Vec::new();
        flatten(tree, &[], &mut paths);
        found.extend(paths.into_iter().map(|path| (gives, path)));
    }
    without.push_str(rest);
    (found, without)
}

/// The paths that a file names in its code.
fn named<'a>(text: &str, children: impl Iterator<Item = &'a String>) -> Vec<Words> {
    let mut found = Vec::new();
    let children = children.map(String::as_str);
    for begin in ["crate", "super", "self"].into_iter().chain(children) {
        for (at, _) in text.match_indices(&format!("{begin}::")) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let path: String = text[at..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == ':')
                .collect();
            let path = path.trim_end_matches(':');
            found.push(path.split("::").map(str::to_owned).collect());
        }
    }
    found
}

struct House {
    /// The file of each module.
    modules: BTreeMap<Words, String>,
    imports: BTreeMap<String, Vec<(bool, Words)>>,
    texts: BTreeMap<String, String>,
}

impl House {
    /// The file in which what a path names is written; `None` outside of the house.
    fn file(&self, path: &[String], here: &[String], depth: u8) -> Option<&String> {
        let (mut at, mut left) = (here.to_vec(), path);
        match left.first().map(String::as_str)? {
            "crate" => (at, left) = (Vec::new(), &left[1..]),
            "self" => left = &left[1..],
            "super" => {
                while left.first().is_some_and(|word| word == "super") {
                    at.pop();
                    left = &left[1..];
                }
            }
            child => {
                let inside = [here, &[child.to_owned()]].concat();
                self.modules.get(&inside)?;
            }
        }
        while let Some(next) = left.first() {
            let inside = [&at[..], std::slice::from_ref(next)].concat();
            if !self.modules.contains_key(&inside) {
                break;
            }
            (at, left) = (inside, &left[1..]);
        }
        let file = self.modules.get(&at)?;
        let Some(name) = left.first().filter(|_| depth > 0) else {
            return Some(file);
        };
        let given = |last: &str| {
            let mut all = self.imports[file].iter();
            all.find(|(gives, path)| *gives && path.last().is_some_and(|word| word == last))
        };
        let from = given(name).or_else(|| {
            let (_, all) = given("*")?;
            let there = self.file(&all[..all.len() - 1], &at, depth - 1)?;
            let written = ["struct", "enum", "fn", "const", "trait", "type"];
            let is = |kind: &&str| self.texts[there].contains(&format!("pub {kind} {name}"));
            written.iter().any(is).then(|| given("*"))?
        });
        match from {
            Some((_, path)) if path.last().is_some_and(|last| last == "*") => {
                self.file(&path[..path.len() - 1], &at, depth - 1)
            }
            Some((_, path)) => self.file(path, &at, depth - 1).or(Some(file)),
            None => Some(file),
        }
    }
}

/// Follows what files need until one is met again, which is on the way then.
fn follow<'a>(
    file: &'a str,
    needs: &'a BTreeMap<String, BTreeSet<String>>,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    if let Some(at) = way.iter().position(|seen| *seen == file) {
        return Some(way[at..].to_vec());
    }
    if !done.insert(file) {
        return None;
    }
    way.push(file);
    for next in needs.get(file).into_iter().flatten() {
        if let Some(circle) = follow(next, needs, way, done) {
            return Some(circle);
        }
    }
    way.pop();
    None
}

#[test]
fn no_file_needs_one_that_needs_it() {
    let mut house = House {
        modules: BTreeMap::new(),
        imports: BTreeMap::new(),
        texts: BTreeMap::new(),
    };
    for (path, text) in files("src", "rs") {
        let code: Vec<&str> = product(&text)
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect();
        // How far something is seen is no need of the file that says it.
        let code = code.join("\n").replace("pub(in crate::", "pub(in ::");
        if path != "src/main.rs" {
            house.modules.insert(module(&path), path.clone());
        }
        let (imports, code) = imports(&code);
        house.imports.insert(path.clone(), imports);
        house.texts.insert(path, code);
    }
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (here, path) in &house.modules {
        let own = house.imports[path].iter().filter(|(gives, _)| !gives);
        let paths = own.map(|(_, path)| path.clone());
        let inside = house.modules.keys().filter(|other| other.starts_with(here));
        let children = inside.filter_map(|other| other.get(here.len()));
        let paths = paths.chain(named(&house.texts[path], children));
        let files: BTreeSet<String> = paths
            .filter_map(|named| house.file(&named, here, 8).cloned())
            .filter(|file| file != path)
            .collect();
        needs.insert(path.clone(), files);
    }
    assert!(needs.values().map(BTreeSet::len).sum::<usize>() > 1000);
    let mut done = BTreeSet::new();
    for file in needs.keys() {
        let circle = follow(file, &needs, &mut Vec::new(), &mut done);
        assert!(circle.is_none(), "{circle:#?}");
    }
}
