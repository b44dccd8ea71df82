//! What a first run needs of a host beside what every look tells.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::inventory::{Cluster, NodeName};

/// What a host answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// Its clock, in seconds since 1970.
    pub clock: Option<i64>,
    /// How far that is from the clock of the machine that asked, in seconds; 0 where it may be the same.
    pub skew: i64,
    /// How it reaches each of the others on the port of its server.
    pub routes: BTreeMap<NodeName, Route>,
}

/// What becomes of a connection to a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Something listens.
    Open,
    /// Nothing listens, and the host says so.
    Refused,
    /// No answer.
    Silent,
    /// The host cannot try.
    Unknown,
    /// Another reason.
    Not(String),
}

/// Returns whom a host is asked to reach: a name, an address and a port each.
pub fn peers(cluster: &Cluster, name: &NodeName) -> String {
    let others = cluster.nodes.values().filter(|node| node.name != *name);
    others
        .map(|node| {
            let address = node.address.as_deref().unwrap_or(node.name.as_str());
            format!("{}\t{address}\t{}\n", node.name, node.port)
        })
        .collect()
}

/// Reads an answer; `asked` and `heard` are the moments around it, by the clock of the machine that asked.
pub fn answered(said: &[(String, String)], asked: i64, heard: i64) -> Checkup {
    let mut checkup = Checkup::default();
    for (key, value) in said {
        match key.as_str() {
            "clock" => checkup.clock = value.parse().ok(),
            "route" => {
                let Some((peer, route)) = value.split_once('\t') else {
                    continue;
                };
                let route = match route {
                    "open" => Route::Open,
                    "refused" => Route::Refused,
                    "silent" => Route::Silent,
                    "unknown" => Route::Unknown,
                    why => Route::Not(why.to_lowercase()),
                };
                checkup.routes.insert(peer.into(), route);
            }
            _ => {}
        }
    }
    // It was read somewhere between the two.
    if let Some(clock) = checkup.clock {
        checkup.skew = if clock < asked {
            clock - asked
        } else {
            (clock - heard).max(0)
        };
    }
    checkup
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_between_question_and_answer_is_right() {
        let read = |clock: &str| answered(&[("clock".into(), clock.into())], 100, 103).skew;
        assert_eq!(
            [read("99"), read("100"), read("103"), read("110")],
            [-1, 0, 0, 7]
        );
        assert_eq!(answered(&[], 100, 103), Checkup::default());
    }

    #[test]
    fn each_answer_of_a_route_is_told_apart() {
        let said = [
            "a\topen",
            "b\trefused",
            "c\tsilent",
            "d\tNo route to host",
            "e\tunknown",
            "f",
        ];
        let said = said.map(|line| ("route".to_owned(), line.to_owned()));
        let routes = answered(&said, 0, 0).routes;
        assert_eq!(routes.len(), 5);
        assert_eq!(routes[&"d".into()], Route::Not("no route to host".into()));
    }
}
