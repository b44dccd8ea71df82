//! Logins for replication, tried before anything stops.

use crate::action::TryLogin;
use crate::facts::Facts;
use crate::files;
use crate::inventory::{NodeName, Role};
use crate::plan::builder::Builder;
use crate::postgres::{SystemId, conf, conninfo};

/// Everyone who will follow tries the way to the new primary.
pub(in crate::plan) fn log_in(b: &mut Builder, to: &NodeName, system_id: SystemId, why: &str) {
    for name in followers(b, to) {
        let (Some(node), Some(place)) = (b.node(&name), b.platform(&name)) else {
            continue;
        };
        let role = b.role(&name);
        let conninfo =
            files::own_conninfo(&b.view(node, &role, &place, Default::default(), false), to);
        if let Some(conninfo) = conninfo {
            let login = TryLogin {
                server: to.clone(),
                conninfo,
                system_id,
            };
            b.step(&name, login).because(why);
        }
    }
}

/// Returns the connection string with which a standby follows, and the file that says it.
pub(in crate::plan) fn connection_of(facts: &Facts) -> Option<(String, &str)> {
    let server = facts.standby()?;
    if let Some(loaded) = server.settings.get("primary_conninfo") {
        let from = loaded.sourcefile.as_deref().unwrap_or_default();
        return Some((loaded.setting.clone(), from));
    }
    let mut files = facts.files.iter();
    let (path, file) = files.find(|(path, _)| path.ends_with("/recovery.conf"))?;
    let said = conf::settings(file.content.as_deref()?)
        .filter(|(name, _)| name == "primary_conninfo")
        .last()?;
    Some((said.1, path))
}

/// A standby that is to ask more of its upstream's encryption than it does now tries that first: it would be cut off where a
/// certificate does not stand up to it.
pub(in crate::plan) fn try_encryption(b: &mut Builder, name: &NodeName, upstream: &NodeName) {
    let sslmode = |said: &str| {
        let pairs = conninfo::parse(said).unwrap_or_default();
        let mut modes = pairs
            .into_iter()
            .filter(|(keyword, _)| keyword == "sslmode");
        modes.next_back().map(|(_, mode)| mode)
    };
    let Some((said, _)) = b.facts(name).and_then(connection_of) else {
        return;
    };
    let (now, system_id) = (
        sslmode(&said),
        b.facts(name)
            .and_then(|facts| facts.data.control())
            .map(|control| control.system_id),
    );
    let (Some(node), Some(place), Some(system_id)) = (b.node(name), b.platform(name), system_id)
    else {
        return;
    };
    let role = b.role(name);
    let view = b.view(node, &role, &place, Default::default(), false);
    let Some(conninfo) = files::own_conninfo(&view, upstream) else {
        return;
    };
    let wanted = sslmode(&conninfo);
    let demands = matches!(
        wanted.as_deref(),
        Some("require" | "verify-ca" | "verify-full")
    );
    if demands && wanted != now {
        let login = TryLogin {
            server: upstream.clone(),
            conninfo,
            system_id,
        };
        let why = format!("sslmode={}", wanted.unwrap_or_default());
        b.step(name, login).because(why);
    }
}

/// The nodes that will follow the new primary directly.
pub(in crate::plan) fn followers(b: &Builder, to: &NodeName) -> Vec<NodeName> {
    b.standbys()
        .into_iter()
        .map(|(_, name)| name)
        .filter(|name| matches!(b.role(name), Role::Standby { upstream } if upstream == *to))
        .collect()
}
