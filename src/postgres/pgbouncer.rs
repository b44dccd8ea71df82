//! The configuration file of PgBouncer: where a database of its leads to, and where in the text that stands.

use std::collections::BTreeMap;

/// A line of a [databases] section, which leads one database somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The name that clients connect to.
    pub database: String,
    /// The file it stands in.
    pub file: String,
    /// Its line there, from 1.
    pub line: usize,
    /// `host=`, if it says one.
    pub host: Option<Value>,
    /// `port=`, if it says one.
    pub port: Option<Value>,
    /// Where what it says ends: bytes from the beginning of the line.
    pub end: usize,
}

/// A value of a connection string, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The value without its quotes.
    pub text: String,
    /// Where it begins: bytes from the beginning of the line.
    pub at: usize,
    /// As it is written.
    pub raw: String,
}

/// How deep files include one another.
const DEEPEST: usize = 8;

/// Finds every line of the [databases] sections, in the order in which PgBouncer reads them: of two for one database the
/// second decides. `files` holds the text of the first file and of all that it includes.
pub fn databases(files: &BTreeMap<String, String>, first: &str) -> Result<Vec<Line>, String> {
    let mut found = Vec::new();
    let mut section = String::new();
    read(files, first, 0, &mut section, &mut found)?;
    Ok(found)
}

fn read(
    files: &BTreeMap<String, String>,
    file: &str,
    depth: usize,
    section: &mut String,
    found: &mut Vec<Line>,
) -> Result<(), String> {
    let text = files
        .get(file)
        .filter(|_| depth < DEEPEST)
        .ok_or_else(|| format!("{file} was not read"))?;
    for (at, whole) in text.split('\n').enumerate() {
        let line = whole.trim_start();
        if line.is_empty() || line.starts_with([';', '#']) {
            continue;
        }
        if let Some(path) = included(line) {
            read(files, path, depth + 1, section, found)?;
        } else if let Some(name) = line.strip_prefix('[') {
            *section = name.split(']').next().unwrap_or_default().into();
        } else if section == "databases" {
            let line = entry(file, at + 1, whole);
            found.push(
                line.ok_or_else(|| format!("line {} of {file} is no line of [databases]", at + 1))?,
            );
        }
    }
    Ok(())
}

/// Returns the path of an include.
pub fn included(line: &str) -> Option<&str> {
    let path = line.trim_start().strip_prefix("%include")?;
    path.starts_with([' ', '\t']).then(|| path.trim())
}

/// A name and a connection string, as PgBouncer's own loader reads them.
fn entry(file: &str, line: usize, whole: &str) -> Option<Line> {
    let bytes = whole.as_bytes();
    let blank = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_whitespace);
    let skip = |mut at: usize| {
        while blank(at) {
            at += 1;
        }
        at
    };
    let mut at = skip(0);
    let mut database = String::new();
    if bytes.get(at) == Some(&b'"') {
        // Two quotes are one.
        let mut rest = whole.get(at + 1..)?;
        loop {
            let (before, after) = rest.split_once('"')?;
            database += before;
            rest = after;
            match rest.strip_prefix('"') {
                Some(after) => {
                    database.push('"');
                    rest = after;
                }
                None => break,
            }
        }
        at = whole.len() - rest.len();
    } else {
        let end = whole[at..].find(|c: char| c == '=' || c.is_ascii_whitespace())? + at;
        database = whole.get(at..end)?.into();
        at = end;
    }
    at = skip(at);
    if bytes.get(at) != Some(&b'=') || database.is_empty() {
        return None;
    }
    let mut found = Line {
        database,
        file: file.into(),
        line,
        host: None,
        port: None,
        end: whole.trim_end().len(),
    };
    at = skip(at + 1);
    while at < found.end {
        let equals = whole[at..].find('=')? + at;
        let key = whole[at..equals].trim();
        let begin = skip(equals + 1);
        let (text, end) = value(whole, begin, found.end)?;
        let value = Value {
            text,
            at: begin,
            raw: whole.get(begin..end)?.into(),
        };
        match key {
            "host" => found.host = Some(value),
            "port" => found.port = Some(value),
            _ => {}
        }
        at = skip(end);
    }
    Some(found)
}

/// A value with or without quotes, and where it ends.
fn value(whole: &str, begin: usize, end: usize) -> Option<(String, usize)> {
    let rest = whole.get(begin..end)?;
    let Some(mut rest) = rest.strip_prefix('\'') else {
        let long = rest.find(|c: char| c.is_ascii_whitespace());
        let long = long.unwrap_or(rest.len());
        return Some((rest[..long].into(), begin + long));
    };
    let mut text = String::new();
    loop {
        let (before, after) = rest.split_once('\'')?;
        text += before;
        rest = after;
        match rest.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return Some((text, end - rest.len())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Line> {
        databases(&BTreeMap::from([("/a".into(), text.into())]), "/a").unwrap()
    }

    #[test]
    fn where_a_database_leads_is_found_in_every_spelling() {
        for (text, database, host, port) in [
            (
                "shop = host=10.0.0.1 port=5432",
                "shop",
                Some("10.0.0.1"),
                Some("5432"),
            ),
            ("shop=host=a", "shop", Some("a"), None),
            (
                "  \"my \"\"shop\" =  dbname=x  host = a\tport= 6 ",
                "my \"shop",
                Some("a"),
                Some("6"),
            ),
            (
                "* = host='a b' password='it''s host=x'",
                "*",
                Some("a b"),
                None,
            ),
            ("shop =", "shop", None, None),
            ("shop = password='host=x'", "shop", None, None),
            (
                "shop = connect_query='select 1' host=é",
                "shop",
                Some("é"),
                None,
            ),
        ] {
            let text = format!("[databases]\n; host=no\n{text}\r\n[pgbouncer]\nlisten_port = 1\n");
            let found = lines(&text);
            assert_eq!(found.len(), 1, "{text}");
            let [found] = &found[..] else { panic!() };
            assert_eq!(found.database, database, "{text}");
            let said = |value: &Option<Value>| value.as_ref().map(|value| value.text.clone());
            assert_eq!(said(&found.host).as_deref(), host, "{text}");
            assert_eq!(said(&found.port).as_deref(), port, "{text}");
            let line = text.lines().nth(found.line - 1).unwrap();
            for value in found.host.iter().chain(&found.port) {
                assert_eq!(&line[value.at..value.at + value.raw.len()], value.raw);
            }
            assert_eq!(line[found.end..].trim(), "");
        }
    }

    #[test]
    fn files_that_are_included_go_on_in_the_section_that_they_stand_in() {
        let files = [
            (
                "/a",
                "[databases]\n%include /b\n[users]\nx = y\n[databases]\nc = host=3\n",
            ),
            ("/b", "a = host=1\n[pgbouncer]\nx = y\n"),
        ];
        let files: BTreeMap<String, String> =
            files.map(|(path, text)| (path.into(), text.into())).into();
        let found = databases(&files, "/a").unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|one| (&one.database[..], &one.file[..], one.line))
            .collect();
        assert_eq!(told, [("a", "/b", 1), ("c", "/a", 6)]);
        assert!(databases(&files, "/c").is_err());
        let round = BTreeMap::from([("/a".to_owned(), "%include /a".to_owned())]);
        assert!(databases(&round, "/a").is_err());
        assert!(
            databases(
                &BTreeMap::from([("/a".to_owned(), "[databases]\nshop host".to_owned())]),
                "/a"
            )
            .is_err()
        );
    }
}
