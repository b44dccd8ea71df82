//! `pgrepl init --from-host`: from one server along replication to all others, and back with an inventory.

mod alone;
mod choose;
pub(in crate::cli) mod request;

pub use request::AdoptRequest;

use crate::facts::Advice;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use alone::{alone, read};
use choose::{choose, shown};

use super::context::{Connections, block_on};
use super::{Failure, FailureKind, Global, context};
use crate::adopt::{self, Member, Trace};
use crate::cli::ask::ask_for;
use crate::facts::{Facts, Unreachable, turned_away};
use crate::host::Host;
use crate::inventory::NodeName;
use crate::inventory::write::Draft;
use crate::observe::find::{Found, Installed, find};
use crate::observe::{examine, look, observe};
use crate::postgres::Major;
use crate::render::Templates;
use crate::report::{foreign, sink};

/// A server that was found on the way.
struct Halt {
    name: NodeName,
    found: Found,
    server: Installed,
    facts: Facts,
}

/// Follows replication from one server to the others and describes them all.
pub fn describe(global: &Global, wish: &AdoptRequest) -> Result<Draft, Failure> {
    block_on(async {
        let mut walk = Walk {
            wish,
            stops: Vec::new(),
            lost: Vec::new(),
            major: None,
        };
        for host in &wish.hosts {
            if !walk.stops.iter().any(|stop| stop.name.as_str() == host) {
                let name = NodeName::new(host.clone());
                let (host, found, _connection) = walk.reach(&name).await?;
                walk.stop(name, host, found).await?;
            }
        }
        let mut at = 0;
        while at < walk.stops.len() {
            for trace in adopt::traces(&walk.stops[at].facts) {
                walk.follow(at, &trace).await?;
            }
            at += 1;
        }
        walk.end(global).await
    })?
}

fn unreachable(reason: Unreachable) -> Failure {
    Failure {
        original: reason.original,
        ..Failure::new(FailureKind::Unreachable, reason.message).help(reason.help)
    }
}

struct Walk<'a> {
    wish: &'a AdoptRequest<'a>,
    stops: Vec<Halt>,
    lost: Vec<String>,
    major: Option<Major>,
}

impl Walk<'_> {
    /// Logs in to a host and looks at what it has.
    async fn reach(&self, name: &NodeName) -> Result<(Rc<dyn Host>, Found, Connections), Failure> {
        let newest = Major::all().last().map(|major| major.to_string());
        let draft = alone(name, &newest.unwrap_or_default(), self.wish, None);
        let connections = context::connect(&read(&draft)?)?;
        let host = connections.hosts.values().next().cloned();
        let host =
            host.ok_or_else(|| Failure::new(FailureKind::Usage, format!("{name} is not a host")))?;
        let found = find(host.as_ref(), name, &[]).await.map_err(unreachable)?;
        Ok((host, found, connections))
    }

    /// Reads the server of a host and makes it part of the cluster.
    async fn stop(
        &mut self,
        name: NodeName,
        host: Rc<dyn Host>,
        mut found: Found,
    ) -> Result<(), Failure> {
        let wanted = self.major.map(|major| major.to_string());
        let wanted = wanted.or(self.wish.version.clone());
        let server = choose(
            &name,
            &found.servers,
            wanted.as_deref(),
            // The other hosts may have it by another name.
            self.wish
                .instance
                .as_deref()
                .filter(|_| self.stops.is_empty()),
            self.stops.first().map(|stop| stop.server.instance.as_str()),
        )?;
        let major: Major = server.version.parse().map_err(|why| {
            Failure::new(
                FailureKind::Refused,
                format!("cannot describe {name}: {why}"),
            )
        })?;
        let cluster = read(&alone(&name, &server.version, self.wish, Some(&server)))?;
        let facts = look(&cluster, &name, host.as_ref(), None)
            .await
            .map_err(unreachable)?;
        let Some(running) = &facts.server else {
            let Advice { message: why, help } = turned_away(&name, &facts).unwrap_or_else(|| {
                let words = facts.turned_away.as_ref().map(|away| &away.words);
                let words = words.map_or_else(String::new, |words| format!(": {words}"));
                Advice::new(
                    format!("the server on {name} runs but answers no SQL{words}"),
                    format!("ssh {name} sudo journalctl -n 20 -u 'postgresql*'"),
                )
            });
            return Err(Failure::new(FailureKind::Refused, why).help(help));
        };
        if let Some(other) = self.stops.iter().find(|stop| {
            let server = stop.facts.server.as_ref();
            server.is_some_and(|server| server.system_id != running.system_id)
        }) {
            return Err(Failure::new(
                FailureKind::Refused,
                format!(
                    "{name} and {} are not servers of one cluster: their system identifiers differ",
                    other.name
                ),
            )
            .help("name servers that replicate from one another"));
        }
        let mut ask: Vec<String> = adopt::traces(&facts)
            .into_iter()
            .map(|trace| trace.host)
            .collect();
        // Words for a shell loop; what is no name is not asked for.
        ask.retain(|word| {
            word.chars()
                .all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c))
        });
        if !ask.is_empty() {
            let more = find(host.as_ref(), &name, &ask)
                .await
                .map_err(unreachable)?;
            (found.names, found.resolved) = (more.names, more.resolved);
        }
        for other in found.servers.iter().filter(|other| **other != server) {
            self.lost.push(format!(
                "{name} also has {}, which is no part of this",
                shown(other)
            ));
        }
        self.major.get_or_insert(major);
        self.stops.push(Halt {
            name,
            found,
            server,
            facts,
        });
        Ok(())
    }

    /// Finds the host that a trace leads to and stops there, unless it is known already.
    async fn follow(&mut self, from: usize, trace: &Trace) -> Result<(), Failure> {
        let stop = &self.stops[from];
        let addresses = resolve(&stop.found, &trace.host);
        let known = |found: &Found| {
            addresses
                .iter()
                .any(|address| found.addresses.contains(address))
        };
        if self.stops.iter().any(|stop| known(&stop.found)) {
            return Ok(());
        }
        let verb = if trace.upstream {
            "is followed by"
        } else {
            "follows"
        };
        let who = format!(
            "{}{} {verb} {}",
            trace.host,
            trace
                .name
                .as_ref()
                .map_or(String::new(), |name| format!(" ({name})")),
            stop.name
        );
        let mut candidates: Vec<String> = Vec::new();
        let named = stop
            .found
            .names
            .get(&trace.host)
            .cloned()
            .unwrap_or_default();
        let is_name = trace.host.parse::<IpAddr>().is_err();
        candidates.extend(is_name.then(|| trace.host.clone()));
        candidates.extend(named);
        candidates.extend(trace.name.clone());
        candidates.push(trace.host.clone());
        candidates.dedup();
        for candidate in candidates {
            let good = candidate
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".-_:".contains(c))
                && !candidate.starts_with('-');
            let name = NodeName::new(candidate);
            if !good {
                continue;
            }
            if let Ok((host, found, _connection)) = self.reach(&name).await
                && known(&found)
            {
                return match self.stop(name, host, found).await {
                    // Archivers and subscribers receive WAL too.
                    Err(failure) if !trace.upstream => {
                        let why = failure.message();
                        self.lost
                            .push(format!("{who}, and is not a standby of it: {why}"));
                        Ok(())
                    }
                    stopped => stopped,
                };
            }
        }
        let question = format!("{who}; what is it for ssh? Empty leaves it out");
        while self.wish.asks {
            let answer = ask_for(&question, "", &|draft, answer| {
                let answer = Some(answer).filter(|answer| !answer.is_empty());
                draft.standbys(answer.into_iter());
            })?;
            if answer.is_empty() {
                break;
            }
            let name = NodeName::new(answer);
            match self.reach(&name).await {
                Ok((host, found, _connection)) => return self.stop(name, host, found).await,
                Err(failure) => sink::err(&format!("  {}\n", foreign::lines(&failure.message()))),
            }
        }
        let option = if trace.upstream {
            "--primary"
        } else {
            "--standby"
        };
        if trace.upstream {
            return Err(Failure::new(
                FailureKind::Unreachable,
                format!("cannot find the primary: {who}, and ssh does not reach it by a name that is known"),
            )
            .help(format!("pgrepl init --from-host {} {option} NAME", stop.name)));
        }
        self.lost.push(format!("{who}, and was not found by ssh: NOT part of this inventory; pgrepl init {option} NAME finds it"));
        Ok(())
    }

    /// Orders the servers, reads all of them once more as one cluster, and describes it.
    async fn end(self, global: &Global) -> Result<Draft, Failure> {
        let standby = |stop: &Halt| stop.facts.standby().is_some();
        let primaries: Vec<&Halt> = self.stops.iter().filter(|stop| !standby(stop)).collect();
        let [primary] = &primaries[..] else {
            let names: Vec<String> = primaries.iter().map(|stop| stop.name.to_string()).collect();
            return Err(Failure::new(
                FailureKind::Refused,
                if names.is_empty() {
                    "none of the servers found is a primary".to_owned()
                } else {
                    format!("more than one primary was found: {}", names.join(", "))
                },
            )
            .help("name the servers: pgrepl init --from-host PRIMARY --standby STANDBY"));
        };
        let sender = |stop: &Halt| -> Option<NodeName> {
            let trace = adopt::traces(&stop.facts)
                .into_iter()
                .find(|trace| trace.upstream)?;
            let addresses = resolve(&stop.found, &trace.host);
            let sends = |other: &&Halt| addresses.iter().any(|a| other.found.addresses.contains(a));
            Some(self.stops.iter().find(sends)?.name.clone())
        };
        let mut members: Vec<Member> = self
            .stops
            .iter()
            .map(|stop| Member {
                name: stop.name.clone(),
                facts: stop.facts.clone(),
                upstream: sender(stop).filter(|_| stop.name != primary.name),
                instance: stop.server.instance.clone(),
                data_directory: stop.server.data_directory.clone(),
                foreign_backups: stop.found.foreign_backups.clone(),
            })
            .collect();
        members.sort_by_key(|member| (member.name != primary.name, member.name.clone()));
        let (Some(major), Some(first)) = (self.major, members.first()) else {
            return Err(Failure::new(FailureKind::Refused, "no server was found"));
        };
        let given = adopt::member::cluster_name(&first.facts);
        let usual = given.unwrap_or_else(|| "main".into());
        let name = match &self.wish.cluster {
            Some(name) => name.clone(),
            None if self.wish.asks => ask_for("name of the cluster", &usual, &|draft, answer| {
                draft.file.cluster = answer.into();
            })?,
            None => usual,
        };
        let mut draft = adopt::describe(major, &name, self.wish.ssh_config, &members);
        if let Some(mount) = self.wish.mount {
            draft.file.backup.get_or_insert_default().made().mount = mount.into();
        }
        draft.remarks.extend(self.lost.clone());
        let cluster = read(&draft)?;
        let connections = context::connect(&cluster)?;
        let mut seen = observe(&cluster, &connections.hosts, None, &|_| {}).await;
        // What the primary loads is said for all only where all have it.
        examine(&cluster, &connections.hosts, &mut seen, |_| true).await;
        if let Some((_, reason)) = seen.unseen().next() {
            return Err(unreachable(reason.clone()));
        }
        if !global.quiet {
            for member in &members {
                let role = match &member.upstream {
                    None => "primary".to_owned(),
                    Some(upstream) => format!("follows {upstream}"),
                };
                sink::err(&format!("{}: PostgreSQL {major}, {role}\n", member.name));
            }
            for line in &self.lost {
                sink::err(&format!("note: {}\n", foreign::line(line)));
            }
        }
        adopt::complete(
            draft,
            &seen,
            &Templates {
                own: BTreeMap::new(),
            },
        )
        .map_err(|why| {
            Failure::new(
                FailureKind::Failed,
                format!("cannot describe {name}: {why}"),
            )
        })
    }
}

/// The addresses of a host, itself one or a name that was resolved where it was read.
fn resolve(found: &Found, host: &str) -> Vec<IpAddr> {
    match host.parse() {
        Ok(address) => vec![address],
        Err(_) => found.resolved.get(host).cloned().unwrap_or_default(),
    }
}
