//! The grammar of postgresql.conf, postgresql.auto.conf and recovery.conf (manual, 20.1.2; guc-file.l).

/// A line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfLine {
    /// Blank, or nothing but a comment.
    Blank,
    /// `name = value`, the name in lower case, the value without its quotes.
    Setting {
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
    },
    /// `include`, `include_if_exists` or `include_dir`.
    Include {
        /// Which of them.
        directive: String,
        /// The path as written.
        path: String,
    },
    /// Something PostgreSQL would not read.
    Bad {
        /// Why.
        why: String,
    },
}

/// Writes one assignment, always quoted: the one form that every value survives. Line breaks become `\n`.
///
/// A NUL byte, which would cut the value, is an error.
pub fn assignment(name: &str, value: &str) -> Result<String, String> {
    Ok(format!("{name} = {}", quote(value)?))
}

/// Quotes a value; see [`assignment`].
pub fn quote(value: &str) -> Result<String, String> {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('\'');
    for c in value.chars() {
        match c {
            '\0' => return Err("a configuration value cannot hold a NUL byte".into()),
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    Ok(quoted)
}

/// Reads a whole file, one entry per line.
pub fn parse(text: &str) -> Vec<ConfLine> {
    text.lines().map(parse_line).collect()
}

/// Returns the settings of a file in order, the last one of a name being the one that counts.
pub fn settings(text: &str) -> impl Iterator<Item = (String, String)> {
    parse(text).into_iter().filter_map(|line| match line {
        ConfLine::Setting { name, value } => Some((name, value)),
        _ => None,
    })
}

fn parse_line(line: &str) -> ConfLine {
    match read_line(line) {
        Ok(read) => read,
        Err(why) => ConfLine::Bad { why },
    }
}

fn read_line(line: &str) -> Result<ConfLine, String> {
    let rest = skip_blanks(line.trim_end_matches('\r'));
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(ConfLine::Blank);
    }
    let end = rest
        .find(|c: char| {
            !(c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.') || !c.is_ascii())
        })
        .unwrap_or(rest.len());
    let name = rest[..end].to_ascii_lowercase();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '$')) {
        return Err("expected the name of a parameter".into());
    }
    let mut rest = skip_blanks(&rest[end..]);
    if let Some(after) = rest.strip_prefix('=') {
        rest = skip_blanks(after);
    }
    let (value, rest) = if let Some(body) = rest.strip_prefix('\'') {
        quoted_value(body)?
    } else {
        bare_value(rest)?
    };
    let rest = skip_blanks(rest);
    if !(rest.is_empty() || rest.starts_with('#')) {
        return Err(format!("syntax error near {rest:?}"));
    }
    Ok(match name.as_str() {
        "include" | "include_if_exists" | "include_dir" => ConfLine::Include {
            directive: name,
            path: value,
        },
        _ => ConfLine::Setting { name, value },
    })
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\r', '\x0c'])
}

fn quoted_value(body: &str) -> Result<(String, &str), String> {
    let mut value = Vec::new();
    let bytes = body.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => {
                value.push(b'\'');
                at += 2;
            }
            b'\'' => {
                return Ok((super::bytes::text_of_parts(&value), &body[at + 1..]));
            }
            b'\\' => {
                at += 1;
                let Some(&escaped) = bytes.get(at) else { break };
                let digits = bytes[at..]
                    .iter()
                    .take(3)
                    .take_while(|b| matches!(b, b'0'..=b'7'))
                    .count();
                if digits > 0 {
                    let code = bytes[at..at + digits]
                        .iter()
                        .fold(0u32, |code, b| code * 8 + u32::from(b - b'0'));
                    value.push((code & 0xFF) as u8);
                    at += digits;
                } else {
                    value.push(match escaped {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'b' => 8,
                        b'f' => 12,
                        other => other,
                    });
                    at += 1;
                }
            }
            other => {
                value.push(other);
                at += 1;
            }
        }
    }
    Err("the quote is not closed".into())
}

fn bare_value(rest: &str) -> Result<(String, &str), String> {
    let end = rest.find([' ', '\t', '#', '\r']).unwrap_or(rest.len());
    let value = &rest[..end];
    if value.is_empty() {
        return Err("expected a value".into());
    }
    let number = || {
        let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
        let hex = digits
            .strip_prefix("0x")
            .is_some_and(|h| !h.is_empty() && h.chars().all(|c| c.is_ascii_hexdigit()));
        let integer = {
            let unit = digits.trim_start_matches(|c: char| c.is_ascii_digit());
            unit.len() < digits.len() && unit.chars().all(|c| c.is_ascii_alphabetic())
        };
        let real = digits.parse::<f64>().is_ok()
            && digits.contains('.')
            && digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        hex || integer || real
    };
    let identifier = value
        .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii())
        && value.chars().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-') || !c.is_ascii()
        });
    if number() || identifier {
        Ok((value.to_owned(), &rest[end..]))
    } else {
        Err(format!("{value} must stand in quotes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(line: &str) -> Option<String> {
        match parse_line(line) {
            ConfLine::Setting { value, .. } => Some(value),
            _ => None,
        }
    }

    #[test]
    fn values_are_read_as_postgresql_reads_them() {
        for (line, expected) in [
            ("work_mem 1024MB", "1024MB"),
            ("a = '1 GB'  # comment", "1 GB"),
            ("a = 'a''b'", "a'b"),
            (r"a = 'a\'b'", "a'b"),
            (r"a = 'a\\b'", r"a\b"),
            (r"a = '\t\101\q'", "\tAq"),
            (r"a = '\303\251'", "é"),
            (r"a = '\374'", "\u{10F7FC}"),
            ("a = 'B\u{10F7FC}ro'\r", "B\u{10F7FC}ro"),
            ("A_B=on\r", "on"),
            ("a = 0x64", "0x64"),
            ("a = -1.5e3", "-1.5e3"),
            ("a.b = x/y:z", "x/y:z"),
        ] {
            assert_eq!(value(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn what_postgresql_refuses_is_bad() {
        for line in [
            "a = 1 GB",
            "a = 1.5GB",
            "a = 1e2x",
            "a = 127.0.0.1",
            "a = *",
            "a = localhost,*",
            "a = /bin/true",
            "a = -x",
            "a = \"abc\"",
            "a = 'x' 'y'",
            "a = a b",
            "a == 'x'",
            "a = 'x';",
            "a = 'open",
            "= 1",
            "a",
        ] {
            assert!(matches!(parse_line(line), ConfLine::Bad { .. }), "{line}");
        }
    }

    #[test]
    fn includes_are_told_from_settings() {
        assert_eq!(
            parse_line("include_dir = 'conf.d'\t# all"),
            ConfLine::Include {
                directive: "include_dir".into(),
                path: "conf.d".into()
            }
        );
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in "[^\0]*") {
            let line = assignment("x", &text).unwrap();
            prop_assert_eq!(parse(&line), vec![ConfLine::Setting { name: "x".into(), value: text }]);
        }
    }
}
