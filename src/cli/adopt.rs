//! `pgrepl init --from-host`: from one server along replication to all others, and back with an inventory.

use std::collections::BTreeMap;
use std::rc::Rc;

use alone::{alone, read};
use choose::{choose, shown};

use super::context::{Connections, block_on};
use super::{Failure, FailureKind, Global, context};
use crate::adopt::walk::{self, Halt};
use crate::adopt::{self, Trace};
use crate::cli::ask::ask_for;
use crate::facts::found::Found;
use crate::facts::{Advice, Unreachable, turned_away};
use crate::host::Host;
use crate::inventory::NodeName;
use crate::inventory::write::Draft;
use crate::observe::find::find;
use crate::observe::{examine, look, observe};
use crate::postgres::Major;
use crate::render::Templates;
use crate::report::{foreign, sink};

mod alone;
mod choose;
pub(in crate::cli) mod request;

pub use request::AdoptRequest;

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
        if walk::is_known(
            self.stops.iter().map(|stop| &stop.found),
            &stop.found,
            trace,
        ) {
            return Ok(());
        }
        let addresses = stop.found.resolve(&trace.host);
        let who = walk::describe(trace, &stop.name);
        for name in walk::candidates(trace, &stop.found) {
            if let Ok((host, found, _connection)) = self.reach(&name).await
                && found.has_one_of(&addresses)
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
        let primary = walk::primary(&self.stops).map_err(|Advice { message, help }| {
            Failure::new(FailureKind::Refused, message).help(help)
        })?;
        let members = walk::members(&self.stops, &primary.name);
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
