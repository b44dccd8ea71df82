//! What must be true once somebody has gone on: one primary, everybody streams, nothing to do, no row lost, no gap.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::cut::Cut;
use crate::lab;
use crate::moves::{Doing, Move};
use crate::person;
use crate::world::World;

pub fn judge(world: &mut World, doing: &Doing, cut: &Cut, done: bool) -> Result<(), String> {
    let path = world.inventory().to_str().unwrap().to_owned();
    let words = |text: &str| -> Vec<String> {
        text.split(' ')
            .map(|word| word.replace("PATH", &path))
            .collect()
    };
    let leader = leader(world)?;
    let mut streams = streaming(world, leader);
    if !done && streams.is_err() {
        person::apply(world)?;
        streams = streaming(world, leader);
    }
    streams?;
    let mut plan = world.type_in(&words("plan PATH --detailed-exitcode"))?;
    // What was cut and typed again may leave something that is not its own.
    if plan.code != 0 && !done {
        person::apply(world)?;
        plan = world.type_in(&words("plan PATH --detailed-exitcode"))?;
    }
    if plan.code != 0 || !plan.out.contains("Nothing to do") {
        return Err(format!("the plan is not empty: {}", plan.out));
    }
    world.goes_on()?;
    rows(world, leader, doing, cut)?;
    if doing.chosen.changes_backups() {
        let check = world.type_in(&words("check PATH"))?;
        if check.code != 0 {
            return Err(format!("check: {}{}", check.out, check.err));
        }
        let verify = world.type_in(&words("-i PATH backup verify"))?;
        if verify.code != 0 && !verify.err.contains("no such backup") {
            return Err(format!("backup verify: {}{}", verify.out, verify.err));
        }
    }
    leftovers(world)
}

/// Waits for the primary, whose host may have come back only now; two of them are never right.
fn leader(world: &World) -> Result<&'static str, String> {
    let begin = Instant::now();
    loop {
        match world.leaders()[..] {
            [leader] => return Ok(leader),
            [] if begin.elapsed().as_secs() < 30 => {
                std::thread::sleep(Duration::from_millis(200));
            }
            ref leaders => return Err(format!("not one primary: {leaders:?}")),
        }
    }
}

/// Waits until every standby streams from the primary.
fn streaming(world: &World, leader: &str) -> Result<(), String> {
    let wanted = world.members.len() - 1;
    let begin = Instant::now();
    loop {
        let found = world.lab.sql(leader, "select count(distinct application_name) from pg_stat_replication where state = 'streaming'");
        if found.parse::<usize>().is_ok_and(|found| found >= wanted) {
            return Ok(());
        }
        if begin.elapsed().as_secs() > 20 {
            return Err(format!("{found} of {wanted} standbys stream from {leader}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What was acknowledged is there, but for what a failover told, and what a restore was asked to leave behind.
fn rows(world: &mut World, leader: &str, doing: &Doing, cut: &Cut) -> Result<(), String> {
    let acked = world.acked();
    let there = world.lab.sql(leader, "select i from acked");
    let there: BTreeSet<u64> = there.lines().filter_map(|line| line.parse().ok()).collect();
    let gone = |row: &&u64| !there.contains(row) && !world.forgiven.contains(row);
    let missing: BTreeSet<u64> = acked.keys().filter(gone).copied().collect();
    let (Some(first), Some(last)) = (missing.first(), missing.last()) else {
        return match doing.point {
            Some(point) => Err(format!("the restore to row {point} kept everything")),
            None => Ok(()),
        };
    };
    let said = format!(
        "{} acknowledged rows are lost, from {first} to {last}",
        missing.len()
    );
    if let Some(hole) = there.range(first..last).next() {
        return Err(format!("{said}; between them is {hole}"));
    }
    match doing.chosen {
        Move::Failover => {
            let (Some(kept), Some(loss)) = (doing.acked, &doing.loss) else {
                return Err(format!("{said}; no loss was told"));
            };
            // A row ends where the next one was inserted, at the latest.
            let end = acked.range(first + 1..).next().map(|(_, at)| *at);
            if *last > kept || *first < kept && end.is_none_or(|end| end <= *loss) {
                return Err(format!(
                    "{said}; told was what lies behind {loss:X}, {end:X?}"
                ));
            }
        }
        Move::Restore => match doing.point {
            Some(point) if *first <= point => return Err(format!("{said}; asked for was {point}")),
            None if cut.kind == "SIGKILL" => return Err(format!("{said}; asked for was the end")),
            _ => {}
        },
        _ => return Err(said),
    }
    world.story.push(format!("  {said}, as was told"));
    world.forgiven.extend(missing);
    Ok(())
}

/// Nothing half made is left; what was set aside is as it should be, and goes.
fn leftovers(world: &World) -> Result<(), String> {
    let home = format!("/var/lib/postgresql/{}", lab::release().1);
    let look = format!(
        "rm -rf {home}/main.pgrepl-[0-9]* {home}/main.pgrepl-failed-*; ls {home} | grep -v '^main$' || :"
    );
    let found = world.on_each(world.members.iter().copied(), &look);
    match found.iter().find(|(_, left)| !left.is_empty()) {
        Some((host, left)) => Err(format!("{host}: left in {home}: {left}")),
        None => Ok(()),
    }
}
