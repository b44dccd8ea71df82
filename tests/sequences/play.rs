//! Plays sequences: one lab for each lane, its hosts as new before each sequence.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::drive::Driver;
use crate::generate::{Dice, next};
use crate::judge;
use crate::model::{DONE, Is, Model, REFUSED, Setup};
use crate::op::{Op, Way, list};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}: a number, not {text:?}"))
    })
}

/// One operation, and what is looked at after it.
fn step(driver: &Driver, model: &mut Model, op: Op) {
    if matches!(op, Op::Restore(..) | Op::Copy(..)) {
        // Something that is committed after any moment: a recovery to a time ends before it.
        driver.row(model);
    }
    match op {
        Op::Add => drop(model.hosts.insert(3, Is::Follows)),
        Op::Remove => drop(model.hosts.insert(3, Is::Out(true))),
        Op::Set(_) => model.follow(op, DONE),
        _ => {}
    }
    let path = driver.write_inventory(model);
    let path = path.to_str().unwrap();
    let ran = driver.run(model, op, path);
    judge::ended(model, op, &ran);
    if op == Op::Add && ran.code == REFUSED {
        // It has data that belongs to another history.
        let again = driver.run(model, Op::Rebuild(3, Way::Auto), path);
        assert_eq!(again.code, DONE, "{}{}", again.out, again.err);
    }
    if let (Op::Copy(to, target), DONE) = (op, ran.code) {
        assert_eq!(
            Some(driver.copied(to)),
            model.rows_at(target),
            "rows of the copy"
        );
    }
    if !matches!(op, Op::Set(_)) {
        model.follow(op, ran.code);
    }
    if op == Op::Remove {
        driver.lab.on(
            "server3",
            &format!(
                "systemctl disable --now --quiet postgresql@{}-main",
                model.setup.version
            ),
        );
    }
    if matches!(op, Op::Backup { .. } | Op::Prune) {
        driver.backups(model, path);
    }
    judge::state(driver, model, op, path);
}

/// A sequence from the first state; what it did is told as it goes.
fn play(
    driver: &Driver,
    told: &str,
    mut choose: impl FnMut(&Model) -> Option<Op>,
) -> Result<(), String> {
    let mut model = Model::new(driver.setup.clone());
    let mut done: Vec<String> = Vec::new();
    let begin = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let path = driver.write_inventory(&model);
        driver.first_state(&model, &path);
        driver.row(&mut model);
        while let Some(op) = choose(&model) {
            done.push(op.to_string());
            let begin = Instant::now();
            step(driver, &mut model, op);
            println!(
                "{told} step {}: {op} ({:.1} s)",
                done.len(),
                begin.elapsed().as_secs_f64()
            );
        }
    }));
    println!("{told}: {:.0} s", begin.elapsed().as_secs_f64());
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        format!(
            "{told}\n  VERSION={} TOOL={} OPS={:?}\n{}",
            driver.setup.version,
            driver.setup.tool,
            done.join("; "),
            text.unwrap_or_default()
        )
    })
}

/// Lists that found a fault once, or that hold many ways between timelines.
const LISTS: [&str; 2] = [
    "backup; restore 1 name 1; restore 2 latest; failover 1; boot 2; rebuild 2 rewind",
    "backup; switchover 2; restore 1 lsn 2; rebuild 2 backup; adopt 1",
];

#[test]
fn lists_that_are_known() {
    let setup = Setup {
        tool: "basebackup".into(),
        version: 15,
    };
    let driver = Driver::up(9, &setup);
    for listed in LISTS {
        let mut ops = list(listed).into_iter();
        play(&driver, "listed", |_| ops.next()).unwrap_or_else(|why| panic!("{why}"));
    }
}

#[test]
#[ignore = "as many as are asked for: make sequences"]
fn random_sequences() {
    let setup = Setup {
        tool: std::env::var("TOOL").unwrap_or_else(|_| "basebackup".into()),
        version: u32::try_from(number("VERSION", 15)).unwrap(),
    };
    let (rounds, seed, length) = (number("ROUNDS", 4), number("SEED", 1), number("LENGTH", 8));
    let lanes = number("LANES", 1);
    let listed = std::env::var("OPS").ok().filter(|ops| !ops.is_empty());
    let failed: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes)
            .map(|lane| {
                let (setup, listed) = (&setup, &listed);
                scope.spawn(move || {
                    let driver = Driver::up(lane as usize, setup);
                    if let Some(listed) = listed {
                        let mut ops = list(listed).into_iter();
                        return play(&driver, "listed", |_| ops.next())
                            .err()
                            .into_iter()
                            .collect::<Vec<_>>();
                    }
                    let seeds = (seed..seed + rounds).filter(|seed| seed % lanes == lane);
                    seeds
                        .filter_map(|seed| {
                            let (mut dice, mut left) = (Dice(seed), length);
                            let told = format!("seed {seed}");
                            let played = play(&driver, &told, |model| {
                                left = left.checked_sub(1)?;
                                Some(next(model, &mut dice))
                            });
                            played.inspect_err(|why| println!("FAILED {why}")).err()
                        })
                        .collect()
                })
            })
            .collect();
        lanes
            .into_iter()
            .flat_map(|lane| lane.join().unwrap())
            .collect()
    });
    assert!(
        failed.is_empty(),
        "{} failed\n\n{}",
        failed.len(),
        failed.join("\n\n")
    );
}
