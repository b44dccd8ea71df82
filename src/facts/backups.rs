//! What is on the backup mount: backups, and the WAL that leads on from them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::inventory::NodeName;
use crate::postgres::history::timeline_of;
use crate::postgres::{History, Lsn, SystemId, Timeline, is_segment, is_segment_size};

/// The archive and the backups of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Backups {
    /// Whose archive it is; `None` when it is not there.
    pub archive_of: Option<SystemId>,
    /// The backups, oldest first.
    pub backups: Vec<Backup>,
    /// Runs of WAL segments without a gap: the names of the first and the last one.
    pub wal: Vec<(String, String)>,
    /// The timeline histories in the archive, by timeline.
    #[serde(skip)]
    pub histories: BTreeMap<Timeline, History>,
    /// When each of them came into the archive, in seconds since 1970.
    #[serde(skip)]
    pub history_came: BTreeMap<Timeline, u64>,
    /// When the first and the last segment of each run came, by name.
    #[serde(skip)]
    pub arrivals: BTreeMap<String, u64>,
    /// The history of the timeline that a running primary is on, which the archive may not have yet.
    #[serde(skip)]
    pub live: Option<History>,
    /// The size of a WAL segment in bytes.
    #[serde(skip)]
    pub segment_size: u64,
    /// When the newest WAL file came, in seconds since 1970.
    pub wal_until: Option<u64>,
    /// Backups that lack one they build on.
    pub orphans: Vec<String>,
    /// Backups that cannot be restored, because a part is missing or nothing tells where they end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub useless: Vec<String>,
    /// Restores that run: who restores, and the backups that are read.
    pub restores: Vec<(String, Vec<String>)>,
}

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its name.
    pub id: String,
    /// Where it was taken.
    pub host: NodeName,
    /// The major version that reads it, "16".
    pub version: String,
    /// Whose it is.
    pub system_id: SystemId,
    /// The timeline it was begun on.
    pub timeline: Timeline,
    /// Where its WAL begins.
    pub start: Lsn,
    /// Where a server restored from it is consistent.
    pub stop: Lsn,
    /// The first WAL segment it needs.
    pub start_wal: String,
    /// When it was begun, in seconds since 1970.
    pub begun: u64,
    /// When it ended, in seconds since 1970.
    pub ended: u64,
    /// When the file that describes it was written, as its file system tells.
    #[serde(default, skip_serializing)]
    pub written: Option<u64>,
    /// The number that the next transaction would have got when it ended, where that was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_xid: Option<u64>,
    /// Whether it brings the WAL with it that makes it consistent.
    #[serde(default, skip_serializing)]
    pub own_wal: bool,
    /// Its size in bytes.
    pub bytes: u64,
    /// Bytes of its files once they are unpacked, of the data directory (`data`) and by a tablespace's OID, where that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unpacked: BTreeMap<String, u64>,
    /// Bytes of it and of those it builds on, which are unpacked beside the data directory before they are joined; none of
    /// one that is complete in itself.
    #[serde(default)]
    pub parts: u64,
    /// Whether zstd is needed to unpack it, or one it builds on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub zstd: bool,
    /// When it was verified last, in seconds since 1970.
    pub verified: Option<u64>,
    /// Its tablespaces: OID and location.
    pub tablespaces: Vec<(String, String)>,
    /// The backups it builds on, oldest first; none if it is complete in itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds_on: Vec<String>,
}

impl Backup {
    /// Returns about how many bytes it has once it is restored.
    pub fn restored_bytes(&self) -> u64 {
        if self.unpacked.is_empty() {
            // What is compressed has a third.
            self.bytes.saturating_mul(3)
        } else {
            self.unpacked.values().sum()
        }
    }
}

/// Says whether a backup can have this name: one word in each engine, and never a way to another directory.
fn is_name(id: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.chars().all(letter)
}

impl Backups {
    /// Leaves out what no archive has: hosts are told these names, and another host, or whoever writes on the mount, chose them.
    #[must_use]
    pub fn plausible(mut self) -> Self {
        self.backups.retain(|backup| {
            let mut names = backup.builds_on.iter().chain([&backup.id]);
            let mut spaces = backup.tablespaces.iter();
            names.all(|name| is_name(name))
                && is_segment(&backup.start_wal)
                && backup
                    .version
                    .chars()
                    .all(|c| c.is_ascii_digit() || c == '.')
                && spaces.all(|(oid, path)| {
                    oid.parse::<u32>().is_ok() && !path.contains(char::is_control)
                })
        });
        self
    }
}

/// Reads the answer of the script; backups that were not finished are left out.
pub fn parse(facts: &[(String, String)]) -> Backups {
    let mut read = Backups {
        segment_size: 16 << 20,
        ..Backups::default()
    };
    let mut about: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    let mut histories: BTreeMap<Timeline, String> = BTreeMap::new();
    for (key, value) in facts {
        match key.as_str() {
            "archive" => read.archive_of = value.parse().ok().map(SystemId),
            "about" => {
                if let Some((id, said)) = value.split_once('\t')
                    && let Some(said) = said.split_once('=')
                {
                    about.entry(id).or_default().push(said);
                }
            }
            "wal" => {
                if let Some((first, last)) = value.split_once(' ')
                    && is_segment(first)
                    && is_segment(last)
                {
                    read.wal.push((first.into(), last.into()));
                }
            }
            "useless" => read.useless.push(value.clone()),
            "arrived" => {
                if let Some((name, at)) = value.split_once(' ')
                    && let Ok(at) = at.parse()
                {
                    read.arrivals.insert(name.into(), at);
                }
            }
            "history_came" => {
                if let Some((name, at)) = value.split_once(' ')
                    && let (Some(timeline), Ok(at)) = (timeline_of(name), at.parse())
                {
                    read.history_came.insert(timeline, at);
                }
            }
            "segment_size" => {
                let size = value.parse().ok().filter(|size| is_segment_size(*size));
                read.segment_size = size.unwrap_or(16 << 20);
            }
            "wal_until" => read.wal_until = value.parse().ok().max(read.wal_until),
            "restore" => {
                let mut words = value.split_whitespace().map(str::to_owned);
                if let Some(who) = words.next() {
                    read.restores.push((who, words.collect()));
                }
            }
            "history_line" => {
                if let Some((name, line)) = value.split_once('\t')
                    && let Some(timeline) = timeline_of(name)
                {
                    let text = histories.entry(timeline).or_default();
                    text.push_str(line);
                    text.push('\n');
                }
            }
            _ => {}
        }
    }
    read.histories = histories
        .iter()
        .map(|(of, text)| (*of, History::parse(*of, text)))
        .collect();
    read.backups = about
        .iter()
        .filter_map(|(id, said)| backup(id, said))
        .collect();
    read.backups.sort_by(|one, other| one.id.cmp(&other.id));
    let parents: BTreeMap<String, String> = about
        .iter()
        .filter_map(|(id, said)| {
            let (_, parent) = said.iter().find(|(key, _)| *key == "parent")?;
            Some(((*id).to_owned(), (*parent).to_owned()))
        })
        .collect();
    let alone: BTreeMap<String, (u64, bool)> = read
        .backups
        .iter()
        .map(|b| (b.id.clone(), (b.unpacked.values().sum(), b.zstd)))
        .collect();
    let known: BTreeSet<String> = read.backups.iter().map(|b| b.id.clone()).collect();
    for backup in &mut read.backups {
        let mut at = &backup.id;
        while let Some(parent) = parents.get(at) {
            backup.builds_on.insert(0, parent.clone());
            // Names are moments, and what is built on is older: a chain ends.
            if parent >= at {
                break;
            }
            at = parent;
        }
        let chain = [&backup.id].into_iter().chain(&backup.builds_on);
        let chain: Vec<_> = chain.filter_map(|id| alone.get(id)).collect();
        backup.zstd = chain.iter().any(|(_, zstd)| *zstd);
        if !backup.builds_on.is_empty() {
            backup.parts = chain.iter().map(|(bytes, _)| bytes).sum();
        }
    }
    let whole = |backup: &Backup| backup.builds_on.iter().all(|id| known.contains(id));
    let (whole, orphans): (Vec<Backup>, Vec<Backup>) = read.backups.into_iter().partition(whole);
    read.backups = whole;
    read.orphans = orphans.into_iter().map(|backup| backup.id).collect();
    read
}

fn backup(id: &str, said: &[(&str, &str)]) -> Option<Backup> {
    let get = |wanted: &str| {
        said.iter()
            .find(|(key, _)| *key == wanted)
            .map(|(_, value)| *value)
    };
    Some(Backup {
        // A directory that was renamed by hand is not what it says.
        id: get("id").filter(|said| *said == id)?.into(),
        host: NodeName::from(get("host")?),
        version: get("major")?.into(),
        system_id: SystemId(get("system_id")?.parse().ok()?),
        timeline: Timeline(get("timeline")?.parse().ok()?),
        start: get("start_lsn")?.parse().ok()?,
        stop: get("stop_lsn")?.parse().ok()?,
        start_wal: get("start_wal")?.into(),
        begun: get("begun")?.parse().ok()?,
        ended: get("ended")?.parse().ok()?,
        written: get("written").and_then(|at| at.parse().ok()),
        next_xid: get("next_xid").and_then(|xid| xid.parse().ok()),
        own_wal: get("wal") != Some("archive"),
        bytes: get("bytes")?.parse().ok()?,
        unpacked: said
            .iter()
            .filter(|(key, _)| *key == "unpacked")
            .filter_map(|(_, value)| value.split_once(' '))
            .filter_map(|(of, bytes)| Some((of.to_owned(), bytes.parse().ok()?)))
            .collect(),
        parts: 0,
        zstd: get("compression") == Some("zstd"),
        verified: get("verified").and_then(|at| at.parse().ok()),
        tablespaces: said
            .iter()
            .filter(|(key, _)| *key == "tablespace")
            .map(|(_, value)| {
                let (oid, path) = value.split_once(' ')?;
                // It becomes the name of a directory on a host; the mount is written by others too.
                oid.parse::<u32>().ok()?;
                Some((oid.to_owned(), path.to_owned()))
            })
            .collect::<Option<_>>()?,
        builds_on: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tablespace_whose_oid_is_a_path_is_of_no_backup() {
        let read = |tablespace: &str| {
            let facts: Vec<(String, String)> = [
                "id=b",
                "host=server1",
                "major=15",
                "system_id=7",
                "timeline=1",
                "start_lsn=0/1",
                "stop_lsn=0/2",
                "start_wal=000000010000000000000001",
                "begun=1",
                "ended=2",
                "bytes=3",
                tablespace,
            ]
            .map(|said| ("about".to_owned(), format!("b\t{said}")))
            .into();
            parse(&facts).backups.len()
        };
        assert_eq!(read("tablespace=16390 /srv/space one"), 1);
        assert_eq!(read("tablespace=../../etc /srv/space"), 0);
    }
}
