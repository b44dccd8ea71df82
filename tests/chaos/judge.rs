//! What must be true once somebody has gone on: one primary, everybody streams, nothing to do, no row lost, no gap.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::lab;
use crate::moves::Doing;
use crate::world::World;

pub fn judge(world: &mut World, doing: &Doing) -> Result<(), String> {
    let [leader] = world.leaders()[..] else {
        return Err(format!("not one primary: {:?}", world.leaders()));
    };
    streaming(world, leader)?;
    world.goes_on()?;
    rows(world, leader, doing.may_lose)?;
    let path = world.inventory().to_str().unwrap().to_owned();
    let words = |text: &str| -> Vec<String> {
        text.split(' ')
            .map(|word| word.replace("PATH", &path))
            .collect()
    };
    let plan = world.type_in(&words("plan PATH --detailed-exitcode"))?;
    if plan.code != 0 || !plan.out.contains("Nothing to do") {
        return Err(format!("the plan is not empty: {}", plan.out));
    }
    if world.shape.mount {
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

/// Waits until every standby streams from the primary.
fn streaming(world: &World, leader: &str) -> Result<(), String> {
    let wanted = world.members.len() - 1;
    let begin = Instant::now();
    loop {
        let found = world.lab.sql(leader, "select count(distinct application_name) from pg_stat_replication where state = 'streaming'");
        if found.parse::<usize>().is_ok_and(|found| found >= wanted) {
            return Ok(());
        }
        if begin.elapsed().as_secs() > 60 {
            return Err(format!("{found} of {wanted} standbys stream from {leader}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What was acknowledged is there; a failover or a restore may have lost the last rows before it, and no others.
fn rows(world: &mut World, leader: &str, may_lose: bool) -> Result<(), String> {
    let numbers = |text: String| -> BTreeSet<u64> {
        text.lines().filter_map(|line| line.parse().ok()).collect()
    };
    let acked = numbers(world.lab.on("client", "cat /root/acked"));
    let there = numbers(world.lab.sql(leader, "select i from acked"));
    let missing: BTreeSet<u64> = acked
        .difference(&there)
        .filter(|row| !world.forgiven.contains(row))
        .copied()
        .collect();
    let (Some(first), Some(last)) = (missing.first(), missing.last()) else {
        return Ok(());
    };
    let hole = there.range(first..last).next();
    if !may_lose || hole.is_some() {
        return Err(format!(
            "{} acknowledged rows are lost, from {first} to {last}; between them is {hole:?}",
            missing.len()
        ));
    }
    world.story.push(format!(
        "  {} rows from {first} to {last} are lost, as was told",
        missing.len()
    ));
    world.forgiven.extend(missing);
    Ok(())
}

/// Nothing half made is left; what was set aside is as it should be, and goes.
fn leftovers(world: &World) -> Result<(), String> {
    let home = format!("/var/lib/postgresql/{}", lab::release().1);
    for host in &world.members {
        world
            .lab
            .on(host, &format!("rm -rf {home}/main.pgrepl-[0-9]*"));
        let left = world
            .lab
            .on(host, &format!("ls {home} | grep -v '^main$' || :"));
        if !left.is_empty() {
            return Err(format!("{host}: left in {home}: {left}"));
        }
    }
    Ok(())
}
