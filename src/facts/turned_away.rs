//! A server that runs and does not let pgrepl in.

use serde::{Deserialize, Serialize};

use super::parse::Lines;
use super::{Facts, Process, Server};
use crate::inventory::NodeName;

/// What psql says where a postmaster lives and does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnedAway {
    /// psql's words, in one line.
    pub words: String,
    /// Where the server has its socket, as its postmaster.pid says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub socket_directory: String,
}

impl TurnedAway {
    pub(super) fn read(lines: &Lines, server: &Option<Server>) -> Option<Self> {
        let words = lines.first("sql_refused").or(lines.first("sql_waits"))?;
        server.is_none().then(|| Self {
            words: words.trim().to_owned(),
            socket_directory: lines.first("socket_directory").unwrap_or_default().into(),
        })
    }
}

/// Says why a server that serves others does not serve pgrepl, and what to do; `None` for one that answers, stops or starts.
pub fn turned_away(name: &NodeName, facts: &Facts) -> Option<(String, String)> {
    let away = facts.turned_away.as_ref()?;
    if facts.process != Process::Running || facts.server.is_some() {
        return None;
    }
    let words = &away.words;
    let here = |directory: &str, database: &str| {
        format!("ssh {name} sudo -u postgres psql -w -h {directory} -d {database}")
    };
    let says = |word: &str| words.contains(word);
    let socket = &away.socket_directory;
    let help = if says("No such file or directory") && socket.starts_with('/') {
        format!(
            "its socket is in {socket}, and pgrepl looks where the packages' programs do: put that directory into \
             unix_socket_directories too, and restart it; {}",
            here(socket, "postgres")
        )
    } else if says("database \"postgres\" does not exist") {
        format!(
            "{} -c 'create database postgres'",
            here(socket, "template1")
        )
    } else if says("too many clients") || says("connection slots") {
        format!(
            "end one of its connections, or raise max_connections: ssh {name} ps -o pid,etime,args -u postgres"
        )
    } else if says("timeout") {
        format!("something holds it up: ssh {name} ps -o pid,etime,args -u postgres")
    } else {
        format!(
            "pgrepl logs in on the host as the server's user without a password: its pg_hba.conf begins with \
             `local all postgres peer`, and it is reloaded; then this works: {}",
            here(socket, "postgres")
        )
    };
    Some((
        format!("{name} runs, but does not let pgrepl in: {words}"),
        help,
    ))
}
