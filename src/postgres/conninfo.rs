//! libpq's connection strings (manual, 34.1.1.1).

/// Writes `keyword='value'` pairs; every value is quoted.
pub fn conninfo(pairs: &[(&str, &str)]) -> String {
    let quoted: Vec<String> = pairs
        .iter()
        .map(|(keyword, value)| {
            if !value.is_empty() && value.chars().all(is_plain) {
                format!("{keyword}={value}")
            } else {
                let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
                format!("{keyword}='{escaped}'")
            }
        })
        .collect();
    quoted.join(" ")
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':')
}

/// Reads the pairs of a connection string; `None` if libpq would refuse it.
pub fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (keyword, after) = rest.split_once('=')?;
        let keyword = keyword.trim();
        if keyword.is_empty() || keyword.contains(char::is_whitespace) {
            return None;
        }
        let after = after.trim_start();
        let (quoted, body) = match after.strip_prefix('\'') {
            Some(body) => (true, body),
            None => (false, after),
        };
        let mut value = String::new();
        let mut chars = body.char_indices();
        let end = loop {
            match chars.next() {
                Some((_, '\\')) => value.push(chars.next()?.1),
                Some((at, '\'')) if quoted => break at + 1,
                Some((at, c)) if !quoted && c.is_whitespace() => break at,
                Some((_, c)) => value.push(c),
                None if quoted => return None,
                None => break body.len(),
            }
        };
        pairs.push((keyword.to_owned(), value));
        rest = body[end..].trim_start();
    }
    Some(pairs)
}

/// Keywords that say whom a server follows, as whom, and with what password: pgrepl decides them.
const DECIDED: [&str; 10] = [
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "passfile",
    "application_name",
    "fallback_application_name",
    "connect_timeout",
    "replication",
];

/// What a connection does by itself: `pg_basebackup -R` writes all of it.
const USUAL: [(&str, &str); 14] = [
    ("channel_binding", "prefer"),
    ("dbname", "replication"),
    ("gssdelegation", "0"),
    ("gssencmode", "prefer"),
    ("keepalives", "1"),
    ("krbsrvname", "postgres"),
    ("load_balance_hosts", "disable"),
    ("requirepeer", ""),
    ("ssl_min_protocol_version", "TLSv1.2"),
    ("sslcertmode", "allow"),
    ("sslcompression", "0"),
    ("sslnegotiation", "postgres"),
    ("sslsni", "1"),
    ("target_session_attrs", "any"),
];

/// Says whether a keyword is none that an inventory may say: it follows from the roles.
pub fn is_decided(keyword: &str) -> bool {
    DECIDED.contains(&keyword)
}

/// Returns the pairs that make a connection another one than libpq's usual one with this `sslmode`.
pub fn special(pairs: &[(String, String)], sslmode: &str) -> Vec<(String, String)> {
    let usual = |keyword: &str, value: &str| {
        value.is_empty()
            || keyword == "sslmode" && value == sslmode
            || USUAL.contains(&(keyword, value))
    };
    let mut special: Vec<(String, String)> = Vec::new();
    for (keyword, value) in pairs {
        // What is said again counts.
        special.retain(|(said, _)| said != keyword);
        if !is_decided(keyword) && !usual(keyword, value) {
            special.push((keyword.clone(), value.clone()));
        }
    }
    special
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_copy_writes_by_itself_is_nothing_special() {
        let copied = "user=rep password=x channel_binding=prefer host=server1 port=5432 sslmode=prefer \
            sslnegotiation=postgres sslcompression=0 sslcertmode=allow sslsni=1 ssl_min_protocol_version=TLSv1.2 \
            gssencmode=prefer krbsrvname=postgres gssdelegation=0 target_session_attrs=any load_balance_hosts=disable";
        assert_eq!(special(&parse(copied).unwrap(), "prefer"), []);
        let own = "host=a sslmode=verify-full sslrootcert=/a keepalives_idle=5 sslrootcert=/b dbname=postgres options='-c a=b'";
        let special = special(&parse(own).unwrap(), "require");
        let shown: Vec<(&str, &str)> = special
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            conninfo(&shown),
            "sslmode=verify-full keepalives_idle=5 sslrootcert=/b dbname=postgres options='-c a=b'"
        );
    }

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(
            conninfo(&[("password", r"a'b\c d:e")]),
            r"password='a\'b\\c d:e'"
        );
        assert_eq!(
            conninfo(&[("host", "10.0.0.1"), ("user", "")]),
            "host=10.0.0.1 user=''"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in "[^\0]*") {
            let written = conninfo(&[("host", "h"), ("user", &value), ("port", "1")]);
            let read = parse(&written).unwrap();
            prop_assert_eq!(&read[1].1, &value);
            prop_assert_eq!(read.len(), 3);
        }
    }
}
