//! Where clients are led: poolers point to the primary, and what they do not is put right before anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::action::{Console, Edit, Gone, Led, Pause, PointPooler};
use crate::facts::pooler::Route;
use crate::facts::{Advice, Observation, PoolerFacts};
use crate::inventory::{Cluster, Node, NodeName, Pooler};
use crate::plan::builder::Builder;
use crate::plan::sessions;

/// The port of PostgreSQL where a line of [databases] says none.
const USUAL_PORT: &str = "5432";

/// One pooler, as it was seen, in front of the servers.
struct Front<'a> {
    cluster: &'a Cluster,
    world: &'a Observation,
    pooler: &'a Pooler,
    facts: &'a PoolerFacts,
}

impl Front<'_> {
    fn addresses(&self, node: &NodeName) -> Vec<IpAddr> {
        let found = self.world.facts(node).map(|facts| &facts.addresses);
        let resolved = self.facts.resolved.get(node);
        let said = self.cluster.nodes.get(node);
        let said = said.and_then(|node| node.address.as_deref()?.parse().ok());
        said.into_iter()
            .chain(resolved.into_iter().flatten().copied())
            .chain(found.into_iter().flatten().copied())
            .filter(|address| !address.is_loopback() && !address.is_unspecified())
            .collect()
    }

    /// Says whether a host and a port lead to a server.
    fn leads_to(&self, host: &str, port: &str, node: &Node) -> bool {
        let addresses = self.addresses(&node.name);
        let is_its = |address: &IpAddr| addresses.contains(address);
        let local = host.is_empty() || host.starts_with('/');
        let found: Vec<IpAddr> = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => self.facts.named.get(host).cloned().unwrap_or_default(),
        };
        let loops = !found.is_empty() && found.iter().all(IpAddr::is_loopback);
        let named = host == node.name.as_str() || node.address.as_deref() == Some(host);
        // The primary's address leads to whoever leads.
        let shared = self.cluster.address.as_ref().map(|shared| shared.ip);
        if !found.is_empty() && found.iter().all(|one| Some(*one) == shared) {
            return port == node.port.to_string();
        }
        let there = match local || loops {
            true => self.pooler.host == node.name,
            false => named || !found.is_empty() && found.iter().all(is_its),
        };
        there && port == node.port.to_string()
    }

    /// Returns what leads to a server, in the way of what stands there: by its name or by its address.
    fn way_to(&self, node: &Node, named: bool) -> Option<String> {
        if let Some(address) = &node.address {
            return Some(address.clone());
        }
        let resolved = self.facts.resolved.get(&node.name);
        let known = resolved.is_some_and(|found| found.iter().any(|one| !one.is_loopback()));
        if named && known {
            return Some(node.name.to_string());
        }
        self.addresses(&node.name).first().map(ToString::to_string)
    }

    /// Returns where a line shall lead, and what is written for it.
    fn route(&self, route: &Route, node: &Node) -> Option<(Led, Vec<Edit>)> {
        let text = |value: &Option<_>, usual: &str| {
            let value: &Option<crate::facts::pooler::Spelt> = value;
            value
                .as_ref()
                .map_or(usual.to_owned(), |value| value.text.clone())
        };
        let (host, port) = (text(&route.host, ""), text(&route.port, USUAL_PORT));
        let led = |host: String, port: String| Led {
            database: route.database.clone(),
            host,
            port,
        };
        if self.leads_to(&host, &port, node) {
            return Some((led(host, port), Vec::new()));
        }
        let wanted = node.port.to_string();
        let is_address = |one: &str| one.parse::<IpAddr>().is_ok();
        let named = !host.is_empty() && !host.starts_with('/') && !host.split(',').all(is_address);
        let there = match self.leads_to(&host, &wanted, node) {
            true => host.clone(),
            false => self.way_to(node, named)?,
        };
        let edit = |at: usize, old: &str, new: String| Edit {
            database: route.database.clone(),
            file: route.file.clone(),
            line: route.line,
            at,
            old: old.to_owned(),
            new,
        };
        let (mut edits, mut added) = (Vec::new(), String::new());
        for (key, value, is, shall) in [
            ("host", &route.host, &host, &there),
            ("port", &route.port, &port, &wanted),
        ] {
            match value {
                _ if is == shall => {}
                Some(value) => edits.push(edit(value.at, &value.raw, shall.clone())),
                None => added += &format!(" {key}={shall}"),
            }
        }
        if !added.is_empty() {
            edits.push(edit(route.end, "", added));
        }
        edits.sort_by_key(|edit| edit.at);
        Some((led(there, wanted), edits))
    }

    /// Returns what points it to a server, or why it cannot be.
    fn point(&self, node: &Node) -> Result<PointPooler, Advice> {
        let (pooler, facts) = (self.pooler, self.facts);
        let (mut edits, mut leads) = (Vec::new(), BTreeMap::new());
        for database in &pooler.databases {
            let lines = facts
                .routes
                .iter()
                .filter(|route| route.database == *database);
            for route in lines {
                let Some((led, written)) = self.route(route, node) else {
                    return Err(Advice::new(
                        format!("{} finds no address of {}", pooler.host, node.name),
                        format!("hosts: {{ {}: {{ address: … }} }}", node.name),
                    ));
                };
                edits.extend(written);
                leads.insert(database.clone(), led);
            }
            if !leads.contains_key(database) {
                return Err(Advice::new(
                    format!(
                        "{} has no line for {database} in [databases]",
                        pooler.config_file
                    ),
                    format!(
                        "add one there on {}, or take it out of `databases` of the inventory",
                        pooler.host
                    ),
                ));
            }
        }
        edits.sort_by(|one, other| {
            (&one.file, one.line, one.at).cmp(&(&other.file, other.line, other.at))
        });
        let files = facts.files.iter();
        let files = files.filter(|(file, _)| edits.iter().any(|edit| edit.file == **file));
        Ok(PointPooler {
            console: Console::of(pooler),
            databases: leads.into_values().collect(),
            leader: node.name.clone(),
            files: files
                .map(|(file, digest)| (file.clone(), digest.clone()))
                .collect(),
            edits,
            gone: self.gone(),
            pause: None,
        })
    }

    /// Returns the servers that cannot be reached, by every address that is known of them.
    fn gone(&self) -> Vec<Gone> {
        let unseen = self.world.unseen();
        let nodes = unseen.filter_map(|(name, _)| self.cluster.nodes.get(name));
        let each = nodes.flat_map(|node| {
            let named = self.facts.named.get(node.name.as_str());
            let named = named.into_iter().flatten().copied();
            let all: BTreeSet<IpAddr> = self
                .addresses(&node.name)
                .into_iter()
                .chain(named)
                .collect();
            all.into_iter().map(|address| Gone {
                node: node.name.clone(),
                address,
                port: node.port,
            })
        });
        each.collect()
    }

    /// Says what is not as it should be while this server leads, in one line.
    fn wrong(&self, node: &Node, point: &PointPooler) -> Option<String> {
        let facts = self.facts;
        let leads = |host: &str, port: &str| {
            let mut nodes = self.cluster.nodes.values();
            let node = nodes.find(|node| self.leads_to(host, port, node));
            node.map_or_else(|| format!("{host}:{port}"), |node| node.name.to_string())
        };
        if let Some(edit) = point.edits.first() {
            let mut lines = facts.routes.iter();
            let line = lines.rfind(|route| route.database == edit.database)?;
            let host = line.host.as_ref().map_or("", |value| &value.text);
            let port = line.port.as_ref().map_or(USUAL_PORT, |value| &value.text);
            return Some(format!(
                "points {} to {}, and {} leads",
                edit.database,
                leads(host, port),
                node.name
            ));
        }
        let databases = point
            .databases
            .iter()
            .filter(|led| led.database != "*" && facts.runs);
        for Led {
            database,
            host,
            port,
        } in databases
        {
            let Some(loaded) = facts.loaded.get(database) else {
                return Some(format!("has not loaded {database}"));
            };
            if (&loaded.host, &loaded.port) != (host, port)
                && !self.leads_to(&loaded.host, &loaded.port, node)
            {
                let there = leads(&loaded.host, &loaded.port);
                return Some(format!(
                    "leads clients of {database} to {there}, and {} leads",
                    node.name
                ));
            }
        }
        (facts.left_paused && facts.runs)
            .then(|| "is paused by a run that did not resume it: its clients wait".into())
    }

    /// Says that its owner has paused it.
    fn paused(&self) -> Option<Advice> {
        let loaded = self.facts.loaded.iter();
        let mut paused =
            loaded.filter(|(name, loaded)| loaded.paused && self.pooler.databases.contains(name));
        let (database, _) = paused.next()?;
        let console = self.facts.console.as_ref()?;
        let says = format!("RESUME \"{}\"", database.replace('"', "\"\""));
        let typed = Console::of(self.pooler).typed(console, &says);
        Some(Advice::new(
            format!("{database} is paused: its clients wait"),
            format!("ssh {} {typed}", self.pooler.host),
        ))
    }
}

/// What a pooler needs.
enum Need {
    Nothing,
    /// To be pointed, with what is wrong.
    Point(Box<PointPooler>, String),
    /// Somebody else.
    Owner(Advice),
}

fn need(cluster: &Cluster, world: &Observation, pooler: &Pooler, leader: &NodeName) -> Need {
    let Some(node) = cluster.nodes.get(leader) else {
        return Need::Nothing;
    };
    let facts = match world.poolers.get(&pooler.name) {
        None => return Need::Nothing,
        Some(Err(reason)) => {
            let why = format!("{}: where it leads its clients is unknown", reason.message);
            return Need::Owner(Advice::new(why, &reason.help));
        }
        Some(Ok(facts)) => facts,
    };
    if let Some(why) = &facts.unread {
        let help = format!("look at it: ssh {} systemctl status pgbouncer", pooler.host);
        return Need::Owner(Advice::new(why.clone(), help));
    }
    let front = Front {
        cluster,
        world,
        pooler,
        facts,
    };
    match front.point(node) {
        Err(advice) => Need::Owner(advice),
        Ok(point) => match front.wrong(node, &point) {
            Some(why) => Need::Point(Box::new(point), why),
            None => front.paused().map_or(Need::Nothing, Need::Owner),
        },
    }
}

/// Returns the servers to which a pooler leads clients now.
fn led_to(cluster: &Cluster, world: &Observation, pooler: &Pooler) -> BTreeSet<NodeName> {
    let Some(Ok(facts)) = world.poolers.get(&pooler.name) else {
        return BTreeSet::new();
    };
    let front = Front {
        cluster,
        world,
        pooler,
        facts,
    };
    let leads = |node: &&Node| {
        let mut loaded = facts.loaded.values();
        loaded.any(|loaded| front.leads_to(&loaded.host, &loaded.port, node))
    };
    let nodes = cluster.nodes.values().filter(leads);
    nodes.map(|node| node.name.clone()).collect()
}

/// Plans that every pooler leads to who leads.
pub(in crate::plan) fn lead_clients(b: &mut Builder) {
    let leader = b.leader.clone();
    for (name, pooler) in &b.cluster.poolers {
        if !b.within_limit(name) {
            continue;
        }
        match need(b.cluster, &b.world, pooler, &leader) {
            Need::Nothing => {}
            Need::Owner(Advice { message, help }) => b.block(name, message, help),
            Need::Point(point, why) => {
                for server in led_to(b.cluster, &b.world, pooler) {
                    b.led_here.entry(server).or_default().push(name.clone());
                }
                b.step(name, *point).because(why);
            }
        }
    }
    b.next_phase();
}

/// A pooler whose clients wait while the primary changes, and what is done there.
pub(in crate::plan) type Pausing = (NodeName, PointPooler);

/// Returns what lets clients wait at every pooler while the primary changes, and go on at the new one.
pub(in crate::plan) fn pausing(b: &mut Builder, to: &NodeName, pause: Pause) -> Vec<Pausing> {
    let Some(node) = b.cluster.nodes.get(to) else {
        return Vec::new();
    };
    sessions::tell(b, pause);
    let poolers = b.cluster.poolers.iter();
    poolers
        .filter_map(|(name, pooler)| {
            let facts = b.world.poolers.get(name)?.as_ref().ok()?;
            let front = Front {
                cluster: b.cluster,
                world: &b.world,
                pooler,
                facts,
            };
            let works = facts.runs && facts.unread.is_none();
            let point = front.point(node).ok().filter(|_| works)?;
            let pause = Some(pause);
            Some((name.clone(), PointPooler { pause, ..point }))
        })
        .collect()
}

/// Tells what is wrong with the poolers while a server leads, each with what to type.
pub fn troubles(
    cluster: &Cluster,
    seen: &Observation,
    leader: &NodeName,
) -> Vec<(NodeName, Advice)> {
    let each = cluster.poolers.iter().flat_map(|(name, pooler)| {
        let stopped = matches!(seen.poolers.get(name), Some(Ok(facts)) if !facts.runs && facts.unread.is_none());
        let stopped = stopped.then(|| Advice::new("does not run", format!("ssh {} sudo systemctl start pgbouncer", pooler.host)));
        let need = match need(cluster, seen, pooler, leader) {
            Need::Nothing => None,
            Need::Point(_, why) => Some(Advice::new(why, "pgrepl apply")),
            Need::Owner(advice) => Some(advice),
        };
        stopped.into_iter().chain(need).map(|advice| (name.clone(), advice))
    });
    each.collect()
}
