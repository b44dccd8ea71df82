//! Which rule of pg_hba.conf decides about a login (hba.c, check_hba): the first that matches.

use std::net::IpAddr;

use super::hba::{Rule, unquoted};

/// How a client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Over the socket.
    Local,
    /// Over TCP, in clear.
    Plain,
    /// Over TCP with TLS.
    Ssl,
    /// Over TCP with GSSAPI encryption.
    Gss,
}

/// Somebody who wants to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login<'a> {
    /// How.
    pub transport: Transport,
    /// To which database; `None` for physical replication.
    pub database: Option<&'a str>,
    /// As which role.
    pub user: &'a str,
    /// From where, unless over the socket.
    pub address: Option<IpAddr>,
}

/// Whether a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It does not.
    No,
    /// It depends on what its text does not tell: members of a role, names of hosts, networks, regular expressions.
    Unknown,
    /// It does.
    Yes,
}

/// Says whether a rule matches a login on a server with these addresses.
pub fn fits(rule: &Rule, login: &Login, own: &[IpAddr]) -> Fit {
    let connection = match rule.connection.as_str() {
        "local" => login.transport == Transport::Local,
        "host" => login.transport != Transport::Local,
        "hostssl" => login.transport == Transport::Ssl,
        "hostnossl" => matches!(login.transport, Transport::Plain | Transport::Gss),
        "hostgssenc" => login.transport == Transport::Gss,
        _ => matches!(login.transport, Transport::Plain | Transport::Ssl),
    };
    if !connection {
        return Fit::No;
    }
    let any = |tokens: &[String], fit: &dyn Fn(&str) -> Fit| {
        let fits = tokens.iter().map(|token| fit(token));
        fits.max().unwrap_or(Fit::No)
    };
    let database = any(&rule.databases, &|token| database(token, login));
    let user = any(&rule.users, &|token| user(token, login.user));
    let address = match (&rule.address, login.address) {
        (Some(said), Some(from)) => address(said, from, own),
        _ => Fit::Yes,
    };
    database.min(user).min(address)
}

fn sure(fits: bool) -> Fit {
    if fits { Fit::Yes } else { Fit::No }
}

fn database(token: &str, login: &Login) -> Fit {
    let (name, quoted) = unquoted(token);
    let Some(database) = login.database else {
        // Neither `all` nor a name means replication.
        return sure(!quoted && name == "replication");
    };
    match name.as_str() {
        "all" if !quoted => Fit::Yes,
        "replication" if !quoted => Fit::No,
        "sameuser" if !quoted => sure(database == login.user),
        "samerole" | "samegroup" if !quoted => Fit::Unknown,
        name if name.starts_with('/') || !quoted && name.starts_with('@') => Fit::Unknown,
        name => sure(name == database),
    }
}

fn user(token: &str, user: &str) -> Fit {
    let (name, quoted) = unquoted(token);
    match name.as_str() {
        "all" if !quoted => Fit::Yes,
        // Quotes keep a pattern's commas together; it stays one.
        name if name.starts_with('/') || !quoted && name.starts_with(['@', '+']) => Fit::Unknown,
        name => sure(name == user),
    }
}

fn address(said: &str, from: IpAddr, own: &[IpAddr]) -> Fit {
    let is_own = own.contains(&from) || from.is_loopback();
    match said {
        "all" => return Fit::Yes,
        "samehost" => return sure(is_own),
        "samenet" if is_own => return Fit::Yes,
        _ => {}
    }
    let network = said.split_once('/').and_then(|(ip, bits)| {
        let ip = ip.split('%').next().unwrap_or(ip);
        Some((ip.parse().ok()?, bits.parse().ok()?))
    });
    network.map_or(Fit::Unknown, |(ip, bits)| sure(is_in(from, ip, bits)))
}

fn is_in(from: IpAddr, network: IpAddr, bits: u32) -> bool {
    let (a, b, width) = match (from, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u32::from(a).into(), u32::from(b).into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
        _ => return false,
    };
    bits == 0 || (a ^ b) >> (width - bits.min(width)) == 0
}

/// Returns every rule that may decide about a login: those that may match, up to the first that does.
pub fn deciding<'r>(rules: &'r [Rule], login: &Login, own: &[IpAddr]) -> Vec<&'r Rule> {
    let mut found = Vec::new();
    for rule in rules {
        match fits(rule, login, own) {
            Fit::No => {}
            Fit::Unknown => found.push(rule),
            Fit::Yes => {
                found.push(rule);
                break;
            }
        }
    }
    found
}

/// Returns the rules that let a login in and would no longer decide if `new` stood in front of them.
pub fn closed_by<'r>(
    new: &Rule,
    rules: &'r [Rule],
    login: &Login,
    own: &[IpAddr],
) -> Vec<&'r Rule> {
    if fits(new, login, own) == Fit::No {
        return Vec::new();
    }
    let before = deciding(rules, login, own).into_iter();
    before
        .filter(|rule| rule.method != "reject" && !same_way(rule, new))
        .collect()
}

/// Says whether two rules ask the same of a client.
pub fn same_way(one: &Rule, other: &Rule) -> bool {
    one.method == other.method && one.options == other.options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::hba::{HbaLine, parse_line};
    use proptest::prelude::*;

    fn rule(line: &str) -> Rule {
        match parse_line("16".parse().unwrap(), line) {
            HbaLine::Rule(rule) => rule,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn login<'a>(
        transport: Transport,
        database: Option<&'a str>,
        user: &'a str,
        from: &str,
    ) -> Login<'a> {
        Login {
            transport,
            database,
            user,
            address: from.parse().ok(),
        }
    }

    #[test]
    fn rules_match_as_postgresql_matches_them() {
        use Fit::{No, Unknown, Yes};
        use Transport::{Gss, Local, Plain, Ssl};
        let own = ["10.0.0.1".parse().unwrap()];
        for (line, login, expected) in [
            ("local all all peer", login(Local, Some("a"), "u", ""), Yes),
            ("local all all peer", login(Local, None, "u", ""), No),
            (
                "local \"replication\" all peer",
                login(Local, None, "u", ""),
                No,
            ),
            (
                "local \"replication\" all peer",
                login(Local, Some("replication"), "u", ""),
                Yes,
            ),
            (
                "local \"all\" all peer",
                login(Local, Some("a"), "u", ""),
                No,
            ),
            (
                "host a,replication all 10.0.0.0/8 md5",
                login(Plain, None, "u", "10.1.1.1"),
                Yes,
            ),
            (
                "host all all 10.0.0.0/8 md5",
                login(Plain, Some("a"), "u", "11.1.1.1"),
                No,
            ),
            (
                "host all all 0.0.0.0/0 md5",
                login(Plain, Some("a"), "u", "::1"),
                No,
            ),
            (
                "host all all 10.0.0.0 255.0.0.0 md5",
                login(Ssl, Some("a"), "u", "10.9.9.9"),
                Yes,
            ),
            (
                "hostssl all all all md5",
                login(Plain, Some("a"), "u", "10.9.9.9"),
                No,
            ),
            (
                "hostnossl all all all md5",
                login(Gss, Some("a"), "u", "10.9.9.9"),
                Yes,
            ),
            (
                "hostnogssenc all all all md5",
                login(Gss, Some("a"), "u", "10.9.9.9"),
                No,
            ),
            (
                "host sameuser all samehost md5",
                login(Plain, Some("u"), "u", "127.0.0.1"),
                Yes,
            ),
            (
                "host all all samehost md5",
                login(Plain, Some("u"), "u", "10.0.0.2"),
                No,
            ),
            (
                "host all all samenet md5",
                login(Plain, Some("u"), "u", "10.0.0.1"),
                Yes,
            ),
            (
                "host all all samenet md5",
                login(Plain, Some("u"), "u", "10.0.0.2"),
                Unknown,
            ),
            (
                "host all +g all md5",
                login(Plain, Some("u"), "u", "10.0.0.2"),
                Unknown,
            ),
            (
                "host all \"+g\" all md5",
                login(Plain, Some("u"), "u", "10.0.0.2"),
                No,
            ),
            (
                "host all \"/^u{1,2}$\" all md5",
                login(Plain, Some("u"), "u", "10.0.0.2"),
                Unknown,
            ),
            (
                "host \"/^a,\" all all md5",
                login(Plain, Some("a"), "u", "10.0.0.2"),
                Unknown,
            ),
            (
                "host \"/^a\" all all md5",
                login(Plain, None, "u", "10.0.0.2"),
                No,
            ),
            (
                "host all all db.example.org md5",
                login(Plain, Some("u"), "u", "10.0.0.2"),
                Unknown,
            ),
            (
                "host all all fe80::1%eth0/64 md5",
                login(Plain, Some("u"), "u", "fe80::9"),
                Yes,
            ),
        ] {
            assert_eq!(
                fits(&rule(line), &login, &own),
                expected,
                "{line} {login:?}"
            );
        }
    }

    const LINES: [&str; 10] = [
        "local all all trust",
        "local a u peer",
        "local replication all md5",
        "host all all 0.0.0.0/0 md5",
        "host replication u 10.0.0.1/32 reject",
        "host a +g 10.0.0.0/8 cert",
        "hostssl all u 10.0.0.0/8 scram-sha-256",
        "hostnossl all all all reject",
        "host all all samehost trust",
        "host b \"all\" ::1/128 md5",
    ];

    fn any_login() -> impl Strategy<Value = Login<'static>> {
        let transport = prop::sample::select(vec![
            Transport::Local,
            Transport::Plain,
            Transport::Ssl,
            Transport::Gss,
        ]);
        let database = prop::sample::select(vec![None, Some("a"), Some("b"), Some("u")]);
        let user = prop::sample::select(vec!["u", "v", "all"]);
        let from = prop::sample::select(vec!["10.0.0.1", "10.9.0.1", "127.0.0.1", "::1"]);
        (transport, database, user, from).prop_map(|(transport, database, user, from)| {
            let mut login = login(transport, database, user, from);
            login.address = login.address.filter(|_| transport != Transport::Local);
            login
        })
    }

    proptest! {
        #[test]
        fn a_rule_in_front_closes_what_it_decides_otherwise_and_nothing_else(
            lines in prop::collection::vec(prop::sample::select(LINES.to_vec()), 0..6),
            front in prop::sample::select(LINES.to_vec()),
            login in any_login(),
        ) {
            let old: Vec<Rule> = lines.iter().map(|line| rule(line)).collect();
            let new = rule(front);
            let mut after = vec![new.clone()];
            after.extend(old.iter().cloned());
            let (was, is) = (deciding(&old, &login, &[]), deciding(&after, &login, &[]));
            let closed = closed_by(&new, &old, &login, &[]);
            // Nobody who was let in before finds another way first, unless it is said.
            for rule in was.iter().filter(|rule| rule.method != "reject") {
                let decides = is[0] == *rule || same_way(is[0], rule);
                prop_assert!(decides || closed.contains(rule) || fits(&new, &login, &[]) == Fit::No);
            }
            if fits(&new, &login, &[]) == Fit::No {
                prop_assert_eq!(&was, &is);
                prop_assert!(closed.is_empty());
            }
            // A rule behind all others takes nothing away.
            let mut behind = old.clone();
            behind.push(new);
            let then = deciding(&behind, &login, &[]);
            prop_assert_eq!(&then[..was.len()], &was[..]);
        }
    }
}
