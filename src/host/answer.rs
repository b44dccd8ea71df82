//! From the bytes that a host sends to lines: within limits, and no line that is half understood.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::Line;
use crate::command::Limits;
use crate::postgres::bytes::TAB;

/// Hears each line of a stream as it comes; `room` is how many bytes the host may still send.
pub async fn each_line(
    mut stream: impl AsyncBufRead + Unpin,
    limits: Limits,
    room: &std::cell::Cell<usize>,
    mut hear: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), String> {
    let mut line = Vec::new();
    loop {
        // A stream that breaks is a stream that ends: whether the answer was whole its last line tells.
        let Ok(bytes) = stream.fill_buf().await else {
            return Ok(());
        };
        let ended = bytes.is_empty();
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        line.extend_from_slice(&bytes[..end.unwrap_or(taken)]);
        stream.consume(taken);
        room.set(
            room.get().checked_sub(taken).ok_or_else(|| {
                format!("expected at most {} MiB, found more", limits.answer >> 20)
            })?,
        );
        if line.len() > limits.line {
            return Err(format!(
                "expected lines of at most {} MiB, found a longer one",
                limits.line >> 20
            ));
        }
        if end.is_some() || ended && !line.is_empty() {
            hear(String::from_utf8_lossy(&line).trim_end_matches('\r'))?;
            line.clear();
        }
        if ended {
            return Ok(());
        }
    }
}

/// Reads what `escape` of `script/prelude.sh` wrote.
fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escaped)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut letters = escaped.chars();
        match letters.next() {
            Some('\\') => plain.push('\\'),
            Some('n') => plain.push('\n'),
            Some('t') => plain.push(TAB),
            Some(other) => return Err(format!("an unknown escape, \\{other}")),
            None => return Err("an escape that is cut short".into()),
        }
        rest = letters.as_str();
    }
    Ok(plain + rest)
}

/// Reads a line of standard output; what is no protocol was said by a program. The error says what is wrong with one that is.
pub fn parse_line(line: &str) -> Result<Line, String> {
    let said = || Ok(Line::Said(line.to_owned()));
    let Some((word, rest)) = line.strip_prefix('@').and_then(|line| line.split_once(' ')) else {
        return said();
    };
    let text =
        |text: &str| unescape(text).map_err(|why| format!("expected a line @{word}, found {why}"));
    Ok(match word {
        "fact" => {
            let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
            if key.is_empty() || !key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                return Err(format!("expected a fact, found one named {key:?}"));
            }
            let value =
                unescape(value).map_err(|why| format!("expected the fact {key}, found {why}"))?;
            Line::Fact(key.to_owned(), value)
        }
        "ok" => {
            let (how, told) = rest.split_once(' ').unwrap_or((rest, ""));
            Line::Ok {
                changed: how == "changed",
                text: text(told)?,
            }
        }
        "refused" => match rest.split_once('\t') {
            Some((expected, found)) => Line::Refused(text(expected)?, text(found)?),
            None => return said(),
        },
        "fail" => Line::Fail(text(rest)?),
        "note" => Line::Note(text(rest)?),
        "progress" => match rest
            .split_once(' ')
            .map(|(done, total)| (done.parse(), total.parse()))
        {
            Some((Ok(done), Ok(total))) => Line::Progress(done, total),
            _ => return said(),
        },
        "exit" => match rest.parse() {
            Ok(code) => Line::Exit(code),
            Err(_) => return said(),
        },
        _ => return said(),
    })
}

#[cfg(test)]
mod tests {
    use crate::script::library;
    use std::cell::{Cell, RefCell};

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, BufReader};

    use super::*;

    fn read(stream: impl tokio::io::AsyncRead + Unpin, limits: Limits) -> (Vec<String>, String) {
        let lines = RefCell::new(Vec::new());
        let room = Cell::new(limits.answer);
        let reading = each_line(BufReader::new(stream), limits, &room, |line| {
            lines.borrow_mut().push(line.to_owned());
            Ok(())
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let end = runtime.block_on(reading);
        (lines.into_inner(), end.err().unwrap_or_default())
    }

    #[test]
    fn lines_come_one_by_one_and_the_last_needs_no_end() {
        let (lines, error) = read(&b"one\r\n\ntwo \xff\nthree"[..], Limits::USUAL);
        assert_eq!(lines, ["one", "", "two \u{FFFD}", "three"]);
        assert_eq!(error, "");
    }

    #[test]
    fn neither_a_line_nor_an_answer_is_read_without_end() {
        let limits = Limits {
            line: 1 << 20,
            answer: 4 << 20,
        };
        let (lines, error) = read(tokio::io::repeat(b'x'), limits);
        assert!(lines.is_empty());
        assert_eq!(error, "expected lines of at most 1 MiB, found a longer one");
        let (lines, error) = read(tokio::io::repeat(b'\n'), limits);
        assert!(lines.len() <= 4 << 20);
        assert_eq!(error, "expected at most 4 MiB, found more");
        // What fits is heard to its end.
        let whole = b"x\n".repeat(1 << 21);
        assert_eq!(read(&whole[..], limits).1, "");
        assert_eq!(read((&whole[..]).chain(&b"y"[..]), limits).1, error);
    }

    #[test]
    fn a_line_that_is_half_understood_is_an_error() {
        let found = |line: &str| parse_line(line).unwrap_err();
        assert_eq!(
            found(r"@fact port_taken a\x41b"),
            r"expected the fact port_taken, found an unknown escape, \x"
        );
        assert_eq!(
            found(r"@fact data /srv\"),
            "expected the fact data, found an escape that is cut short"
        );
        assert_eq!(
            found("@fact Data x"),
            r#"expected a fact, found one named "Data""#
        );
        assert_eq!(
            found(r"@fail a\"),
            "expected a line @fail, found an escape that is cut short"
        );
        for said in [
            "",
            "@",
            "@fact",
            "x @fact a b",
            "@exit x",
            "@progress 1",
            "@refused a",
            "@sql 1",
        ] {
            assert_eq!(parse_line(said), Ok(Line::Said(said.into())), "{said}");
        }
        assert_eq!(
            parse_line(r"@refused a\\b	c\nd"),
            Ok(Line::Refused(r"a\b".into(), "c\nd".into()))
        );
    }

    /// Lets a real shell tell values in each of the ways that there are, and reads them.
    fn told(values: &[String]) -> Vec<Line> {
        let script = concat!(
            library!("prelude.sh"),
            "exec 7>&1\n",
            "fact one \"$1\"\n",
            "fact two \"$1\" \"$2\"\n",
            "fact three \"$2\" \"$1\" \"$1\"\n",
            "ok \"$1\"\n",
            "note \"$2\"\n",
            "printf '%s\\n' \"$3\" | fact_lines each\n",
            "printf '%s\\n' \"$3\" | fact_lines of \"$1\"\n",
            "printf '%s\\n' \"$3\" | awk \"$awk_fact\"'{ column($0); fact(\"pair\", $0) }' >&7\n",
        );
        let output = std::process::Command::new("sh")
            .args(["-c", script, "sh"])
            .args(values)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| parse_line(line).unwrap()).collect()
    }

    fn check(one: &str, other: &str) -> Result<(), TestCaseError> {
        let line = other.replace('\n', "");
        let fact = |key: &str, value: String| Line::Fact(key.into(), value);
        let column = |text: &str| text.replace('\t', &TAB.to_string());
        let expected = [
            fact("one", one.into()),
            fact("two", format!("{}\t{other}", column(one))),
            fact(
                "three",
                format!("{}\t{}\t{one}", column(other), column(one)),
            ),
            Line::Ok {
                changed: true,
                text: one.into(),
            },
            Line::Note(other.into()),
            fact("each", line.clone()),
            fact("of", format!("{}\t{line}", column(one))),
            fact("pair", format!("{}\t{line}", column(&line))),
        ];
        // A tab in a text that has no columns is a tab to its reader.
        let read: Vec<Line> = told(&[one.into(), other.into(), line])
            .into_iter()
            .collect();
        prop_assert_eq!(read, expected);
        Ok(())
    }

    #[test]
    fn no_value_that_a_shell_tells_is_another_fact() {
        for value in [
            "x\n@fact system_id 7",
            "/srv/a\n@exit 0\n",
            "a\tb",
            "\\",
            "\\n@fact x y",
            "\\t",
            "-n",
            "-e \\n",
            "%s %n \\c",
            "$(id) `id` $HOME '\"",
            "",
            "\n",
            "\n\n x",
            "&",
            "=\\\\&&",
            "é ü",
        ] {
            check(value, value).unwrap();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_a_shell_tells_is_read_back(
            one in r#"[ -~\t\n\\@]{0,20}"#,
            other in r#"[a\t\n\\&@ "'$`]{0,12}"#,
        ) {
            check(&one, &other)?;
        }

        #[test]
        fn no_line_ends_in_a_panic(line in r"@?(fact|ok|exit|refused|progress)?[ -~\t\\é]{0,30}") {
            let _ = parse_line(&line);
        }
    }
}
