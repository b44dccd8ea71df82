//! WHO TAKES BACKUPS: the engines behind one small interface.
//!
//! An engine says which packages and files it needs, how a server reaches its archive, and how backups are taken,
//! listed, restored, verified and removed. Each lives in one file beside this one; to add one is to add a file and a
//! variant of [`BackupTool`].

use serde::{Deserialize, Serialize};

use crate::command::shell_quote;
use crate::facts::backups::Backups;
use crate::facts::retention::Rule;
use crate::inventory::{BackupTool, Cluster, Keep};
use crate::postgres::Timeline;

/// The text of a program that PostgreSQL calls, with what they all begin with.
macro_rules! program {
    ($body:literal) => {
        concat!(
            "#!/bin/sh\nset -eu\numask 077\nLC_ALL=C\nexport LC_ALL\n",
            include_str!("../files/patience.sh"),
            include_str!("../files/fork.sh"),
            include_str!($body)
        )
    };
}

mod basebackup;
mod pgbackrest;
mod pitrery;
mod scripts;

/// What recovery is for: it decides what an archive that cannot be read means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A standby goes on by streaming.
    Standby,
    /// A recovery to a point in time must stop; of the timelines before the one it follows it gets what that one has.
    Recovery(Option<Timeline>),
}

/// A program of an engine that stands on every host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The configuration file of an engine's own program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Configuration {
    /// Its name in a plan.
    pub name: &'static str,
    /// The template it is rendered from.
    pub template: &'static str,
    /// Where it stands, as `<cluster>.conf`.
    pub directory: &'static str,
}

/// What drives an engine's own program on a host; the verbs that send these tell what each is given.
#[derive(Debug, PartialEq, Eq)]
pub struct Scripts {
    /// Makes its repository on the mount, where it wants one made.
    pub prepare: Option<&'static str>,
    /// Reads which backups there are, and writes nothing.
    pub list: &'static str,
    /// Takes a backup.
    pub take: &'static str,
    /// What the unit does that it starts for that.
    pub work: &'static str,
    /// Verifies one, or all.
    pub verify: &'static str,
    /// Removes those that go, and the WAL before what stays.
    pub expire: &'static str,
}

/// How much of the data a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// All of it.
    #[default]
    Full,
    /// What changed since the last full one.
    Differential,
    /// What changed since the last one.
    Incremental,
}

/// A backup engine.
pub trait Engine: Sync {
    /// Names it as the inventory does.
    fn name(&self) -> &'static str;

    /// Names the packages it needs besides PostgreSQL's.
    fn packages(&self) -> &'static [&'static str] {
        &[]
    }

    /// Gives what `archive_command` calls with TOP, the path and the name of a WAL file: it ends with 0 only when that
    /// is on the mount for good.
    fn archive_program(&self) -> Program;

    /// Gives what `restore_command` calls with TOP, the name, the path and `standby` or `recovery`: it ends with 0 only
    /// with a whole file, with 1 when the archive does not have it, and stops a recovery when the archive is not there.
    fn restore_program(&self) -> Program;

    /// Names the file that its own program reads on each host.
    fn configuration(&self) -> Option<Configuration> {
        None
    }

    /// Says whether its program, by what it says of its version, is of the generation before the newest.
    fn is_older(&self, _version: &str) -> bool {
        false
    }

    /// Gives `unpack_backup`, a function of the shell that brings a backup into an empty data directory as the service user,
    /// whatever is on the host besides, and fails, with the reason last, when any of it is damaged.
    fn unpack(&self) -> &'static str;

    /// Gives the scripts that drive its own program; without one, pgrepl's verbs do it all.
    fn scripts(&self) -> Option<&'static Scripts> {
        None
    }

    /// Reads what the script that lists has told.
    fn listed(&self, facts: &[(String, String)]) -> Backups;

    /// Names the depths its backups can have.
    fn depths(&self) -> &'static [Depth] {
        &[Depth::Full]
    }

    /// Tells how it counts the backups that are kept.
    fn rule(&self, keep: Keep) -> Rule {
        Rule {
            keep,
            chains: false,
            bridges: false,
        }
    }

    /// Gives what the timer calls on every host: it needs nothing but the variables of its unit, takes a backup where the
    /// role is and removes what is beyond those that are kept.
    fn scheduled(&self) -> &'static str;

    /// Tells where an archived segment is: a shell pattern below TOP with `CLUSTER`, `SEGMENT` and, for its
    /// first 16 digits, `LOG`.
    fn archived(&self) -> &'static str;
}

/// Returns the engine of a tool.
pub fn engine(tool: BackupTool) -> &'static dyn Engine {
    match tool {
        BackupTool::Basebackup => &basebackup::Basebackup,
        BackupTool::Pgbackrest => &pgbackrest::Pgbackrest,
        BackupTool::Pitrery => &pitrery::Pitrery,
    }
}

/// Returns the engine of a cluster, if it has backups.
pub fn engine_of(cluster: &Cluster) -> Option<&'static dyn Engine> {
    cluster.backup.as_ref().map(|backup| engine(backup.tool))
}

/// Returns the programs of the archive with their paths; nothing without backups.
pub fn programs(cluster: &Cluster) -> Vec<(&'static str, String, &'static str)> {
    let Some(engine) = engine_of(cluster) else {
        return Vec::new();
    };
    [engine.archive_program(), engine.restore_program()]
        .into_iter()
        .map(|program| (program.name, path(cluster, program.name), program.text))
        .collect()
}

fn path(cluster: &Cluster, name: &str) -> String {
    format!("/usr/local/lib/pgrepl/{}/{name}", cluster.name)
}

/// Quotes a word for the shell inside archive_command and restore_command, where `%` has a meaning (manual, 19.5.3).
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let text = text.replace('%', "%%");
    if text.chars().all(plain) {
        text
    } else {
        shell_quote(&text)
    }
}

/// Returns `archive_command`, if servers archive.
pub fn archive_command(cluster: &Cluster) -> Option<String> {
    let program = path(cluster, engine_of(cluster)?.archive_program().name);
    let top = cluster.backup.as_ref()?.top(&cluster.name);
    Some(format!("{program} {} %p %f", word(&top)))
}

/// Returns the program that fetches a WAL file and the directory it takes it from, if servers archive.
pub fn fetch(cluster: &Cluster) -> Option<(String, String)> {
    let program = path(cluster, engine_of(cluster)?.restore_program().name);
    Some((program, cluster.backup.as_ref()?.top(&cluster.name)))
}

/// Returns `restore_command`, if servers archive.
pub fn restore_command(cluster: &Cluster, r#use: Use) -> Option<String> {
    let (program, top) = fetch(cluster)?;
    let r#use = match r#use {
        Use::Standby => "standby".to_owned(),
        Use::Recovery(None) => "recovery".to_owned(),
        Use::Recovery(Some(timeline)) => format!("recovery-{timeline}"),
    };
    Some(format!("{program} {} %f %p {}", word(&top), r#use))
}
