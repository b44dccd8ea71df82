//! What is wrong with an inventory as SARIF 2.1.0, so that a review shows it on its line.

use serde_json::{Value, json};

use super::redact;
use crate::inventory::Problem;

/// Where an offset of a text is: its line and its column, both from 1 on, in characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let number = before.matches('\n').count() + 1;
    (number, before[line..].chars().count() + 1)
}

fn result(file: &str, region: Value, message: &str) -> Value {
    json!({
        "ruleId": "inventory",
        "level": "error",
        "message": { "text": redact::text(message) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": region,
        } }],
    })
}

/// Returns the mistakes of a file as results, each on its place.
pub fn problems(file: &str, text: &str, found: &[Problem]) -> Vec<Value> {
    found
        .iter()
        .map(|problem| {
            let (line, column) = place(text, problem.span.start);
            let mut region = json!({ "startLine": line, "startColumn": column });
            let (end, behind) = place(text, problem.span.end);
            if (end, behind) > (line, column) {
                region["endLine"] = end.into();
                region["endColumn"] = behind.into();
            }
            let said = [&problem.message, &problem.label, &problem.help];
            let said: Vec<&str> = said
                .into_iter()
                .map(String::as_str)
                .filter(|text| !text.is_empty())
                .collect();
            result(file, region, &said.join("; "))
        })
        .collect()
}

/// Returns what concerns a file as a whole as a result on its first line.
pub fn whole(file: &str, message: &str) -> Value {
    result(file, json!({ "startLine": 1 }), message)
}

/// Returns the log of one run with these results.
pub fn log(results: &[Value]) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "pgrepl",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": [{
                    "id": "inventory",
                    "shortDescription": { "text": "the inventory or a template is invalid" },
                }],
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A path as a reference relative to where the run is; RFC 3986 wants everything else by number.
fn uri(file: &str) -> String {
    let mut text = String::with_capacity(file.len());
    for byte in file.trim_start_matches("./").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(byte.into());
            }
            byte => text += &format!("%{byte:02X}"),
        }
    }
    if text.starts_with('/') {
        text.insert_str(0, "file://");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_in_characters() {
        let text = "é: 1\nclüster: x\n";
        let at = text.find("x").unwrap();
        assert_eq!(place(text, at), (2, 10));
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, 1), (1, 1));
        assert_eq!(place(text, 999), (3, 1));
    }

    #[test]
    fn a_path_is_a_reference() {
        assert_eq!(uri("./a b/ü.yaml"), "a%20b/%C3%BC.yaml");
        assert_eq!(uri("/srv/a.yaml"), "file:///srv/a.yaml");
    }
}
