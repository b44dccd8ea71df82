//! The hosts of a lane, their inventory, and a client that writes all the time and notes what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::lab::{self, Lab, Ran};

#[derive(Clone, Copy)]
pub struct Shape {
    pub hosts: usize,
    pub mount: bool,
}

pub struct World {
    pub lab: Lab,
    pub shape: Shape,
    /// The servers that the inventory names.
    pub members: Vec<&'static str>,
    /// The one that it calls the primary.
    pub primary: &'static str,
    pub max_connections: u32,
    /// Hosts without power or network.
    pub away: BTreeSet<(&'static str, &'static str)>,
    /// What was typed in this round, and what came of it.
    pub story: Vec<String>,
    /// When this round began.
    pub begun: Instant,
    /// Rows that may be missing: those acknowledged before, and lost as was told.
    pub forgiven: BTreeSet<u64>,
    pub took: BTreeMap<String, u64>,
    pub has_backup: bool,
    /// What the last command wrote on standard output.
    pub told: String,
}

pub const SERVERS: [&str; 3] = ["server1", "server2", "server3"];
/// Notes each number with where the WAL was when it was inserted: the one before it ends there at the latest.
const WRITER: &str = r#"
i=$(tail -n 1 /root/acked 2>/dev/null | cut -d ' ' -f 1); i=$((${i:-0} + 1000))
while :; do
    i=$((i + 1))
    at=$(echo "insert into acked values ($i) returning pg_current_wal_insert_lsn()" | PGCONNECT_TIMEOUT=2 timeout 10 psql -XAtq \
        -v ON_ERROR_STOP=1 -d "host=$1 user=app password=app dbname=postgres target_session_attrs=read-write") && echo "$i $at" >>/root/acked
    sleep 0.3
done"#;
const STOP_WRITING: &str = "pid=$(cat /root/pid 2>/dev/null) || exit 0; kill $pid 2>/dev/null; while kill -0 $pid 2>/dev/null; do sleep 0.05; done";
/// Everything that a cluster leaves on a host; packages stay.
const WIPE: &str = "
systemctl stop 'pgrepl-*' 'postgresql@*' 2>/dev/null
systemctl list-unit-files --no-legend 'postgresql@*' 'pgrepl-*' | awk '{ print $1 }' | grep -v '@\\.' | xargs -r systemctl disable -q 2>/dev/null
rm -rf /etc/systemd/system/pgrepl-* /etc/systemd/system/postgresql@* /run/systemd/transient/pgrepl-* /var/lib/pgrepl /etc/pgrepl* \
    /etc/postgresql/* /var/lib/postgresql/* /var/lib/postgresql/.[a-z]* /srv/restored* /run/pgrepl*
systemctl daemon-reload
systemctl reset-failed
";

/// Reads a position in the WAL.
pub fn position(text: &str) -> Option<u64> {
    let (high, low) = text.trim().split_once('/')?;
    let half = |text| u64::from_str_radix(text, 16).ok();
    Some(half(high)? << 32 | half(low)?)
}

impl World {
    pub fn boot(name: &str, shape: Shape) -> World {
        let hosts = &SERVERS[..shape.hosts];
        let mut options = vec!["client"];
        options.extend(hosts);
        if shape.mount {
            options.push("--mount");
        }
        World {
            lab: Lab::servers(name, &options),
            shape,
            members: hosts.to_vec(),
            primary: "server1",
            max_connections: 100,
            away: BTreeSet::new(),
            story: Vec::new(),
            begun: Instant::now(),
            forgiven: BTreeSet::new(),
            took: BTreeMap::new(),
            has_backup: false,
            told: String::new(),
        }
    }

    /// Hosts as they were in the beginning: wiped, or where something may have gone wrong booted with an empty disk.
    pub fn anew(&mut self, boot: bool) {
        self.pause();
        let hosts = &SERVERS[..self.shape.hosts];
        let lab = &self.lab;
        std::thread::scope(|scope| {
            for host in hosts {
                scope.spawn(move || {
                    if boot {
                        lab.tell("heal", &[host]);
                        lab.tell("reset", &[host]);
                    } else {
                        lab.on(host, WIPE);
                    }
                });
            }
        });
        self.lab
            .on("client", "rm -rf /root/acked /mnt/backups/shop");
        self.members = hosts.to_vec();
        self.primary = "server1";
        self.max_connections = 100;
        self.has_backup = false;
        self.away.clear();
        self.forgiven.clear();
    }

    /// Writes the inventory as it is wished now.
    pub fn inventory(&self) -> PathBuf {
        let standbys: Vec<&str> = self
            .members
            .iter()
            .copied()
            .filter(|host| *host != self.primary)
            .collect();
        let backup = if self.shape.mount {
            "backup: { mount: /mnt/backups, keep: { count: 3 } }\n"
        } else {
            ""
        };
        self.lab.inventory(&format!(
            "postgresql: {{ version: {}, parameters: {{ max_connections: {} }}, hba: [\"host postgres app samenet scram-sha-256\"] }}\n\
             primary: {}\nstandbys: [{}]\n{backup}",
            lab::release().1,
            self.max_connections,
            self.primary,
            standbys.join(", "),
        ))
    }

    /// Who runs as a primary, as each server says.
    pub fn leaders(&self) -> Vec<&'static str> {
        let asked = "cd /; setpriv --reuid postgres --regid postgres --init-groups \
                     psql -XAtq -h /var/run/postgresql -U postgres -d postgres -c 'select pg_is_in_recovery()' 2>&1 || :";
        let there = SERVERS[..self.shape.hosts].iter().copied();
        let there = there.filter(|host| !self.away.iter().any(|(_, away)| away == host));
        let answers = self.on_each(there, asked);
        let leads = answers.into_iter().filter(|(_, answer)| answer == "f");
        leads.map(|(host, _)| host).collect()
    }

    /// Runs a shell command as root on several hosts at once.
    pub fn on_each(
        &self,
        hosts: impl Iterator<Item = &'static str>,
        command: &str,
    ) -> Vec<(&'static str, String)> {
        let lab = &self.lab;
        std::thread::scope(|scope| {
            let asked: Vec<_> = hosts
                .map(|host| (host, scope.spawn(move || lab.on(host, command))))
                .collect();
            asked
                .into_iter()
                .map(|(host, answer)| (host, answer.join().expect("the lab answers")))
                .collect()
        })
    }

    /// Ends the client that writes.
    pub fn pause(&self) {
        self.lab.on("client", STOP_WRITING);
    }

    /// What was acknowledged: each number, and where the WAL was when it was inserted.
    pub fn acked(&self) -> BTreeMap<u64, u64> {
        let text = self.lab.on("client", "cat /root/acked 2>/dev/null || :");
        let rows = text.lines().filter_map(|line| {
            let (row, at) = line.split_once(' ')?;
            Some((row.parse().ok()?, position(at)?))
        });
        rows.collect()
    }

    /// Begins to write, if nobody does: the table is made where the primary is.
    pub fn write(&mut self) -> Result<(), String> {
        let [leader] = self.leaders()[..] else {
            return Err(format!("not one primary: {:?}", self.leaders()));
        };
        self.lab.sql(
            leader,
            "do $$ begin if not exists (select from pg_roles where rolname = 'app') then create role app login password 'app'; end if; end $$; \
             create table if not exists acked (i int primary key); grant all on acked to app",
        );
        let servers = SERVERS[..self.shape.hosts].join(",");
        self.lab.on(
            "client",
            &format!(
                "cat >/root/write <<'SCRIPT'{WRITER}\nSCRIPT\n\
                 if ! kill -0 \"$(cat /root/pid)\" 2>/dev/null; then nohup sh /root/write {servers} >/dev/null 2>&1 & echo $! >/root/pid; fi"
            ),
        );
        self.goes_on()
    }

    /// Waits until more rows are acknowledged than now.
    pub fn goes_on(&self) -> Result<(), String> {
        let more = "n=$(cat /root/acked 2>/dev/null | wc -l); k=0; while [ \"$(cat /root/acked 2>/dev/null | wc -l)\" -le $((n + 1)) ]; do \
                    sleep 0.1; k=$((k + 1)); [ $k -lt 400 ] || { echo none; exit 0; }; done";
        match self.lab.on("client", more).as_str() {
            "" => Ok(()),
            _ => Err("nobody can write any more".into()),
        }
    }

    /// Begins a command of pgrepl's.
    pub fn spawn(&self, arguments: &[String]) -> Child {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.lab
            .command(&arguments)
            .stdout(Stdio::from(
                std::fs::File::create(self.lab.file("out", "")).unwrap(),
            ))
            .stderr(Stdio::from(
                std::fs::File::create(self.lab.file("err", "")).unwrap(),
            ))
            .spawn()
            .unwrap()
    }

    /// Waits for a command's end, so many seconds at most, and notes what came of it.
    pub fn end(
        &mut self,
        arguments: &[String],
        mut child: Child,
        seconds: u64,
    ) -> Result<Ran, String> {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if begin.elapsed().as_secs() > seconds {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let read = |name| {
            let path = self.lab.path(name);
            String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
        };
        let ran = Ran {
            code: status.and_then(|status| status.code()).unwrap_or(-1),
            out: read("out"),
            err: read("err"),
        };
        self.told.clone_from(&ran.out);
        let mut said: Vec<&str> = ran.err.lines().collect();
        if said.len() > 16 {
            said.splice(8..said.len() - 8, ["…"]);
        }
        self.story.push(format!(
            "  {:.1} s: pgrepl {} => {} in {:.1} s\n      {}",
            self.begun.elapsed().as_secs_f64(),
            arguments.join(" "),
            ran.code,
            begin.elapsed().as_secs_f64(),
            said.join("\n      ")
        ));
        match status {
            Some(_) => Ok(ran),
            None => Err(format!(
                "`{}` had not ended {seconds} s later",
                arguments.join(" ")
            )),
        }
    }

    /// Runs a command to its end.
    pub fn type_in(&mut self, arguments: &[String]) -> Result<Ran, String> {
        let child = self.spawn(arguments);
        self.end(arguments, child, 420)
    }
}
