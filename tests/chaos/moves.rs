//! What is done to a cluster: every command that changes something.

use crate::dice::Dice;
use crate::person;
use crate::world::{Shape, World};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Move {
    Bare,
    Raise,
    Lower,
    Remove,
    Add,
    Switchover,
    Failover,
    RebuildCopy,
    RebuildAuto,
    RebuildBackup,
    Backup,
    Restore,
    RestoreBeside,
    Prune,
    Drill,
}

/// A command that is ready to be typed.
pub struct Doing {
    pub chosen: Move,
    pub arguments: Vec<String>,
    /// Whether acknowledged rows may be lost: the last ones, by a failover or a restore.
    pub may_lose: bool,
    /// The primary that is gone.
    pub dead: Option<&'static str>,
    /// How long it takes, in milliseconds.
    pub takes: u64,
}

impl Move {
    pub fn all(shape: Shape) -> &'static [Move] {
        use Move::*;
        match (shape.mount, shape.hosts > 2) {
            (true, true) => &[
                Bare,
                Raise,
                Lower,
                Remove,
                Add,
                Switchover,
                Failover,
                RebuildCopy,
                RebuildAuto,
                RebuildBackup,
                Backup,
                Restore,
                RestoreBeside,
                Prune,
                Drill,
            ],
            (true, false) => &[
                Bare,
                Raise,
                Lower,
                Switchover,
                Failover,
                RebuildCopy,
                RebuildAuto,
                RebuildBackup,
                Backup,
                Restore,
                RestoreBeside,
                Prune,
                Drill,
            ],
            (false, true) => &[
                Bare,
                Raise,
                Lower,
                Remove,
                Add,
                Switchover,
                Failover,
                RebuildCopy,
                RebuildAuto,
            ],
            (false, false) => &[
                Bare,
                Raise,
                Lower,
                Switchover,
                Failover,
                RebuildCopy,
                RebuildAuto,
            ],
        }
    }

    /// A first guess in milliseconds, until it was measured.
    fn guess(self) -> u64 {
        match self {
            Move::Bare => 12_000,
            Move::Restore | Move::Drill | Move::RestoreBeside => 9_000,
            Move::Prune | Move::Backup => 3_000,
            _ => 5_000,
        }
    }

    fn needs_backup(self) -> bool {
        use Move::*;
        matches!(
            self,
            RebuildBackup | Restore | RestoreBeside | Prune | Drill
        )
    }
}

/// Brings the cluster where the command makes sense, and says what is typed.
pub fn prepare(world: &mut World, dice: &mut Dice, chosen: Move) -> Result<Doing, String> {
    let all = crate::world::SERVERS[..world.shape.hosts].to_vec();
    if chosen == Move::Bare {
        world.anew();
    } else if chosen != Move::Add && world.members.len() < all.len() {
        world.members = all.clone();
        person::apply(world)?;
    }
    let leader = match world.leaders()[..] {
        [leader] => leader,
        _ => world.primary,
    };
    world.primary = leader;
    let path = world.inventory().to_str().unwrap().to_owned();
    let standbys: Vec<&'static str> = world
        .members
        .iter()
        .copied()
        .filter(|host| *host != leader)
        .collect();
    let standby = *dice.of(&standbys);
    let words = |text: &str| -> Vec<String> {
        [&["-i", &path][..], &text.split(' ').collect::<Vec<_>>()]
            .concat()
            .iter()
            .map(|word| (*word).to_owned())
            .collect()
    };
    if chosen.needs_backup() {
        let list = world.type_in(&words("backup list"))?;
        if !list.out.lines().any(|line| line.starts_with("20")) {
            person::until_good(world, &words("backup run"), "a backup to begin with")?;
        }
    }
    let mut dead = None;
    let text = match chosen {
        Move::Bare => "apply --auto-approve".to_owned(),
        Move::Raise | Move::Lower => {
            let from = if chosen == Move::Raise { 100 } else { 140 };
            if world.max_connections != from {
                world.max_connections = from;
                person::apply(world)?;
            }
            world.max_connections = 240 - from;
            "apply --auto-approve".to_owned()
        }
        Move::Remove => {
            world.members.retain(|host| *host != standby);
            "apply --auto-approve".to_owned()
        }
        Move::Add => {
            if world.members.len() == all.len() {
                world.members.retain(|host| *host != standby);
                person::apply(world)?;
                let gone = "systemctl stop 'postgresql@*'; rm -rf /var/lib/postgresql/*/main /etc/postgresql/*/main";
                world.lab.on(standby, gone);
            }
            world.members = all;
            "apply --auto-approve".to_owned()
        }
        Move::Switchover => format!("switchover --to {standby} --auto-approve"),
        Move::Failover => {
            world.lab.tell("kill", &[leader]);
            world.away.insert(("kill", leader));
            dead = Some(leader);
            format!("failover --auto-approve --confirm {leader}")
        }
        Move::RebuildCopy => {
            format!("rebuild {standby} --from primary --auto-approve --confirm {standby}")
        }
        Move::RebuildAuto => format!("rebuild {standby} --auto-approve --confirm {standby}"),
        Move::RebuildBackup => {
            format!("rebuild {standby} --from backup --auto-approve --confirm {standby}")
        }
        Move::Backup => "backup run".to_owned(),
        Move::Restore => {
            format!("restore --to {leader} --latest --auto-approve --confirm {leader}")
        }
        Move::RestoreBeside => {
            world.lab.on(
                standby,
                "systemctl stop 'pgrepl-*copy*' 2>/dev/null; rm -rf /srv/restored*",
            );
            format!("restore --to {standby} --latest --data-directory /srv/restored --auto-approve")
        }
        Move::Prune => "backup prune --auto-approve".to_owned(),
        Move::Drill => "backup verify --drill".to_owned(),
    };
    world.inventory();
    let takes = world
        .took
        .get(&format!("{chosen:?}"))
        .copied()
        .unwrap_or(chosen.guess());
    Ok(Doing {
        chosen,
        arguments: words(&text),
        may_lose: matches!(chosen, Move::Failover | Move::Restore),
        dead,
        takes,
    })
}
