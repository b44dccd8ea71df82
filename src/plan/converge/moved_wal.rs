//! WAL that lies elsewhere than the inventory has it: that of a standby moves, that of the primary once another server leads.

use crate::action::{DropWal, MoveWal, PrepareWal, Stop};
use crate::facts::{Content, Facts, Process};
use crate::inventory::NodeName;
use crate::plan::builder::Builder;
use crate::plan::converge::tablespaces::named;
use crate::plan::space;

/// Returns where WAL is and where it goes, if these differ.
fn apart(b: &Builder, name: &NodeName) -> Option<(String, String)> {
    let (node, facts) = (b.node(name)?, b.facts(name)?);
    let to = node.wal_directory.clone()?;
    let from = place(b, facts);
    let there = matches!(facts.data.content, Content::Instance(_));
    (there && from != to).then_some((from, to))
}

fn place(b: &Builder, facts: &Facts) -> String {
    let names = &b.cluster.major.caps().names;
    let inside = || format!("{}/{}", facts.data.path, names.wal_directory);
    facts
        .data
        .wal_place(names.wal_directory)
        .unwrap_or_else(inside)
}

/// Tells of WAL that is not where the inventory has it, and decides whether it moves.
pub(in crate::plan) fn tell(b: &mut Builder, name: &NodeName, moves: bool) {
    let Some((from, to)) = apart(b, name) else {
        return;
    };
    let Some(facts) = b.facts(name).cloned() else {
        return;
    };
    let path = &facts.data.path;
    let said = format!("its WAL is in {from}, the inventory has it in {to}");
    if facts.data.contains(&to) {
        let help = format!("give it a place outside {path}, or {from}");
        b.note(name, format!("{said}, in the data directory"), help);
    } else if facts.data.layout.wal_is_mount {
        let help = format!("hosts: {{ {name}: {{ wal_directory: {from} }} }}");
        b.note(name, format!("{said}: a mount point does not move"), help);
    } else if *name == b.leader {
        b.note(
            name,
            format!("{said}: that of a primary does not move"),
            switch(b),
        );
    } else if !moves {
        b.note(name, said, "pgrepl apply");
    } else if b.free(name) && facts.data.control().is_some() {
        let bytes = facts.server.as_ref().and_then(|server| server.wal_bytes);
        let needs = vec![(to, bytes.unwrap_or(0))];
        match space::lack(name, &facts, &needs) {
            Some(lack) => b.block(name, format!("{said}: {}", lack.message), lack.help),
            None => drop(b.moves_wal.insert(name.clone())),
        }
    }
}

/// What lets the WAL of the primary move.
fn switch(b: &Builder) -> String {
    let recovers = |name: &NodeName| {
        let server = b.facts(name).and_then(|facts| facts.server.as_ref());
        server.is_some_and(|server| server.in_recovery)
    };
    let standbys = b.standbys();
    let to = standbys.iter().find(|(_, name)| recovers(name));
    to.map_or_else(
        || "once another server leads: pgrepl apply".to_owned(),
        |(_, name)| format!("pgrepl switchover --to {name}, then: pgrepl apply"),
    )
}

/// Plans the move of a standby's WAL; says whether its server is to be started with it.
pub(in crate::plan) fn moves(b: &mut Builder, name: &NodeName, upstream: &NodeName) -> bool {
    let moves = b.moves_wal.contains(name);
    let ((true, Some((from, to))), Some(facts), Some(platform)) = (
        (moves, apart(b, name)),
        b.facts(name).cloned(),
        b.platform(name),
    ) else {
        return false;
    };
    let Some(system_id) = facts.data.control().map(|control| control.system_id) else {
        return false;
    };
    // One after the other, and none after one that did not come back.
    b.next_phase();
    let others: Vec<NodeName> = b
        .moves_wal
        .iter()
        .filter(|other| *other != name)
        .cloned()
        .collect();
    let needs: Vec<&NodeName> = others.iter().chain([upstream]).collect();
    let stays = facts.data.wal_link.as_ref();
    let stays = stays.map_or_else(String::new, |from| format!("what is in {from} stays there"));
    let named = named(b.cluster, name);
    let prepare = PrepareWal {
        to: to.clone(),
        system_id,
        named: named.clone(),
    };
    b.step(name, prepare).after(&needs);
    if facts.process != Process::Stopped {
        let stop = Stop::alone(platform.unit, system_id);
        b.step(name, stop).because("its WAL moves");
    }
    let moved = MoveWal {
        from,
        to,
        system_id,
        named,
    };
    b.step(name, moved).because(stays);
    true
}

/// Plans that what was in the data directory before goes, of a standby that streams with its WAL elsewhere.
pub(in crate::plan) fn drop_left(b: &mut Builder, name: &NodeName, upstream: &NodeName) {
    let Some(facts) = b.facts(name).filter(|_| b.free(name)) else {
        return;
    };
    let system_id = facts.data.control().map(|control| control.system_id);
    let left = facts.data.layout.wal_left && facts.server.is_some();
    if let (true, Some(to), Some(system_id)) = (left, facts.data.wal_link.clone(), system_id) {
        b.step(name, DropWal { to, system_id }).after(&[upstream]);
    }
}
