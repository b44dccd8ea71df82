//! What makes clients follow: the poolers, the address, the health port, the hooks.

use std::collections::BTreeMap;

use super::ssh::ssh;
use crate::inventory::at::At;
use crate::inventory::file::{Clients, Pgbouncer};
use crate::inventory::places::KeySpans;
use crate::inventory::problem::Problem;
use crate::inventory::said::{path_of, said};
use crate::inventory::{Become, Hook, Moment, Node, NodeName, Pooler, Ssh, VirtualAddress};

/// Where Debian and the packages of PostgreSQL's own repositories have it.
const CONFIG_FILE: &str = "/etc/pgbouncer/pgbouncer.ini";

/// Where Patroni answers the same questions.
const HEALTH_PORT: u16 = 8008;

/// Reads the port that tells balancers what a server is.
pub(super) fn health(file: &Clients) -> Option<u16> {
    let health = said(&file.health)?;
    Some(
        said(&health.port)
            .and_then(|port| port.to())
            .unwrap_or(HEALTH_PORT),
    )
}

/// Reads the address that the primary alone holds.
pub(super) fn address(file: &Clients, places: &mut KeySpans) -> Option<VirtualAddress> {
    let address = said(&file.address)?;
    places.address = Some(address.ip.span.clone());
    VirtualAddress::read(&address.ip.value?.0, &address.interface.value?.0)
}

/// Reads the commands that run while the primary changes; one runs here, or where pgrepl logs in anyway.
pub(super) fn hooks(
    file: &Clients,
    nodes: &BTreeMap<NodeName, Node>,
    poolers: &BTreeMap<NodeName, Pooler>,
    problems: &mut Vec<Problem>,
) -> Vec<Hook> {
    let file = said(&file.hooks).unwrap_or_default();
    let moments = [
        (Moment::BeforeDemote, file.before_demote),
        (Moment::AfterPromote, file.after_promote),
        (Moment::AfterFollow, file.after_follow),
        (Moment::OnFailure, file.on_failure),
    ];
    let mut hooks = Vec::new();
    for (moment, list) in moments {
        for hook in said(&list).unwrap_or_default() {
            let Some(file) = hook.value else { continue };
            let Some(command) = file.command.value else {
                continue;
            };
            let host = said(&file.host).map(|host| host.0);
            if let (Some(host), Some(at)) = (&host, &file.host) {
                let name = NodeName::new(host.clone());
                let known =
                    nodes.contains_key(&name) || poolers.values().any(|one| one.host == name);
                if !known {
                    let message = format!("unknown host `{host}` for a hook");
                    let label = "neither a server nor the host of a pooler";
                    problems.push(Problem::new(at.span.clone(), message, label));
                }
            }
            hooks.push(Hook {
                moment,
                command: command.0,
                host,
                seconds: said(&file.timeout).map_or(30, |number| number.0),
            });
        }
    }
    hooks
}

/// Reads the poolers; one on the host of a server is reached as that is.
pub(super) fn poolers(
    file: &Clients,
    common: &Ssh,
    r#become: Become,
    nodes: &BTreeMap<NodeName, Node>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<NodeName, Pooler> {
    let mut poolers = BTreeMap::new();
    for At { span, value, .. } in said(&file.pgbouncer).unwrap_or_default() {
        let Some(pooler) = value.and_then(|file| pooler(file, common, r#become, nodes)) else {
            continue;
        };
        let name = pooler.name.clone();
        if poolers.insert(name.clone(), pooler).is_some() {
            problems.push(
                Problem::new(
                    span,
                    format!("`{name}` stands here twice"),
                    "one entry for each PgBouncer",
                )
                .help("another one on the same host has a `config_file` of another name"),
            );
        }
    }
    poolers
}

fn pooler(
    file: Pgbouncer,
    common: &Ssh,
    r#become: Become,
    nodes: &BTreeMap<NodeName, Node>,
) -> Option<Pooler> {
    let host = NodeName::new(file.host.value?.0);
    let config_file = path_of(&file.config_file).unwrap_or_else(|| CONFIG_FILE.into());
    let admin = said(&file.admin).unwrap_or_default();
    let base = nodes.get(&host).map_or(common, |node| &node.ssh);
    let databases = file.databases.value?.into_iter();
    Some(Pooler {
        name: Pooler::named(&host, &config_file),
        ssh: ssh(said(&file.ssh), base),
        r#become,
        databases: databases.filter_map(|name| Some(name.value?.0)).collect(),
        admin_user: said(&admin.user).map_or_else(|| "pgbouncer".into(), |user| user.0),
        admin_host: said(&admin.host).map(|host| host.0),
        admin_port: said(&admin.port).and_then(|port| port.to()),
        host,
        config_file,
    })
}
