//! Where text goes, after a last look at it; a reader that has seen enough (`pgrepl plan | head`) is no error.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use super::{documents, foreign, redact};

/// Writes a result to standard output.
pub fn out(text: &str) {
    exactly(&safe(text));
}

/// Writes progress, questions and errors to standard error.
pub fn err(text: &str) {
    write(&mut std::io::stderr().lock(), &safe(text));
}

/// Writes a result as one line of JSON to standard output.
pub fn json(result: &impl Serialize) {
    if let Ok(mut value) = shown(result) {
        documents::digests(&mut value);
        exactly(&format!("{}\n", plain_json(&value.to_string())));
    }
}

/// Writes text that is the program's own, or that the inventory asks for, byte for byte to standard output.
pub fn exactly(text: &str) {
    write(&mut std::io::stdout().lock(), text);
}

/// Writes a file that was rendered to standard output: byte for byte to another program, harmless to a terminal.
pub fn rendered(text: &str) {
    if std::io::stdout().is_terminal() {
        exactly(&foreign::printable(text));
    } else {
        exactly(text);
    }
}

/// Writes as an escape of JSON what would deceive who reads it: it is the same to a program, and stands in strings only.
fn plain_json(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    for c in json.chars() {
        if foreign::deceives(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                plain += &format!("\\u{unit:04x}");
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

/// Returns what may be shown of a result as JSON.
pub fn shown(result: &impl Serialize) -> serde_json::Result<serde_json::Value> {
    let mut value = serde_json::to_value(result)?;
    documents::json(&mut value);
    Ok(value)
}

/// Returns what may be shown of a text: no secret, and nothing but colours that a terminal would obey.
pub fn safe(text: &str) -> String {
    redact::text(&foreign::printable(text))
}

fn write(stream: &mut dyn Write, text: &str) {
    // The only failure that is left is a closed pipe, and nobody is there to be told.
    let _ = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_without_what_deceives() {
        let said =
            serde_json::json!({ "name": "a\u{202E}b\u{9b}2J\u{E0041}\u{2028}\x1b[8m é \"x\"" });
        let plain = plain_json(&said.to_string());
        assert!(!plain.chars().any(foreign::deceives), "{plain}");
        assert!(
            plain.contains("\\u202eb\\u009b2J\\udb40\\udc41\\u2028"),
            "{plain}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&plain).unwrap(),
            said
        );
    }
}
