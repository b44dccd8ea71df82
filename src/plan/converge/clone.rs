//! Where the data of a new standby comes from.

use std::collections::BTreeMap;

use crate::action::{BaseBackup, PlaceClone, UnpackBackup};
use crate::facts::Facts;
use crate::facts::backups::Backup;
use crate::files;
use crate::inventory::{Node, NodeName};
use crate::plan::backup::from_backup;
use crate::plan::builder::{Builder, CopyFrom};
use crate::plan::confined;
use crate::plan::converge::tablespaces::named;
use crate::postgres::{SystemId, slot_name};
use crate::render::TemplateError;

/// Returns whose data a copy is.
pub(in crate::plan) fn source(b: &Builder, upstream: &NodeName) -> NodeName {
    match &b.copy_from {
        Some(CopyFrom::Host(source)) => source.clone(),
        _ => upstream.clone(),
    }
}

/// Plans the copy that becomes a standby's data directory.
pub(in crate::plan) fn clone(
    b: &mut Builder,
    name: &NodeName,
    upstream: &NodeName,
    facts: &Facts,
) -> Result<(), TemplateError> {
    let from = b.copy_from.clone();
    let source = source(b, upstream);
    let (Some(platform), Some(marker)) = (b.platform(name), b.marker(name)?) else {
        return Ok(());
    };
    let system_id = match &from {
        Some(CopyFrom::Backup(backup)) => unpack(b, name, backup),
        _ => base_backup(b, name, upstream, &source, facts),
    };
    let place = PlaceClone {
        data_directory: platform.data_directory,
        source: source.clone(),
        system_id,
        marker,
        recovery: None,
        wal: wal_place(b, name, facts),
    };
    b.step(name, place).after(&[&source]);
    confined::tell(b, name);
    Ok(())
}

fn unpack(b: &mut Builder, name: &NodeName, backup: &Backup) -> Option<SystemId> {
    let node = b.node(name)?;
    let tablespaces = backup
        .tablespaces
        .iter()
        .map(|(oid, path)| (oid.clone(), place_here(b, &backup.host, node, path)))
        .collect();
    let backup_of = b.cluster.backup.as_ref()?;
    let unpack = UnpackBackup {
        backup: from_backup(backup_of, b.cluster, backup),
        tablespaces,
        named: named(b.cluster, name),
    };
    b.step(name, unpack)
        .because(format!("taken on {}", backup.host));
    Some(backup.system_id)
}

fn base_backup(
    b: &mut Builder,
    name: &NodeName,
    upstream: &NodeName,
    source: &NodeName,
    facts: &Facts,
) -> Option<SystemId> {
    let there = b.facts(source).cloned()?;
    let (node, platform) = (b.node(name)?, b.platform(name)?);
    let role = b.role(name);
    let view = b.view(node, &role, &platform, BTreeMap::new(), false);
    let conninfo = files::own_conninfo(&view, source)?;
    let system_id = there
        .server
        .as_ref()
        .map(|server| server.system_id)
        .filter(|id| id.0 != 0);
    let why = match &facts.staging {
        Some(staging) if staging.complete => "the finished copy is used",
        _ if !facts.jobs.is_empty() => "it is running already and is joined",
        Some(_) => "a copy that was cut short begins again",
        None => "",
    };
    let copy = BaseBackup {
        source: source.clone(),
        conninfo,
        // The slot is where it will stream from.
        slot: (b.cluster.replication.slots && source == upstream).then(|| slot_name(name.as_str())),
        tablespaces: there
            .data
            .tablespaces
            .iter()
            .map(|(_, path)| (path.clone(), place_here(b, source, node, path)))
            .collect(),
        named: named(b.cluster, name),
        wal: wal_place(b, name, facts),
        system_id,
        bytes: there
            .server
            .as_ref()
            .and_then(|server| server.database_bytes),
        free: facts.disk("data").map(|disk| disk.free),
    };
    b.step(name, copy).because(why).after(&[source]);
    system_id
}

/// Returns where the WAL of a server goes, if not into its data directory: where the inventory has it, else where it is.
pub(in crate::plan) fn wal_place(b: &Builder, name: &NodeName, facts: &Facts) -> Option<String> {
    let names = &b.cluster.major.caps().names;
    let wanted = b.cluster.nodes.get(name)?.wal_directory.clone();
    wanted.or_else(|| facts.data.wal_place(names.wal_directory))
}

/// Returns where a tablespace of another server goes on this one.
pub(in crate::plan) fn place_here(
    b: &Builder,
    source: &NodeName,
    node: &Node,
    path: &str,
) -> String {
    b.cluster.tablespace_place(source, &node.name, path)
}
