//! Cuts in the middle: every command, under a writer, is cut off at a random millisecond, and a person goes on from there.
//! A round that fails is repeated alone with what it prints; STORY=yes prints of the good ones too what was typed when.

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

/// Rounds that once went wrong, where nothing below real hosts can show it: how many hosts, with a mount or without, and
/// the command with its cut.
const FIXED: [(usize, bool, &str); 7] = [
    (3, true, "Lower cut standby 1420"),
    (3, true, "Restore cut leader 6785"),
    (3, true, "Restore SIGKILL leader 2346"),
    (3, false, "Lower cut leader 2000"),
    (3, false, "Lower cut leader 4300"),
    (2, false, "Failover SIGKILL standby 1500"),
    (2, false, "Failover SIGKILL standby 2500"),
];

/// What is played: rounds that are told by PLAY, or the fixed ones of this shape and then those of the seeds.
enum Round {
    Told(String),
    Seed(u64),
}

impl Round {
    fn all(shape: Shape, seeds: &[u64]) -> Vec<Round> {
        let told = std::env::var("PLAY").unwrap_or_default();
        if !told.is_empty() {
            let told = told.split(';').map(|text| text.trim().to_owned());
            return told.map(Round::Told).collect();
        }
        let count = seeds.len();
        let seeds = seeds.iter().copied().map(Round::Seed);
        let fixed = FIXED.into_iter().filter(|(hosts, mount, _)| {
            number("SEED", 1) == 1 && (*hosts, *mount) == (shape.hosts, shape.mount)
        });
        let fixed = fixed.map(|(_, _, text)| Round::Told(text.to_owned()));
        fixed.chain(seeds).take(count).collect()
    }
}

/// The rounds of one set of hosts; returns what went wrong.
fn run_lane(lane: u64, shape: Shape, seeds: &[u64]) -> Vec<String> {
    let rounds = Round::all(shape, seeds);
    if rounds.is_empty() {
        return Vec::new();
    }
    let mut world = World::boot(&format!("chaos{lane}"), shape);
    let mut faults = Vec::new();
    let mut fresh = true;
    for what in rounds {
        world.begun = Instant::now();
        let (played, told) = round(&mut world, &what, fresh);
        let seconds = world.begun.elapsed().as_secs_f64();
        fresh = false;
        let again = format!(
            "make chaos HOSTS={} MOUNT={} RELEASE={} PLAY=\"{played}\"",
            shape.hosts,
            if shape.mount { "yes" } else { "no" },
            lab::release().0
        );
        let seed = match what {
            Round::Seed(seed) => format!("seed {seed}"),
            Round::Told(_) => "told".to_owned(),
        };
        let good = if told.is_ok() { "good" } else { "BAD" };
        println!("{again}  # {seed}: {good} in {seconds:.1} s");
        if told.is_err() || std::env::var_os("STORY").is_some() {
            println!("{}", world.story.join("\n"));
        }
        if let Err(why) = told {
            println!("  {why}");
            faults.push(format!("{again}: {why}"));
            world.anew(true);
            fresh = true;
        }
        world.story.clear();
    }
    faults
}

/// One command, cut off, gone on with and judged; returns what was played, and what is wrong.
fn round(world: &mut World, what: &Round, fresh: bool) -> (String, Result<(), String>) {
    let (mut dice, words) = match what {
        Round::Seed(seed) => (Dice::new(*seed), Vec::new()),
        Round::Told(text) => (Dice::new(0), text.split(' ').collect()),
    };
    let all = Move::all(world.shape);
    let chosen = match words.first() {
        None => *dice.of(&all),
        Some(word) => *all
            .iter()
            .find(|known| format!("{known:?}") == *word)
            .unwrap_or_else(|| panic!("PLAY: {word} is none of {all:?}")),
    };
    let mut begun = || {
        if fresh && chosen != Move::Bare {
            person::apply(world)?;
            world.write()?;
        }
        moves::prepare(world, &mut dice, chosen)
    };
    let mut doing = match begun() {
        Ok(doing) => doing,
        Err(why) => return (format!("{chosen:?}"), Err(why)),
    };
    let cut = match words.get(1..) {
        None => Cut::choose(world, &mut dice, &doing),
        Some(told) => Cut::read(world, told, &doing)
            .unwrap_or_else(|| panic!("PLAY: not a cut, such as `cut leader 300 5000`: {told:?}")),
    };
    let played = format!("{chosen:?} {cut}");
    let seconds = world.begun.elapsed().as_secs_f64();
    world.story.push(format!("  {seconds:.1} s: {cut}"));
    let told = cut.run(world, &doing).and_then(|done| {
        person::go_on(world, &mut doing, done)?;
        if chosen == Move::Bare {
            world.write()?;
        }
        judge::judge(world, &doing, &cut, done)
    });
    (played, told)
}
