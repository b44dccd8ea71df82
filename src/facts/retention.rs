//! Which backups are kept: whatever engine took them, by one rule.

use std::collections::BTreeSet;

use super::backups::{Backup, Backups};
use super::history::Tree;
use crate::inventory::Keep;

/// How an engine counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// What is kept.
    pub keep: Keep,
    /// Whether only full backups count, and what builds on one stays and goes with it.
    pub chains: bool,
    /// Whether, by days, the newest backup that is older stays, because the first of these days begins with it.
    pub bridges: bool,
}

/// What becomes of the backups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The names of those that go.
    pub gone: BTreeSet<String>,
    /// The names of those from which no WAL leads to the end of the timeline that the cluster lives on.
    pub useless: Vec<String>,
}

/// Says on which full backup one depends: what depends on pgBackRest's has a name that begins with that one's.
fn root(backup: &Backup) -> &str {
    let first = backup.builds_on.first().unwrap_or(&backup.id);
    first.split('_').next().unwrap_or(first)
}

/// Decides by a rule; `now` is in seconds since 1970.
///
/// Only backups from which the cluster can be restored as it is now are counted: what is older than the oldest of them
/// that is kept goes, and nothing else. As long as there are fewer of them than are to be kept, nothing goes.
pub fn kept(there: &Backups, rule: Rule, now: u64) -> Kept {
    let tree = Tree::of(there);
    let newest = tree.newest();
    let useful = |backup: &&Backup| tree.leads_to_end(backup, newest);
    let useless = there.backups.iter().filter(|b| !useful(b));
    let useless: Vec<String> = useless.map(|backup| backup.id.clone()).collect();
    let counts = |backup: &&Backup| !rule.chains || root(backup) == backup.id;
    let counted: Vec<&Backup> = there.backups.iter().filter(useful).filter(counts).collect();
    let (first, least) = match rule.keep {
        Keep::Count(count) => {
            let beyond = counted.len().checked_sub(count.max(1) as usize);
            (beyond.unwrap_or(usize::MAX), u64::MAX)
        }
        Keep::Days(days) => {
            let least = now.saturating_sub(u64::from(days) * 86_400);
            let young = counted.iter().position(|backup| backup.ended >= least);
            let young = young.unwrap_or(counted.len());
            let last = counted.len().saturating_sub(1);
            let first = young.saturating_sub(usize::from(rule.bridges)).min(last);
            (first, least)
        }
    };
    let Some(oldest) = counted.get(first) else {
        return Kept {
            gone: BTreeSet::new(),
            useless,
        };
    };
    let mut stays: BTreeSet<&str> = BTreeSet::new();
    for backup in &there.backups {
        let chain = there.backups.iter().find(|one| one.id == root(backup));
        let age = if rule.chains { chain } else { Some(backup) };
        if age.is_none_or(|age| age.ended >= oldest.ended.min(least)) {
            stays.insert(&backup.id);
            stays.extend(backup.builds_on.iter().map(String::as_str));
        }
    }
    let gone = there.backups.iter().map(|backup| &backup.id);
    Kept {
        gone: gone
            .filter(|id| !stays.contains(id.as_str()))
            .cloned()
            .collect(),
        useless,
    }
}
