//! Secrets that no word names: in addresses, options of programs, lines of .pgpass, and what servers keep instead of passwords.

/// Options of programs whose value is a name, a colon and a secret.
const OPTIONS: [&str; 3] = ["-u", "--user", "--proxy-user"];

/// Returns how many bytes behind the scheme of an address are kept and how many behind them are a password:
/// `://user:password@host`. It may itself have a slash or an @ in it.
pub(super) fn address(rest: &str) -> Option<(usize, usize)> {
    let mut address = rest.strip_prefix("://")?;
    let mut most = address.len().min(1024);
    while !address.is_char_boundary(most) {
        most -= 1;
    }
    address = &address[..most];
    address.find('@')?;
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
    if !rest.starts_with([' ', '\t', '=']) {
        return None;
    }
    let (program, option) = end_of(before)
        .rsplit_once([' ', '\t', '\'', '"'])
        .unwrap_or(("", end_of(before)));
    let login = OPTIONS.contains(&option);
    let header = program.to_ascii_lowercase().ends_with("authorization:");
    let sshpass = option == "-p" && program.ends_with("sshpass");
    if !(login || header || sshpass) {
        return None;
    }
    let value = rest.trim_start_matches([' ', '\t', '=']);
    let blank = rest.len() - value.len();
    let end = value
        .find(|c: char| c.is_whitespace() || c == '\x1b')
        .unwrap_or(value.len());
    if value.is_empty() || value.starts_with(MASK) {
        return None;
    }
    if !login {
        return Some((blank, end));
    }
    let colon = value[..end].find(':')?;
    let kept = blank + colon + 1;
    (colon + 1 < end && !rest[kept..].starts_with(MASK)).then_some((kept, end - colon - 1))
}

/// Returns the last words of a text, so that a line of a megabyte is not read again for each of its letters.
fn end_of(text: &str) -> &str {
    let mut from = text.len().saturating_sub(64);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// Hides the last field of a line of .pgpass, `host:port:database:user:password` (manual, 34.16), wherever it stands. The
/// password may have anything in it, so the rest of the line goes.
pub(super) fn pass_file(line: &str) -> String {
    let (mut begins, mut coloured) = (true, false);
    for (at, c) in line.char_indices() {
        if begins && let Some(length) = before_password(&line[at..]) {
            let kept = at + length;
            let end = line[kept..]
                .find('\x1b')
                .map_or(line.len(), |end| kept + end);
            return format!("{}{MASK}{}", &line[..kept], &line[end..]);
        }
        // The last letter of a colour, too.
        begins = c.is_whitespace() || matches!(c, '\'' | '"' | '=') || c == 'm' && coloured;
        coloured = c.is_ascii_digit();
    }
    line.to_owned()
}

/// Returns how long the four fields before a password are, with their colons, if a text begins with such fields.
fn before_password(text: &str) -> Option<usize> {
    let mut fields = [""; 4];
    let (mut begin, mut field, mut escaped) = (0, 0, false);
    for (at, c) in text.char_indices() {
        // No name is longer, and a line may be.
        if at - begin > 255 {
            return None;
        }
        if escaped || c == '\\' {
            escaped = !escaped;
        } else if c.is_whitespace() || matches!(c, '\'' | '"' | '=' | '\x1b') {
            return None;
        } else if c == ':' {
            fields[field] = &text[begin..at];
            (begin, field) = (at + 1, field + 1);
            if field == fields.len() {
                break;
            }
        }
    }
    let [host, port, database, user] = fields;
    let number = (1..=5).contains(&port.len()) && port.bytes().all(|c| c.is_ascii_digit());
    let named = |name: &str| name.contains(|c: char| !c.is_ascii_hexdigit());
    let whole = !host.is_empty() && (port == "*" || number) && named(database) && named(user);
    let password = text.get(begin..).unwrap_or_default();
    (whole && !password.is_empty() && !password.starts_with(MASK)).then_some(begin)
}

/// Hides what servers keep instead of passwords: SCRAM verifiers, and md5 digests in their form of PostgreSQL.
pub(super) fn verifiers(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = next_mark(rest) {
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

/// Returns where the first verifier may begin.
fn next_mark(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len())
        .find(|at| bytes[*at..].starts_with(b"md5") || bytes[*at..].starts_with(b"SCRAM-SHA-256$"))
}

/// Stands for a secret.
pub const MASK: &str = "***";
