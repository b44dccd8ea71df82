//! Logins that pgrepl itself makes from one server to another.

use super::peers::{own_keywords, primary_conninfo};
use crate::facts::Facts;
use crate::facts::server::StoredPassword;
use crate::files::view::View;
use crate::inventory::NodeName;
use crate::postgres::Major;
use crate::postgres::hba::{self, HbaLine, Rule};

/// Returns the connection string of a base backup or a trial: that with which a node follows another one, and since 16 no answer
/// but SCRAM's is taken where that is what the other one asks for. Who stands in for it then cannot ask for the password in clear.
/// What standbys follow with stays as it is: each of them would be given a new one for it.
pub fn own_conninfo(view: &View, upstream: &NodeName) -> Option<String> {
    let mut said = primary_conninfo(view, upstream)?;
    let major = view.cluster.major;
    let own = own_keywords(view.node);
    let decided = own.iter().any(|(keyword, _)| keyword == "require_auth");
    let asks = view
        .world
        .facts(upstream)
        .is_some_and(|facts| asks_for_scram(facts, major));
    if major.caps().knows_require_auth && !decided && asks {
        said += " require_auth=scram-sha-256";
    }
    Some(said)
}

/// Says whether a server can but ask for SCRAM when a standby logs in: its role has a verifier of it, and so says each rule that
/// may be about replication.
fn asks_for_scram(facts: &Facts, major: Major) -> bool {
    let role = facts
        .server
        .as_ref()
        .and_then(|server| server.role.as_ref());
    if role.is_none_or(|role| role.password != StoredPassword::SameScram)
        || !facts.unread.is_empty()
    {
        return false;
    }
    let mut found = false;
    for file in facts.files.values() {
        let Some(text) = &file.content else {
            return false;
        };
        for line in hba::lines(major, text) {
            let rule = match line.read {
                HbaLine::Rule(rule) => rule,
                HbaLine::Bad(_) => match hba::guessed(&line.joined) {
                    Some(rule) => rule,
                    None => continue,
                },
                _ => continue,
            };
            if rule.connection == "local" || !of_replication(&rule) {
                continue;
            }
            found = true;
            if !matches!(rule.method.as_str(), "scram-sha-256" | "md5" | "reject") {
                return false;
            }
        }
    }
    found
}

/// Says whether a rule may be about replication: `all` is not (manual, 20.1); what a file lists is not known.
fn of_replication(rule: &Rule) -> bool {
    let mut names = rule.databases.iter();
    names.any(|name| name == "replication" || name.starts_with(['@', '/']))
}
