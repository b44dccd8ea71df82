//! Takes secrets out of everything that is printed or saved, whatever file, answer or error they stand in.
//!
//! It knows no grammar: a word that names a secret and is followed by a value is enough, in any spelling of upper and lower
//! case. Where the end of a value is not certain, the rest of the line is hidden with it.

use serde_json::Value;

/// Stands for a secret.
const MASK: &str = "***";

/// Words that name a secret where one ends a key: `PGPASSWORD`, `ldapbindpasswd`, `radiussecrets`, `aws_secret_access_key`.
const NAMES: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "secret",
    "secrets",
    "secret_key",
    "access_key",
    "private_key",
    "api_key",
    "apikey",
    "token",
    "cipher_pass",
];

/// Keys whose whole value may hold a secret: commands that print one.
const COMMANDS: [&str; 1] = ["ssl_passphrase_command"];

/// Hides the secrets of a text, line by line; colours stay.
pub fn text(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(line).collect();
    lines.join("\n")
}

/// Hides the secrets in every string of a JSON value.
pub fn json(value: &mut Value) {
    match value {
        Value::String(said) => *said = text(said),
        Value::Array(all) => all.iter_mut().for_each(json),
        Value::Object(all) => {
            for (key, value) in all.iter_mut() {
                match value {
                    Value::String(said) if names_secret(key) && !said.is_empty() => {
                        MASK.clone_into(said);
                    }
                    value => json(value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn names_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    NAMES.iter().any(|name| key.ends_with(name)) || key == "pwd" || key.ends_with("_pwd")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn line(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    // The word before the place that is looked at.
    let mut word = String::new();
    while let Some(c) = rest.chars().next() {
        if is_word(c) {
            word.push(c);
            shown.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let key = std::mem::take(&mut word);
        if let Some((kept, hidden)) = secret(&key, rest) {
            shown.push_str(&rest[..kept]);
            shown.push_str(MASK);
            rest = &rest[kept + hidden..];
            continue;
        }
        shown.push(c);
        rest = &rest[c.len_utf8()..];
    }
    verifiers(&shown)
}

/// Returns how many bytes behind a word are kept and how many behind them are a secret, if the word is followed by one.
fn secret(key: &str, rest: &str) -> Option<(usize, usize)> {
    if let Some(address) = rest.strip_prefix("://") {
        // A password in an address: scheme://user:password@host
        let end = address
            .find(|c: char| c.is_whitespace() || c == '/')
            .unwrap_or(address.len());
        let at = address[..end].rfind('@')?;
        let colon = address[..at].find(':')?;
        return (!key.is_empty()).then_some((3 + colon + 1, at - colon - 1));
    }
    let whole = COMMANDS.iter().any(|name| key.eq_ignore_ascii_case(name));
    if !whole && !names_secret(key) {
        return None;
    }
    // A key may itself be quoted: "password": "…"
    let closed = rest.trim_start_matches(['"', '\'']);
    let quotes = rest.len() - closed.len();
    let blank = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
    let before = blank(closed);
    let mut at = quotes + before;
    let after = &rest[at..];
    if after.starts_with(['=', ':']) {
        at += 1 + usize::from(after.starts_with(":="));
        at += blank(&rest[at..]);
    } else if key.starts_with("--") && before > 0 {
        // An option of a program and its value.
    } else if before == 0 || !after.starts_with(['\'', '"', '$']) {
        // A word in a sentence. SQL and configuration files have a quoted value behind a blank.
        return None;
    }
    let value = &rest[at..];
    // What is no value: the end of the line, a mapping of YAML, a mask, the place for one, a reference to a variable of the environment.
    if value.is_empty() || value.starts_with(['{', '\x1b', '\n', '…']) || value.starts_with(MASK)
    {
        return None;
    }
    let quoted = value.len() - value.trim_start_matches(['\'', '"', '\\']).len();
    let opened = &value[..quoted];
    if quoted > 0 && value[quoted..].starts_with(MASK) {
        return None;
    }
    // Two quotes with nothing between them, and nothing behind.
    if matches!(opened, "''" | "\"\"") && !value[quoted..].starts_with(|c: char| !c.is_whitespace())
    {
        return None;
    }
    let stop = value.find('\x1b').unwrap_or(value.len());
    let end = if quoted == 0 {
        // A quote in the middle may belong to it; at its end it closes what it stands in.
        let end = value
            .find(|c: char| c.is_whitespace() || c == '\x1b')
            .unwrap_or(value.len());
        let bare = value[..end]
            .trim_end_matches(['\'', '"', ';', ',', ')', ']', '}'])
            .len();
        if bare == 0 { end } else { bare }
    } else {
        closing(&value[quoted..stop], opened).map_or(stop, |inner| quoted + inner)
    };
    Some((at + quoted, end.saturating_sub(quoted)))
}

/// Returns where the same quotes come again, if it is certain that they close what they opened: they are the first ones, and
/// what follows them ends a value in every syntax.
fn closing(inner: &str, opened: &str) -> Option<usize> {
    let first = inner.find(['\'', '"', '\\'])?;
    let behind = inner[first..].strip_prefix(opened)?;
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')' | ']' | '}');
    (behind.is_empty() || behind.starts_with(ends)).then_some(first)
}

/// Hides what servers keep instead of passwords: SCRAM verifiers, and md5 digests in their form of PostgreSQL.
fn verifiers(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = ["SCRAM-SHA-256$", "md5"]
        .iter()
        .filter_map(|mark| rest.find(mark))
        .min()
    {
        let (before, from) = rest.split_at(at);
        shown.push_str(before);
        let (mark, length) = match from.strip_prefix("md5") {
            Some(digest) => {
                let digits = digest
                    .find(|c: char| !c.is_ascii_hexdigit())
                    .unwrap_or(digest.len());
                ("md5", if digits == 32 { digits } else { 0 })
            }
            None => {
                let mark = "SCRAM-SHA-256$";
                let body = &from[mark.len()..];
                let ends = |c: char| {
                    !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=' | ':' | '$')
                };
                (mark, body.find(ends).unwrap_or(body.len()))
            }
        };
        shown.push_str(mark);
        if length > 0 {
            shown.push_str(MASK);
        }
        rest = &from[mark.len() + length..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every spelling in which files, commands and answers hold a secret; `@` stands for it.
    const SPELLINGS: [&str; 34] = [
        "host all all 0.0.0.0/0 ldap ldapserver=x ldapbindpasswd=\"@\" ldapport=389",
        "host all all 0.0.0.0/0 ldap LDAPBINDPASSWD=@",
        "host all all ::/0 radius radiussecrets=\"@\"",
        "host all all ::/0 radius \"radiussecrets=\"\"@\"\"\"",
        "# host all all ::/0 ldap ldapbindpasswd=\"@\"",
        "archive_command = 'PGPASSWORD=@ wal-push %p'",
        "archive_command = 'PGPASSWORD=\"@\" wal-push %p'",
        "archive_command = 'PGPASSWORD=''@'' wal-push %p'",
        "archive_command = 'env AWS_SECRET_ACCESS_KEY=@ wal-g wal-push %p'",
        "archive_command = 'curl --password @ -T %p'",
        "archive_command = 'curl -T %p https://user:@@host/wal'",
        "primary_conninfo = 'host=server1 user=rep password=@'",
        "primary_conninfo = 'host=server1 password=''@'' user=rep'",
        "primary_conninfo = 'postgresql://rep:@@server1/postgres'",
        "primary_conninfo = 'host=server1 PASSWORD = @'",
        "primary_conninfo 'password=@ user=x'",
        "sslpassword=@ sslmode=require",
        "#primary_conninfo = 'password=@'",
        "repo1-cipher-pass=@",
        "repo1-s3-key-secret=@",
        "repo1-s3-token=@",
        "ALTER ROLE rep PASSWORD '@';",
        "create user x with encrypted password '@' valid until 'infinity'",
        "ssl_passphrase_command = 'echo @'",
        "{\"password\": \"@\"}",
        "{\"password\":\"@\",\"user\":\"x\"}",
        "password: @",
        "password: \"@\"",
        "export PGPASSWORD=@; psql",
        "api_key: @",
        "my_pwd=@",
        "backup_token := @",
        "barman.passwd='@'",
        "\x1b[31m- ldapbindpasswd=\"@\"\x1b[0m",
    ];

    #[test]
    fn a_secret_is_hidden_in_every_spelling() {
        for spelling in SPELLINGS {
            for canary in ["hunter2Canary", "h\\'unter2Canary", "a b hunter2Canary"] {
                // A blank ends a value that is not quoted: what is behind it is another word there.
                if canary.contains(' ') && !quoted(spelling) {
                    continue;
                }
                let shown = text(
                    &spelling
                        .replace('@', canary)
                        .replace(&format!("{canary}{canary}"), &format!("{canary}@")),
                );
                assert!(
                    !shown.contains("Canary"),
                    "{spelling} with {canary}: {shown}"
                );
                assert!(shown.contains(MASK), "{shown}");
                assert_eq!(text(&shown), shown, "hidden once is hidden");
            }
        }
    }

    fn quoted(spelling: &str) -> bool {
        spelling.contains("\"@")
            || spelling.contains("'@")
            || spelling.starts_with("ssl_passphrase")
    }

    #[test]
    fn what_is_no_secret_stays() {
        for plain in [
            "SHOP_REPLICATION_PASSWORD is not the password that replication uses",
            "password_encryption = 'scram-sha-256'",
            "passfile=/var/lib/postgresql/.pgpass",
            "host all all 10.0.0.0/8 password",
            "replication: { password: { env: SHOP_REPLICATION_PASSWORD } }",
            "local all all md5",
            "ssl_passphrase_command = ''",
            "password=***",
            "export SHOP_REPLICATION_PASSWORD=…",
            "the replication password: see secrets",
            "host replication replicator 10.0.0.2/32 scram-sha-256",
            "https://host:8443/path@x",
        ] {
            let shown = text(plain);
            assert!(
                shown == plain || plain.contains(": see"),
                "{plain}: {shown}"
            );
        }
    }

    #[test]
    fn verifiers_are_hidden() {
        assert_eq!(
            text("rolpassword SCRAM-SHA-256$4096:AAEC$wqHsI/33=:MXL35= x"),
            "rolpassword SCRAM-SHA-256$*** x"
        );
        assert_eq!(
            text("md521fb46f52ff17c76e530e198ed64125b md5"),
            "md5*** md5"
        );
    }

    #[test]
    fn every_string_of_a_document_is_looked_at() {
        let mut value = serde_json::json!({
            "content": "a\narchive_command = 'PGPASSWORD=hunter2 x'\nb",
            "list": [{ "password": "hunter2", "name": "x" }],
            "tokens": 3,
        });
        json(&mut value);
        let shown = value.to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(
            shown.contains("\"name\":\"x\"") && shown.contains("a\\narchive"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn no_quoting_lets_a_secret_out(
            quote in r#"['"\\]{0,4}"#,
            secret in r#"[a-zA-Z0-9]{6}['"\\]{0,3}[a-zA-Z0-9]{6}"#,
        ) {
            let shown = text(&format!("archive_command = 'x password={quote}{secret}{quote} y'"));
            let plain = secret.replace(['\'', '"', '\\'], "");
            prop_assert!(!shown.contains(&plain[6..]), "{}", shown);
            prop_assert!(!shown.contains(&plain[..6]), "{}", shown);
        }
    }
}
