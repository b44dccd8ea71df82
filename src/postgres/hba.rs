//! pg_hba.conf (manual, 21.1; hba.c).

use std::net::IpAddr;

use super::Major;

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
    Include,
    /// Something PostgreSQL would not load.
    Bad(Problem),
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Why, with what is allowed.
    pub why: String,
    /// Where in the line, in bytes.
    pub at: usize,
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

/// Reads a whole file, one entry per line; `line + continuation` count as one at the place of the first.
pub fn parse(major: Major, text: &str) -> Vec<HbaLine> {
    let mut lines = Vec::new();
    let mut pending = String::new();
    for line in text.lines() {
        let line = line.trim_end_matches('\r');
        if major.caps().hba_continues && line.ends_with('\\') {
            pending.push_str(&line[..line.len() - 1]);
            lines.push(HbaLine::Blank);
            continue;
        }
        pending.push_str(line);
        lines.push(parse_line(major, &pending));
        pending.clear();
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

/// A field: a list of tokens separated by commas, each as written.
type Field = (usize, Vec<String>);

fn fields(line: &str) -> Result<Vec<Field>, Problem> {
    let mut fields: Vec<Field> = Vec::new();
    let mut chars = line.char_indices().peekable();
    // After a comma the next token belongs to the same list, blanks or not.
    let mut in_list = false;
    while let Some(&(at, c)) = chars.peek() {
        if c == '#' {
            break;
        }
        if c.is_whitespace() {
            chars.next();
            continue;
        }
        if c == ',' {
            chars.next();
            in_list = true;
            continue;
        }
        let mut token = String::new();
        let mut quoted = false;
        while let Some(&(_, c)) = chars.peek() {
            if c == '"' {
                quoted = !quoted;
            } else if !quoted && (c.is_whitespace() || c == ',' || c == '#') {
                break;
            }
            token.push(c);
            chars.next();
        }
        if quoted {
            return Err(Problem {
                why: "the quote is not closed".into(),
                at,
            });
        }
        match fields.last_mut() {
            Some((_, list)) if in_list => list.push(token),
            _ => fields.push((at, vec![token])),
        }
        in_list = false;
    }
    Ok(fields)
}

fn read_line(major: Major, line: &str) -> Result<HbaLine, Problem> {
    let caps = major.caps();
    let mut fields = fields(line)?.into_iter();
    let problem = |why: String, at: usize| Problem { why, at };
    let Some((at, connection)) = fields.next() else {
        return Ok(HbaLine::Blank);
    };
    let connection = connection.join(",");
    match connection.as_str() {
        "local" | "host" | "hostssl" | "hostnossl" => {}
        "hostgssenc" | "hostnogssenc" if caps.hba_gssenc => {}
        "include" | "include_if_exists" | "include_dir" if caps.hba_includes => {
            return Ok(HbaLine::Include);
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
        let bare = address.trim_matches('"');
        match bare.split_once('/') {
            Some((ip, bits)) => {
                let ip: IpAddr = ip.parse().map_err(|_| {
                    problem(format!("expected an IP address before /, found {ip:?}"), at)
                })?;
                let most = if ip.is_ipv4() { 32 } else { 128 };
                let bits: u8 = bits
                    .parse()
                    .ok()
                    .filter(|bits| *bits <= most)
                    .ok_or_else(|| problem(format!("expected /0 to /{most}, found /{bits}"), at))?;
                Some(format!("{ip}/{bits}"))
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
    let method = method.join(",");
    let known = METHODS.contains(&method.as_str()) && (method != "scram-sha-256" || caps.has_scram);
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
            HbaLine::Include
        );
    }

    #[test]
    fn a_line_goes_on_after_a_backslash_since_14() {
        let text = "host all \\\n all 10.0.0.0/8 md5\n";
        assert!(matches!(
            &parse("14".parse().unwrap(), text)[..],
            [HbaLine::Blank, HbaLine::Rule(_)]
        ));
        assert!(matches!(
            parse("13".parse().unwrap(), text)[0],
            HbaLine::Bad(_)
        ));
    }
}
