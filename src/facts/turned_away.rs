//! A server that runs and does not let pgrepl in.

use super::advice::Advice;
use super::{Content, Facts, Process};
use crate::inventory::NodeName;

/// How many clients a server lets in, as its control file says.
fn most_clients(facts: &Facts) -> Option<u64> {
    let Content::Instance(instance) = &facts.data.content else {
        return None;
    };
    let control = instance.control.as_ref().ok()?;
    control.sensitive.get("max_connections").copied()
}

/// Says why a server that serves others does not serve pgrepl, and what to do; `None` for one that answers, stops or starts.
///
/// The server's own words are of its `lc_messages`: only psql's, a file's name and the English ones are understood.
pub fn turned_away(name: &NodeName, facts: &Facts) -> Option<Advice> {
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
    // Three processes are no client in any server that serves.
    let is_full = most_clients(facts).is_some_and(|most| away.processes >= most + 3);
    let by_login = [
        "pg_hba.conf",
        "authentication failed",
        "no password supplied",
    ];
    let rule = "pgrepl logs in on the host as the server's user without a password, so its pg_hba.conf has to begin with \
                `local all postgres peer`, and it has to be reloaded";
    let help = if says("No such file or directory") && socket.starts_with('/') {
        format!(
            "its socket is in {socket}, and pgrepl looks where the packages' programs do: put that directory into \
             unix_socket_directories too, and restart it; {}",
            here(socket, "postgres")
        )
    } else if away.no_database || says("database \"postgres\" does not exist") {
        format!(
            "{} -c 'create database postgres'",
            here(socket, "template1")
        )
    } else if is_full || says("too many clients") || says("connection slots") {
        format!(
            "end one of its connections, or raise max_connections: ssh {name} ps -o pid,etime,args -u postgres"
        )
    } else if says("timeout") {
        format!("something holds it up: ssh {name} ps -o pid,etime,args -u postgres")
    } else if by_login.iter().any(|word| says(word)) {
        format!("{rule}; then this works: {}", here(socket, "postgres"))
    } else {
        format!(
            "pgrepl cannot tell why from these words; see what this says: {}; if it is about the login: {rule}",
            here(socket, "postgres")
        )
    };
    Some(Advice::new(
        format!("{name} runs, but does not let pgrepl in: {words}"),
        help,
    ))
}
