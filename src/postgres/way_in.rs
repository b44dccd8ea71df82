//! Whether the rules of one server let in whom those of another do.

use std::net::IpAddr;

use super::access::{Fit, Login, Transport, fits, same_way};
use super::hba::{Rule, unquoted};

/// What becomes of a login by the rules of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way<'r> {
    /// No rule speaks of it: "no pg_hba.conf entry".
    NoEntry,
    /// This rule decides.
    By(&'r Rule),
    /// It depends on what the rules do not tell.
    Unknown,
}

/// Returns what becomes of a login.
pub fn way<'r>(rules: &'r [Rule], login: &Login, own: &[IpAddr]) -> Way<'r> {
    for rule in rules {
        match fits(rule, login, own) {
            Fit::No => {}
            Fit::Yes => return Way::By(rule),
            Fit::Unknown => return Way::Unknown,
        }
    }
    Way::NoEntry
}

/// How the rules of another server differ from one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap<'r> {
    /// They say nothing of those whom it is about, or not of all of them.
    Missing,
    /// This one decides instead, in another way.
    Otherwise(&'r Rule),
}

/// A name that no rule has.
const NOBODY: &str = "\u{1}";

/// Returns how the rules of another server differ from what one rule of these decides; `None` if they do not.
///
/// `at` is the place of the rule among `rules`.
pub fn gap<'r>(
    rules: &[Rule],
    at: usize,
    others: &'r [Rule],
    own: &[IpAddr],
    others_own: &[IpAddr],
) -> Option<Gap<'r>> {
    let rule = rules.get(at)?;
    let earlier = &rules[..at];
    for login in logins(rule) {
        // What another rule in front decides is that one's.
        if earlier
            .iter()
            .any(|rule| fits(rule, &login, own) == Fit::Yes)
        {
            continue;
        }
        let decides = |other: &&Rule| *other == rule || fits(other, &login, others_own) == Fit::Yes;
        match others.iter().find(decides) {
            Some(other) if same_way(other, rule) => {}
            Some(other) => return Some(Gap::Otherwise(other)),
            // Without a rule nobody is let in either.
            None if rule.method == "reject" => {}
            None => return Some(Gap::Missing),
        }
    }
    None
}

/// Returns logins that a rule is about, of each kind that another rule could leave out.
fn logins(rule: &Rule) -> Vec<Login<'_>> {
    let mut logins = Vec::new();
    for address in ends(rule) {
        for transport in transports(rule) {
            for database in &rule.databases {
                for user in &rule.users {
                    logins.push(Login {
                        transport,
                        database: self::database(database),
                        user: name(user).unwrap_or(NOBODY),
                        address,
                    });
                }
            }
        }
    }
    logins
}

/// Says whether two rules may match the same login, so that it counts which of them stands in front.
pub fn may_meet(one: &Rule, other: &Rule) -> bool {
    let wide = |rule: &Rule| Rule {
        databases: rule.databases.clone(),
        users: vec!["all".into()],
        address: rule.address.as_ref().map(|_| "all".into()),
        ..rule.clone()
    };
    let meets = |one: &Rule, other: &Rule| {
        let fits = |login: &Login| fits(other, login, &[]) != Fit::No;
        logins(one).iter().any(fits)
    };
    let either = |one: &Rule, other: &Rule| meets(one, other) || meets(other, one);
    let users = |rule: &Rule| Rule {
        databases: vec!["all".into()],
        users: rule.users.clone(),
        ..wide(rule)
    };
    let addresses = |rule: &Rule| Rule {
        databases: vec!["all".into()],
        address: rule.address.clone(),
        ..wide(rule)
    };
    either(&wide(one), &wide(other))
        && either(&users(one), &users(other))
        && either(&addresses(one), &addresses(other))
}

/// Returns what a token names; nothing where it stands for several.
fn name(token: &str) -> Option<&str> {
    let bare = token.trim_matches('"');
    let quoted = token.starts_with('"');
    let several = matches!(
        bare,
        "all" | "sameuser" | "samerole" | "samegroup" | "replication"
    ) || bare.starts_with(['/', '@', '+']);
    // A quote inside is rare; such a name is as good as none.
    (quoted || !several)
        .then_some(bare)
        .filter(|bare| !bare.contains('"'))
}

fn database(token: &str) -> Option<&str> {
    match unquoted(token) {
        (word, false) if word == "replication" => None,
        _ => Some(name(token).unwrap_or(NOBODY)),
    }
}

fn transports(rule: &Rule) -> Vec<Transport> {
    match rule.connection.as_str() {
        "local" => vec![Transport::Local],
        "hostssl" => vec![Transport::Ssl],
        "hostnossl" => vec![Transport::Plain],
        "hostgssenc" => vec![Transport::Gss],
        _ => vec![Transport::Plain, Transport::Ssl],
    }
}

/// Returns the first and the last address of a rule's network; where it has none, one that no network is likely to have.
fn ends(rule: &Rule) -> Vec<Option<IpAddr>> {
    let Some(said) = rule.address.as_deref() else {
        return vec![None];
    };
    let nobody = "192.0.2.1".parse().ok();
    let network = said.split_once('/').and_then(|(ip, bits)| {
        let ip: IpAddr = ip.split('%').next()?.parse().ok()?;
        Some((ip, bits.parse::<u32>().ok()?))
    });
    match network {
        Some((IpAddr::V4(ip), bits)) => {
            let hosts = u32::MAX.checked_shr(bits).unwrap_or(0);
            let ip = u32::from(ip);
            vec![
                Some(IpAddr::V4((ip & !hosts).into())),
                Some(IpAddr::V4((ip | hosts).into())),
            ]
        }
        Some((IpAddr::V6(ip), bits)) => {
            let hosts = u128::MAX.checked_shr(bits).unwrap_or(0);
            let ip = u128::from(ip);
            vec![
                Some(IpAddr::V6((ip & !hosts).into())),
                Some(IpAddr::V6((ip | hosts).into())),
            ]
        }
        None => vec![nobody],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::hba::{HbaLine, parse_line};
    use proptest::prelude::*;

    fn rules(text: &str) -> Vec<Rule> {
        let rule = |line: &str| match parse_line("16".parse().unwrap(), line) {
            HbaLine::Rule(rule) => rule,
            other => panic!("{line}: {other:?}"),
        };
        text.lines().map(rule).collect()
    }

    /// How the second rules differ from the last of the first ones.
    fn told(first: &str, second: &str) -> &'static str {
        let (first, second) = (rules(first), rules(second));
        match gap(&first, first.len() - 1, &second, &[], &[]) {
            None => "",
            Some(Gap::Missing) => "missing",
            Some(Gap::Otherwise(_)) => "otherwise",
        }
    }

    #[test]
    fn rules_are_compared_by_whom_they_let_in() {
        let app = "host shop app 10.0.0.0/8 md5";
        for (first, second, expected) in [
            (app, app, ""),
            (app, "", "missing"),
            (app, "host all all 0.0.0.0/0 md5", ""),
            (app, "host all all 0.0.0.0/0 scram-sha-256", "otherwise"),
            (app, "host shop app 10.0.0.0/24 md5", "missing"),
            (
                app,
                "host shop app 10.0.0.0/9 md5\nhost shop app 10.128.0.0/9 md5",
                "",
            ),
            (app, "hostssl shop app 10.0.0.0/8 md5", "missing"),
            (
                app,
                "host all all all reject\nhost shop app 10.0.0.0/8 md5",
                "otherwise",
            ),
            // What is decided in front is another rule's.
            ("host all all all md5\nhost shop app 10.0.0.0/8 md5", "", ""),
            // Everybody is more than somebody.
            ("host all all 10.0.0.0/8 md5", app, "missing"),
            (
                "host all all 10.0.0.0/8 md5",
                "host all app 10.0.0.0/8 md5",
                "missing",
            ),
            // What cannot be tried is the same rule, or one for all.
            (
                "host all +team samenet md5",
                "host all +team samenet md5",
                "",
            ),
            (
                "host all +team samenet md5",
                "host all +team samehost md5",
                "missing",
            ),
            ("host all +team samenet md5", "host all all all md5", ""),
            (
                "host all all db.example.org md5",
                "host all all db.example.com md5",
                "missing",
            ),
            ("host shop app 10.0.0.0/8 reject", "", ""),
            (
                "host shop app 10.0.0.0/8 reject",
                "host all all all trust",
                "otherwise",
            ),
            ("local all all peer", "local all all md5", "otherwise"),
            (
                "host all all ::1/128 md5",
                "host all all 127.0.0.1/32 md5",
                "missing",
            ),
            (
                "host replication barman 10.0.0.9/32 md5",
                "host all all all md5",
                "missing",
            ),
            ("host all \"all\" all md5", "host all \"all\" all md5", ""),
            ("host a,b u,v all md5", "host a,b u all md5", "missing"),
        ] {
            assert_eq!(told(first, second), expected, "{first} / {second}");
        }
    }

    #[test]
    fn rules_meet_where_somebody_may_come_by_both() {
        for (one, other, expected) in [
            (
                "host shop all 10.0.0.0/8 md5",
                "host all app 10.1.0.0/16 md5",
                true,
            ),
            (
                "host shop all 10.0.0.0/8 md5",
                "host blog app 10.1.0.0/16 md5",
                false,
            ),
            (
                "host all all 127.0.0.1/32 md5",
                "host all all 10.0.0.0/8 md5",
                false,
            ),
            (
                "host all all samenet md5",
                "host all all 10.0.0.0/8 md5",
                true,
            ),
            ("local all all peer", "host all all all md5", false),
            (
                "hostssl all all all md5",
                "hostnossl all all all md5",
                false,
            ),
            (
                "host replication all all md5",
                "host all all all md5",
                false,
            ),
            ("host all u all md5", "host all +g all md5", true),
        ] {
            let (one, other) = (&rules(one)[0], &rules(other)[0]);
            assert_eq!(may_meet(one, other), expected, "{one:?} {other:?}");
            assert_eq!(may_meet(other, one), expected, "{one:?} {other:?}");
        }
    }

    const LINES: [&str; 9] = [
        "local all all trust",
        "local a u peer",
        "host all all 0.0.0.0/0 md5",
        "host replication u 10.0.0.1/32 reject",
        "host a +g 10.0.0.0/8 cert",
        "hostssl all u 10.0.0.0/8 scram-sha-256",
        "hostnossl all all all reject",
        "host a,b u samenet trust",
        "host b \"all\" ::1/128 md5",
    ];

    proptest! {
        #[test]
        fn the_same_rules_let_in_the_same_whatever_stands_behind_them(
            one in prop::collection::vec(prop::sample::select(LINES.to_vec()), 0..6),
            behind in prop::collection::vec(prop::sample::select(LINES.to_vec()), 0..3),
        ) {
            let one = rules(&one.join("\n"));
            let mut other = one.clone();
            other.extend(rules(&behind.join("\n")));
            for at in 0..one.len() {
                prop_assert_eq!(gap(&one, at, &other, &[], &[]), None);
            }
        }
    }
}
