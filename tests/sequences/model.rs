//! What must be true after each operation: who leads, who follows, which rows are there, and how each command ends.

use std::collections::{BTreeMap, BTreeSet};

use crate::op::{Host, Knob, Op, Target, Way};

/// Exit codes that operations end with.
pub const DONE: i32 = 0;
pub const UNREACHABLE: i32 = 4;
pub const REFUSED: i32 = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    Leads,
    Follows,
    /// Without power.
    Dead,
    /// It led, was given up, and runs again with a history of its own.
    Stale,
    /// A standby without power or network since the cluster was on a timeline.
    Away {
        power: bool,
        since: u32,
    },
    /// A standby that came back after a restore, with what that left behind.
    Strayed,
    /// In no inventory; whether it has data.
    Out(bool),
}

/// What can be changed in the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub reload: u32,
    pub restart: u32,
    pub hba: u32,
    pub slots: bool,
    pub synchronous: bool,
    pub port: u16,
}

/// A moment that a recovery may be told to end at: after the commit of a row.
#[derive(Debug, Clone)]
pub struct Moment {
    pub rows: BTreeSet<u32>,
    pub timeline: u32,
    pub lsn: u64,
    pub time: String,
    /// The same in seconds since 1970, rounded down.
    pub second: u64,
    pub xid: u32,
    pub name: String,
    /// Where its restore point ends.
    pub named: u64,
}

#[derive(Debug, Clone)]
pub struct Backup {
    pub id: String,
    pub rows: BTreeSet<u32>,
    /// The first row that was committed after it.
    pub next: u32,
    pub timeline: u32,
    pub stop: u64,
    pub ended: u64,
}

/// The engine and the version that decide what can be asked for.
#[derive(Debug, Clone)]
pub struct Setup {
    pub tool: String,
    pub version: u32,
}

#[derive(Debug, Clone)]
pub struct Model {
    pub setup: Setup,
    pub hosts: BTreeMap<Host, Is>,
    /// Whom the file names.
    pub primary: Host,
    pub wanted: Settings,
    pub applied: Settings,
    /// Something in postgresql.auto.conf that the next apply takes away.
    pub dangerous: bool,
    pub rows: BTreeSet<u32>,
    pub next: u32,
    pub timeline: u32,
    /// For each timeline those it descends from, each with the position where it was left.
    pub histories: BTreeMap<u32, Vec<(u32, u64)>>,
    pub moments: BTreeMap<u32, Moment>,
    pub backups: Vec<Backup>,
}

impl Model {
    pub fn new(setup: Setup) -> Self {
        let settings = Settings {
            reload: 4,
            restart: 100,
            hba: 0,
            slots: true,
            synchronous: false,
            port: 5432,
        };
        Self {
            setup,
            hosts: [(1, Is::Leads), (2, Is::Follows), (3, Is::Out(false))].into(),
            primary: 1,
            wanted: settings.clone(),
            applied: settings,
            dangerous: false,
            rows: BTreeSet::new(),
            next: 1,
            timeline: 1,
            histories: [(1, Vec::new())].into(),
            moments: BTreeMap::new(),
            backups: Vec::new(),
        }
    }

    pub fn leader(&self) -> Host {
        *self
            .hosts
            .iter()
            .find(|(_, is)| **is == Is::Leads)
            .unwrap()
            .0
    }

    pub fn those(&self, is: Is) -> Vec<Host> {
        let found = self.hosts.iter().filter(|(_, here)| **here == is);
        found.map(|(host, _)| *host).collect()
    }

    pub fn members(&self) -> Vec<Host> {
        let found = self
            .hosts
            .iter()
            .filter(|(_, is)| !matches!(is, Is::Out(_)));
        found.map(|(host, _)| *host).collect()
    }

    pub fn any(&self, is: Is) -> bool {
        self.hosts.values().any(|here| *here == is)
    }

    pub fn whole(&self) -> bool {
        !self.any(Is::Stale) && !self.any(Is::Strayed) && !self.away()
    }

    /// Those that cannot be reached.
    pub fn absent(&self) -> Vec<Host> {
        let found = self.hosts.iter();
        let found = found.filter(|(_, is)| matches!(is, Is::Dead | Is::Away { .. }));
        found.map(|(host, _)| *host).collect()
    }

    pub fn away(&self) -> bool {
        !self.absent().is_empty()
    }

    pub fn pending(&self) -> bool {
        self.wanted != self.applied || self.dangerous
    }

    /// Whether a position is part of the history that leads to another one.
    fn leads_to(&self, from: (u32, u64), to: (u32, u64)) -> bool {
        let left = &self.histories[&to.0];
        let through = |(timeline, end): &(u32, u64)| *timeline == from.0 && from.1 <= *end;
        from.1 <= to.1 && (from.0 == to.0 || left.iter().any(through))
    }

    fn position(&self, target: Target) -> Option<(u32, u64)> {
        let moment = self.moment(target)?;
        let end = match target {
            Target::Name(_) => moment.named,
            _ => moment.lsn,
        };
        Some((moment.timeline, end))
    }

    /// Whether a target lies in the past of what is there now, not on a timeline that a restore or a failover left.
    pub fn is_past(&self, target: Target) -> bool {
        self.position(target)
            .is_none_or(|position| self.leads_to(position, (self.timeline, u64::MAX)))
    }

    pub fn moment(&self, target: Target) -> Option<&Moment> {
        match target {
            Target::Time(row) | Target::Lsn(row) | Target::Xid(row) | Target::Name(row) => {
                self.moments.get(&row)
            }
            Target::Immediate | Target::Latest => None,
        }
    }

    /// The newest backup that leads to a target.
    pub fn backup_for(&self, target: Target) -> Option<&Backup> {
        let moment = self.moment(target);
        let end = self.position(target).unwrap_or((self.timeline, u64::MAX));
        self.backups.iter().rev().find(|backup| {
            let in_time = moment.is_none_or(|moment| backup.ended <= moment.second);
            let usable = match target {
                Target::Time(_) => in_time,
                // One of a standby may be consistent at a position of before it began; its number of the next transaction is that of its end.
                Target::Xid(row) if self.setup.tool == "basebackup" => backup.next <= row,
                _ => true,
            };
            usable && self.leads_to((backup.timeline, backup.stop), end)
        })
    }

    /// The oldest backup that what is there now can be restored from.
    pub fn oldest_in_use(&self) -> Option<&Backup> {
        let now = (self.timeline, u64::MAX);
        let mut backups = self.backups.iter();
        backups.find(|backup| self.leads_to((backup.timeline, backup.stop), now))
    }

    /// On which timeline the history of now has a position.
    pub fn timeline_of(&self, position: u64) -> u32 {
        let left = self.histories[&self.timeline].iter();
        let found = left
            .filter(|(_, end)| position < *end)
            .map(|(timeline, _)| *timeline)
            .next();
        found.unwrap_or(self.timeline)
    }

    /// Whether a segment belongs to a timeline that the history of now enters inside of it.
    pub fn descends_through(&self, file: &str, begin: u64, size: u64) -> bool {
        let timeline = u32::from_str_radix(&file[..8], 16).unwrap_or(0);
        (begin..begin + size)
            .step_by(8192)
            .any(|position| self.timeline_of(position) == timeline)
    }

    /// The rows that a restore to a target brings back.
    pub fn rows_at(&self, target: Target) -> Option<BTreeSet<u32>> {
        let backup = self.backup_for(target)?;
        Some(match (self.moment(target), target) {
            (Some(moment), _) => moment.rows.clone(),
            (None, Target::Immediate) => backup.rows.clone(),
            (None, _) => self.rows.clone(),
        })
    }

    /// The exit codes that are right for an operation; those not 0 leave everything as it was.
    pub fn codes(&self, op: Op) -> Vec<i32> {
        let one = |right: bool| vec![if right { DONE } else { REFUSED }];
        match op {
            Op::Set(_) | Op::Alter { .. } | Op::Boot(_) | Op::Away { .. } => vec![DONE],
            Op::Apply if self.any(Is::Stale) => vec![REFUSED],
            Op::Apply if self.away() => vec![UNREACHABLE],
            Op::Apply if self.any(Is::Strayed) => vec![DONE, REFUSED],
            Op::Apply => vec![DONE],
            Op::Switchover { to, .. } => {
                one(self.whole() && !self.pending() && self.hosts[&to] == Is::Follows)
            }
            Op::Failover(to) => one(self.hosts[&to] == Is::Follows && !self.any(Is::Stale)),
            Op::Rebuild(host, way) => one(self.can_rebuild(host, way)),
            Op::Backup { incremental } => {
                let can = match self.setup.tool.as_str() {
                    // It takes a full one where there is none to build on.
                    "pgbackrest" => true,
                    "basebackup" => {
                        self.setup.version >= 17 && self.backup_for(Target::Latest).is_some()
                    }
                    _ => false,
                };
                one(!self.any(Is::Stale) && (!incremental || can))
            }
            Op::Prune => one(!self.any(Is::Stale)),
            Op::Drill => one(!self.backups.is_empty()),
            Op::Restore(_, target) | Op::Copy(_, target) => {
                match (self.is_past(target), self.backup_for(target)) {
                    (_, None) => vec![REFUSED],
                    // Which of several histories that have a position is meant may be asked back.
                    (false, Some(_)) if matches!(target, Target::Lsn(_)) => vec![DONE, REFUSED],
                    (_, Some(_)) => vec![DONE],
                }
            }
            // What was made by ALTER SYSTEM goes.
            Op::Adopt(_) => vec![if self.dangerous { 2 } else { DONE }],
            // What came of the data that it has is not the model's to know.
            Op::Add if self.hosts[&3] == Is::Out(true) => vec![DONE, REFUSED],
            Op::Add | Op::Remove => vec![DONE],
        }
    }

    fn can_rebuild(&self, host: Host, way: Way) -> bool {
        let is = self.hosts[&host];
        match way {
            _ if !matches!(is, Is::Follows | Is::Stale | Is::Strayed) => false,
            // A standby that follows needs no rewind.
            Way::Rewind => is != Is::Follows,
            Way::Backup => self.backup_for(Target::Latest).is_some(),
            Way::From(source) => source != host && self.hosts[&source] == Is::Follows,
            Way::Auto | Way::Primary => true,
        }
    }

    /// Takes over what an operation has done that ended with this code.
    pub fn follow(&mut self, op: Op, code: i32) {
        let converged = code == DONE || code == UNREACHABLE && op == Op::Apply;
        match op {
            Op::Set(knob) => self.set(knob),
            Op::Alter { dangerous } => self.dangerous |= dangerous,
            Op::Away { host, power } => {
                let since = self.timeline;
                self.hosts.insert(host, Is::Away { power, since });
            }
            Op::Boot(host) => {
                let back = match self.hosts[&host] {
                    Is::Away { since, .. } if since == self.timeline => Is::Follows,
                    Is::Away { .. } => Is::Strayed,
                    _ => Is::Stale,
                };
                self.hosts.insert(host, back);
            }
            _ if !converged => {}
            Op::Apply => self.converged(),
            Op::Switchover { to, write } => {
                let from = self.leader();
                self.hosts.extend([(from, Is::Follows), (to, Is::Leads)]);
                if write {
                    self.primary = to;
                }
            }
            Op::Failover(to) => {
                let from = self.leader();
                self.hosts.extend([(from, Is::Dead), (to, Is::Leads)]);
                self.converged();
            }
            Op::Rebuild(host, _) => {
                self.hosts.insert(host, Is::Follows);
            }
            Op::Restore(to, target) => {
                self.rows = self.rows_at(target).unwrap();
                for is in self.hosts.values_mut() {
                    if matches!(is, Is::Leads | Is::Stale) {
                        *is = Is::Follows;
                    }
                }
                self.hosts.insert(to, Is::Leads);
                self.converged();
            }
            Op::Add => {
                self.hosts.insert(3, Is::Follows);
                self.converged();
            }
            Op::Remove => {
                self.hosts.insert(3, Is::Out(true));
                self.converged();
            }
            Op::Backup { .. } | Op::Prune | Op::Copy(..) | Op::Drill | Op::Adopt(_) => {}
        }
    }

    fn converged(&mut self) {
        self.applied = self.wanted.clone();
        self.dangerous = false;
    }

    fn set(&mut self, knob: Knob) {
        let wanted = &mut self.wanted;
        match knob {
            Knob::Reload => wanted.reload = 4 + (wanted.reload - 3) % 3,
            Knob::Restart => wanted.restart = if wanted.restart == 100 { 120 } else { 100 },
            Knob::Hba => wanted.hba = (wanted.hba + 1) % 3,
            Knob::Slots => wanted.slots = !wanted.slots,
            Knob::Synchronous => wanted.synchronous = !wanted.synchronous,
        }
    }
}
