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
    /// The last row that a restore was asked to keep, unless it was asked for all.
    pub point: Option<u64>,
    /// The last row that was acknowledged before the primary was gone.
    pub acked: Option<u64>,
    /// Up to where the WAL is kept, as a failover told.
    pub loss: Option<u64>,
    pub leader: &'static str,
    /// The standby that the command names, if it names one.
    pub standby: &'static str,
    /// The primary that is gone.
    pub dead: Option<&'static str>,
    /// How long it takes, in milliseconds.
    pub takes: u64,
}

/// The end of a primary with records that no standby has.
const CRASH: &str = "pkill -STOP -f '[w]alsender'; cd /; \
    setpriv --reuid postgres --regid postgres --init-groups psql -Xq -d postgres \
    -c 'create table if not exists unseen (i int); insert into unseen select generate_series(1, 1000)' -c checkpoint; \
    pkill -KILL -u postgres";

impl Doing {
    /// What a host is to this command.
    pub fn role(&self, host: &str) -> &'static str {
        match host {
            host if host == self.leader => "leader",
            host if host == self.standby => "standby",
            _ => "other",
        }
    }
}

impl Move {
    pub fn all(shape: Shape) -> Vec<Move> {
        use Move::*;
        let mut all = vec![
            Bare,
            Raise,
            Lower,
            Switchover,
            Failover,
            RebuildCopy,
            RebuildAuto,
        ];
        if shape.hosts > 2 {
            all.extend([Remove, Add]);
        }
        if shape.mount {
            all.extend([RebuildBackup, Backup, Restore, RestoreBeside, Prune, Drill]);
        }
        all
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

    pub fn changes_backups(self) -> bool {
        matches!(self, Move::Backup | Move::Prune | Move::Restore)
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
        world.anew(false);
    } else if chosen != Move::Add && world.members.len() < all.len() {
        world.members = all.clone();
        person::apply(world)?;
    }
    let mut leader = match world.leaders()[..] {
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
    let mut standby = *dice.of(&standbys);
    let words = |text: &str| -> Vec<String> {
        [&["-i", &path][..], &text.split(' ').collect::<Vec<_>>()]
            .concat()
            .iter()
            .map(|word| (*word).to_owned())
            .collect()
    };
    if chosen.needs_backup() {
        if !world.has_backup {
            person::until_good(world, &words("backup run"), "a backup to begin with")?;
        }
        world.has_backup = true;
    }
    let (mut dead, mut point, mut acked) = (None, None, None);
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
            format!("apply --auto-approve --confirm {standby}")
        }
        Move::Add => {
            if world.members.len() == all.len() {
                world.members.retain(|host| *host != standby);
                let path = world.inventory().to_str().unwrap().to_owned();
                let leave = ["-i", &path, "apply", "--auto-approve", "--confirm", standby];
                person::until_good(world, &leave.map(str::to_owned), "a standby that leaves")?;
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
            acked = world.acked().keys().last().copied();
            format!("failover --auto-approve --confirm {leader}")
        }
        Move::RebuildCopy => {
            format!("rebuild {standby} --from primary --auto-approve --confirm {standby}")
        }
        Move::RebuildAuto => {
            // One that has what the new primary never got.
            world.pause();
            world.lab.on(leader, CRASH);
            let failover = format!("failover --force --auto-approve --confirm {leader}");
            person::until_good(world, &words(&failover), "a failover to begin with")?;
            standby = leader;
            leader = world.leaders().first().copied().unwrap_or(leader);
            world.primary = leader;
            world.write()?;
            format!("rebuild {standby} --auto-approve --confirm {standby}")
        }
        Move::RebuildBackup => {
            format!("rebuild {standby} --from backup --auto-approve --confirm {standby}")
        }
        Move::Backup => "backup run".to_owned(),
        Move::Restore => {
            let target = *dice.of(&["latest", "name", "time", "lsn"]);
            let mut option = "--latest".to_owned();
            if target != "latest" {
                let (row, value) = mark(world, leader, target)?;
                point = Some(row);
                option = format!("--{target} {value}");
            }
            format!("restore --to {leader} {option} --auto-approve --confirm {leader}")
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
        point,
        acked,
        loss: None,
        leader,
        standby,
        dead,
        takes,
    })
}

/// Notes a moment with the last row before it, as one of the targets of a recovery, and waits for rows behind it.
fn mark(world: &World, leader: &str, target: &str) -> Result<(u64, String), String> {
    let name = format!("mark{}", world.story.len() + world.acked().len());
    let told = world.lab.sql(
        leader,
        &format!(
            "lock table acked in exclusive mode; select pg_create_restore_point('{name}'); \
             select concat_ws(' ', (select max(i) from acked), pg_current_wal_insert_lsn(), \
             to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))"
        ),
    );
    world.goes_on()?;
    let words: Vec<&str> = told.lines().last().unwrap_or_default().split(' ').collect();
    let [row, lsn, time] = words[..] else {
        return Err(format!("no mark: {told}"));
    };
    let value = match target {
        "name" => &name,
        "lsn" => lsn,
        _ => time,
    };
    let row = row.parse().map_err(|_| format!("no row: {told}"))?;
    Ok((row, value.to_owned()))
}
