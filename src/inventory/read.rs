//! From the tree to a [`Cluster`]: every key, every default.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fields::{Fields, list, number, text, word};
use super::place::platform;
use super::sections::{
    absolute, address, backup, check_host_name, cluster_name, host_name, instance, replication,
    ssh, tablespaces,
};
use super::tree::{self, Node as Yaml, Tree};
use super::{Become, Cluster, Firewall, Node, NodeName, Problem, Reading, Ssh, Unmanaged, rules};
use crate::platform::Custom;
use crate::postgres::Major;

/// Where things stand that rules across fields complain about.
#[derive(Default)]
pub struct Places {
    /// Each mention of a host: in `primary:`, `standbys:`.
    pub roles: Vec<(NodeName, Range<usize>)>,
    /// Each key of `hosts:`.
    pub hosts: BTreeMap<NodeName, Range<usize>>,
    /// Each `upstream:`.
    pub upstreams: BTreeMap<NodeName, Range<usize>>,
    /// Each parameter.
    pub parameters: Vec<ParameterPlace>,
    /// Each pg_hba.conf line.
    pub hba: Vec<(String, Range<usize>)>,
    /// `synchronous:`.
    pub synchronous: Option<Range<usize>>,
    /// `backup.tool:`.
    pub tool: Option<Range<usize>>,
    /// `postgresql.version:`.
    pub version: Option<Range<usize>>,
}

/// Where a parameter stands: host or `None` for all, name, place of the name, place of the value.
pub type ParameterPlace = (Option<NodeName>, String, Range<usize>, Range<usize>);

/// Reads an inventory: the wish and its remarks, or every problem at once in the order of the file.
pub fn read(source: &str) -> Result<Reading, Vec<Problem>> {
    let (tree, mut problems) = tree::parse(source)?;
    let mut places = Places::default();
    let cluster = cluster(&tree, &mut places, &mut problems);
    let mut notes = Vec::new();
    if let Some(cluster) = &cluster {
        rules::check(cluster, &places, &mut problems, &mut notes);
    }
    problems.sort_by_key(|problem| (problem.span.start, problem.message.clone()));
    problems.dedup();
    match cluster {
        Some(cluster) if problems.is_empty() => Ok(Reading { cluster, notes }),
        _ => Err(problems),
    }
}

fn cluster(tree: &Tree, places: &mut Places, problems: &mut Vec<Problem>) -> Option<Cluster> {
    let mut top = Fields::open(tree, "the inventory", problems);
    let name = top
        .need("cluster", "cluster: shop", problems)
        .and_then(|tree| cluster_name(tree, problems));
    let common = ssh(top.take("ssh"), &Ssh::default(), problems);
    let r#become = top
        .take("become")
        .and_then(|tree| {
            word(
                tree,
                "become",
                &[("sudo", Become::Sudo), ("none", Become::None)],
                problems,
            )
        })
        .unwrap_or_default();

    let postgresql = top.need("postgresql", "postgresql: { version: 16 }", problems);
    let mut shared = Shared::default();
    let mut major = None;
    if let Some(tree) = postgresql {
        let mut fields = Fields::open(tree, "`postgresql`", problems);
        major = fields
            .need("version", "version: 16", problems)
            .and_then(|tree| {
                places.version = Some(tree.span.clone());
                let written = text(tree, "version", problems)?;
                written
                    .parse::<Major>()
                    .map_err(|why| {
                        problems.push(Problem::new(
                            tree.span.clone(),
                            format!("unsupported version: {why}"),
                            "not supported",
                        ))
                    })
                    .ok()
            });
        shared.read(&mut fields, None, places, problems);
        shared.unmanaged = fields
            .take("unmanaged")
            .and_then(|tree| {
                word(
                    tree,
                    "unmanaged",
                    &[("keep", Unmanaged::Keep), ("remove", Unmanaged::Remove)],
                    problems,
                )
            })
            .unwrap_or_default();
        shared.install = fields
            .take("install")
            .and_then(|tree| {
                word(
                    tree,
                    "install",
                    &[
                        ("true", true),
                        ("false", false),
                        ("yes", true),
                        ("no", false),
                    ],
                    problems,
                )
            })
            .unwrap_or(true);
        shared.firewall = fields
            .take("firewall")
            .and_then(|tree| {
                word(
                    tree,
                    "firewall",
                    &[
                        ("auto", Firewall::Auto),
                        ("world", Firewall::World),
                        ("off", Firewall::Off),
                    ],
                    problems,
                )
            })
            .unwrap_or_default();
        fields.close(problems);
    }

    let replication = top
        .need(
            "replication",
            "replication: { password: { env: REPLICATION_PASSWORD } }",
            problems,
        )
        .and_then(|tree| replication(tree, places, problems));

    let primary = top
        .need("primary", "primary: server1", problems)
        .and_then(|tree| {
            let name = host_name(tree, problems)?;
            places.roles.push((name.clone(), tree.span.clone()));
            Some(name)
        });
    let mut standbys = Vec::new();
    if let Some(tree) = top.take("standbys") {
        for (name, span) in list(tree, "standbys", problems) {
            if check_host_name(&name, span, problems) {
                places
                    .roles
                    .push((NodeName::new(name.clone()), span.clone()));
                standbys.push(NodeName::new(name));
            }
        }
    }

    let mut nodes: BTreeMap<NodeName, Node> = primary
        .iter()
        .chain(&standbys)
        .map(|name| {
            (
                name.clone(),
                shared.node(name.clone(), common.clone(), r#become),
            )
        })
        .collect();
    if let Some(tree) = top.take("hosts") {
        for (name, span, tree) in Fields::open(tree, "`hosts`", problems).rest() {
            let name = NodeName::new(name);
            places.hosts.insert(name.clone(), span.clone());
            let mut fields = Fields::open(tree, "this host", problems);
            let mut own = shared.clone();
            own.read(&mut fields, Some(&name), places, problems);
            let mut node = own.node(
                name.clone(),
                ssh(fields.take("ssh"), &common, problems),
                r#become,
            );
            node.address = fields
                .take("address")
                .and_then(|tree| address(tree, problems));
            node.apply_delay = fields.take("apply_delay").and_then(|tree| {
                places.parameters.push((
                    Some(name.clone()),
                    "recovery_min_apply_delay".into(),
                    tree.span.clone(),
                    tree.span.clone(),
                ));
                text(tree, "apply_delay", problems)
            });
            node.tablespaces = fields
                .take("tablespaces")
                .map(|tree| tablespaces(tree, problems))
                .unwrap_or_default();
            node.upstream = fields.take("upstream").and_then(|tree| {
                places.upstreams.insert(name.clone(), tree.span.clone());
                host_name(tree, problems)
            });
            fields.close(problems);
            // A host without a role is reported by the rules.
            if let Some(known) = nodes.get_mut(&name) {
                *known = node;
            }
        }
    }

    let backup = top
        .take("backup")
        .and_then(|tree| backup(tree, places, problems));
    let templates = top
        .take("templates")
        .and_then(|tree| text(tree, "templates", problems))
        .map(Into::into);
    top.close(problems);
    Some(Cluster {
        name: name?,
        major: major?,
        primary: primary?,
        standbys,
        nodes,
        replication: replication?,
        unmanaged: shared.unmanaged,
        install: shared.install,
        firewall: shared.firewall,
        backup,
        templates,
    })
}

/// What `postgresql:` says for every host and `hosts:` may say again for one.
#[derive(Clone)]
struct Shared {
    port: u16,
    instance: String,
    listen_addresses: String,
    data_directory: Option<String>,
    platform: Option<Custom>,
    parameters: BTreeMap<String, String>,
    hba: Vec<String>,
    unmanaged: Unmanaged,
    install: bool,
    firewall: Firewall,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            port: 5432,
            instance: "main".into(),
            listen_addresses: "*".into(),
            data_directory: None,
            platform: None,
            parameters: BTreeMap::new(),
            hba: Vec::new(),
            unmanaged: Unmanaged::default(),
            install: true,
            firewall: Firewall::default(),
        }
    }
}

impl Shared {
    fn read(
        &mut self,
        fields: &mut Fields,
        host: Option<&NodeName>,
        places: &mut Places,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(port) = fields
            .take("port")
            .and_then(|tree| number(tree, "port", 1, 65535, problems))
        {
            self.port = u16::try_from(port).unwrap_or(5432);
        }
        if let Some(instance) = fields
            .take("instance")
            .and_then(|tree| instance(tree, problems))
        {
            self.instance = instance;
        }
        if let Some(listen) = fields
            .take("listen_addresses")
            .and_then(|tree| text(tree, "listen_addresses", problems))
        {
            self.listen_addresses = listen;
        }
        if let Some(tree) = fields.take("data_directory") {
            self.data_directory = absolute(tree, "data_directory", problems);
        }
        if let Some(tree) = fields.take("platform") {
            self.platform = platform(tree, self.data_directory.is_some(), problems);
        }
        if let Some(tree) = fields.take("parameters") {
            for (name, span, value) in Fields::open(tree, "`parameters`", problems).rest() {
                let name = name.to_ascii_lowercase();
                // An empty value is an empty text: `archive_command:` means ''.
                let written = match &value.node {
                    Yaml::Empty => Some(String::new()),
                    _ => text(value, &name, problems),
                };
                if let Some(written) = written {
                    places.parameters.push((
                        host.cloned(),
                        name.clone(),
                        span.clone(),
                        value.span.clone(),
                    ));
                    self.parameters.insert(name, written);
                }
            }
        }
        if let Some(tree) = fields.take("hba") {
            for (line, span) in list(tree, "hba", problems) {
                places.hba.push((line.clone(), span.clone()));
                self.hba.push(line);
            }
        }
    }

    fn node(&self, name: NodeName, ssh: Ssh, r#become: Become) -> Node {
        Node {
            name,
            ssh,
            r#become,
            address: None,
            port: self.port,
            instance: self.instance.clone(),
            listen_addresses: self.listen_addresses.clone(),
            data_directory: self.data_directory.clone(),
            platform: self.platform.clone(),
            upstream: None,
            apply_delay: None,
            tablespaces: BTreeMap::new(),
            parameters: self.parameters.clone(),
            hba: self.hba.clone(),
        }
    }
}
