//! pgBackRest, from the distribution's package: its repository lies in `<top>/pgbackrest`, its stanza is the cluster.
//!
//! Facts it is driven by: `archive_command` must hold the word pgbackrest; `archive-get` ends with 1 for what is not
//! there, which is what PostgreSQL takes every code up to 125 for; `verify` ends with 0 although it found damage, and
//! `info` although there is no stanza (its user guide and command reference; measured with 2.45).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::backup::interface::{Configuration, Depth, Engine, Program, Scripts, value};
use crate::backup::scripts::{as_user, verb};
use crate::facts::backups::{Backup, Backups, parse};
use crate::facts::retention::Rule;
use crate::inventory::{Keep, NodeName};
use crate::postgres::{Major, SystemId, Timeline};
use crate::script::program;

/// The engine.
pub struct Pgbackrest;

static SCRIPTS: Scripts = Scripts {
    prepare: Some(verb!("prepare.sh")),
    list: verb!("list.sh"),
    take: verb!("../tool_take.sh"),
    work: as_user!([] "work.sh", "../tool_work.sh"),
    verify: verb!("verify.sh"),
    verify_wal: None,
    prune: verb!("prune.sh"),
};

impl Engine for Pgbackrest {
    fn name(&self) -> &'static str {
        "pgbackrest"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["pgbackrest"]
    }

    fn version_argument(&self) -> &'static str {
        "version"
    }

    fn directory(&self) -> &'static str {
        "pgbackrest/"
    }

    fn repository(&self) -> &'static str {
        "pgbackrest/archive/CLUSTER/archive.info"
    }

    fn log_directory(&self) -> &'static str {
        "/var/log/pgbackrest"
    }

    fn kept(&self, configuration: &str) -> Option<Keep> {
        let number = value(configuration, "repo1-retention-full=")?
            .parse()
            .ok()?;
        let days = value(configuration, "repo1-retention-full-type=") == Some("time");
        Some(if days {
            Keep::Days(number)
        } else {
            Keep::Count(number)
        })
    }

    fn archive_program(&self) -> Program {
        Program {
            name: "pgbackrest-archive",
            text: program!(["patience.sh", "fork.sh"] "archive.sh"),
        }
    }

    fn restore_program(&self) -> Program {
        Program {
            name: "pgbackrest-restore",
            text: program!(["patience.sh", "fork.sh"] "restore.sh"),
        }
    }

    fn scheduled(&self) -> &'static str {
        concat!(
            as_user!(["tell_position.sh", "kept.sh"] "work.sh", "../scheduled.sh", "scheduled.sh"),
            "main\n"
        )
    }

    fn archived(&self) -> &'static str {
        "/pgbackrest/archive/CLUSTER/*/LOG/SEGMENT-*"
    }

    fn configuration(&self) -> Option<Configuration> {
        Some(Configuration {
            name: "pgbackrest.conf",
            template: "pgbackrest.conf.j2",
            directory: "/etc/pgbackrest",
        })
    }

    fn unpack(&self) -> &'static str {
        concat!(
            include_str!("../as_user.sh"),
            include_str!("own.sh"),
            include_str!("unpack.sh")
        )
    }

    fn scripts(&self) -> &'static Scripts {
        &SCRIPTS
    }

    fn depths(&self, _: Major) -> &'static [Depth] {
        &[Depth::Full, Depth::Differential, Depth::Incremental]
    }

    /// Full backups are counted; what depends on one goes with it. By days, the newest full one that is older stays,
    /// because the first of these days begins with it.
    fn rule(&self, keep: Keep) -> Rule {
        Rule {
            keep,
            chains: true,
            bridges: true,
        }
    }

    fn listed(&self, facts: &[(String, String)]) -> Backups {
        let of = |wanted: &'static str| {
            facts
                .iter()
                .filter(move |(key, _)| key == wanted)
                .map(|(_, value)| value.as_str())
        };
        let mut read = parse(facts);
        let stanzas: Vec<Stanza> = of("info")
            .next()
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        let noted = |id: &str, wanted: &str| {
            of("noted")
                .filter_map(|line| line.split_once('\t'))
                .filter(|(of, _)| *of == id)
                .filter_map(|(_, said)| said.split_once('='))
                .filter(|(key, _)| *key == wanted)
                .map(|(_, value)| value.to_owned())
                .next_back()
        };
        for stanza in &stanzas {
            for info in stanza.backup.iter().filter(|info| !info.error) {
                let of_manifest = of("lsn")
                    .filter_map(|line| line.split_once('\t'))
                    .find(|(of, _)| *of == info.label)
                    .map(|(_, ends)| ends);
                let Some(mut backup) = info.read(stanza, of_manifest) else {
                    continue;
                };
                backup.host =
                    NodeName::new(noted(&info.label, "host").unwrap_or_else(|| "?".into()));
                backup.written = of("written")
                    .filter_map(|line| line.split_once('\t'))
                    .find(|(of, _)| *of == info.label)
                    .and_then(|(_, at)| at.parse().ok());
                backup.verified = noted(&info.label, "verified").and_then(|at| at.parse().ok());
                backup.tablespaces = of("tablespace")
                    .filter_map(|line| line.split_once('\t'))
                    .filter(|(of, _)| *of == info.label)
                    .filter_map(|(_, said)| said.split_once(' '))
                    .map(|(oid, path)| (oid.to_owned(), path.to_owned()))
                    .collect();
                read.backups.push(backup);
            }
        }
        read.backups.sort_by_key(|backup| backup.ended);
        read
    }
}

/// What `info --output=json` tells of a stanza; fields that nobody asks for are left out.
#[derive(Deserialize)]
struct Stanza {
    #[serde(default)]
    backup: Vec<Info>,
    #[serde(default)]
    db: Vec<Db>,
}

#[derive(Deserialize)]
struct Db {
    id: u64,
    #[serde(rename = "system-id")]
    system_id: u64,
    version: String,
}

#[derive(Deserialize)]
struct Info {
    label: String,
    #[serde(default)]
    error: bool,
    archive: Ends<String>,
    lsn: Option<Ends<String>>,
    timestamp: Ends<u64>,
    database: Database,
    info: Sizes,
}

#[derive(Deserialize)]
struct Ends<T> {
    start: T,
    stop: T,
}

#[derive(Deserialize)]
struct Database {
    id: u64,
}

#[derive(Deserialize)]
struct Sizes {
    /// All files of the data directory and the tablespaces once they are restored.
    size: u64,
    repository: Repository,
}

#[derive(Deserialize)]
struct Repository {
    /// What this backup alone added to the repository.
    delta: u64,
}

impl Info {
    /// `of_manifest` are its two positions, for a version whose info does not tell them.
    fn read(&self, stanza: &Stanza, of_manifest: Option<&str>) -> Option<Backup> {
        let (start, stop) = match &self.lsn {
            Some(lsn) => (lsn.start.as_str(), lsn.stop.as_str()),
            None => of_manifest?.split_once(' ')?,
        };
        let db = stanza.db.iter().find(|db| db.id == self.database.id)?;
        let timeline = u32::from_str_radix(self.archive.start.get(..8)?, 16).ok()?;
        Some(Backup {
            id: self.label.clone(),
            host: NodeName::from("?"),
            version: db.version.clone(),
            system_id: SystemId(db.system_id),
            timeline: Timeline(timeline),
            start: start.parse().ok()?,
            stop: stop.parse().ok()?,
            start_wal: self.archive.start.clone(),
            begun: self.timestamp.start,
            ended: self.timestamp.stop,
            written: None,
            next_xid: None,
            own_wal: false,
            bytes: self.info.repository.delta,
            unpacked: BTreeMap::from([("data".to_owned(), self.info.size)]),
            parts: 0,
            zstd: false,
            verified: None,
            tablespaces: Vec::new(),
            // Its own program knows what it needs.
            builds_on: Vec::new(),
        })
    }
}
