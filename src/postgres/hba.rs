//! pg_hba.conf (manual, 21.1; hba.c).

use std::net::IpAddr;

use super::Major;
use super::hba_words::{Field, fields};
pub use super::hba_words::{Problem, files, masked, tokens, unquoted};

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `local`, `host`, `hostssl`, …
    pub connection: String,
    /// Databases, quotes kept: quoting takes a keyword's meaning away.
    pub databases: Vec<String>,
    /// Roles, quotes kept.
    pub users: Vec<String>,
    /// Address, in the normal form `10.0.0.0/24` where it is one; `None` for `local`.
    pub address: Option<String>,
    /// Authentication method.
    pub method: String,
    /// Options of the method.
    pub options: Vec<String>,
}

/// A line of pg_hba.conf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HbaLine {
    /// Blank, or nothing but a comment.
    Blank,
    /// A rule.
    Rule(Rule),
    /// `include`, `include_if_exists` or `include_dir`.
    Include {
        /// Which of them.
        directive: String,
        /// The path as written, without its quotes.
        path: String,
    },
    /// Something PostgreSQL would not load.
    Bad(Problem),
}

const METHODS: [&str; 14] = [
    "trust",
    "reject",
    "scram-sha-256",
    "md5",
    "password",
    "gss",
    "sspi",
    "ident",
    "peer",
    "ldap",
    "radius",
    "cert",
    "pam",
    "bsd",
];

/// A line with those that it goes on in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// The number of the first of them, from 1 on.
    pub at: usize,
    /// All of them as they stand in the file, without the end of the last one.
    pub raw: &'a str,
    /// The same as one line.
    pub joined: String,
    /// What it says.
    pub read: HbaLine,
}

/// Reads a whole file.
pub fn lines(major: Major, text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let (mut begin, mut first) = (0, 1);
    let mut joined = String::new();
    let mut at = 0;
    for (number, whole) in text.split_inclusive('\n').enumerate() {
        at += whole.len();
        let line = whole.trim_end_matches(['\r', '\n']);
        if let Some(cut) = line.strip_suffix('\\')
            && major.caps().hba_continues
            && at < text.len()
        {
            joined.push_str(cut);
            continue;
        }
        // Behind the last line there is nothing to go on with.
        let line = if major.caps().hba_continues {
            line.strip_suffix('\\').unwrap_or(line)
        } else {
            line
        };
        joined.push_str(line);
        let raw = &text[begin..at];
        lines.push(Line {
            at: first,
            raw: raw.strip_suffix('\n').unwrap_or(raw),
            read: parse_line(major, &joined),
            joined: std::mem::take(&mut joined),
        });
        (begin, first) = (at, number + 2);
    }
    lines
}

/// Reads one line.
pub fn parse_line(major: Major, line: &str) -> HbaLine {
    match read_line(major, line) {
        Ok(read) => read,
        Err(problem) => HbaLine::Bad(problem),
    }
}

/// Returns a line that is not understood as a rule for anybody's address, if it can be one: a server may understand more.
pub fn guessed(line: &str) -> Option<Rule> {
    let mut fields = fields(line).ok()?.into_iter().map(|(_, tokens)| tokens);
    let connection = unquoted(&fields.next()?.join(",")).0;
    let is_local = connection == "local";
    if !is_local && !connection.starts_with("host") {
        return None;
    }
    let (databases, users) = (fields.next()?, fields.next()?);
    let rest: Vec<String> = fields.map(|tokens| unquoted(&tokens.join(",")).0).collect();
    let method = rest
        .iter()
        .position(|word| METHODS.contains(&word.as_str()));
    let method = method.unwrap_or(usize::from(!is_local));
    Some(Rule {
        connection,
        databases,
        users,
        address: (!is_local).then(|| rest.first().cloned().unwrap_or_default()),
        method: rest.get(method)?.clone(),
        options: rest.get(method + 1..).unwrap_or_default().to_vec(),
    })
}

fn read_line(major: Major, line: &str) -> Result<HbaLine, Problem> {
    let caps = major.caps();
    let mut fields = fields(line)?.into_iter();
    let problem = |why: String, at: usize| Problem { why, at };
    let Some((at, connection)) = fields.next() else {
        return Ok(HbaLine::Blank);
    };
    let connection = unquoted(&connection.join(",")).0;
    match connection.as_str() {
        "local" | "host" | "hostssl" | "hostnossl" => {}
        "hostgssenc" | "hostnogssenc" if caps.hba_gssenc => {}
        "include" | "include_if_exists" | "include_dir" if caps.hba_includes => {
            let (_, path) = fields
                .next()
                .ok_or_else(|| problem("expected a path".into(), line.trim_end().len()))?;
            return Ok(HbaLine::Include {
                directive: connection,
                path: unquoted(&path.join(",")).0,
            });
        }
        other => {
            return Err(problem(
                format!("expected local, host, hostssl or hostnossl, found {other:?}"),
                at,
            ));
        }
    }
    let end = line.trim_end().len();
    let mut next = |what: &str| -> Result<Field, Problem> {
        fields
            .next()
            .ok_or_else(|| problem(format!("expected {what} at the end of the line"), end))
    };
    let (_, databases) = next("a database")?;
    let (_, users) = next("a role")?;
    let address = if connection == "local" {
        None
    } else {
        let (at, address) = next("an address")?;
        let [address] = &address[..] else {
            return Err(problem("expected one address".into(), at));
        };
        let bare = &unquoted(address).0;
        match bare.split_once('/') {
            Some((ip, bits)) => {
                let said = ip;
                let (ip, zone) = said.split_once('%').unwrap_or((said, ""));
                let ip: IpAddr = ip
                    .parse()
                    .ok()
                    .filter(|ip: &IpAddr| zone.is_empty() || ip.is_ipv6())
                    .ok_or_else(|| {
                        let why = format!("expected an IP address before /, found {said:?}");
                        problem(why, at)
                    })?;
                let most = if ip.is_ipv4() { 32 } else { 128 };
                let bits: u8 = bits
                    .parse()
                    .ok()
                    .filter(|bits| *bits <= most)
                    .ok_or_else(|| problem(format!("expected /0 to /{most}, found /{bits}"), at))?;
                let zone = &said[said.find('%').unwrap_or(said.len())..];
                Some(format!("{ip}{zone}/{bits}"))
            }
            None => match bare.parse::<IpAddr>() {
                Ok(ip) => {
                    let (at, mask) = next("a mask, or an address with /bits")?;
                    let mask = mask.join(",");
                    let bits = mask
                        .parse::<IpAddr>()
                        .ok()
                        .filter(|mask| mask.is_ipv4() == ip.is_ipv4())
                        .and_then(bits_of)
                        .ok_or_else(|| {
                            problem(format!("expected a mask, or {ip}/32, found {mask:?}"), at)
                        })?;
                    Some(format!("{ip}/{bits}"))
                }
                Err(_) => Some(bare.to_owned()),
            },
        }
    };
    let (at, method) = next("an authentication method")?;
    let method = unquoted(&method.join(",")).0;
    let known = METHODS.contains(&method.as_str())
        && (method != "scram-sha-256" || caps.has_scram)
        && (method != "radius" || caps.has_radius)
        || method == "oauth" && caps.has_oauth;
    if !known {
        return Err(problem(
            format!(
                "expected an authentication method such as {}, found {method:?}",
                if caps.has_scram {
                    "scram-sha-256, md5, peer or reject"
                } else {
                    "md5, peer or reject"
                }
            ),
            at,
        ));
    }
    if method == "peer" && connection != "local" {
        return Err(problem("peer works for local connections only".into(), at));
    }
    let mut options = Vec::new();
    for (at, option) in fields {
        let option = option.join(",");
        if !option.contains('=') {
            return Err(problem(
                format!("expected name=value, found {option:?}"),
                at,
            ));
        }
        options.push(option);
    }
    Ok(HbaLine::Rule(Rule {
        connection,
        databases,
        users,
        address,
        method,
        options,
    }))
}

fn bits_of(mask: IpAddr) -> Option<u32> {
    let (bits, width) = match mask {
        IpAddr::V4(mask) => (u128::from(u32::from(mask)) << 96, 32),
        IpAddr::V6(mask) => (u128::from(mask), 128),
    };
    let ones = bits.leading_ones();
    (ones <= width && bits.count_ones() == ones).then_some(ones)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(version: &str, line: &str) -> Result<Rule, Problem> {
        match parse_line(version.parse().unwrap(), line) {
            HbaLine::Rule(rule) => Ok(rule),
            HbaLine::Bad(problem) => Err(problem),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_rule_is_the_same_however_written() {
        assert_eq!(
            rule("16", "host  a,b all 10.0.0.0  255.255.255.0 md5 # x").unwrap(),
            rule("16", "host a, b\tall 10.0.0.0/24 md5").unwrap()
        );
        assert_ne!(
            rule("16", "host \"all\" u samenet md5").unwrap(),
            rule("16", "host all u samenet md5").unwrap()
        );
    }

    #[test]
    fn mistakes_are_found_with_their_place() {
        for (line, at) in [
            ("hosts all all 1.2.3.4/32 md5", 0),
            ("host all all 1.2.3.4/33 md5", 13),
            ("host all all 1.2.3.4 md5", 21),
            ("host all all 300.0.0.1/8 md5", 13),
            ("host all all 10.0.0.0/8 scram", 24),
            ("host all all 10.0.0.0/8", 23),
            ("host all all samenet peer", 21),
            ("local all \"bob trust", 10),
            ("local all all md5 clientcert", 18),
            ("include other.conf", 0),
        ] {
            assert_eq!(rule("15", line).unwrap_err().at, at, "{line}");
        }
        assert!(rule("9.6", "host all all all scram-sha-256").is_err());
        assert!(rule("11", "hostgssenc all all all md5").is_err());
        assert_eq!(
            parse_line("16".parse().unwrap(), "include x"),
            HbaLine::Include {
                directive: "include".into(),
                path: "x".into()
            }
        );
    }

    #[test]
    fn what_is_not_understood_may_be_a_rule_all_the_same() {
        let guess = |line: &str| {
            let rule = guessed(line)?;
            Some(format!(
                "{:?} {:?} {:?} {}",
                rule.databases, rule.users, rule.address, rule.method
            ))
        };
        for (line, expected) in [
            (
                "host a,b u 10.72/16 md5 x=y",
                Some(r#"["a", "b"] ["u"] Some("10.72/16") md5"#),
            ),
            (
                "host all u 10.0.0.0 255.0.0.255 \"gss\"",
                Some(r#"["all"] ["u"] Some("10.0.0.0") gss"#),
            ),
            (
                "local all +g next-years",
                Some(r#"["all"] ["+g"] None next-years"#),
            ),
            (
                "hostnext all u all next-years",
                Some(r#"["all"] ["u"] Some("all") next-years"#),
            ),
            ("include_next x y z", None),
            ("host all", None),
            ("host all \"u all md5", None),
        ] {
            assert_eq!(guess(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn what_newer_versions_and_interfaces_brought_is_a_rule() {
        assert!(rule("17", "host a all 10.0.0.0/8 oauth issuer=x").is_err());
        assert!(rule("18", "host a all 10.0.0.0/8 oauth issuer=x scope=y").is_ok());
        let radius = "host a all 10.0.0.0/8 radius radiusservers=x radiussecrets=y";
        assert!(rule("18", radius).is_ok() && rule("19", radius).is_err());
        let zone = rule("15", "host a all fe80::1%eth0/64 md5").unwrap();
        assert_eq!(zone.address.as_deref(), Some("fe80::1%eth0/64"));
        assert!(rule("15", "host a all 10.0.0.1%eth0/32 md5").is_err());
    }

    #[test]
    fn a_line_goes_on_after_a_backslash_since_14() {
        let text = "host all \\\r\n all \\\n10.0.0.0/8 md5\r\nlocal all all peer\\";
        let read = lines("14".parse().unwrap(), text);
        let [line, next] = &read[..] else {
            panic!("{read:?}")
        };
        assert_eq!((line.at, next.at), (1, 4));
        assert_eq!(
            line.raw,
            text.split("local").next().unwrap().trim_end_matches('\n')
        );
        assert!(matches!(line.read, HbaLine::Rule(_)));
        // Nothing comes behind the last one.
        assert!(matches!(next.read, HbaLine::Rule(_)));
        let before = lines("13".parse().unwrap(), text);
        assert_eq!(before.len(), 4);
        assert!(matches!(before[0].read, HbaLine::Bad(_)));
    }
}
