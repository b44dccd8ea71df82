//! Logins for replication, tried before anything stops.

use crate::action::TryLogin;
use crate::files;
use crate::inventory::{NodeName, Role};
use crate::plan::builder::Builder;
use crate::postgres::SystemId;

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

/// The nodes that will follow the new primary directly.
pub(in crate::plan) fn followers(b: &Builder, to: &NodeName) -> Vec<NodeName> {
    b.standbys()
        .into_iter()
        .map(|(_, name)| name)
        .filter(|name| matches!(b.role(name), Role::Standby { upstream } if upstream == *to))
        .collect()
}
