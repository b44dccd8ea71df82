//! One host for itself, before it is known what it belongs to.

use super::super::{Failure, FailureKind};
use crate::cli::adopt::request::AdoptRequest;
use crate::facts::found::Installed;
use crate::inventory::at::{Number, say};
use crate::inventory::write::Draft;
use crate::inventory::{self, Cluster, NodeName};

/// An inventory of one host, enough to reach and read it.
pub fn alone(
    name: &NodeName,
    version: &str,
    wish: &AdoptRequest,
    server: Option<&Installed>,
) -> Draft {
    let mut draft = Draft::new("main", version, "PASSWORD", name.as_str());
    draft.ssh_config(wish.ssh_config);
    if let Some(server) = server {
        let host = draft.host(name.as_str());
        host.port = Some(Number(server.port.into()).into());
        host.instance = Some(server.instance.as_str())
            .filter(|instance| !instance.is_empty())
            .and_then(say);
        host.data_directory = say(&server.data_directory);
    }
    draft
}

/// Reads a description as one does a file.
pub fn read(draft: &Draft) -> Result<Cluster, Failure> {
    inventory::read(&draft.text())
        .map(|reading| reading.cluster)
        .map_err(|problems| {
            let why = problems.first().map_or_else(String::new, |problem| {
                format!("{}: {}", problem.message, problem.label)
            });
            Failure::new(FailureKind::Usage, why)
        })
}
