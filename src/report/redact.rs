//! Takes secrets out of everything that is printed or saved, whatever file, answer or error they stand in.
//!
//! It knows no grammar: a word that names a secret and is followed by a value is enough, in any spelling of upper and lower
//! case. Where the end of a value is not certain, the rest of the line is hidden with it.

use super::logins;
pub use super::logins::MASK;

/// Words that name a secret where one ends a key: `PGPASSWORD`, `ldapbindpasswd`, `radiussecrets`, `aws_secret_access_key`.
const NAMES: [&str; 27] = [
    "signature",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passwort",
    "kennwort",
    "secret",
    "secrets",
    "secret_key",
    "secretkey",
    "access_key",
    "accesskey",
    "account_key",
    "accountkey",
    "storage_key",
    "azure_key",
    "sodium_key",
    "pgp_key",
    "encryption_key",
    "private_key",
    "api_key",
    "apikey",
    "token",
    "credential",
    "credentials",
    "_pass",
];

/// Whole words that name one.
const WORDS: [&str; 5] = ["pwd", "pass", "pw", "sig", "--pass"];

/// What a remark says between a name and a secret.
const REMARK: [&str; 6] = [" is ", " was ", " to ", " ist ", " war ", " -> "];

/// Keys whose whole value may hold a secret: commands that print one.
const COMMANDS: [&str; 1] = ["ssl_passphrase_command"];

/// Hides the secrets of a text, line by line; colours stay.
pub fn text(text: &str) -> String {
    let mut in_key = false;
    let one = |text: &str| {
        let marks = text.contains("PRIVATE KEY-----");
        in_key = text.contains("-----BEGIN ") && marks || in_key && !marks;
        if in_key && !marks {
            MASK.to_owned()
        } else {
            line(text)
        }
    };
    let lines: Vec<String> = text.split('\n').map(one).collect();
    lines.join("\n")
}

pub(super) fn names_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    // A word of sudoers, and what stands behind it is a command.
    key != "nopasswd" && NAMES.iter().any(|name| key.ends_with(name))
        || WORDS.contains(&key.as_str())
        || key.ends_with("_pwd")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

fn line(line: &str) -> String {
    let line = &logins::pass_file(line);
    let mut shown = String::with_capacity(line.len());
    let mut rest = line.as_str();
    // What may stand between a name and a secret: something behind a # only, and behind a login of .netrc.
    let mut grammar: &[&str] = &[];
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
        if c == '#' {
            grammar = &REMARK;
        } else if key == "login" {
            grammar = &[" "];
        }
        let said = secret(&key, rest).or_else(|| logins::option(&shown, rest));
        if let Some((kept, hidden)) = said.or_else(|| sentence(&key, rest, grammar)) {
            shown.push_str(&rest[..kept]);
            shown.push_str(MASK);
            rest = &rest[kept + hidden..];
            continue;
        }
        shown.push(c);
        rest = &rest[c.len_utf8()..];
    }
    logins::verifiers(&shown)
}

/// Returns how many bytes behind a word are kept and how many behind them are a secret, if the word is followed by one.
fn secret(key: &str, rest: &str) -> Option<(usize, usize)> {
    if rest.starts_with("://") {
        return logins::address(rest).filter(|_| !key.is_empty());
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
    } else if before > 0 && key.starts_with("--") {
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
    // A command has blanks in it, and a list goes on behind its first secret.
    let end = if (whole && quoted == 0) || key.to_ascii_lowercase().ends_with('s') {
        stop
    } else if quoted == 0 {
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

/// Returns the same of a remark, which has no grammar: `# the password was hunter2`.
fn sentence(key: &str, rest: &str, verbs: &[&str]) -> Option<(usize, usize)> {
    let verb = verbs.iter().find(|verb| rest.starts_with(**verb))?;
    let value = &rest[verb.len()..];
    let end = value.find(char::is_whitespace).unwrap_or(value.len());
    (names_secret(key) && end > 0 && !value.starts_with(MASK)).then_some((verb.len(), end))
}

/// Returns where the same quotes come again, if it is certain that they close what they opened: they are the first ones, and
/// what follows them ends a value in every syntax.
fn closing(inner: &str, opened: &str) -> Option<usize> {
    let first = inner.find(['\'', '"', '\\'])?;
    let behind = inner[first..].strip_prefix(opened)?;
    let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | ')' | ']' | '}');
    (behind.is_empty() || behind.starts_with(ends)).then_some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every spelling in which files, commands and answers hold a secret; `@` stands for it.
    const SPELLINGS: [&str; 52] = [
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
        "primary_conninfo = 'postgresql://rep:@@server1/postgres?sslmode=require'",
        "primary_conninfo = 'postgresql://server1/postgres?user=rep&password=@'",
        "primary_conninfo = 'postgres://rep:a/b@@server1'",
        "archive_command = 'curl -u backup:@ -T %p https://host'",
        "archive_command = 'curl -H \"Authorization: Bearer @\" -T %p'",
        "archive_command = 'sshpass -p @ scp %p host:'",
        "archive_command = 'WALG_LIBSODIUM_KEY=@ wal-g wal-push %p'",
        "10.0.0.1:5432:*:rep:@",
        "fe80\\:\\:1:5432:*:rep:@",
        "/var/run/postgresql:*:shop:rep:a b@",
        "machine x login y password @",
        "-----BEGIN RSA PRIVATE KEY-----\n@\n-----END RSA PRIVATE KEY-----\nx=***",
        "azcopy https://x.blob.core.windows.net/wal?sv=1&sig=@",
        "# server1:5432:replication:rep:@",
        "*:*:*:postgres:@",
        "# the old password was @",
        "#recovery: PassWord -> @",
        "\x1b[31m- server1:5432:*:rep:@\x1b[0m",
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
            "https://host/a:b@x",
            "00:11:22:33:44:55:66 10:20:30:40:50",
            "# METHOD can be \"trust\", \"md5\", \"password\"",
            "listens on 10.0.0.1:5432: yes: a: b",
            "log_line_prefix = '%t:%r:%u@%d:[%p]: '",
            "-u postgres -p 5432",
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

    /// A file may be a single line: what reads it again for each of its letters does not come to an end.
    #[test]
    fn a_long_line_is_looked_at_once() {
        for part in [
            "m",
            " ",
            ".",
            "'",
            ":",
            "=",
            "#.",
            "md5",
            "a://",
            "-u ",
            "password ",
            "1m",
            "\\",
            "a:1:b:",
            "é",
            "login ",
        ] {
            text(&part.repeat((1 << 18) / part.len()));
        }
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
