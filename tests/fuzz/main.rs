//! Everything that others write is read without a panic, whatever it is: `make fuzz` tries a million inputs, `make test` some.
//! Inputs are made of those in `corpus/TARGET/`, changed at random; CASES is how many are tried in all, SEED where they begin.

mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use targets::{TARGETS, Target};

/// Numbers that look random and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % sides.max(1) as u64).unwrap()
    }
}

/// What breaks readers: ends, quotes, escapes, numbers at the edge, letters that are none.
const WORDS: [&str; 48] = [
    "\n",
    "\r\n",
    "\t",
    " ",
    "\0",
    "'",
    "\"",
    "\\",
    "''",
    "\\'",
    "#",
    "=",
    ":",
    "::",
    ",",
    "/",
    "-",
    "- ",
    "*",
    "&a ",
    "*a",
    "!x ",
    "|\n",
    ">\n",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "@",
    "@fact ",
    "\u{feff}",
    "é",
    "\u{202e}",
    "\u{10F709}",
    "𝄞",
    "%",
    "$(id)",
    "0",
    "-1",
    "18446744073709551615",
    "4294967296",
    "FFFFFFFF/FFFFFFFF",
    "1e309",
    "null",
];

/// Changes an input, a few times over, or joins it with another.
fn change(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = seeds[dice.roll(seeds.len())].clone();
    for _ in 0..=dice.roll(6) {
        let at = dice.roll(input.len() + 1);
        let end = (at + dice.roll(24)).min(input.len());
        match dice.roll(9) {
            0 => drop(input.drain(at..end)),
            1 => input.truncate(at),
            2 | 3 => {
                let word = WORDS[dice.roll(WORDS.len())].as_bytes();
                input.splice(at..at, word.iter().copied());
            }
            4 => {
                let byte = u8::try_from(dice.roll(256)).unwrap();
                input.splice(at..end.min(at + 1), [byte]);
            }
            5 => {
                let part = input[at..end].repeat(1 + dice.roll(40));
                input.splice(at..at, part);
            }
            6 => {
                let word = WORDS[dice.roll(WORDS.len())].repeat(1 + dice.roll(200));
                input.splice(at..end, word.bytes());
            }
            7 => {
                let other = &seeds[dice.roll(seeds.len())];
                let from = dice.roll(other.len() + 1);
                input.splice(at..input.len(), other[from..].iter().copied());
            }
            _ => {
                let line = input[..at].iter().rposition(|byte| *byte == b'\n');
                let line = input[line.map_or(0, |line| line + 1)..at].to_vec();
                input.splice(at..at, [b"\n".to_vec(), line].concat());
            }
        }
    }
    input.truncate(1 << 16);
    input
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut paths: Vec<_> = std::fs::read_dir(here.join(target.name))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| std::fs::read(path).unwrap();
    paths.iter().map(read).collect()
}

/// Reads one input; what it ends in if that is a panic.
fn panics(target: &Target, input: &[u8]) -> Option<String> {
    let end = catch_unwind(AssertUnwindSafe(|| (target.read)(input)));
    end.err().map(|what| {
        let said = what.downcast_ref::<String>().cloned();
        said.or_else(|| what.downcast_ref::<&str>().map(|said| (*said).to_owned()))
            .unwrap_or_default()
    })
}

#[test]
fn the_corpus_is_read() {
    for target in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{}", target.name);
        let understood = seeds.iter().filter(|seed| (target.read)(seed)).count();
        assert!(understood > 0, "{}: nothing is understood", target.name);
    }
}

#[test]
fn nothing_that_others_write_ends_in_a_panic() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let cases: u64 = number("CASES").unwrap_or(4_000);
    let seed = number("SEED").unwrap_or(1);
    let shares: u64 = TARGETS.iter().map(|target| target.share).sum();
    let mut failures = Vec::new();
    std::thread::scope(|scope| {
        // A main thread's stack has 8 MiB, and this one's is that of the program.
        let tasks: Vec<_> = TARGETS
            .iter()
            .map(|target| {
                let run = move || run(target, seed, (cases * target.share).div_ceil(shares));
                let thread = std::thread::Builder::new().stack_size(8 << 20);
                thread.spawn_scoped(scope, run).unwrap()
            })
            .collect();
        for task in tasks {
            failures.extend(task.join().unwrap());
        }
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Tries some inputs of a target; returns those that end in a panic, which stay in a directory below target.
fn run(target: &Target, seed: u64, cases: u64) -> Vec<String> {
    let begin = Instant::now();
    let seeds = seeds(target);
    let mut found: Vec<String> = Vec::new();
    for case in 0..cases {
        let mut dice = Dice(seed.wrapping_mul(1 << 40) ^ case << 8 ^ target.name.len() as u64);
        let input = change(&mut dice, &seeds);
        if let Some(said) = panics(target, &input)
            && found.len() < 5
        {
            let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
            std::fs::create_dir_all(&directory).unwrap();
            let kept = directory.join(format!("{}-{seed}-{case}", target.name));
            std::fs::write(&kept, &input).unwrap();
            found.push(format!("{}: {said}", kept.display()));
        }
    }
    eprintln!(
        "{:<10} {cases} cases in {:.1} s",
        target.name,
        begin.elapsed().as_secs_f64()
    );
    found
}
