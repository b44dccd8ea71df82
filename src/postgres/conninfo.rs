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

/// Returns the string with every password replaced by `***`; all of it is hidden when it cannot be read.
pub fn masked(text: &str) -> String {
    let Some(pairs) = parse(text) else {
        return "***".into();
    };
    let shown: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(keyword, value)| {
            let secret = matches!(keyword.as_str(), "password" | "sslpassword");
            (
                keyword.as_str(),
                if secret { "***" } else { value.as_str() },
            )
        })
        .collect();
    conninfo(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(
            masked(r"host=h password='a\'b\\c d:e' user=u"),
            "host=h password='***' user=u"
        );
        assert_eq!(masked("password='open"), "***");
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
