//! The table of backups.

use super::archive::{sentences, windows};
use super::layout::{folded, table as table_of};
use super::style::{Style, bytes};
use crate::facts::backups::{Backup, Backups};
use crate::facts::history::Tree;
use crate::postgres::Lsn;
use crate::postgres::lsn::segments;

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
    let head = [
        ("BACKUP", 0),
        ("TYPE", 2),
        ("ENDED", 0),
        ("FROM", 5),
        ("SIZE", 1),
        ("TIMELINE", 6),
        ("CONSISTENT", 7),
        ("WAL ARCHIVED UP TO", 4),
        ("VERIFIED", 3),
    ];
    let tree = Tree::of(there);
    let mut rows = Vec::new();
    for backup in &there.backups {
        rows.push(vec![
            backup.id.clone(),
            kind(backup),
            moment(backup.ended),
            backup.host.to_string(),
            bytes(backup.bytes),
            backup.timeline.to_string(),
            backup.stop.to_string(),
            reach(&tree, there, backup),
            backup.verified.map_or_else(|| "no".to_owned(), moment),
        ]);
    }
    let mut text = table_of(&head, &rows, style);
    for said in windows(there, moment).into_iter().chain(sentences(there)) {
        text += &folded(&said, 0, style);
        text.push('\n');
    }
    text
}

/// How far the archive leads on from a backup without a gap, on its own timeline.
fn reach(tree: &Tree, there: &Backups, backup: &Backup) -> String {
    match tree.leads(backup, backup.timeline) {
        None => "WAL is missing".into(),
        Some(end) if end > backup.stop => {
            let last = Lsn(end.0.saturating_sub(1));
            let last = segments(backup.timeline, last, last, there.segment_size);
            last.concat()
        }
        Some(_) => "its own end".into(),
    }
}
