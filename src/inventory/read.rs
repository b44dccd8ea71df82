//! From the file to a [`Cluster`]: every default, and where things stand.

use std::cell::RefCell;
use std::collections::BTreeMap;

use initdb::{initdb, wal_directory};
use platform::platform;
use serde::Deserialize;
use ssh::ssh;

use super::at::{At, Named};
use super::file::{self, Common, File, Host, Many, Password, SslMode, Truth};
use super::reach::reaches;
use super::said::{path, path_of, place, said};
use super::walk::Spot;
use super::{Backup, Cluster, Keep, Node, NodeName, Replication, SecretSource, Ssh, rules, yaml};
use crate::inventory::places::{KeySpans, ParameterSpan};
use crate::inventory::problem::Problem;
use crate::inventory::reading::Reading;
use crate::platform::Custom;
use crate::postgres::Major;

mod clients;
mod initdb;
mod platform;
mod ssh;

/// Reads an inventory: the wish and its remarks, or every problem at once in the order of the file.
pub fn read(source: &str) -> Result<Reading, Vec<Problem>> {
    let (tree, problems) = yaml::parse(source)?;
    let problems = RefCell::new(problems);
    let file = At::<File>::deserialize(Spot::top(&tree, &problems));
    let mut problems = problems.into_inner();
    let mut places = KeySpans::default();
    let file = file.ok().and_then(|file| file.value);
    let reaches = file.as_ref().map(reaches).unwrap_or_default();
    let cluster = file.and_then(|file| cluster(&file, &mut places, &mut problems));
    let mut notes = Vec::new();
    if let Some(cluster) = &cluster {
        rules::check(cluster, &places, &mut problems, &mut notes);
    }
    problems.sort_by_key(|problem| (problem.span.start, problem.message.clone()));
    problems.dedup();
    match cluster {
        Some(cluster) if problems.is_empty() => Ok(Reading {
            cluster,
            notes,
            reaches,
        }),
        _ => Err(problems),
    }
}

/// Returns the text of a key that may be left out.
macro_rules! text {
    ($key:expr) => {
        said(&$key).map(|text| text.0)
    };
}

fn cluster(file: &File, places: &mut KeySpans, problems: &mut Vec<Problem>) -> Option<Cluster> {
    let common = ssh(said(&file.ssh), &Ssh::default());
    let r#become = said(&file.r#become).unwrap_or_default();
    let mut shared = Shared::default();
    let postgresql = file.postgresql.value.clone().unwrap_or_default();
    let major: Option<Major> = postgresql
        .version
        .value
        .clone()
        .and_then(|v| v.0.parse().ok());
    places.version = Some(postgresql.version.span.clone());
    let made = said(&postgresql.initdb);
    shared.wal_directory = wal_directory(made.as_ref(), &postgresql.wal_directory, problems);
    let made = made.map(|made| initdb(&made, major, problems));
    shared.read(postgresql.common(), None, places, problems);
    let replication = file
        .replication
        .value
        .as_ref()
        .and_then(|file| replication(file, places));

    let name_of = |name: &At<_>| -> Option<NodeName> {
        let super::words::HostName(name) = name.value.clone()?;
        Some(NodeName::new(name))
    };
    let primary = name_of(&file.primary);
    let mut standbys = Vec::new();
    places.roles.extend(
        primary
            .clone()
            .map(|name| (name, file.primary.span.clone())),
    );
    for standby in said(&file.standbys).unwrap_or_default() {
        if let Some(name) = name_of(&standby) {
            places.roles.push((name.clone(), standby.span));
            standbys.push(name);
        }
    }

    let mut nodes: BTreeMap<NodeName, Node> = primary
        .iter()
        .chain(&standbys)
        .map(|name| (name.clone(), shared.node(name.clone(), common.clone())))
        .collect();
    for (key, host) in said(&file.hosts).unwrap_or_default().0 {
        let (Some(name), Some(host)) = (name_of(&key), host.value) else {
            continue;
        };
        places.hosts.insert(name.clone(), key.span);
        let node = own(&name, host, &shared, &common, places, problems);
        // A host without a role is reported by the rules.
        if let Some(known) = nodes.get_mut(&name) {
            *known = node;
        }
    }
    nodes.values_mut().for_each(|node| node.r#become = r#become);

    let backup = said(&file.backup).and_then(|file| backup(file, places));
    let clients = said(&file.clients).unwrap_or_default();
    let poolers = clients::poolers(&clients, &common, r#become, &nodes, problems);
    Some(Cluster {
        hooks: clients::hooks(&clients, &nodes, &poolers, problems),
        poolers,
        health: clients::health(&clients),
        address: clients::address(&clients, places),
        name: file.cluster.value.clone()?.0,
        major: major?,
        minor: text!(postgresql.minor),
        primary: primary?,
        standbys,
        nodes,
        replication: replication?,
        initdb: made.unwrap_or_default(),
        unmanaged: said(&postgresql.unmanaged).unwrap_or_default(),
        install: said(&postgresql.install).is_none_or(|Truth(install)| install),
        firewall: said(&postgresql.firewall).unwrap_or_default(),
        backup,
        templates: text!(file.templates).map(Into::into),
    })
}

fn own(
    name: &NodeName,
    host: Host,
    shared: &Shared,
    common: &Ssh,
    places: &mut KeySpans,
    problems: &mut Vec<Problem>,
) -> Node {
    let mut own = shared.clone();
    own.read(host.common(), Some(name), places, problems);
    let mut node = own.node(name.clone(), ssh(said(&host.ssh), common));
    node.address = text!(host.address);
    node.apply_delay = text!(host.apply_delay);
    node.interface = text!(host.interface);
    if let (Some(value), Some(place)) = (&node.apply_delay, place(&host.apply_delay)) {
        places.parameters.push(ParameterSpan {
            host: Some(name.clone()),
            name: "recovery_min_apply_delay".into(),
            value: value.clone(),
            at: place.clone(),
            place,
        });
    }
    node.tablespaces = said(&host.tablespaces)
        .unwrap_or_default()
        .0
        .into_iter()
        .filter_map(|(from, to)| Some((from.value?.0, to.value?.0)))
        .collect();
    node.upstream = text!(host.upstream).map(NodeName::new);
    if let (Some(place), true) = (place(&host.upstream), node.upstream.is_some()) {
        places.upstreams.insert(name.clone(), place);
    }
    node
}

fn replication(file: &file::Replication, places: &mut KeySpans) -> Option<Replication> {
    places.synchronous = place(&file.synchronous);
    let user = match &file.user {
        None => "replicator".to_owned(),
        Some(user) => user.value.clone()?.0,
    };
    let password = match file.password.value.clone()? {
        Password::Env(name) => SecretSource::Env(name.value?.0),
        Password::File(path) => SecretSource::File(path.value?.0.into()),
        Password::Command(command) => SecretSource::Command(command.value?.0),
    };
    let sslmode = said(&file.sslmode).unwrap_or(SslMode::Prefer);
    Some(Replication {
        user,
        password,
        slots: said(&file.slots).is_none_or(|Truth(slots)| slots),
        synchronous: said(&file.synchronous).map_or(0, |number| number.0),
        sslmode: sslmode.as_str().to_owned(),
    })
}

fn backup(file: file::Backup, places: &mut KeySpans) -> Option<Backup> {
    places.tool = place(&file.tool);
    let number = |number: At<Many>| number.value.map(|number| number.0);
    let keep = match said(&file.keep) {
        Some(file::Keep::Count(count)) => number(count).map(Keep::Count),
        Some(file::Keep::Days(days)) => number(days).map(Keep::Days),
        None => None,
    };
    Some(Backup {
        mount: path(file.mount.value?),
        tool: said(&file.tool).unwrap_or_default(),
        keep: keep.unwrap_or(Keep::Count(7)),
        schedule: text!(file.schedule),
        from: said(&file.from).unwrap_or_default(),
    })
}

/// What `postgresql:` says for every host and `hosts:` may say again for one.
#[derive(Clone)]
struct Shared {
    port: u16,
    instance: String,
    listen_addresses: String,
    data_directory: Option<String>,
    wal_directory: Option<String>,
    platform: Option<Custom>,
    parameters: BTreeMap<String, String>,
    hba: Vec<String>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            port: 5432,
            instance: "main".into(),
            listen_addresses: "*".into(),
            data_directory: None,
            wal_directory: None,
            platform: None,
            parameters: BTreeMap::new(),
            hba: Vec::new(),
        }
    }
}

impl Shared {
    fn read(
        &mut self,
        file: Common,
        host: Option<&NodeName>,
        places: &mut KeySpans,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(port) = said(&file.port).and_then(|port| port.to()) {
            self.port = port;
        }
        if let Some(instance) = text!(file.instance) {
            self.instance = instance;
        }
        let listens_at = place(&file.listen_addresses);
        if let (Some(listen), Some(place)) = (text!(file.listen_addresses), listens_at) {
            self.listen_addresses.clone_from(&listen);
            places.listening.push((host.cloned(), listen, place));
        }
        if let Some(directory) = path_of(&file.data_directory) {
            self.data_directory = Some(directory);
        }
        self.wal_directory = path_of(&file.wal_directory).or(self.wal_directory.take());
        if let Some(At { span, value, .. }) = file.platform {
            if self.data_directory.is_none() && file.data_directory.is_none() {
                problems.push(
                    Problem::new(
                        span.clone(),
                        "`platform` wants a `data_directory` beside it",
                        "where does its data live?",
                    )
                    .help("data_directory: /srv/postgresql/data"),
                );
            }
            self.platform = value.and_then(|file| platform(file, &span, problems));
        }
        let Named(parameters) = said(&file.parameters).unwrap_or_default();
        for (key, value) in parameters {
            let (Some(name), Some(written)) = (key.value, value.value) else {
                continue;
            };
            let name = name.0.to_ascii_lowercase();
            places.parameters.push(ParameterSpan {
                host: host.cloned(),
                name: name.clone(),
                value: written.0.clone(),
                at: key.span,
                place: value.span,
            });
            self.parameters.insert(name, written.0);
        }
        for line in said(&file.hba).unwrap_or_default() {
            if let Some(text) = line.value {
                places.hba.push((text.0.clone(), line.span));
                self.hba.push(text.0);
            }
        }
    }

    fn node(&self, name: NodeName, ssh: Ssh) -> Node {
        Node {
            name,
            ssh,
            r#become: super::Become::default(),
            address: None,
            port: self.port,
            instance: self.instance.clone(),
            listen_addresses: self.listen_addresses.clone(),
            data_directory: self.data_directory.clone(),
            wal_directory: self.wal_directory.clone(),
            platform: self.platform.clone(),
            upstream: None,
            apply_delay: None,
            interface: None,
            tablespaces: BTreeMap::new(),
            parameters: self.parameters.clone(),
            hba: self.hba.clone(),
        }
    }
}
