//! What a first run needs and what of it is there: one line each, with what to do about it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::foreign;
use super::layout::folded;
use super::style::{Style, bytes};
use crate::facts::doctor::{Checkup, Route};
use crate::facts::{Facts, Observation, Sight};
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::platform_of;

/// Clocks that are further apart make logs and backups hard to read, and certificates fail.
const CLOCKS: i64 = 2;

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is as it must be.
    Fine,
    /// It works, and is worth knowing.
    Remark,
    /// A run would fail.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The host; `None` for the machine that pgrepl runs on.
    pub host: Option<NodeName>,
    /// What, in a word.
    pub what: &'static str,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen.
    pub says: String,
    /// What to do, or empty.
    pub help: String,
}

impl Check {
    /// Makes a check of the machine that pgrepl runs on; with help something is missing.
    pub fn here(what: &'static str, says: impl Into<String>, help: impl Into<String>) -> Self {
        let help = help.into();
        Self {
            host: None,
            what,
            verdict: if help.is_empty() {
                Verdict::Fine
            } else {
                Verdict::Missing
            },
            says: says.into(),
            help,
        }
    }
}

/// Looks at one host.
struct Look<'a> {
    cluster: &'a Cluster,
    name: &'a NodeName,
    facts: &'a Facts,
    seen: &'a Observation,
    checks: Vec<Check>,
}

/// Concludes what is there and what is missing, host by host.
pub fn conclude(
    cluster: &Cluster,
    seen: &Observation,
    checkups: &BTreeMap<NodeName, Checkup>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    for name in cluster.nodes.keys() {
        match seen.hosts.get(name) {
            None => {}
            Some(Sight::Unreachable(reason)) => checks.push(Check {
                host: Some(name.clone()),
                what: "login",
                verdict: Verdict::Missing,
                says: reason.message.clone(),
                help: reason.help.clone(),
            }),
            Some(Sight::Seen(facts)) => {
                let mut look = Look {
                    cluster,
                    name,
                    facts,
                    seen,
                    checks: Vec::new(),
                };
                look.add("login", Verdict::Fine, "ssh, root and a POSIX shell", "");
                look.system();
                look.clock(checkups.get(name));
                look.packages();
                look.peers(checkups.get(name));
                look.disk();
                look.mount();
                checks.extend(look.checks);
            }
        }
    }
    checks
}

impl Look<'_> {
    fn add(
        &mut self,
        what: &'static str,
        verdict: Verdict,
        says: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.checks.push(Check {
            host: Some(self.name.clone()),
            what,
            verdict,
            says: says.into(),
            help: help.into(),
        });
    }

    fn system(&mut self) {
        let facts = self.facts;
        let says = format!("{}, {}", facts.os.name, facts.arch);
        if platform_of(self.cluster, facts, self.name).is_none() {
            let says = format!("{says}: where PostgreSQL lives there is not known");
            self.add(
                "system",
                Verdict::Missing,
                says,
                "postgresql: { platform: { bindir: …, home: …, unit: … } }",
            );
        } else if facts.systemd {
            self.add("system", Verdict::Fine, format!("{says}, systemd"), "");
        } else {
            let says = format!("{says}, no systemd: long work ends with the connection");
            self.add("system", Verdict::Remark, says, "");
        }
    }

    fn clock(&mut self, checkup: Option<&Checkup>) {
        match checkup.map(|checkup| checkup.skew) {
            None => self.add("clock", Verdict::Remark, "not seen", ""),
            Some(skew) if skew.abs() > CLOCKS => {
                let way = if skew > 0 { "ahead of" } else { "behind" };
                let says = format!("{} s {way} this machine's", skew.abs());
                let help = format!("ssh {} sudo timedatectl set-ntp true", self.name);
                self.add("clock", Verdict::Missing, says, help);
            }
            Some(_) => self.add("clock", Verdict::Fine, "as on this machine", ""),
        }
    }

    fn packages(&mut self) {
        let (packages, major) = (&self.facts.packages, self.cluster.major);
        let others = match packages.others.len() {
            0 => String::new(),
            _ => {
                let others: Vec<&str> = packages.others.iter().map(String::as_str).collect();
                format!("; {} beside it", others.join(", "))
            }
        };
        match (&packages.server, &packages.candidate) {
            (Some(server), _) => self.add("packages", Verdict::Fine, format!("PostgreSQL {server} is installed{others}"), ""),
            (None, _) if !self.cluster.install => self.add(
                "packages",
                Verdict::Missing,
                format!("PostgreSQL {major} is not installed, and the inventory says install: false{others}"),
                format!("install it on {}, or postgresql: {{ install: true }}", self.name),
            ),
            (None, Some(candidate)) => self.add("packages", Verdict::Fine, format!("PostgreSQL {candidate} will be installed{others}"), ""),
            (None, None) => self.add(
                "packages",
                Verdict::Remark,
                format!("no repository offers PostgreSQL {major}: that of the PostgreSQL project is added{others}"),
                "",
            ),
        }
    }

    fn peers(&mut self, checkup: Option<&Checkup>) {
        let cluster = self.cluster;
        let mut ways: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for peer in cluster.nodes.values() {
            let (other, port) = (&peer.name, peer.port);
            if other == self.name {
                continue;
            }
            let resolved = self.facts.resolved.get(other);
            if peer.address.is_none() && resolved.is_none_or(Vec::is_empty) {
                let help = format!(
                    "hosts: {{ {other}: {{ address: … }} }}, or {other} in the DNS or /etc/hosts of {}",
                    self.name
                );
                let says = format!("{other} cannot be resolved here");
                self.add("names", Verdict::Missing, says, help);
                continue;
            }
            let there = self.seen.facts(other);
            let firewall = there.is_some_and(|there| there.firewall.is_some());
            let closed = match checkup.and_then(|checkup| checkup.routes.get(other)) {
                Some(Route::Silent) if !firewall => "does not answer within 5 s".to_owned(),
                Some(Route::Not(why)) if !firewall => format!("is not reached: {why}"),
                said => {
                    let way = match said {
                        Some(Route::Open) => "answers",
                        Some(Route::Refused) => "reached, nothing listens there yet",
                        None | Some(Route::Unknown) => "not tried",
                        // What pgrepl does itself is nobody's work.
                        Some(_) => "closed by its firewall, which apply opens",
                    };
                    let port = format!("{way} (port {port})");
                    ways.entry(port).or_default().push(other.as_str());
                    continue;
                }
            };
            let address = peer.address.as_deref().unwrap_or(other.as_str());
            let help = format!(
                "ssh {} \"timeout 5 bash -c '</dev/tcp/{address}/{port}'\"; a firewall or a route between them is in the way",
                self.name
            );
            let says = format!("port {port} of {other} {closed}");
            self.add("route", Verdict::Missing, says, help);
        }
        // Of many hosts those that are alike share a line.
        for (way, others) in ways {
            let says = format!("{}: {way}", others.join(", "));
            self.add("route", Verdict::Fine, says, "");
        }
    }

    fn disk(&mut self) {
        let path = &self.facts.data.path;
        let Some(disk) = self.facts.disks.iter().find(|disk| disk.used_for == "data") else {
            return;
        };
        let says = format!(
            "{} of {} free for {path}",
            bytes(disk.free),
            bytes(disk.size)
        );
        match disk.free < disk.size / 20 {
            true => {
                let help = format!("ssh {} df -h {}", self.name, disk.mounted_on);
                self.add("disk", Verdict::Missing, says, help);
            }
            false => self.add("disk", Verdict::Fine, says, ""),
        }
    }

    fn mount(&mut self) {
        let Some(mount) = &self.facts.mount else {
            return;
        };
        let (path, name) = (&mount.path, self.name);
        if let Some(why) = mount.absence("") {
            let help = match mount.mounted {
                true => format!("ssh {name} sudo ls -ld {path}"),
                false => format!("mount it, and put it into /etc/fstab of {name}"),
            };
            return self.add("mount", Verdict::Missing, why, help);
        }
        let says = format!("{path}, {}, {} free", mount.fstype, bytes(mount.free));
        match mount.writable {
            Some(false) => {
                let says = format!("{says}: the service user may not write there");
                let help = format!(
                    "ssh {name} sudo ls -ld {path}; make it, or {path}/{}, writable for postgres",
                    self.cluster.name
                );
                self.add("mount", Verdict::Missing, says, help);
            }
            _ => self.add("mount", Verdict::Fine, says, ""),
        }
    }
}

/// Shows what was looked at, host by host.
pub fn show(checks: &[Check], style: Style) -> String {
    let mut text = String::new();
    let mut last = None;
    for check in checks {
        if last != Some(&check.host) {
            if last.is_some() {
                text.push('\n');
            }
            let name = check.host.as_ref().map_or("this machine", NodeName::as_str);
            text += &format!("{}\n", style.bold(name));
            last = Some(&check.host);
        }
        let mark = match check.verdict {
            Verdict::Fine => style.green("✔"),
            Verdict::Remark => style.yellow("!"),
            Verdict::Missing => style.red("✘"),
        };
        let says = folded(&foreign::line(&check.says), 15, style);
        text += &format!("  {mark} {:<10} {says}\n", check.what);
        if !check.help.is_empty() {
            text += &format!(
                "      {} {}\n",
                style.dim("help:"),
                foreign::line(&check.help)
            );
        }
    }
    let missing = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Missing)
        .count();
    text += &match missing {
        0 => format!(
            "\n{}\n",
            style.green("Everything that a first run needs is there.")
        ),
        1 => format!("\n{}\n", style.red("One thing is missing for a first run.")),
        n => format!(
            "\n{}\n",
            style.red(&format!("{n} things are missing for a first run."))
        ),
    };
    text
}
