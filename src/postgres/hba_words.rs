//! The words of a line of pg_hba.conf, pg_ident.conf and the files that they include (hba.c, next_token).

/// Returns what a token says without its quotes, and whether these take a keyword's meaning away.
pub fn unquoted(token: &str) -> (String, bool) {
    let mut text = String::with_capacity(token.len());
    let (mut inside, mut was_quote) = (false, false);
    for c in token.chars() {
        if c != '"' || was_quote {
            text.push(c);
        }
        was_quote = inside && c == '"' && !was_quote;
        if c == '"' {
            inside = !inside;
        }
    }
    (text, token.starts_with('"'))
}

/// Returns where in a line the tokens stand that name a file (`@file`), each with its path.
pub fn files(line: &str) -> Vec<(std::ops::Range<usize>, String)> {
    let Ok(fields) = fields(line) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut from = fields.first().map_or(0, |(at, _)| *at);
    for token in fields.iter().flat_map(|(_, tokens)| tokens) {
        let Some(at) = line[from..].find(token.as_str()).map(|at| at + from) else {
            break;
        };
        from = at + token.len();
        if token.starts_with('@') && token.len() > 1 {
            found.push((at..from, unquoted(&token[1..]).0));
        }
    }
    found
}

/// Returns the tokens of a line as they are written.
pub fn tokens(line: &str) -> Vec<String> {
    fields(line)
        .map(|fields| fields.into_iter().flat_map(|(_, tokens)| tokens).collect())
        .unwrap_or_default()
}

/// Returns a line without the secrets that options of methods hold.
pub fn masked(line: &str) -> String {
    let mut shown = line.to_owned();
    for option in ["ldapbindpasswd=", "radiussecrets="] {
        let Some(at) = shown.find(option) else {
            continue;
        };
        let from = at + option.len();
        let quoted = shown[..at].ends_with('"') || shown[from..].starts_with('"');
        let skip = usize::from(shown[from..].starts_with('"'));
        let end = shown[from + skip..]
            .find(|c| if quoted { c == '"' } else { is_blank(c) })
            .map_or(shown.len(), |end| from + skip + end);
        // A quote in quotes is two, and a list goes on behind them.
        let behind = shown[end..].strip_prefix('"').unwrap_or(&shown[end..]);
        let ends = behind.is_empty() || behind.starts_with(is_blank);
        let end = if ends { end } else { shown.len() };
        shown.replace_range(from..end, "***");
    }
    shown
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}

/// A field: a list of tokens separated by commas, each as written.
pub(super) type Field = (usize, Vec<String>);

pub(super) fn fields(line: &str) -> Result<Vec<Field>, Problem> {
    let mut fields: Vec<Field> = Vec::new();
    let mut chars = line.char_indices().peekable();
    // After a token that a comma ends the next one belongs to the same list; a comma elsewhere is a blank.
    let mut in_list = false;
    while let Some(&(at, c)) = chars.peek() {
        if c == '#' {
            break;
        }
        if is_blank(c) || c == ',' {
            chars.next();
            continue;
        }
        let mut token = String::new();
        let mut quoted = false;
        while let Some(&(_, c)) = chars.peek() {
            if c == '"' {
                quoted = !quoted;
            } else if !quoted && (is_blank(c) || c == ',' || c == '#') {
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
        in_list = chars.peek().is_some_and(|(_, c)| *c == ',');
    }
    Ok(fields)
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Why, with what is allowed.
    pub why: String,
    /// Where in the line, in bytes.
    pub at: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (line, shown) in [
            (
                "a ldap ldapbindpasswd=x1 b=c",
                "a ldap ldapbindpasswd=*** b=c",
            ),
            (
                "a ldap ldapbindpasswd=\"x 1\" b",
                "a ldap ldapbindpasswd=***\" b",
            ),
            (
                "a radius \"radiussecrets=x 1\" b",
                "a radius \"radiussecrets=***\" b",
            ),
            ("a md5", "a md5"),
        ] {
            assert_eq!(masked(line), shown);
        }
    }

    #[test]
    fn tokens_are_told_apart_as_postgresql_does() {
        assert_eq!(
            tokens("a ,b, c,d \"e,#\"f#g"),
            ["a", "b", "c", "d", "\"e,#\"f"]
        );
        assert_eq!(unquoted("\"a\"\"b\""), ("a\"b".into(), true));
        assert_eq!(unquoted("a\"ll\""), ("all".into(), false));
        let line = "host @a,b @\"c d\" samenet md5";
        let found = files(line);
        assert_eq!(found.len(), 2);
        assert_eq!(&line[found[1].0.clone()], "@\"c d\"");
        assert_eq!(found[1].1, "c d");
    }
}
