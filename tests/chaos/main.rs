//! Cuts in the middle: every command, under a writer, is cut off at a random millisecond, and a person goes on from there.
//! A round that fails is repeated alone with what it prints.

mod cut;
mod dice;
mod judge;
#[path = "../e2e/lab.rs"]
#[allow(dead_code)]
mod lab;
mod moves;
mod person;
mod world;

use std::time::Instant;

use cut::Cut;
use dice::Dice;
use moves::Move;
use world::{Shape, World};

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name).unwrap_or_default().as_str() {
        "" => default,
        text => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}: a number, not {text}")),
    }
}

/// The hosts of each lane; HOSTS and MOUNT make one lane of one shape.
fn shapes() -> Vec<Shape> {
    let chosen = |name: &str| std::env::var(name).is_ok_and(|text| !text.is_empty());
    if chosen("HOSTS") || chosen("MOUNT") {
        return vec![Shape {
            hosts: number("HOSTS", 3) as usize,
            mount: std::env::var("MOUNT").is_ok_and(|text| text == "yes"),
        }];
    }
    vec![
        Shape {
            hosts: 3,
            mount: true,
        },
        Shape {
            hosts: 2,
            mount: false,
        },
    ]
}

#[test]
fn whatever_is_cut_a_person_goes_on() {
    let rounds = number("ROUNDS", 20);
    let seed = number("SEED", 1);
    let shapes = shapes();
    let lanes = shapes.len() as u64;
    let faults: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..)
            .zip(&shapes)
            .map(|(lane, shape)| {
                let seeds: Vec<u64> = (seed..seed + rounds)
                    .filter(|seed| lanes == 1 || seed % lanes == lane)
                    .collect();
                scope.spawn(move || run_lane(lane, *shape, &seeds))
            })
            .collect();
        running
            .into_iter()
            .flat_map(|lane| lane.join().unwrap_or_else(|_| vec!["a lane ended".into()]))
            .collect()
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n\n"));
}

/// The rounds of one set of hosts; returns what went wrong.
fn run_lane(lane: u64, shape: Shape, seeds: &[u64]) -> Vec<String> {
    if seeds.is_empty() {
        return Vec::new();
    }
    let mut world = World::boot(&format!("chaos{lane}"), shape);
    let mut faults = Vec::new();
    let mut fresh = true;
    for seed in seeds {
        let mut dice = Dice::new(*seed);
        let chosen = *dice.of(&Move::all(shape));
        let begin = Instant::now();
        let (cut, told) = round(&mut world, &mut dice, chosen, fresh);
        let seconds = begin.elapsed().as_secs_f64();
        fresh = false;
        let again = format!(
            "make chaos ROUNDS=1 SEED={seed} HOSTS={} MOUNT={} RELEASE={}",
            shape.hosts,
            if shape.mount { "yes" } else { "no" },
            lab::release().0
        );
        let cut = cut.map_or("before the cut".to_owned(), |cut| cut.to_string());
        let good = if told.is_ok() { "good" } else { "BAD" };
        println!("{again}: {chosen:?}, {cut}: {good} in {seconds:.1} s");
        if let Err(why) = told {
            let story = world.story.join("\n");
            println!("{why}\n{story}");
            faults.push(format!("{again}: {chosen:?}, {cut}: {why}"));
            world.anew(true);
            fresh = true;
        }
        world.story.clear();
    }
    faults
}

/// One command, cut off, gone on with and judged; returns where it was cut, and what is wrong.
fn round(
    world: &mut World,
    dice: &mut Dice,
    chosen: Move,
    fresh: bool,
) -> (Option<Cut>, Result<(), String>) {
    let mut begun = || {
        if fresh && chosen != Move::Bare {
            person::apply(world)?;
            world.write()?;
        }
        moves::prepare(world, dice, chosen)
    };
    let mut doing = match begun() {
        Ok(doing) => doing,
        Err(why) => return (None, Err(why)),
    };
    let cut = Cut::choose(world, dice, &doing);
    world.story.push(format!("  {cut}"));
    let told = cut.run(world, &doing).and_then(|done| {
        person::go_on(world, &mut doing, done)?;
        if chosen == Move::Bare {
            world.write()?;
        }
        judge::judge(world, &doing, &cut)
    });
    (Some(cut), told)
}
