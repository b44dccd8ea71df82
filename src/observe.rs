//! Reads every host at once: one connection and one command each, and nothing is changed anywhere.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::sync::Semaphore;

pub mod able;
pub mod beside;
pub mod commits;
pub mod doctor;
pub mod find;
pub mod offers;
mod pooler;
mod told;

use told::{told_facts, unreachable};

use crate::action::Place;
use crate::action::place::{clone_unit, variables};
use crate::backup::{Engine, configurations, engine_of};
use crate::command::{Vault, shell_quote};
use crate::facts::backups::Backups;
use crate::facts::lines::Context;
use crate::facts::needs::asked_for;
use crate::facts::parse::parse;
use crate::facts::{Facts, Observation, Sight, Unreachable, question, sizes};
use crate::host::{Host, Line};
use crate::inventory::{Cluster, NodeName};
use crate::platform::{self, FAMILIES, Platform};
use crate::postgres::Major;
use crate::report::event::Event;
use crate::script::script;

const SCRIPT: &str = script!(["firewall.sh", "places.sh", "neighbour.sh"] "facts/tool.sh", "facts/mount.sh", "facts/disks.sh", "facts/his.sh", "facts/files.sh", "facts/layout.sh", "facts/probe.sh");

const OFFERS: &str = script!(["installer.sh"] "facts/offers.sh");

const NEEDS: &str = script!([] "facts/needs.sh", "facts/able.sh");

/// The hosts of a cluster, ready to be asked.
pub type Hosts = BTreeMap<NodeName, Rc<dyn Host>>;

/// Hosts that are connected to at the same time; sshd drops more than ten that have not logged in yet.
const AT_ONCE: usize = 10;

/// Reads all these hosts. A host that cannot be read is part of the answer.
pub async fn observe(
    cluster: &Cluster,
    hosts: &Hosts,
    password: Option<&SecretString>,
    tell: &dyn Fn(Event),
) -> Observation {
    tell(Event::Observing {
        nodes: hosts.keys().cloned().collect(),
    });
    let told = |name: &NodeName, unreachable: Option<&Unreachable>, begin: Instant| {
        let ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        tell(Event::Observed {
            node: name.clone(),
            unreachable: unreachable.cloned(),
            ms,
        });
    };
    let gate = Semaphore::new(AT_ONCE);
    let begin = Instant::now();
    let servers = hosts.iter().filter(|(name, _)| !cluster.is_beside(name));
    let sights = join_all(servers.map(|(name, host)| {
        let (gate, told) = (&gate, &told);
        async move {
            let _pass = gate.acquire().await;
            let sight = match look(cluster, name, host.as_ref(), password).await {
                Ok(facts) => Sight::Seen(Box::new(facts)),
                Err(reason) => Sight::Unreachable(reason),
            };
            let unreachable = match &sight {
                Sight::Seen(_) => None,
                Sight::Unreachable(reason) => Some(reason),
            };
            told(name, unreachable, begin);
            (name.clone(), sight)
        }
    }));
    let poolers = cluster.poolers.values().filter_map(|pooler| {
        let (host, told) = (hosts.get(&pooler.name)?.clone(), &told);
        Some(async move {
            let found = pooler::look(cluster, pooler, host.as_ref()).await;
            told(&pooler.name, found.as_ref().err(), begin);
            (pooler.name.clone(), found)
        })
    });
    let (sights, poolers) = futures_util::future::join(sights, join_all(poolers)).await;
    let mut seen = Observation {
        hosts: sights.into_iter().collect(),
        poolers: poolers.into_iter().collect(),
    };
    // A server that runs has what it needs; where none does, one may be copied to.
    examine(cluster, hosts, &mut seen, |facts| facts.server.is_none()).await;
    seen
}

/// Asks hosts whether they have what the settings of the cluster's servers need. What a host does not answer is not known.
pub async fn examine(
    cluster: &Cluster,
    hosts: &Hosts,
    seen: &mut Observation,
    whom: impl Fn(&Facts) -> bool,
) {
    let questions: Vec<_> = seen
        .seen()
        .filter(|(_, facts)| whom(facts) && facts.asked.is_empty())
        .filter_map(|(name, facts)| {
            let needs: Vec<String> = asked_for(cluster, seen, name).into_iter().collect();
            let command = place_of(cluster, facts, name)?
                .command("look for what its settings need", NEEDS)
                .var("needs", needs.join("\n"))
                .timeout(Some(Duration::from_secs(60)));
            let host = hosts.get(name)?.clone();
            (!needs.is_empty()).then(|| (name.clone(), host, command))
        })
        .collect();
    let answers = join_all(questions.iter().map(|(name, host, command)| async move {
        let lines = host.run(command, &Vault::default(), &|_| {}).await;
        (name, lines.unwrap_or_default())
    }))
    .await;
    for (name, lines) in answers {
        let Some(facts) = seen.facts_mut(name) else {
            continue;
        };
        let asked = lines.iter().filter_map(|line| match line {
            Line::Fact(key, value) if key == "asked" => value.split_once('\t'),
            _ => None,
        });
        facts.asked = asked
            .map(|(need, why)| (need.to_owned(), why.to_owned()))
            .collect();
    }
}

/// Returns the place of a node for commands.
fn place_of(cluster: &Cluster, facts: &Facts, name: &NodeName) -> Option<Place> {
    Some(Place {
        cluster: cluster.name.clone(),
        node: name.clone(),
        platform: platform_of(cluster, facts, name)?,
        major: cluster.major,
        port: cluster.nodes.get(name)?.port,
    })
}

/// Returns where PostgreSQL lives on a host that was seen.
fn platform_of(cluster: &Cluster, facts: &Facts, name: &NodeName) -> Option<Platform> {
    let node = cluster.nodes.get(name)?;
    let (id, like) = (&facts.os.id, &facts.os.like);
    platform::choose(
        node.platform.as_ref(),
        id,
        like,
        cluster.major,
        &node.instance,
        node.data_directory.as_deref(),
    )
}

/// Reads one host.
pub async fn look(
    cluster: &Cluster,
    name: &NodeName,
    host: &dyn Host,
    password: Option<&SecretString>,
) -> Result<Facts, Unreachable> {
    let unknown = || Unreachable {
        message: format!("{name} is not in the inventory"),
        help: String::new(),
        original: String::new(),
    };
    let node = cluster.nodes.get(name).ok_or_else(unknown)?;
    // Unless the inventory says where PostgreSQL lives, the host tells what family it is of, and the script goes on there.
    let (major, data_directory) = (cluster.major, node.data_directory.as_deref());
    let choose = |id: &str, like: &str| {
        platform::choose(
            node.platform.as_ref(),
            id,
            like,
            major,
            &node.instance,
            data_directory,
        )
    };
    let guess = platform::assume(
        node.platform.as_ref(),
        major,
        &node.instance,
        data_directory,
    );
    let place = Place {
        cluster: cluster.name.clone(),
        node: name.clone(),
        platform: guess.clone(),
        major: cluster.major,
        port: node.port,
    };
    let peers: Vec<String> = cluster
        .nodes
        .values()
        .map(|peer| (peer, peer.address.as_deref().unwrap_or(peer.name.as_str())))
        .map(|(peer, address)| format!("{}={address}", peer.name))
        .collect();
    let address = cluster.address_on(name);
    let tool = |word: fn(&'static dyn Engine) -> &'static str| engine_of(cluster).map_or("", word);
    let command = place
        .command("read the host", SCRIPT)
        .var(
            "question",
            question(cluster.major, &cluster.replication.user),
        )
        .var("sizes", sizes(cluster.major))
        .var(
            "address",
            address
                .as_ref()
                .map_or_else(String::new, |a| a.with_prefix()),
        )
        .var(
            "interface",
            address.as_ref().map_or("", |address| &address.interface),
        )
        .var("peers", peers.join(" "))
        .var(
            "mount",
            cluster
                .backup
                .as_ref()
                .map_or("", |backup| backup.mount.as_str()),
        )
        .var(
            "schedule",
            (cluster.backup.as_ref())
                .and_then(|backup| backup.schedule.as_deref())
                .unwrap_or_default(),
        )
        .var("backup_tool", tool(Engine::name))
        .var("tool_version", tool(Engine::version_argument))
        .var("tool_directory", tool(Engine::directory))
        .var(
            "tool_repository",
            tool(Engine::repository).replace("CLUSTER", &cluster.name),
        )
        .var(
            "tool_files",
            configurations(&cluster.name)
                .map(|(_, path)| path)
                .collect::<Vec<_>>()
                .join(" "),
        )
        .var("clone_unit", clone_unit(&cluster.name, name))
        .var(
            "places",
            if node.platform.is_some() {
                "false".into()
            } else {
                places(major, &node.instance, data_directory)
            },
        )
        .var("wal_directory", cluster.major.caps().names.wal_directory)
        .var(
            "tablespace_places",
            node.tablespaces
                .values()
                .chain(&node.wal_directory)
                .map(|place| format!("{place}\n"))
                .collect::<String>(),
        )
        .timeout(Some(Duration::from_secs(60)));
    let lines = host
        .run(&command, &Vault::default(), &|_| {})
        .await
        .map_err(|error| unreachable(name, error))?;
    let said: Vec<&str> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Said(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let facts = told_facts(&lines);
    let os = facts.iter().find(|(key, _)| key == "os");
    let mut os = os.map_or("", |(_, value)| value).split('\t');
    let (id, like) = (os.next().unwrap_or(""), os.next().unwrap_or(""));
    let platform = choose(id, like).unwrap_or(guess);
    let context = Context {
        cluster: &cluster.name,
        major: cluster.major,
        data_directory: &platform.data_directory,
        port: node.port,
        unit: &platform.unit,
        clone_unit: &clone_unit(&cluster.name, name),
        mount: cluster.backup.as_ref().map(|backup| backup.mount.as_str()),
        address: address.map(|address| address.ip),
        user: &cluster.replication.user,
        password,
    };
    parse(&facts, &context).map_err(|why| Unreachable {
        message: format!("cannot read {name}: {why}"),
        help: format!("is the login root, or may it use sudo? ssh {name} sudo -n id"),
        original: said.join("\n"),
    })
}

/// Returns shell text that sets the variables of a place for the `$word` of an operating system.
fn places(major: Major, instance: &str, data_directory: Option<&str>) -> String {
    let mut text = "case $word in\n".to_owned();
    for family in FAMILIES {
        let platform = (family.place)(major, instance, data_directory);
        let variables: Vec<String> = variables(&platform)
            .into_iter()
            .map(|(name, value)| format!("{name}={}", shell_quote(value)))
            .collect();
        text += &format!("{}) {} ;;\n", family.ids.join("|"), variables.join(" "));
    }
    text + "*) false ;;\nesac"
}

/// Reads what is on the backup mount, from one host that was seen; the error is one line.
pub async fn backups(
    cluster: &Cluster,
    name: &NodeName,
    place: &Place,
    host: &dyn Host,
) -> Result<Backups, String> {
    let (Some(engine), Some(backup)) = (engine_of(cluster), &cluster.backup) else {
        return Ok(Backups::default());
    };
    let command = place
        .mount_command("read the backups", engine.scripts().list)
        .var("top", backup.top(&cluster.name))
        .timeout(Some(Duration::from_secs(60)));
    let lines = host
        .run(&command, &Vault::default(), &|_| {})
        .await
        .map_err(|error| format!("cannot read the backups from {name}: {error}"))?;
    let mut facts: Vec<(String, String)> = Vec::new();
    for line in lines {
        match line {
            Line::Fact(key, value) => facts.push((key, value)),
            Line::Fail(why) => return Err(format!("cannot read the backups from {name}: {why}")),
            Line::Refused(expected, found) => {
                return Err(format!(
                    "cannot read the backups from {name}: expected {expected}, found {found}"
                ));
            }
            // Half a list would be taken for all there is.
            Line::Exit(code) if code != 0 => {
                return Err(format!(
                    "cannot read the backups from {name}: the script ended with exit code {code}"
                ));
            }
            _ => {}
        }
    }
    Ok(engine.listed(&facts).plausible())
}
