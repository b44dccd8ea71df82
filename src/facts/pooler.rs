//! What was seen of a PgBouncer: where its databases lead, by its files and by itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::lines::columns;
use super::shape;
use crate::inventory::{NodeName, Pooler};
use crate::postgres::pgbouncer::{self, Value};

/// What was seen of a PgBouncer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerFacts {
    /// Whether it runs.
    pub runs: bool,
    /// Why its admin console does not answer, or its files cannot be read.
    pub unread: Option<String>,
    /// Whom it runs as, and the host and the port of its admin console as this user reaches it.
    pub console: Option<[String; 3]>,
    /// The digests of its files, by path.
    pub files: BTreeMap<String, String>,
    /// Where the lines of [databases] that concern the cluster lead.
    pub routes: Vec<Route>,
    /// What it has loaded, by the name of the database.
    pub loaded: BTreeMap<String, Loaded>,
    /// Whose clients keep their server connections until they disconnect.
    pub sessions: Vec<Sessions>,
    /// Whether a run has paused it and did not resume it.
    pub left_paused: bool,
    /// The addresses of the servers, as its host finds them.
    pub resolved: BTreeMap<NodeName, Vec<IpAddr>>,
    /// The addresses of the names in its files, as its host finds them.
    pub named: BTreeMap<String, Vec<IpAddr>>,
}

/// Where a line of [databases] leads. Of what else it says nothing is kept: passwords may stand there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The name that clients connect to.
    pub database: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// `host=`, if it says one.
    pub host: Option<Spelt>,
    /// `port=`, if it says one.
    pub port: Option<Spelt>,
    /// Where the line ends, in bytes.
    pub end: usize,
}

/// A value and where it stands in its line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spelt {
    /// The value.
    pub text: String,
    /// Where it begins, in bytes.
    pub at: usize,
    /// As it is written.
    pub raw: String,
}

/// A database as its PgBouncer has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// Where it leads.
    pub host: String,
    /// The port there.
    pub port: String,
    /// Whether its clients wait.
    pub paused: bool,
}

/// The clients of a pool that is one of sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// The database.
    pub database: String,
    /// As whom they are connected.
    pub user: String,
    /// How many have a server connection.
    pub clients: usize,
}

impl From<Value> for Spelt {
    fn from(value: Value) -> Self {
        Self {
            text: value.text,
            at: value.at,
            raw: value.raw,
        }
    }
}

impl PoolerFacts {
    /// Reads the facts of a probe.
    pub fn read(pooler: &Pooler, facts: &[(String, String)]) -> Result<Self, String> {
        shape::check(facts)?;
        let mut found = Self::default();
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        let (mut header, mut pools): (Vec<&str>, Vec<&str>) = Default::default();
        for (key, value) in facts {
            let pair = || columns::<2>(value);
            match key.as_str() {
                "pool_runs" => found.runs = true,
                "pool_unread" => found.unread = Some(value.clone()),
                "pool_paused" => found.left_paused = true,
                "pool_console" => {
                    found.console = columns::<3>(value).map(|told| told.map(str::to_owned));
                }
                "pool_file" => {
                    if let Some([path, digest]) = pair() {
                        found.files.insert(path.into(), digest.into());
                        texts.entry(path.into()).or_default();
                    }
                }
                "pool_line" => {
                    if let Some([path, line]) = pair() {
                        let text = texts.entry(path.into()).or_default();
                        text.push_str(line);
                        text.push('\n');
                    }
                }
                "resolved" => {
                    if let Some([name, address]) = pair()
                        && let Ok(address) = address.parse()
                    {
                        let known = found.resolved.entry(name.into()).or_default();
                        known.push(address);
                    }
                }
                "pool_host" => {
                    if let Some([name, address]) = pair()
                        && let Ok(address) = address.parse()
                    {
                        found.named.entry(name.into()).or_default().push(address);
                    }
                }
                "pool_database" if header.is_empty() => header = value.split('|').collect(),
                "pool_database" => found.load(&header, value),
                "pool_pool" if pools.is_empty() => pools = value.split('|').collect(),
                "pool_pool" => found.sessions.extend(sessions(pooler, &pools, value)),
                _ => {}
            }
        }
        if found.unread.is_none() {
            match pgbouncer::databases(&texts, &pooler.config_file) {
                Ok(lines) => found.routes = routes(pooler, lines),
                Err(why) => found.unread = Some(why),
            }
        }
        Ok(found)
    }

    /// Reads a row of SHOW DATABASES.
    fn load(&mut self, header: &[&str], row: &str) {
        let of = |name: &str| column(header, row, name);
        let loaded = Loaded {
            host: of("host").into(),
            port: of("port").into(),
            paused: of("paused") == "1",
        };
        self.loaded.insert(of("name").into(), loaded);
    }
}

/// Returns a column of a row of SHOW by its name: which there are differs between versions.
fn column<'a>(header: &[&str], row: &'a str, name: &str) -> &'a str {
    let at = header.iter().position(|column| *column == name);
    at.and_then(|at| row.split('|').nth(at)).unwrap_or_default()
}

/// Reads a row of SHOW POOLS, if it is of sessions in a database of the cluster's.
fn sessions(pooler: &Pooler, header: &[&str], row: &str) -> Option<Sessions> {
    let of = |name: &str| column(header, row, name);
    let database = of("database");
    let ours = |name: &String| name == database || name == "*" && database != "pgbouncer";
    let clients = of("cl_active").parse().unwrap_or(0);
    let counts = of("pool_mode") == "session" && clients > 0 && pooler.databases.iter().any(ours);
    counts.then(|| Sessions {
        database: database.into(),
        user: of("user").into(),
        clients,
    })
}

fn routes(pooler: &Pooler, lines: Vec<pgbouncer::Line>) -> Vec<Route> {
    let ours = lines.into_iter();
    ours.filter(|line| pooler.databases.contains(&line.database))
        .map(|line| Route {
            database: line.database,
            file: line.file,
            line: line.line,
            host: line.host.map(Spelt::from),
            port: line.port.map(Spelt::from),
            end: line.end,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::command::shell_quote;

    #[test]
    fn every_host_that_its_files_name_is_found_however_it_is_written() {
        let text = "; x\nd_localhost = host=localhost\nhost = host='alias' port=1\n* = host = fd00::1\tdbname=host=a\n\
                    x = host=/run host=-n host=a,b host=$(x) host='it''s'\nlast=host=b\r\n";
        let script = format!(
            "{}\nhosts_in {}",
            include_str!("pooler.sh"),
            shell_quote(text)
        );
        let mut shell = std::process::Command::new("sh");
        let told = shell.args(["-c", &script]).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let found: Vec<&str> = told.lines().collect();
        for name in ["localhost", "alias", "fd00::1", "a", "b", "it"] {
            assert!(found.contains(&name), "{name}: {found:?}");
        }
        let plain = |name: &&str| !name.starts_with(['-', '/', '$']);
        assert!(found.iter().all(plain), "{found:?}");
    }
}
