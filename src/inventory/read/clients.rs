//! What makes clients follow: the poolers.

use std::collections::BTreeMap;

use super::ssh::ssh;
use crate::inventory::at::At;
use crate::inventory::file::{Clients, Pgbouncer};
use crate::inventory::problem::Problem;
use crate::inventory::said::{path_of, said};
use crate::inventory::{Become, Node, NodeName, Pooler, Ssh};

/// Where Debian and the packages of PostgreSQL's own repositories have it.
const CONFIG_FILE: &str = "/etc/pgbouncer/pgbouncer.ini";

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
