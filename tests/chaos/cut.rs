//! What comes between: a kill of pgrepl, a power cut or a network cut of a host, at some millisecond.

use std::time::{Duration, Instant};

use crate::dice::Dice;
use crate::moves::Doing;
use crate::world::World;

/// How long a run may last once a host is gone, and once it is back, in seconds.
const END: u64 = 60;
const END_WITH_ALL: u64 = 300;

pub struct Cut {
    pub kind: &'static str,
    host: &'static str,
    /// What that host is: leader, standby (the one that the command names) or other.
    role: &'static str,
    at: u64,
    /// After how many milliseconds the host is back, if it is while the run still goes on.
    back: Option<u64>,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.kind, self.role, self.at)?;
        self.back.map_or(Ok(()), |back| write!(f, " {back}"))
    }
}

impl Cut {
    pub fn choose(world: &World, dice: &mut Dice, doing: &Doing) -> Cut {
        let there = world.members.iter().copied();
        let there: Vec<&'static str> = there.filter(|host| Some(*host) != doing.dead).collect();
        let kind = *dice.of(&["SIGKILL", "SIGKILL", "kill", "cut"]);
        let host = *dice.of(&there);
        let part = dice.below(1000);
        let back = (dice.below(3) == 0).then(|| dice.below(20_000));
        Cut {
            kind,
            host,
            role: doing.role(host),
            at: doing.takes * part / 1000,
            back,
        }
    }

    /// Reads a cut as it is told: `kill standby 1200`, `cut leader 300 5000`.
    pub fn read(world: &World, words: &[&str], doing: &Doing) -> Option<Cut> {
        let (kind, role, rest) = match words {
            [kind, role, rest @ ..] => (*kind, *role, rest),
            _ => return None,
        };
        let kinds = ["SIGKILL", "kill", "cut"];
        let there = world.members.iter().copied();
        let mut there = there.filter(|host| Some(*host) != doing.dead);
        let host = there.find(|host| doing.role(host) == role)?;
        Some(Cut {
            kind: kinds.into_iter().find(|known| *known == kind)?,
            host,
            role: doing.role(host),
            at: rest.first()?.parse().ok()?,
            back: rest.get(1).and_then(|back| back.parse().ok()),
        })
    }

    /// Begins the command, cuts it, waits for its end, and brings the host back; says whether it was done all the same.
    pub fn run(&self, world: &mut World, doing: &Doing) -> Result<bool, String> {
        let mut child = world.spawn(&doing.arguments);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(self.at) {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let over = child.try_wait().unwrap().is_some();
        if self.kind == "SIGKILL" {
            let _ = child.kill();
            let ran = world.end(&doing.arguments, child, END)?;
            self.measure(world, doing, over && ran.code == 0, begin);
            return Ok(ran.code == 0);
        }
        world.lab.tell(self.kind, &[self.host]);
        world.away.insert((self.kind, self.host));
        if let Some(back) = self.back {
            let cut = Instant::now();
            while cut.elapsed() < Duration::from_millis(back) && child.try_wait().unwrap().is_none()
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            bring_back(world, self.host);
        }
        let end = self.back.map_or(END, |_| END_WITH_ALL);
        let ran = world.end(&doing.arguments, child, end);
        bring_back(world, self.host);
        let ran = ran?;
        self.measure(world, doing, over && ran.code == 0, begin);
        if !over && ran.code != 0 && !ran.err.contains(self.host) && !ran.out.contains("left alone")
        {
            return Err(format!(
                "{} is gone, and the run does not say so",
                self.host
            ));
        }
        Ok(ran.code == 0)
    }

    /// Remembers how long a command takes that was not cut, and stretches what was guessed too short.
    fn measure(&self, world: &mut World, doing: &Doing, whole: bool, begin: Instant) {
        let took = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let took = if whole {
            took
        } else {
            doing.takes.max(self.at)
        };
        world.took.insert(format!("{:?}", doing.chosen), took);
    }
}

pub fn bring_back(world: &mut World, host: &'static str) {
    for kind in ["kill", "cut"] {
        if world.away.remove(&(kind, host)) {
            world
                .lab
                .tell(if kind == "kill" { "boot" } else { "heal" }, &[host]);
        }
    }
}
