//! Secrets that no word names: in addresses, options of programs, lines of .pgpass, and what servers keep instead of passwords.

use super::redact::MASK;

/// Options of programs whose value is a name, a colon and a secret.
const OPTIONS: [&str; 3] = ["-u", "--user", "--proxy-user"];

/// Returns how many bytes behind the scheme of an address are kept and how many behind them are a password:
/// `://user:password@host`. It may itself have a slash or an @ in it.
pub(super) fn address(rest: &str) -> Option<(usize, usize)> {
    let address = rest.strip_prefix("://")?;
    let end = address
        .find(|c: char| c.is_whitespace() || c == '\x1b')
        .unwrap_or(address.len());
    let at = address[..end].rfind('@')?;
    let colon = address[..at].find([':', '/'])?;
    let port = address[colon + 1..at].split('/').next().unwrap_or("");
    // What follows a slash, or a port and a slash, is a path.
    let path = address[colon..].starts_with('/')
        || address[colon..at].contains('/') && port.chars().all(|c| c.is_ascii_digit());
    (!path).then_some((3 + colon + 1, at - colon - 1))
}

/// Returns the same behind an option that a program is given to log in with: `-u user:secret`, `sshpass -p secret`.
pub(super) fn option(before: &str, rest: &str) -> Option<(usize, usize)> {
    let value = rest.trim_start_matches([' ', '\t', '=']);
    let blank = rest.len() - value.len();
    let (program, option) = before
        .rsplit_once([' ', '\t', '\'', '"'])
        .unwrap_or(("", before));
    let end = value
        .find(|c: char| c.is_whitespace() || c == '\x1b')
        .unwrap_or(value.len());
    if blank == 0 || value.is_empty() || value.starts_with(MASK) {
        return None;
    }
    if OPTIONS.contains(&option) {
        let colon = value[..end].find(':')?;
        let kept = blank + colon + 1;
        return (colon + 1 < end && !rest[kept..].starts_with(MASK))
            .then_some((kept, end - colon - 1));
    }
    let header = program.to_ascii_lowercase().ends_with("authorization:");
    (header || option == "-p" && program.ends_with("sshpass")).then_some((blank, end))
}

/// Hides the last field of a line of .pgpass, `host:port:database:user:password` (manual, 34.16), wherever it stands.
pub(super) fn pass_file(line: &str) -> String {
    for (at, _) in line.match_indices(':') {
        let start = line[..at].rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let fields: Vec<&str> = line[start..].splitn(5, ':').collect();
        let [host, port, database, user, password] = fields[..] else {
            continue;
        };
        let plain = |field: &str| {
            !field.is_empty()
                && !field.contains(|c: char| c.is_whitespace() || "/='\"{}".contains(c))
        };
        let numbered = port == "*"
            || (1..=5).contains(&port.len()) && port.bytes().all(|c| c.is_ascii_digit());
        let named = |field: &str| field == "*" || field.contains(|c: char| !c.is_ascii_hexdigit());
        if plain(host)
            && numbered
            && [database, user].into_iter().all(|f| plain(f) && named(f))
            && !password.is_empty()
        {
            let kept = line.len() - password.len();
            let end = password.find('\x1b').unwrap_or(password.len());
            return format!("{}{MASK}{}", &line[..kept], &password[end..]);
        }
    }
    line.to_owned()
}

/// Hides what servers keep instead of passwords: SCRAM verifiers, and md5 digests in their form of PostgreSQL.
pub(super) fn verifiers(line: &str) -> String {
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
