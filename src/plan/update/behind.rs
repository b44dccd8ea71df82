//! What a server lacks of the version that it is to have.

use std::collections::BTreeMap;

use crate::facts::updates::Package;
use crate::facts::{Advice, Facts};
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::platform_of;
use crate::plan::update::request::UpdateRequest;

/// What brings a server to where it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The packages to install.
    pub packages: BTreeMap<String, Package>,
    /// Why it is restarted.
    pub why: String,
}

/// Returns what a server needs; nothing where it runs what it is to run.
pub fn need(
    cluster: &Cluster,
    node: &NodeName,
    facts: &Facts,
    wish: &UpdateRequest,
) -> Result<Option<Need>, Advice> {
    let offered = facts.offered.clone().unwrap_or_default();
    let platform = platform_of(cluster, facts, node);
    let package = platform.and_then(|platform| platform.packages.first().cloned());
    let mut packages = BTreeMap::new();
    if !wish.restart_only {
        packages = offered.changed();
    }
    let running = facts.server.as_ref().map(|server| server.version);
    let next = package.as_ref().and_then(|package| offered.server(package));
    if let (Some(to), false) = (wish.to, wish.restart_only) {
        let has = facts.packages.server.map(|version| version.to_string());
        let next = next.map(|version| version.to_string());
        if has.as_deref() != Some(to) && next.as_deref() != Some(to) {
            return Err(Advice::new(
                format!("{node} is offered no PostgreSQL {to}"),
                "without --to the newest that is offered; or add a repository that has it",
            ));
        }
    }
    if let (Some(next), Some(running)) = (next, running)
        && next < running
        && !packages.is_empty()
    {
        return Err(Advice::new(
            format!("{node} runs {running}, and {next} is older"),
            "--to a version that is not older",
        ));
    }
    if !packages.is_empty() {
        let why = match (running, next) {
            (Some(running), Some(next)) if running != next => format!("{running} -> {next}"),
            _ => "its packages".into(),
        };
        return Ok(Some(Need { packages, why }));
    }
    Ok(stale(facts).map(|why| Need { packages, why }))
}

/// Says why a running server has to be restarted to run what is installed.
pub fn stale(facts: &Facts) -> Option<String> {
    let server = facts.server.as_ref()?;
    if let Some(installed) = facts
        .packages
        .server
        .filter(|installed| *installed > server.version)
    {
        return Some(format!(
            "{} -> {installed}, which is installed",
            server.version
        ));
    }
    let names: Vec<&str> = facts
        .replaced
        .iter()
        .map(|path| path.rsplit('/').next().unwrap_or(path))
        .collect();
    let more = match names.len() {
        0 => return None,
        1..=3 => String::new(),
        n => format!(" and {} more", n - 3),
    };
    Some(format!(
        "it runs with files that were replaced: {}{more}",
        names[..names.len().min(3)].join(", ")
    ))
}

/// Tells what an update would be about, as far as it is seen without asking a package manager.
pub fn told(cluster: &Cluster, facts: &Facts) -> Option<String> {
    let server = facts.server.as_ref()?;
    if facts.packages_held {
        return Some("an update that has not ended holds its packages".into());
    }
    if let Some(why) = stale(facts) {
        return Some(format!("its server wants a restart: {why}"));
    }
    let wanted = cluster.minor.as_ref()?;
    let runs = server.version.to_string();
    (runs != *wanted).then(|| format!("it runs {runs}, and the inventory says {wanted}"))
}
