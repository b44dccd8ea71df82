//! What older files said that stays.

use std::collections::BTreeSet;

use super::source::{Piece, Source};
use crate::files::view::View;
use crate::inventory::Unmanaged;
use crate::postgres::Major;
use crate::postgres::conf::{self, ConfLine};
use crate::postgres::hba::{self, HbaLine};
use crate::postgres::owned::owned;
use crate::postgres::parameters::ParameterKind;
use crate::postgres::value::{self, Value};

/// The line that tells a file of ours.
pub(super) const OURS: &str = ": written by pgrepl.";

pub(super) const KEPT: &str = "# --- kept";

pub(super) const KEPT_END: &str = "# --- end of kept";

/// What an older file said that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Lines to write again, to the byte as they stood there.
    pub lines: Vec<String>,
    /// The settings among them, and those of the files that they include.
    pub settings: BTreeSet<String>,
    /// What was dropped, for the plan to show.
    pub dropped: Vec<String>,
    /// Lines that the server does not load, and files that could not be read: the file is left as it is.
    pub refused: Vec<String>,
}

/// Says whether a file was written by pgrepl.
pub fn is_ours(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains(OURS))
}

/// Returns the lines of a file of ours that are not kept ones, with their numbers.
pub(super) fn written(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut foreign = Foreign {
        ours: true,
        inside: false,
    };
    text.split('\n')
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(move |(_, line)| !foreign.is_inside(line))
}

/// Tells the lines that others wrote from ours.
struct Foreign {
    ours: bool,
    inside: bool,
}

impl Foreign {
    fn of(source: &Source) -> Self {
        let ours = is_ours(source.text);
        Self {
            ours,
            inside: !ours,
        }
    }

    fn is_inside(&mut self, line: &str) -> bool {
        if self.ours && line.starts_with(KEPT_END) {
            self.inside = false;
        } else if self.ours && line.starts_with(KEPT) {
            self.inside = true;
        }
        self.inside
    }
}

/// Returns what is kept of an older postgresql.conf.
pub fn kept_settings(view: &View, source: &Source) -> Kept {
    let cluster = view.cluster;
    let mut kept = Kept::default();
    let mut foreign = Foreign::of(source);
    // Clients on this host may use other directories than pgrepl's; another host need not have these.
    let more_sockets = |value: &str| {
        let own: Vec<&str> = places(&view.platform.sockets).collect();
        let has = own
            .first()
            .is_some_and(|own| places(value).any(|place| place == *own));
        !source.another && has && places(value).any(|place| !own.contains(&place))
    };
    // With `backup:` it is decided that WAL goes somewhere, not for which servers.
    let stays = |name: &str, value: &str| match name {
        "unix_socket_directories" => more_sockets(value),
        "archive_mode" => !is_off(cluster.major, value),
        _ => false,
    };
    let decided = |name: &str, value: &str| {
        let owned = owned(name).filter(|_| !stays(name, value));
        owned.is_some_and(|owned| owned.decided.goes(cluster.backup.is_some()))
            || view.node.parameters.contains_key(name)
    };
    let pieces = source.settings(cluster.major).unwrap_or_else(|why| {
        kept.refused.push(why);
        Vec::new()
    });
    // What our own lines say wins over what is included above them.
    let mut own = BTreeSet::new();
    for piece in pieces {
        let read = conf::parse(&piece.raw).pop().unwrap_or(ConfLine::Blank);
        if !foreign.is_inside(&piece.raw) {
            own.extend(conf::settings(&piece.raw).map(|(name, _)| name));
            continue;
        }
        match read {
            ConfLine::Setting { name, value } => {
                if decided(&name, &value) {
                    continue;
                }
                if cluster.unmanaged == Unmanaged::Remove
                    || cluster.breaks_replication(&name, &value)
                {
                    kept.dropped.push(format!("{name} = {value}"));
                    continue;
                }
                kept.settings.insert(name);
                kept.lines.push(piece.raw);
            }
            ConfLine::Include { .. } if cluster.unmanaged == Unmanaged::Keep => {
                kept.lines.push(piece.raw);
            }
            ConfLine::Include { .. } => kept.dropped.push(piece.raw.trim().to_owned()),
            ConfLine::Bad { .. } => keep_strange(view, source, piece, &mut kept),
            ConfLine::Blank => {}
        }
    }
    if !source.moves && cluster.unmanaged == Unmanaged::Keep {
        let included = source.included(cluster.major).into_iter();
        let effective = included.filter(|(name, value)| {
            !decided(name, value) && !own.contains(name) && !cluster.breaks_replication(name, value)
        });
        kept.settings.extend(effective.map(|(name, _)| name));
    }
    kept
}

/// Returns what is kept of an older pg_hba.conf: rules that are not written anyway.
pub fn kept_rules(view: &View, source: &Source, written: &str) -> Kept {
    let major = view.cluster.major;
    let known: BTreeSet<String> = hba::lines(major, written)
        .into_iter()
        .filter(|line| matches!(line.read, HbaLine::Rule(_)))
        .map(|line| format!("{:?}", line.read))
        .collect();
    // One that the inventory says stands in front: behind it the same is never reached.
    let said: BTreeSet<String> = view
        .node
        .hba
        .iter()
        .map(|line| format!("{:?}", hba::parse_line(major, line)))
        .collect();
    let mut kept = Kept::default();
    let mut foreign = Foreign::of(source);
    let pieces = source.rules(major).unwrap_or_else(|why| {
        kept.refused.push(why);
        Vec::new()
    });
    for piece in pieces {
        if !foreign.is_inside(&piece.raw) {
            continue;
        }
        let read = hba::lines(major, &piece.raw).pop().map(|line| line.read);
        match read {
            Some(HbaLine::Bad(_)) => keep_strange(view, source, piece, &mut kept),
            // Behind one that stays it would change places with that.
            Some(read @ HbaLine::Rule(_))
                if said.contains(&format!("{read:?}"))
                    || kept.lines.is_empty() && known.contains(&format!("{read:?}")) => {}
            Some(HbaLine::Rule(_) | HbaLine::Include { .. }) => {
                if view.cluster.unmanaged == Unmanaged::Keep {
                    kept.lines.push(piece.raw);
                } else {
                    kept.dropped.push(piece.raw.trim().to_owned());
                }
            }
            Some(HbaLine::Blank) | None => {}
        }
    }
    kept
}

/// Returns the lines of a pg_hba.conf that others wrote, those of its includes in their place.
pub(super) fn foreign_lines(source: &Source, major: Major) -> Vec<String> {
    let mut foreign = Foreign::of(source);
    let lines = source.whole(major).into_iter();
    lines.filter(|line| foreign.is_inside(line)).collect()
}

/// Returns every line of a pg_hba.conf, those of its includes in their place, and whether others wrote it.
pub(super) fn foreign_pieces(source: &Source, major: Major) -> Result<Vec<(String, bool)>, String> {
    let mut foreign = Foreign::of(source);
    let pieces = source.rules(major)?.into_iter();
    let told = pieces.map(|piece| {
        let inside = foreign.is_inside(&piece.raw);
        (piece.raw, inside)
    });
    Ok(told.collect())
}

/// A line that pgrepl does not understand: the server is the judge.
fn keep_strange(view: &View, source: &Source, piece: Piece, kept: &mut Kept) {
    if let Some(complaint) = source.complaint(piece.path, &piece.at) {
        kept.refused.push(complaint);
    } else if view.cluster.unmanaged == Unmanaged::Keep {
        kept.lines.push(piece.raw);
    } else {
        kept.dropped.push(piece.raw.trim().to_owned());
    }
}

/// Returns directories of a list; /var/run is another name of /run.
fn places(list: &str) -> impl Iterator<Item = &str> {
    let places = list.split(',').map(|place| place.trim().trim_matches('"'));
    places.map(|place| {
        place
            .strip_prefix("/var")
            .filter(|rest| rest.starts_with("/run/"))
            .unwrap_or(place)
    })
}

fn is_off(major: Major, said: &str) -> bool {
    value::parse(major, &ParameterKind::Bool, said) == Ok(Value::Bool(false))
}
