//! What an operator may do, and how it is written in a list of operations.

use std::fmt;
use std::str::FromStr;

/// A server, by its number.
pub type Host = u8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knob {
    /// A parameter that is loaded.
    Reload,
    /// A parameter that wants a restart, of the standby first when it grows and of the primary first when it shrinks.
    Restart,
    Hba,
    Slots,
    Synchronous,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Auto,
    Rewind,
    Primary,
    Backup,
    From(Host),
}

/// Where a recovery ends; a number is that of a row: the moment after its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Time(u32),
    Lsn(u32),
    Xid(u32),
    Name(u32),
    Immediate,
    Latest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Apply,
    /// Changes the inventory and applies nothing.
    Set(Knob),
    /// ALTER SYSTEM: of a parameter that is nobody's, or of one that pgrepl takes away again.
    Alter {
        dangerous: bool,
    },
    Switchover {
        to: Host,
        write: bool,
    },
    /// A power cut of the primary's host, and a failover.
    Failover(Host),
    /// A power cut of a standby's host, or its network is taken down.
    Away {
        host: Host,
        power: bool,
    },
    /// The end of either.
    Boot(Host),
    Rebuild(Host, Way),
    Backup {
        incremental: bool,
    },
    Prune,
    Restore(Host, Target),
    /// A restore beside the cluster.
    Copy(Host, Target),
    Drill,
    /// `init --from-host`: what it writes must find nothing to do.
    Adopt(Host),
    /// Takes server3 into the inventory, and applies.
    Add,
    /// Takes server3 out of the inventory, applies, and stops it.
    Remove,
}

const KNOBS: [(&str, Knob); 5] = [
    ("reload", Knob::Reload),
    ("restart", Knob::Restart),
    ("hba", Knob::Hba),
    ("slots", Knob::Slots),
    ("synchronous", Knob::Synchronous),
];

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Time(row) => write!(f, "time {row}"),
            Target::Lsn(row) => write!(f, "lsn {row}"),
            Target::Xid(row) => write!(f, "xid {row}"),
            Target::Name(row) => write!(f, "name {row}"),
            Target::Immediate => f.write_str("immediate"),
            Target::Latest => f.write_str("latest"),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Op::Apply => f.write_str("apply"),
            Op::Set(knob) => {
                let name = KNOBS.iter().find(|(_, known)| known == knob).unwrap().0;
                write!(f, "set {name}")
            }
            Op::Alter { dangerous: false } => f.write_str("alter kept"),
            Op::Alter { dangerous: true } => f.write_str("alter dangerous"),
            Op::Switchover { to, write: false } => write!(f, "switchover {to}"),
            Op::Switchover { to, write: true } => write!(f, "switchover {to} write"),
            Op::Failover(to) => write!(f, "failover {to}"),
            Op::Away { host, power: true } => write!(f, "kill {host}"),
            Op::Away { host, power: false } => write!(f, "cut {host}"),
            Op::Boot(host) => write!(f, "boot {host}"),
            Op::Rebuild(host, way) => match way {
                Way::Auto => write!(f, "rebuild {host} auto"),
                Way::Rewind => write!(f, "rebuild {host} rewind"),
                Way::Primary => write!(f, "rebuild {host} primary"),
                Way::Backup => write!(f, "rebuild {host} backup"),
                Way::From(from) => write!(f, "rebuild {host} from {from}"),
            },
            Op::Backup { incremental: false } => f.write_str("backup"),
            Op::Backup { incremental: true } => f.write_str("backup incremental"),
            Op::Prune => f.write_str("prune"),
            Op::Restore(to, target) => write!(f, "restore {to} {target}"),
            Op::Copy(to, target) => write!(f, "copy {to} {target}"),
            Op::Drill => f.write_str("drill"),
            Op::Adopt(host) => write!(f, "adopt {host}"),
            Op::Add => f.write_str("add"),
            Op::Remove => f.write_str("remove"),
        }
    }
}

fn target(words: &[&str]) -> Option<Target> {
    Some(match words {
        ["time", row] => Target::Time(row.parse().ok()?),
        ["lsn", row] => Target::Lsn(row.parse().ok()?),
        ["xid", row] => Target::Xid(row.parse().ok()?),
        ["name", row] => Target::Name(row.parse().ok()?),
        ["immediate"] => Target::Immediate,
        ["latest"] => Target::Latest,
        _ => return None,
    })
}

fn parse(words: &[&str]) -> Option<Op> {
    let host = |word: &str| word.parse::<Host>().ok();
    Some(match words {
        ["apply"] => Op::Apply,
        ["set", name] => Op::Set(KNOBS.iter().find(|(known, _)| known == name)?.1),
        ["alter", "kept"] => Op::Alter { dangerous: false },
        ["alter", "dangerous"] => Op::Alter { dangerous: true },
        ["switchover", to] => Op::Switchover {
            to: host(to)?,
            write: false,
        },
        ["switchover", to, "write"] => Op::Switchover {
            to: host(to)?,
            write: true,
        },
        ["failover", to] => Op::Failover(host(to)?),
        [how @ ("kill" | "cut"), at] => Op::Away {
            host: host(at)?,
            power: *how == "kill",
        },
        ["boot", at] => Op::Boot(host(at)?),
        ["rebuild", at, "auto"] => Op::Rebuild(host(at)?, Way::Auto),
        ["rebuild", at, "rewind"] => Op::Rebuild(host(at)?, Way::Rewind),
        ["rebuild", at, "primary"] => Op::Rebuild(host(at)?, Way::Primary),
        ["rebuild", at, "backup"] => Op::Rebuild(host(at)?, Way::Backup),
        ["rebuild", at, "from", from] => Op::Rebuild(host(at)?, Way::From(host(from)?)),
        ["backup"] => Op::Backup { incremental: false },
        ["backup", "incremental"] => Op::Backup { incremental: true },
        ["prune"] => Op::Prune,
        ["restore", to, words @ ..] => Op::Restore(host(to)?, target(words)?),
        ["copy", to, words @ ..] => Op::Copy(host(to)?, target(words)?),
        ["drill"] => Op::Drill,
        ["adopt", at] => Op::Adopt(host(at)?),
        ["add"] => Op::Add,
        ["remove"] => Op::Remove,
        _ => return None,
    })
}

impl FromStr for Op {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        parse(&words).ok_or_else(|| format!("no operation: {text:?}"))
    }
}

/// Reads a list, "backup; failover 2; boot 1".
pub fn list(text: &str) -> Vec<Op> {
    text.split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap_or_else(|why| panic!("{why}")))
        .collect()
}
