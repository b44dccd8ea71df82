//! One host for itself, before it is known what it belongs to.

use super::super::{Failure, Kind};
use super::Wish;
use crate::inventory::write::{Draft, DraftHost, Said};
use crate::inventory::{self, Cluster, NodeName};
use crate::observe::find::Installed;

/// An inventory of one host, enough to reach and read it.
pub fn alone(name: &NodeName, version: &str, wish: &Wish, server: Option<&Installed>) -> Draft {
    let said = Said {
        port: server.map(|server| server.port),
        instance: server
            .map(|server| server.instance.clone())
            .filter(|instance| !instance.is_empty()),
        data_directory: server.map(|server| server.data_directory.clone()),
        ..Said::default()
    };
    Draft {
        cluster: "main".into(),
        version: version.to_owned(),
        ssh_config: wish.ssh_config.map(str::to_owned),
        password: "PASSWORD".into(),
        primary: name.to_string(),
        hosts: [(
            name.to_string(),
            DraftHost {
                said,
                ..DraftHost::default()
            },
        )]
        .into(),
        ..Draft::default()
    }
}

/// Reads a description as one does a file.
pub fn read(draft: &Draft) -> Result<Cluster, Failure> {
    inventory::read(&draft.text())
        .map(|reading| reading.cluster)
        .map_err(|problems| {
            let why = problems.first().map_or_else(String::new, |problem| {
                format!("{}: {}", problem.message, problem.label)
            });
            Failure::new(Kind::Usage, why)
        })
}
