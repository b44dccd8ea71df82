//! Text that hosts, files and programs chose: what it may do to a terminal, a log or a web page is taken from it here.

use crate::postgres::bytes::byte_of;

/// Stands for a character that is not shown.
const HIDDEN: char = '\u{FFFD}';

/// Says whether a character moves the cursor, turns the direction of writing, joins or hides its neighbours.
pub(super) fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Makes a stranger's text one line that shows all there is: line ends become `\n`, what would deceive
/// becomes U+FFFD, and a byte that is no text is told by its number.
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push(c),
            c if deceives(c) => shown.push(HIDDEN),
            c => match byte_of(c) {
                Some(byte) => shown += &format!("\\x{byte:02x}"),
                None => shown.push(c),
            },
        }
    }
    shown
}

/// Makes each line of a text harmless and keeps the line ends.
pub fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Lets only line ends and the colours of [`super::style::Style`] through: the last look at everything that is printed.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = if c == '\x1b' { colour(rest) } else { 0 };
        if colour > 0 {
            shown.push_str(&rest[..colour]);
            rest = &rest[colour..];
            continue;
        }
        match c {
            '\n' | '\t' => shown.push(c),
            c if deceives(c) => shown.push(HIDDEN),
            c => shown.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    shown
}

/// Returns the length of the colour sequence that a text begins with (ECMA-48, SGR), or 0. To conceal is not to colour.
pub fn colour(text: &str) -> usize {
    let Some(body) = text.strip_prefix("\x1b[") else {
        return 0;
    };
    let digits = body
        .find(|c: char| !c.is_ascii_digit() && c != ';')
        .unwrap_or(body.len());
    let conceals = body[..digits].split(';').any(|code| code == "8");
    if body[digits..].starts_with('m') && digits <= 16 && !conceals {
        2 + digits + 1
    } else {
        0
    }
}

/// Returns a fence of backticks that no run of backticks in a text can close (CommonMark 0.31, 4.5).
pub fn fence(text: &str) -> String {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat((longest + 1).max(3))
}

/// Makes a stranger's text a word of Markdown outside of a fence: no HTML, no mention, no markup.
pub fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in line(text).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '@' => shown.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '#' | '|' | '~' | '!' => {
                shown.push('\\');
                shown.push(c);
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_a_host_says_looks_like_a_line_of_ours() {
        assert_eq!(
            line("x\nNothing to do: every server matches."),
            "x\\nNothing to do: every server matches."
        );
        assert_eq!(
            line("a\r\x1b[2Kb\u{202E}c\u{9B}d"),
            "a\u{FFFD}\u{FFFD}[2Kb\u{FFFD}c\u{FFFD}d"
        );
        for c in [
            "\u{2066}", "\u{2069}", "\u{200E}", "\u{200F}", "\u{202A}", "\u{2028}", "\u{7F}",
        ] {
            assert_eq!(line(c), "\u{FFFD}", "{c:?}");
        }
        assert_eq!(line("é server1\tü"), "é server1\tü");
        assert_eq!(
            line(&crate::postgres::bytes::text_of(b"caf\xe9")),
            "caf\\xe9"
        );
    }

    #[test]
    fn only_colours_pass_the_last_look() {
        assert_eq!(
            printable("\x1b[1;31mred\x1b[0m\n"),
            "\x1b[1;31mred\x1b[0m\n"
        );
        assert_eq!(printable("\x1b[2Jx"), "\u{FFFD}[2Jx");
        assert_eq!(printable("\x1b[8mhidden"), "\u{FFFD}[8mhidden");
        assert_eq!(printable("\x1b]0;title\x07"), "\u{FFFD}]0;title\u{FFFD}");
    }

    #[test]
    fn a_fence_is_longer_than_any_run_of_backticks() {
        assert_eq!(fence("a"), "```");
        assert_eq!(fence("a ``` b"), "````");
        assert_eq!(fence("`````````"), "``````````");
    }

    #[test]
    fn a_mention_and_a_tag_are_dead() {
        assert_eq!(
            markdown("@all <img src=x> [a](b)"),
            "&#64;all &lt;img src=x&gt; \\[a\\]\\(b\\)"
        );
    }

    proptest! {
        #[test]
        fn whatever_comes_one_line_is_printed(text in any::<String>()) {
            let shown = line(&text);
            prop_assert!(!shown.chars().any(|c| c != '\t' && deceives(c)));
            prop_assert_eq!(printable(&shown), shown.clone());
            prop_assert!(!shown.contains(&fence(&shown)));
        }
    }
}
