//! Room for what will be copied: what it needs, compared on each file system with what is free there.

use std::collections::BTreeMap;

use super::builder::Builder;
use crate::facts::backups::{Backup, Backups};
use crate::facts::{Advice, Facts, Process};
use crate::inventory::NodeName;
use crate::plan::converge::clone::place_here;

/// Bytes by where they go: `data`, `wal`, or a path.
pub(super) type Needs = Vec<(String, u64)>;

/// What a copy has besides the tables: statistics, status files, and what is written while it is made.
fn with_margin(bytes: u64) -> u64 {
    bytes.saturating_add(bytes / 20)
}

/// What a base backup of a running server needs. What is there stays, set aside or not: all of this comes on top of it.
pub(super) fn of_copy(b: &Builder, name: &NodeName, source: &NodeName) -> Needs {
    // One that the same plan makes has no size yet: it will have that of the server that leads.
    let knows = |name: &&NodeName| {
        b.facts(name)
            .and_then(|facts| facts.server.as_ref())
            .is_some_and(|server| server.database_bytes.is_some())
    };
    let source = [source, &b.leader]
        .into_iter()
        .find(knows)
        .unwrap_or(source);
    let (Some(there), Some(node)) = (b.facts(source), b.node(name)) else {
        return Needs::new();
    };
    let Some(server) = &there.server else {
        return Needs::new();
    };
    let bytes_of = |oid: &String| server.tablespace_bytes.get(oid).copied().unwrap_or(0);
    let outside: u64 = server.tablespace_bytes.values().sum();
    let segment = there
        .data
        .control()
        .map_or(16 << 20, |control| control.wal_segment_size);
    let main = with_margin(server.database_bytes.unwrap_or(0).saturating_sub(outside));
    let spaces = there.data.tablespaces.iter().map(|(oid, path)| {
        let place = place_here(b, source, node, path);
        (place, with_margin(bytes_of(oid)))
    });
    // The segment being written and the next one at least.
    let mut needs = Needs::from([("data".to_owned(), main)]);
    match wal_of(b.facts(name)) {
        wal if wal == needs[0].0 => needs[0].1 += 2 * segment,
        wal => needs.push((wal, 2 * segment)),
    }
    needs.extend(spaces);
    needs
}

/// On what file system the WAL of a server lies.
fn wal_of(facts: Option<&Facts>) -> String {
    let apart = |facts: &Facts| facts.data.wal_link.is_some() || facts.data.layout.wal_is_mount;
    if facts.is_some_and(apart) {
        "wal"
    } else {
        "data"
    }
    .to_owned()
}

/// What a rewind needs at least: it copies the WAL that was written since the fork before it removes anything.
pub(super) fn of_rewind(primary: &Facts, facts: &Facts) -> Needs {
    let (Some(server), Some(control)) = (&primary.server, facts.data.control()) else {
        return Needs::new();
    };
    let timeline = control.timeline.max(control.minimum_recovery_timeline);
    let fork = primary
        .data
        .history
        .as_ref()
        .filter(|history| history.of == server.timeline)
        .and_then(|history| history.left(timeline));
    let since = match (fork, server.current) {
        (Some(fork), Some(current)) => current
            .bytes_after(fork)
            .saturating_add(2 * control.wal_segment_size),
        _ => u64::MAX,
    };
    let bytes = match (server.wal_bytes, since) {
        // It has no more of it than this.
        (Some(all), since) => since.min(all),
        (None, u64::MAX) => 0,
        (None, since) => since,
    };
    vec![(wal_of(Some(facts)), bytes)]
}

/// What a restored backup needs; `place` tells where a tablespace goes, by its OID and its place in the backup.
pub(super) fn of_backup(
    there: &Backups,
    backup: &Backup,
    place: impl Fn(&str, &str) -> String,
) -> Needs {
    let chain = || {
        let part = |one: &&Backup| one.id == backup.id || backup.builds_on.contains(&one.id);
        there.backups.iter().filter(part)
    };
    let size = |key: &str| chain().filter_map(|one| one.unpacked.get(key)).max();
    let spaces: Option<Needs> = backup
        .tablespaces
        .iter()
        .map(|(oid, path)| Some((place(oid, path), *size(oid)?)))
        .collect();
    match (size("data"), spaces) {
        (Some(main), Some(spaces)) => [("data".to_owned(), main + backup.parts)]
            .into_iter()
            .chain(spaces)
            .collect(),
        // How it divides is not known: it needs no less than it has on the mount.
        _ if backup.tablespaces.is_empty() => vec![("data".to_owned(), backup.bytes)],
        _ => Needs::new(),
    }
}

/// What a copy that was begun has already counts as free: it is finished, or released first.
pub(super) fn begun(facts: &Facts, mut needs: Needs) -> Needs {
    let Some(staging) = &facts.staging else {
        return needs;
    };
    // One that runs or is complete is used; what could not be measured in time is not judged.
    if staging.complete || !facts.jobs.is_empty() || staging.holds.is_empty() {
        return Needs::new();
    }
    for (place, bytes) in &mut needs {
        let at = match place.as_str() {
            "data" => &staging.path,
            path => path,
        };
        // Beside a place that cannot be renamed is in it.
        let inside = format!("{at}/.pgrepl/");
        let mut held = staging.holds.iter();
        let held = held.find(|(path, _)| *path == at || path.starts_with(&inside));
        *bytes = bytes.saturating_sub(held.map_or(0, |(_, held)| *held));
    }
    needs
}

/// What a server that stops and starts must be able to write where its data and its WAL lie: its last checkpoint and what
/// begins the next life, and no PANIC in between.
const TO_STOP: u64 = 64 << 20;

/// What a server must be able to write that begins to lead.
const TO_LEAD: u64 = 512 << 20;

/// Returns why a running server must not be stopped: its last checkpoint may not fit.
pub(super) fn to_stop(name: &NodeName, facts: &Facts) -> Option<Advice> {
    too_full(name, facts, least(facts), "to stop or restart its server")
}

/// What must be free whatever is done: several segments of WAL at least.
fn least(facts: &Facts) -> u64 {
    let control = facts.data.control();
    let segment = control.map_or(16 << 20, |control| control.wal_segment_size);
    TO_STOP.max(4 * segment)
}

/// Returns why nothing more may be written to a running server than its clients do.
pub(super) fn to_prove(name: &NodeName, facts: &Facts) -> Option<Advice> {
    too_full(name, facts, least(facts), "to write and replay a row")
}

/// Returns why a server must not begin to lead: what its clients write would not fit.
pub(super) fn to_lead(name: &NodeName, facts: &Facts) -> Option<Advice> {
    too_full(name, facts, TO_LEAD, "to lead")
}

fn too_full(name: &NodeName, facts: &Facts, needed: u64, what: &str) -> Option<Advice> {
    let full: Vec<_> = facts
        .disks_in_use()
        .filter(|disk| disk.free < needed)
        .collect();
    let said: Vec<String> = full
        .iter()
        .map(|disk| {
            format!(
                "{} MB are free on {} of {name}",
                disk.free >> 20,
                disk.mounted_on
            )
        })
        .collect();
    let shown: Vec<&str> = full.iter().map(|disk| disk.mounted_on.as_str()).collect();
    (!full.is_empty()).then(|| {
        let message = format!(
            "only {}, {} MB are needed {what}",
            said.join(", "),
            needed >> 20
        );
        let help = format!(
            "free some: ssh {name} df -h {}{}",
            shown.join(" "),
            could_go(facts)
        );
        Advice { message, help }
    })
}

/// What is known to fill the disks of a server and may go.
fn could_go(facts: &Facts) -> String {
    let mut said = Vec::new();
    if let Some(server) = &facts.server {
        let idle = server.slots.iter().filter(|(_, slot)| !slot.active);
        for (slot, state) in idle {
            if let Some(kept) = state.retained.filter(|kept| *kept > 0) {
                said.push(format!(
                    "slot {slot}, which nobody uses, keeps {} MB of WAL",
                    kept.div_ceil(1 << 20)
                ));
            }
        }
        if let Some(waiting) = server.archive_waiting.filter(|waiting| *waiting > 1) {
            said.push(format!("{waiting} WAL segments wait to be archived"));
        }
    }
    said.extend(
        facts
            .set_aside
            .iter()
            .map(|aside| format!("{} was set aside", aside.path)),
    );
    said.iter().map(|one| format!("; {one}")).collect()
}

/// A file system that is not mounted is waited for: what would be written to the directory below it is in the way later.
pub(super) fn unmounted(b: &mut Builder, name: &NodeName) {
    let Some(facts) = b.facts(name) else { return };
    let stopped = facts.process == Process::Stopped;
    if let Some(path) = facts.data.layout.unmounted.first().filter(|_| stopped) {
        let message = format!("the file system of {path} is not mounted, or another one is");
        let known = format!("/var/lib/pgrepl/{}/places", b.cluster.name);
        let help = format!(
            "ssh {name} sudo mount {path}; if its data is not to lie there any more: ssh {name} sudo rm -f {known}"
        );
        b.block(name, message, help);
    }
}

/// Returns what does not fit, and what shows where, if something does not. Places that nothing is known of are left out.
pub(super) fn lack(name: &NodeName, facts: &Facts, needs: &Needs) -> Option<Advice> {
    let mut each: BTreeMap<&str, (&str, u64, u64, Vec<&str>)> = BTreeMap::new();
    for (place, bytes) in needs {
        let Some(disk) = facts.disk(place) else {
            continue;
        };
        let path = match place.as_str() {
            "data" => &facts.data.path,
            "wal" => facts.data.wal_link.as_ref().unwrap_or(&facts.data.path),
            _ => place,
        };
        let (_, free, needed, paths) =
            each.entry(disk.shared())
                .or_insert((&disk.mounted_on, disk.free, 0, Vec::new()));
        *free = (*free).min(disk.free);
        *needed = needed.saturating_add(*bytes);
        paths.push(path);
    }
    let full: Vec<_> = each
        .values()
        .filter(|(_, free, needed, _)| free < needed)
        .collect();
    let said = full.iter().map(|(mounted_on, free, needed, paths)| {
        format!(
            "not enough space on {mounted_on}: {} need{} about {} MB, {} MB are free",
            paths.join(" and "),
            if paths.len() == 1 { "s" } else { "" },
            needed.div_ceil(1 << 20),
            free >> 20
        )
    });
    let said: Vec<String> = said.collect();
    let shown: Vec<&str> = full.iter().map(|(mounted_on, ..)| *mounted_on).collect();
    (!said.is_empty()).then(|| {
        Advice::new(
            said.join("; "),
            format!("free some: ssh {name} df -h {}", shown.join(" ")),
        )
    })
}
