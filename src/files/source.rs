//! What stands in a configuration file and in those that it includes.

use std::collections::BTreeMap;

use crate::facts::{Facts, FileFact};
use crate::files::view::View;
use crate::platform::Platform;
use crate::postgres::Major;
use crate::postgres::conf::{self, ConfLine};
use crate::postgres::hba::{self, HbaLine};

/// A file of the configuration, as its server reads it.
pub struct Source<'a> {
    /// Its path.
    pub path: String,
    /// Its content.
    pub text: &'a str,
    /// Whether what is kept of it is written elsewhere, where what it includes is not.
    pub moves: bool,
    /// Whether it is another server's.
    pub(super) another: bool,
    files: &'a BTreeMap<String, FileFact>,
    facts: &'a Facts,
}

/// A line that is kept, and the file that it stands in.
pub(super) struct Piece<'a> {
    /// As it is written again.
    pub(super) raw: String,
    /// Its file.
    pub(super) path: &'a str,
    /// The numbers of the lines that it takes there.
    pub(super) at: std::ops::Range<usize>,
}

/// As deep as PostgreSQL follows includes (CONF_FILE_MAX_DEPTH).
const DEEPEST: u32 = 10;

impl<'a> Source<'a> {
    /// Returns the postgresql.conf of a server, if there is one.
    pub fn conf(facts: &'a Facts, platform: &Platform) -> Option<Self> {
        Self::at(facts, platform.config("postgresql.conf"), false)
    }

    /// Returns pg_hba.conf or pg_ident.conf of a server, wherever its settings say that they are.
    pub fn named(facts: &'a Facts, platform: &Platform, name: &str) -> Option<Self> {
        let usual = platform.config(name);
        let place = place(facts, platform, name);
        let moves = place != usual;
        Self::at(facts, place, moves)
    }

    fn at(facts: &'a Facts, path: String, moves: bool) -> Option<Self> {
        let text = facts.files.get(&path)?.content.as_deref()?;
        Some(Self {
            path,
            text,
            moves,
            another: false,
            files: &facts.files,
            facts,
        })
    }

    /// Returns the same for a host that has none of its files.
    #[must_use]
    pub fn for_another_host(mut self) -> Self {
        self.moves = true;
        self.another = true;
        self
    }

    /// Says whether its server runs and has let pgrepl in.
    pub(super) fn answers(&self) -> bool {
        self.facts.server.is_some()
    }

    /// Returns a text in the place of this one, with what it includes.
    pub(super) fn instead<'t>(&self, text: &'t str) -> Source<'t>
    where
        'a: 't,
    {
        Source {
            text,
            ..self.with_includes()
        }
    }

    fn with_includes(&self) -> Self {
        Self {
            path: self.path.clone(),
            moves: true,
            ..*self
        }
    }

    /// Returns every line of pg_hba.conf that counts, those of its includes in their place; what cannot be read has none.
    pub(super) fn whole(&self, major: Major) -> Vec<String> {
        let whole = self.with_includes();
        let pieces = whole.rules(major).unwrap_or_default().into_iter();
        pieces.map(|piece| piece.raw).collect()
    }

    /// Returns the lines of pg_ident.conf of the same server.
    pub(super) fn maps(&self, view: &View) -> Vec<String> {
        let maps = Source::named(self.facts, view.platform, "pg_ident.conf");
        maps.map(|maps| maps.whole(view.cluster.major))
            .unwrap_or_default()
    }

    /// Returns the complaint of the running server about one of these lines.
    pub(super) fn complaint(&self, path: &str, at: &std::ops::Range<usize>) -> Option<String> {
        let server = self.facts.server.as_ref()?;
        let own = path == self.path;
        let found = server
            .hba_errors
            .iter()
            .chain(&server.conf_errors)
            .find(|error| {
                // Before 16 the rules' line numbers are those of one file.
                let here = match &error.file {
                    Some(file) => file == path,
                    None => own && !path.ends_with("postgresql.conf"),
                };
                here && error.line.is_some_and(|line| at.contains(&(line as usize)))
            })?;
        Some(format!("{path}:{}: {}", at.start, found.error))
    }

    /// Returns the lines of postgresql.conf, those of its includes in their place where it moves.
    pub(super) fn settings(&self, major: Major) -> Result<Vec<Piece<'_>>, String> {
        let lines: Lines = |_, text| {
            let numbered = text.split_terminator('\n').enumerate();
            numbered.map(|(at, raw)| (at + 1, raw.to_owned())).collect()
        };
        self.expand(major, lines, |_, line| match conf::parse(line).pop()? {
            ConfLine::Include { directive, path } => Some((directive, path)),
            _ => None,
        })
    }

    /// Returns the lines of pg_hba.conf or pg_ident.conf likewise; files that stand for lists become these lists.
    pub(super) fn rules(&self, major: Major) -> Result<Vec<Piece<'_>>, String> {
        let lines: Lines = |major, text| {
            let lines = hba::lines(major, text).into_iter();
            lines.map(|line| (line.at, line.raw.to_owned())).collect()
        };
        let mut pieces = self.expand(major, lines, |major, line| {
            match hba::lines(major, line).pop()?.read {
                HbaLine::Include { directive, path } => Some((directive, path)),
                _ => None,
            }
        })?;
        for piece in pieces.iter_mut().filter(|_| self.moves) {
            let Some(line) = hba::lines(major, &piece.raw).pop() else {
                continue;
            };
            let named = hba::files(&line.joined);
            if named.is_empty() {
                continue;
            }
            let mut text = line.joined;
            for (range, file) in named.into_iter().rev() {
                let list = self.list(piece.path, &file, 0)?;
                if list.is_empty() {
                    return Err(format!(
                        "{}:{}: @{file} is empty",
                        piece.path, piece.at.start
                    ));
                }
                text.replace_range(range, &list.join(","));
            }
            piece.raw = text;
        }
        Ok(pieces)
    }

    /// Returns a text that replaces this one with what it includes in its place; what cannot be read stays out.
    pub(super) fn resolved(&self, major: Major, text: &str) -> String {
        let new = self.instead(text);
        let pieces = new.settings(major);
        let lines = pieces.map(|pieces| pieces.into_iter().map(|piece| piece.raw + "\n").collect());
        lines.unwrap_or_else(|_| text.to_owned())
    }

    /// Returns every setting that included files make, in their order; what cannot be read makes none.
    pub(super) fn included(&self, major: Major) -> Vec<(String, String)> {
        let whole = self.with_includes();
        let pieces = whole.settings(major).unwrap_or_default();
        let found = pieces.iter().filter(|piece| piece.path != self.path);
        found.flat_map(|piece| conf::settings(&piece.raw)).collect()
    }

    fn expand(
        &self,
        major: Major,
        lines: Lines,
        includes: Includes,
    ) -> Result<Vec<Piece<'_>>, String> {
        let mut pieces = Vec::new();
        let reading = Reading {
            major,
            lines,
            includes,
        };
        self.read(&reading, &self.path, self.text, 0, &mut pieces)?;
        Ok(pieces)
    }

    fn read<'s>(
        &'s self,
        reading: &Reading,
        path: &'s str,
        text: &'s str,
        depth: u32,
        pieces: &mut Vec<Piece<'s>>,
    ) -> Result<(), String> {
        let lines = (reading.lines)(reading.major, text);
        let ends: Vec<usize> = lines.iter().skip(1).map(|(at, _)| *at).collect();
        let ends = ends.into_iter().chain([usize::MAX]);
        for ((at, raw), end) in lines.into_iter().zip(ends) {
            let included = (reading.includes)(reading.major, &raw).filter(|_| self.moves);
            let Some((directive, said)) = included else {
                pieces.push(Piece {
                    raw,
                    path,
                    at: at..end,
                });
                continue;
            };
            if depth >= DEEPEST {
                return Err(format!("{path}:{at}: its includes are nested too deeply"));
            }
            let files = self
                .found(path, &directive, &said)
                .ok_or_else(|| format!("{path}:{at}: {directive} {said} could not be read"))?;
            for (path, text) in files {
                self.read(reading, path, text, depth + 1, pieces)?;
            }
        }
        Ok(())
    }

    /// Returns the files that a directive names; `None` if one of them was not read.
    fn found(&self, from: &str, directive: &str, said: &str) -> Option<Vec<(&str, &str)>> {
        let path = beside(from, said);
        if directive != "include_dir" {
            return match self.files.get_key_value(&path) {
                Some((path, file)) => Some(vec![(path, file.content.as_deref()?)]),
                None => (directive == "include_if_exists").then(Vec::new),
            };
        }
        let top = format!("{path}/");
        let inside = self.files.iter().filter(|(path, _)| {
            path.strip_prefix(&top).is_some_and(|name| {
                !name.contains('/') && !name.starts_with('.') && name.ends_with(".conf")
            })
        });
        inside
            .map(|(path, file)| Some((path.as_str(), file.content.as_deref()?)))
            .collect()
    }

    /// Returns the tokens of a file that stands for a list.
    fn list(&self, from: &str, said: &str, depth: u32) -> Result<Vec<String>, String> {
        let path = beside(from, said);
        let unread = || format!("{from}: @{said} could not be read");
        let (path, file) = self.files.get_key_value(&path).ok_or_else(unread)?;
        let text = file.content.as_deref().ok_or_else(unread)?;
        let mut list = Vec::new();
        for token in text.split('\n').flat_map(hba::tokens) {
            match token.strip_prefix('@').filter(|name| !name.is_empty()) {
                Some(name) if depth < DEEPEST => {
                    list.extend(self.list(path, &hba::unquoted(name).0, depth + 1)?);
                }
                Some(_) => return Err(unread()),
                None => list.push(token),
            }
        }
        Ok(list)
    }
}

/// How the lines of a kind of file are told apart: each with its number.
type Lines = fn(Major, &str) -> Vec<(usize, String)>;

/// Which other files a line includes: the directive and the path.
type Includes = fn(Major, &str) -> Option<(String, String)>;

struct Reading {
    major: Major,
    lines: Lines,
    includes: Includes,
}

/// Returns the path that a file means by a relative one.
fn beside(from: &str, said: &str) -> String {
    let said = said.trim_end_matches('/');
    if said.starts_with('/') {
        return said.to_owned();
    }
    let directory = from.rsplit_once('/').map_or("", |(directory, _)| directory);
    format!("{directory}/{said}")
}

/// Returns where a server has pg_hba.conf or pg_ident.conf: as it has loaded that, or as its files say.
fn place(facts: &Facts, platform: &Platform, name: &str) -> String {
    let setting = match name {
        "pg_hba.conf" => "hba_file",
        _ => "ident_file",
    };
    let usual = platform.config(name);
    let loaded = facts
        .server
        .as_ref()
        .and_then(|server| server.settings.get(setting))
        .map(|loaded| loaded.setting.clone());
    let said = loaded.filter(|said| !said.is_empty()).or_else(|| {
        let conf = Source::conf(facts, platform)?;
        let main = conf::settings(conf.text).filter(|(known, _)| known == setting);
        main.last().map(|(_, said)| said)
    });
    match said {
        Some(said) if said.starts_with('/') => said,
        Some(said) => format!("{}/{said}", platform.data_directory),
        None => usual,
    }
}

/// Returns the pg_ident.conf that comes along; `None` if there is no map in it.
pub fn maps(major: Major, source: &Source) -> Result<Option<String>, String> {
    let pieces = source.rules(major)?;
    let any = pieces
        .iter()
        .any(|piece| !hba::tokens(&piece.raw).is_empty());
    let text = pieces.into_iter().map(|piece| piece.raw + "\n").collect();
    Ok(any.then_some(text))
}
