//! Where pgrepl's own rules stand so that they take nobody's way in: in front only where nothing else decides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Source;
use super::kept::{foreign_lines, is_ours, written};
use crate::files::view::View;
use crate::inventory::Unmanaged;
use crate::postgres::access::{Login, Transport, closed_by, deciding, same_way};
use crate::postgres::hba::{self, HbaLine, Rule};

/// The rules that decide now.
pub(super) struct Old<'a> {
    view: &'a View<'a>,
    source: Option<&'a Source<'a>>,
    /// All of them in their order; on another host, of those that pgrepl wrote, only what belongs to no host.
    rules: Vec<Rule>,
    /// Those of a file of ours that pgrepl wrote itself.
    own: Vec<Rule>,
    addresses: Vec<IpAddr>,
    /// Whether pgrepl logs in by these rules already.
    answers: bool,
}

impl<'a> Old<'a> {
    pub(super) fn of(view: &'a View<'a>, source: Option<&'a Source<'a>>) -> Self {
        let major = view.cluster.major;
        let mut old = Self {
            view,
            source,
            rules: Vec::new(),
            own: Vec::new(),
            addresses: Vec::new(),
            answers: false,
        };
        let source = match source {
            Some(source) if view.cluster.unmanaged == Unmanaged::Keep => source,
            _ => return old,
        };
        let facts = view.world.facts(&view.node.name);
        old.addresses = facts
            .map(|facts| facts.addresses.clone())
            .unwrap_or_default();
        let ours = is_ours(source.text);
        old.answers = !source.another && (ours || source.answers());
        let rule = |line: &str| match hba::lines(major, line).pop()?.read {
            HbaLine::Rule(rule) => Some(rule),
            HbaLine::Bad(_) => hba::guessed(line),
            _ => None,
        };
        // The administrator's stands in the place of one that was kept no second time: who lets him in there does so here.
        let user = &view.platform.user;
        let administrators =
            |rule: &Rule| rule.connection == "local" && rule.users == [user.clone()];
        if ours {
            let written = written(source.text).filter_map(|(_, line)| rule(line));
            old.own = written
                .filter(|rule| !source.another || administrators(rule))
                .collect();
        }
        let lines = if source.another {
            old.rules = old.own.clone();
            foreign_lines(source, major)
        } else {
            source.whole(major)
        };
        old.rules.extend(lines.iter().filter_map(|line| rule(line)));
        old
    }

    fn read(&self, line: &str) -> Option<Rule> {
        match hba::parse_line(self.view.cluster.major, line) {
            HbaLine::Rule(rule) => Some(rule),
            _ => None,
        }
    }

    /// Says whether pgrepl wrote this rule in front before.
    fn stands(&self, rule: &Rule) -> bool {
        let end = self.rules.iter().position(|old| !self.own.contains(old));
        let head = &self.rules[..end.unwrap_or(self.rules.len())];
        head.contains(rule)
    }

    /// Returns the logins that one of our rules is about: one for each transport.
    fn logins_of<'r>(&self, rule: &'r Rule) -> Vec<Login<'r>> {
        let transports: &[Transport] = match rule.connection.as_str() {
            "local" => &[Transport::Local],
            _ => &[Transport::Plain, Transport::Ssl],
        };
        let address = rule
            .address
            .as_deref()
            .and_then(|address| address.split('/').next()?.parse().ok());
        let database = match rule.databases[0].as_str() {
            "replication" => None,
            "all" => Some("postgres"),
            name => Some(name),
        };
        let login = |transport: &Transport| Login {
            transport: *transport,
            database,
            // Quoted names of roles are rare; what they match is found by their own text.
            user: rule.users[0].trim_matches('"'),
            address,
        };
        transports.iter().map(login).collect()
    }

    fn decides(&self, login: &Login) -> Vec<&Rule> {
        deciding(&self.rules, login, &self.addresses)
    }

    /// The rules for pgrepl's own login over the socket, and for the administrator's where nobody else speaks of it.
    pub(super) fn logins(&self) -> Vec<String> {
        let user = &self.view.platform.user;
        let line = |database: &str| format!("local   {database:<15} {user}        peer");
        let (wide, narrow, copy) = (line("all"), line("postgres"), line("replication"));
        let mut lines = Vec::new();
        if self.is_free_for(&wide) {
            lines.push(wide);
        } else if !self.lets_in(&narrow) {
            lines.push(narrow);
        }
        if !self.lets_in(&copy) {
            lines.push(copy);
        }
        lines
    }

    /// Says whether a rule for every database changes nothing in any of them.
    fn is_free_for(&self, line: &str) -> bool {
        let Some(rule) = self.read(line) else {
            return false;
        };
        if self.stands(&rule) {
            return true;
        }
        let mut names: BTreeSet<String> = self
            .rules
            .iter()
            .flat_map(|rule| &rule.databases)
            .map(|token| hba::unquoted(token).0)
            .collect();
        // One that no rule names.
        names.extend(["postgres".into(), "\u{1}".into()]);
        names.iter().all(|name| {
            let login = Login {
                transport: Transport::Local,
                database: Some(name),
                user: &self.view.platform.user,
                address: None,
            };
            self.decides(&login).iter().all(|old| same_way(old, &rule))
        })
    }

    /// Says whether other rules decide already about the login that a rule of ours is for, and let it in: ours would only
    /// take their place.
    pub(super) fn lets_in(&self, line: &str) -> bool {
        let Some(rule) = self.read(line).filter(|rule| !self.stands(rule)) else {
            return false;
        };
        let logins = self.logins_of(&rule);
        let mut others = false;
        for login in &logins {
            let deciding = self.decides(login);
            let lets = |old: &&Rule| match old.method.as_str() {
                "trust" => true,
                "md5" | "scram-sha-256" | "password" if rule.connection != "local" => true,
                "peer" | "ident" if rule.connection == "local" => self.maps(old),
                "reject" => false,
                _ => rule.connection == "local" && self.answers,
            };
            if deciding.is_empty() || !deciding.iter().all(lets) {
                return false;
            }
            others |= deciding.iter().any(|old| !same_way(old, &rule));
        }
        others
    }

    /// Says whether a rule lets the service user in as himself.
    fn maps(&self, rule: &Rule) -> bool {
        let Some(map) = rule
            .options
            .iter()
            .find_map(|option| option.strip_prefix("map="))
        else {
            return true;
        };
        if self.answers {
            return true;
        }
        let user = &self.view.platform.user;
        let maps = self
            .source
            .map(|source| source.maps(self.view))
            .unwrap_or_default();
        maps.iter().any(|line| {
            let words: Vec<String> = hba::tokens(line).iter().map(|token| hba::unquoted(token).0).collect();
            matches!(&words[..], [name, system, role] if name == map && system == user && role == user)
        })
    }

    /// Tells the ways in that these rules close, in front of the old ones.
    pub(super) fn closed<'r>(&self, lines: impl Iterator<Item = &'r String>) -> Vec<String> {
        if self.source.is_none_or(|source| source.another) {
            return Vec::new();
        }
        let mut closed: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for rule in lines.filter_map(|line| self.read(line)) {
            for login in self.logins_of(&rule) {
                for old in closed_by(&rule, &self.rules, &login, &self.addresses) {
                    let what = match login.database {
                        None => format!("replication as {}", login.user),
                        Some(database) => format!("{database} as {}", login.user),
                    };
                    let from = login
                        .address
                        .map_or("the socket".into(), |from| from.to_string());
                    let places = closed.entry((what, old.method.clone())).or_default();
                    if !places.contains(&from) {
                        places.push(from);
                    }
                }
            }
        }
        closed
            .into_iter()
            .map(|((what, method), from)| format!("{what} from {}, by {method}", from.join(", ")))
            .collect()
    }
}
