//! The table of backups.

use super::archive::{sentences, windows};
use super::foreign::line;
use super::style::{Style, bytes};
use crate::facts::backups::{Backup, Backups};

/// Returns what a backup holds. pgBackRest says in a name which kind it is, and knows by itself what that builds on.
fn kind(backup: &Backup) -> String {
    match (backup.builds_on.last(), backup.id.chars().last()) {
        (Some(parent), _) => format!("on {parent}"),
        (None, Some('D')) => "differential".into(),
        (None, Some('I')) => "incremental".into(),
        (None, _) => "full".into(),
    }
}

/// Lays the backups out as a table; `moment` writes seconds since 1970.
pub fn table(there: &Backups, moment: &dyn Fn(u64) -> String, style: Style) -> String {
    if there.backups.is_empty() {
        return sentences(there)
            .into_iter()
            .fold("No backups.\n".into(), |text, line| text + &line + "\n");
    }
    let mut rows = vec![
        [
            "BACKUP",
            "TYPE",
            "ENDED",
            "FROM",
            "SIZE",
            "TIMELINE",
            "CONSISTENT",
            "WAL ARCHIVED UP TO",
            "VERIFIED",
        ]
        .map(str::to_owned),
    ];
    for backup in &there.backups {
        rows.push([
            backup.id.clone(),
            kind(backup),
            moment(backup.ended),
            backup.host.to_string(),
            bytes(backup.bytes),
            backup.timeline.to_string(),
            backup.stop.to_string(),
            reach(there, backup),
            backup.verified.map_or_else(|| "no".to_owned(), moment),
        ]);
    }
    let widths: Vec<usize> = (0..9)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{:width$}", line(cell)))
            .collect();
        let joined = cells.join("  ").trim_end().to_owned();
        text += &if at == 0 { style.dim(&joined) } else { joined };
        text.push('\n');
    }
    for said in windows(there, moment).into_iter().chain(sentences(there)) {
        text += &line(&said);
        text.push('\n');
    }
    text
}

/// How far the archive leads on from a backup without a gap, on its own timeline.
fn reach(there: &Backups, backup: &Backup) -> String {
    there
        .wal
        .iter()
        .find(|(first, last)| {
            first.get(..8) == backup.start_wal.get(..8)
                && *first <= backup.start_wal
                && backup.start_wal <= *last
        })
        .map_or_else(|| "nothing yet".into(), |(_, last)| last.clone())
}
