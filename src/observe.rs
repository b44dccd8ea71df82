//! Reads every host at once: one connection and one command each, and nothing is changed anywhere.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::action::Place;
use crate::action::place::{clone_unit, staging};
use crate::command::Vault;
use crate::facts::parse::{Context, parse};
use crate::facts::{Facts, Observation, Sight, Unreachable, digest, question};
use crate::host::{Host, HostError, Line};
use crate::inventory::{Cluster, NodeName};
use crate::platform;
use crate::postgres::pgpass;
use crate::report::event::Event;

const SCRIPT: &str = concat!(
    include_str!("action/prelude.sh"),
    include_str!("facts/probe.sh"),
    "\nrun_main\n"
);

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
    let gate = Semaphore::new(AT_ONCE);
    let begin = Instant::now();
    let sights = join_all(hosts.iter().map(|(name, host)| {
        let gate = &gate;
        async move {
            let _pass = gate.acquire().await;
            let sight = match look(cluster, name, host.as_ref(), password).await {
                Ok(facts) => Sight::Seen(Box::new(facts)),
                Err(reason) => Sight::Unreachable(reason),
            };
            let unreachable = match &sight {
                Sight::Seen(_) => None,
                Sight::Unreachable(reason) => Some(reason.clone()),
            };
            let ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
            tell(Event::Observed {
                node: name.clone(),
                unreachable,
                ms,
            });
            (name.clone(), sight)
        }
    }))
    .await;
    Observation {
        hosts: sights.into_iter().collect(),
    }
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
    // The platform is known for certain only once os-release was read; the paths of the first family are asked for.
    let platform = platform::debian::platform(cluster.major, node.data_directory.as_deref());
    let place = Place {
        cluster: cluster.name.clone(),
        node: name.clone(),
        platform: platform.clone(),
        major: cluster.major,
        port: node.port,
    };
    let peers: Vec<String> = cluster
        .nodes
        .values()
        .map(|peer| (peer, peer.address.as_deref().unwrap_or(peer.name.as_str())))
        .map(|(peer, address)| format!("{}={address}", peer.name))
        .collect();
    let pass_digest = password
        .and_then(|password| pgpass::field(password.expose_secret()).ok())
        .map(|field| digest(&format!("{field}\n")))
        .unwrap_or_default();
    let command = place
        .command("read the host", SCRIPT)
        .var(
            "question",
            question(cluster.major, &cluster.replication.user),
        )
        .var("peers", peers.join(" "))
        .var(
            "mount",
            cluster
                .backup
                .as_ref()
                .map_or("", |backup| backup.mount.as_str()),
        )
        .var("clone_unit", clone_unit(&cluster.name, name))
        .var("staging", staging(&platform.data_directory))
        .var("pass_digest", pass_digest)
        .var("wal_directory", cluster.major.caps().names.wal_directory)
        .timeout(Some(Duration::from_secs(60)));
    let lines = host
        .run(&command, &Vault::default(), &|_| {})
        .await
        .map_err(|error| match error {
            HostError::Unreachable(reason) => reason,
            other => Unreachable {
                message: other.to_string(),
                help: format!("ssh {name} true"),
                original: String::new(),
            },
        })?;
    let said: Vec<&str> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Said(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let facts: Vec<(String, String)> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Fact(key, value) => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect();
    let context = Context {
        data_directory: &platform.data_directory,
        unit: &platform.unit,
        clone_unit: &clone_unit(&cluster.name, name),
        mount: cluster.backup.as_ref().map(|backup| backup.mount.as_str()),
        user: &cluster.replication.user,
        password,
    };
    parse(&facts, &context).map_err(|why| Unreachable {
        message: format!("cannot read {name}: {why}"),
        help: format!("is the login root, or may it use sudo? ssh {name} sudo -n id"),
        original: said.join("\n"),
    })
}
