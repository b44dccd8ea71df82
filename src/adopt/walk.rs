//! The way over the servers of a cluster, from one that is named to those that it follows and that follow it: pure, so that
//! every combination can be tried.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::adopt::member::{Member, upstream};
use crate::facts::found::{Found, Installed};
use crate::facts::{Advice, Facts};
use crate::inventory::NodeName;

/// A server where the way has led.
#[derive(Debug, Clone, PartialEq)]
pub struct Halt {
    /// The host, as ssh reaches it.
    pub name: NodeName,
    /// What it told of itself.
    pub found: Found,
    /// The server among those it has.
    pub server: Installed,
    /// What was seen of it.
    pub facts: Facts,
}

/// Says whether a trace leads to a server where the way has been.
pub fn is_known<'a>(
    mut been: impl Iterator<Item = &'a Found>,
    from: &Found,
    trace: &Trace,
) -> bool {
    let addresses = from.resolve(&trace.host);
    been.any(|found| found.has_one_of(&addresses))
}

/// Says in words what a trace is.
pub fn describe(trace: &Trace, from: &NodeName) -> String {
    let verb = if trace.upstream {
        "is followed by"
    } else {
        "follows"
    };
    let name = trace.name.as_ref();
    let name = name.map_or(String::new(), |name| format!(" ({name})"));
    format!("{}{name} {verb} {from}", trace.host)
}

/// Returns the names by which ssh may reach the host of a trace, the likeliest first. What is no name is not tried.
pub fn candidates(trace: &Trace, from: &Found) -> Vec<NodeName> {
    let named = from.names.get(&trace.host).into_iter().flatten();
    let is_name = trace.host.parse::<IpAddr>().is_err();
    let mut all: Vec<&String> = is_name.then_some(&trace.host).into_iter().collect();
    all.extend(named);
    all.extend(&trace.name);
    all.push(&trace.host);
    all.dedup();
    let good = |name: &&String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        name.chars().all(plain) && !name.starts_with('-')
    };
    let good = all.into_iter().filter(good);
    good.map(|name| NodeName::new(name.clone())).collect()
}

/// Returns which of the servers is the primary.
pub fn primary(been: &[Halt]) -> Result<&Halt, Advice> {
    let writes = |halt: &&Halt| halt.facts.standby().is_none();
    let primaries: Vec<&Halt> = been.iter().filter(writes).collect();
    match primaries[..] {
        [primary] => Ok(primary),
        _ => {
            let names: Vec<&str> = primaries.iter().map(|halt| halt.name.as_str()).collect();
            let message = match names[..] {
                [] => "none of the servers found is a primary".to_owned(),
                _ => format!("more than one primary was found: {}", names.join(", ")),
            };
            let help = "name the servers: pgrepl init --from-host PRIMARY --standby STANDBY";
            Err(Advice::new(message, help))
        }
    }
}

/// Where another server of the cluster may be found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trace {
    /// Its address, or its name in a connection string.
    pub host: String,
    /// What it calls itself in `pg_stat_replication`, if it has chosen a name.
    pub name: Option<String>,
    /// Whether it is the one that is followed.
    pub upstream: bool,
}

/// Returns the traces of other servers that one server shows: whom it follows, and who follows it.
pub fn traces(facts: &Facts) -> Vec<Trace> {
    let mut found = BTreeSet::new();
    let Some(server) = &facts.server else {
        return Vec::new();
    };
    let pairs = upstream(facts);
    let sender = server.receiver.as_ref().and_then(|r| r.sender_host.clone());
    let said = pairs.get("hostaddr").or(pairs.get("host")).cloned();
    if let Some(host) = sender.or(said).filter(|_| server.in_recovery) {
        // Of several hosts without a connection nobody knows which is followed: each is a trace.
        for host in host.split(',').filter(|host| !host.starts_with('/')) {
            found.insert(Trace {
                host: host.to_owned(),
                name: None,
                upstream: true,
            });
        }
    }
    for sender in &server.senders {
        let Some(host) = sender.address.clone() else {
            continue;
        };
        if sender.state != "backup" {
            let chosen = !matches!(sender.name.as_str(), "" | "walreceiver");
            found.insert(Trace {
                host,
                name: chosen.then(|| sender.name.clone()),
                upstream: false,
            });
        }
    }
    found.into_iter().collect()
}

/// Returns the servers as members of one cluster, the primary first, each with whom it follows.
pub fn members(been: &[Halt], primary: &NodeName) -> Vec<Member> {
    let sender = |halt: &Halt| -> Option<NodeName> {
        let trace = traces(&halt.facts)
            .into_iter()
            .find(|trace| trace.upstream)?;
        let addresses = halt.found.resolve(&trace.host);
        let mut all = been.iter();
        let sends = all.find(|other| other.found.has_one_of(&addresses))?;
        Some(sends.name.clone())
    };
    let member = |halt: &Halt| Member {
        name: halt.name.clone(),
        facts: halt.facts.clone(),
        upstream: sender(halt).filter(|_| halt.name != *primary),
        instance: halt.server.instance.clone(),
        data_directory: halt.server.data_directory.clone(),
        foreign_backups: halt.found.foreign_backups.clone(),
    };
    let mut members: Vec<Member> = been.iter().map(member).collect();
    members.sort_by_key(|member| (member.name != *primary, member.name.clone()));
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::found::Found;

    fn trace(host: &str, name: Option<&str>, upstream: bool) -> Trace {
        Trace {
            host: host.into(),
            name: name.map(str::to_owned),
            upstream,
        }
    }

    fn found(own: &[&str], named: &[(&str, &[&str])], resolved: &[(&str, &str)]) -> Found {
        let address = |text: &&str| text.parse::<IpAddr>().unwrap();
        let names = named.iter().map(|(of, names)| {
            let names = names.iter().map(|name| (*name).to_owned());
            ((*of).to_owned(), names.collect())
        });
        let resolved = resolved.iter();
        Found {
            addresses: own.iter().map(address).collect(),
            names: names.collect(),
            resolved: resolved
                .map(|(of, to)| ((*of).to_owned(), vec![address(to)]))
                .collect(),
            ..Found::default()
        }
    }

    #[test]
    fn a_server_is_known_by_any_of_its_addresses() {
        let first = found(&["10.0.0.1", "fd00::1"], &[], &[("db2", "10.0.0.2")]);
        let second = found(&["10.0.0.2"], &[], &[]);
        let both = || [&first, &second].into_iter();
        for (host, known) in [
            ("10.0.0.2", true),
            ("fd00::1", true),
            ("db2", true),
            ("10.0.0.3", false),
            // Nobody has resolved it: it may be anyone.
            ("db3", false),
        ] {
            let trace = trace(host, None, false);
            assert_eq!(is_known(both(), &first, &trace), known, "{host}");
        }
        assert!(!is_known(
            [&second].into_iter(),
            &second,
            &trace("db2", None, true)
        ));
    }

    #[test]
    fn the_likeliest_name_is_tried_first_and_no_option_ever() {
        let from = found(
            &[],
            &[("10.0.0.2", &["db2.example", "-oProxyCommand=x", "a b"])],
            &[],
        );
        let names = |trace: &Trace| -> Vec<String> {
            let all = candidates(trace, &from);
            all.iter().map(ToString::to_string).collect()
        };
        let by_address = trace("10.0.0.2", Some("standby one"), false);
        assert_eq!(names(&by_address), ["db2.example", "10.0.0.2"]);
        let named = trace("10.0.0.2", Some("server2"), false);
        assert_eq!(names(&named), ["db2.example", "server2", "10.0.0.2"]);
        assert_eq!(names(&trace("db9", None, true)), ["db9"]);
        assert!(names(&trace("-x", None, true)).is_empty());
        assert!(names(&trace("$(reboot)", None, true)).is_empty());
    }

    #[test]
    fn a_trace_is_told_in_words() {
        let from = NodeName::from("server1");
        let told = |trace: Trace| describe(&trace, &from);
        let up = told(trace("10.0.0.2", None, true));
        assert_eq!(up, "10.0.0.2 is followed by server1");
        let down = told(trace("10.0.0.3", Some("db3"), false));
        assert_eq!(down, "10.0.0.3 (db3) follows server1");
    }
}
