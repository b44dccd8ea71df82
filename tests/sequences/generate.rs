//! Chooses the next operation: any that the model knows an end for, the interesting ones more often.

use crate::model::{Is, Model};
use crate::op::{Host, Knob, Op, Target, Way};

/// Numbers that a seed decides (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        match of.len() {
            0 => None,
            many => Some(of[self.below(many)]),
        }
    }
}

fn target(model: &Model, dice: &mut Dice) -> Option<Target> {
    let rows: Vec<u32> = model.moments.keys().copied().collect();
    let kind = dice.below(6);
    if kind >= 4 {
        return Some([Target::Immediate, Target::Latest][kind - 4]);
    }
    let row = dice.one(&rows)?;
    Some([Target::Time, Target::Lsn, Target::Xid, Target::Name][kind](row))
}

fn way(model: &Model, host: Host, dice: &mut Dice) -> Way {
    let others: Vec<Host> = model
        .those(Is::Follows)
        .into_iter()
        .filter(|other| *other != host)
        .collect();
    let ways = [Way::Auto, Way::Rewind, Way::Primary, Way::Backup];
    match dice.below(5) {
        4 => dice.one(&others).map_or(Way::Primary, Way::From),
        at => ways[at],
    }
}

fn draw(model: &Model, dice: &mut Dice) -> Option<Op> {
    let follows = model.those(Is::Follows);
    let up: Vec<Host> = [model.leader()]
        .into_iter()
        .chain(follows.iter().copied())
        .collect();
    if model.backups.is_empty() && dice.below(3) == 0 {
        return Some(Op::Backup { incremental: false });
    }
    // Nobody leaves it so for long, and little is granted until then.
    if let (Some(stale), 0) = (dice.one(&model.those(Is::Stale)), dice.below(2)) {
        return Some(Op::Rebuild(stale, way(model, stale, dice)));
    }
    if let Some(strayed) = dice.one(&model.those(Is::Strayed)) {
        return Some(Op::Rebuild(strayed, way(model, strayed, dice)));
    }
    if let (Some(absent), 0) = (dice.one(&model.absent()), dice.below(3)) {
        return Some(Op::Boot(absent));
    }
    Some(match dice.below(28) {
        0 | 1 => Op::Apply,
        2 | 3 => Op::Set(dice.one(&[
            Knob::Reload,
            Knob::Restart,
            Knob::Hba,
            Knob::Slots,
            Knob::Synchronous,
        ])?),
        4 => Op::Alter {
            dangerous: dice.below(2) == 0,
        },
        5..=7 => Op::Switchover {
            to: dice.one(&follows)?,
            write: dice.below(2) == 0,
        },
        8 | 9 => Op::Failover(dice.one(&follows)?),
        10 | 11 => Op::Boot(dice.one(&model.absent())?),
        12 | 13 => {
            let host = dice.one(&[model.those(Is::Stale), follows].concat())?;
            Op::Rebuild(host, way(model, host, dice))
        }
        14 | 15 => Op::Backup { incremental: false },
        16 => Op::Backup { incremental: true },
        17 => Op::Prune,
        18..=20 => Op::Restore(dice.one(&up)?, target(model, dice)?),
        21 | 22 => Op::Copy(dice.one(&up)?, target(model, dice)?),
        23 => Op::Drill,
        24 => Op::Adopt(dice.one(&up)?),
        25 | 26 => Op::Away {
            host: dice.one(&follows)?,
            power: dice.below(2) == 0,
        },
        _ => match model.hosts[&3] {
            Is::Out(_) => Op::Add,
            Is::Follows => Op::Remove,
            _ => return None,
        },
    })
}

/// Leaves out operations that make no sense where their outcome is not the program's to decide.
fn possible(model: &Model, op: Op) -> bool {
    match op {
        // Adding, removing and adopting is done with servers that are all there.
        Op::Add | Op::Remove | Op::Adopt(_) | Op::Failover(_) | Op::Set(_) => model.whole(),
        Op::Rebuild(..) => !model.pending() && !model.away(),
        Op::Away { .. } => model.whole(),
        // Where a name is no backup tells, and where a transaction is only those of one tool.
        Op::Restore(_, target @ (Target::Xid(_) | Target::Name(_)))
        | Op::Copy(_, target @ (Target::Xid(_) | Target::Name(_))) => {
            model.backup_for(target).is_some()
                || matches!(target, Target::Xid(_)) && model.setup.tool == "basebackup"
        }
        _ => true,
    }
}

/// The next operation.
pub fn next(model: &Model, dice: &mut Dice) -> Op {
    loop {
        if let Some(op) = draw(model, dice)
            && possible(model, op)
        {
            // A refusal is worth a look now and then.
            if model.codes(op)[0] == 0 || dice.below(4) == 0 {
                return op;
            }
        }
    }
}
