//! WHO TAKES BACKUPS: the engines behind one small interface.
//!
//! An engine says which packages and files it needs, how a server reaches its archive, and how backups are taken,
//! listed, restored, verified and removed. Each lives in one file beside this one; to add one is to add a file and a
//! variant of [`BackupTool`].

use crate::command::shell_quote;
use crate::inventory::{BackupTool, Cluster};
use crate::postgres::{Major, Timeline};

mod basebackup;
mod interface;
mod pgbackrest;
mod pitrery;
mod scripts;

pub use interface::{Configuration, Depth, Engine, Program, Scripts};

/// What recovery is for: it decides what an archive that cannot be read means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A standby goes on by streaming.
    Standby,
    /// A recovery to a point in time must stop; of the timelines before the one it follows it gets what that one has.
    Recovery(Option<Timeline>),
}

/// Returns all engines.
pub fn engines() -> impl Iterator<Item = &'static dyn Engine> {
    BackupTool::ALL.into_iter().map(engine)
}

/// Names the tools that take backups of a depth from servers of a version, as a help says it.
pub fn tools_with(depth: Depth, major: Major) -> String {
    let tools = engines().filter(|engine| engine.depths(major).contains(&depth));
    let names: Vec<String> = tools
        .map(|engine| format!("`tool: {}`", engine.name()))
        .collect();
    names.join(" or ")
}

/// Returns the engines whose program reads a configuration file, with that of a cluster.
pub fn configurations(cluster: &str) -> impl Iterator<Item = (&'static dyn Engine, String)> {
    engines().filter_map(move |engine| {
        let directory = engine.configuration()?.directory;
        Some((engine, format!("{directory}/{cluster}.conf")))
    })
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
