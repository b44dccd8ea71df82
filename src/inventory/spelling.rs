//! What of a text is a name, a path, or somewhere to log in.

pub(super) fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Says whether a text begins with a letter, a digit or `_` and goes on with those and some more characters.
pub(super) fn name(text: &str, more: &str) -> bool {
    text.starts_with(word) && text.chars().all(|c| word(c) || more.contains(c))
}

/// A destination as in `ssh user@host`; what begins with a dash would be an option, what begins with a dot another directory.
pub(super) fn destination(text: &str) -> bool {
    let (user, host) = match text.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, text),
    };
    user.is_none_or(|user| name(user, ".-:@"))
        && host.starts_with(|c| word(c) || c == ':')
        && host.chars().all(|c| word(c) || ".-:".contains(c))
}

pub(super) fn host(text: &str) -> bool {
    match text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name(text, ".-"),
    }
}

/// One jump: `[user@]host[:port]`.
pub(super) fn jump(text: &str) -> bool {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, text),
    };
    // The colons inside [ ] belong to an address.
    let (at, port) = match rest.rsplit_once(':') {
        Some((at, port)) if !port.ends_with(']') => (at, Some(port)),
        _ => (rest, None),
    };
    user.is_none_or(|user| name(user, ".+-"))
        && host(at)
        && port.is_none_or(|port| {
            port.len() <= 5
                && port.chars().all(|c| c.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

/// Characters that no shell takes for its own: ssh builds a command line from some of its options.
pub(super) fn file(text: &str, more: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || "/._-~+@,=:".contains(c) || more.contains(c))
}

pub(super) fn absolute(text: &str) -> bool {
    let parts = || text.split('/').filter(|part| !part.is_empty());
    text.starts_with('/') && parts().next().is_some() && parts().all(|part| part != "..")
}

/// Reads the size of a WAL segment.
pub(super) fn megabytes(text: &str) -> Option<u32> {
    let written = |size: &u32| text == format!("{size}MB") || *size == 1024 && text == "1GB";
    (0..=10).map(|power| 1 << power).find(written)
}
