//! Who is connected to a primary now.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::postgres::Major;
use crate::postgres::access::Transport;

/// Clients that are connected in the same way: what a rule of pg_hba.conf looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Client {
    /// Their role.
    pub user: String,
    /// Their database.
    pub database: String,
    /// From where; `None` over the socket.
    pub address: Option<IpAddr>,
    /// `tls`, `gss` or nothing: how what they send is encrypted.
    pub encrypted: String,
}

impl Client {
    /// Returns how they are connected.
    pub fn transport(&self) -> Transport {
        match (self.address, self.encrypted.as_str()) {
            (None, _) => Transport::Local,
            (_, "tls") => Transport::Ssl,
            (_, "gss") => Transport::Gss,
            _ => Transport::Plain,
        }
    }

    /// Says whether they come from the host of the server itself: where another one leads, they are not there.
    pub fn is_local(&self) -> bool {
        self.address.is_none_or(|address| address.is_loopback())
    }
}

/// Returns the expression that lists them; nothing on a standby, whose clients stay where they are.
pub(super) fn question(major: Major) -> String {
    let caps = major.caps();
    let (gss, encrypted) = if caps.hba_gssenc {
        ("left join pg_stat_gssapi g on g.pid = a.pid", "g.encrypted")
    } else {
        ("", "false")
    };
    // Before 10 there are no other backends that have a database.
    let clients = if caps.tells_backend_type {
        "a.backend_type = 'client backend'"
    } else {
        "true"
    };
    format!(
        "(select coalesce(json_agg(c), '[]') from (select distinct a.usename as user, a.datname as database, a.client_addr as address,
            case when s.ssl then 'tls' when {encrypted} then 'gss' else '' end as encrypted
            from pg_stat_activity a left join pg_stat_ssl s on s.pid = a.pid {gss}
            where {clients} and a.datname is not null and a.usename is not null and a.pid <> pg_backend_pid() and not pg_is_in_recovery()
            order by 1, 2, 3, 4 limit 500) c)"
    )
}
