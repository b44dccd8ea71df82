//! Takes secrets out of documents: of a string what its text hides, and whatever stands under a key that names one.

use serde_json::Value;

use super::redact::{MASK, names_secret, text};

/// Hides the secrets in every string of a JSON value.
pub fn json(value: &mut Value) {
    match value {
        Value::String(said) => *said = text(said),
        Value::Array(all) => all.iter_mut().for_each(json),
        Value::Object(all) => {
            for (key, value) in all.iter_mut() {
                if names_secret(key) {
                    mask(value);
                }
                json(value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Hides what stands under a key that names a secret. A truth is none, nor are words below keys of their own.
fn mask(value: &mut Value) {
    match value {
        Value::String(said) if said.is_empty() => {}
        Value::String(_) | Value::Number(_) => *value = MASK.into(),
        Value::Array(all) => all.iter_mut().for_each(mask),
        _ => {}
    }
}

/// Hides the digest of each text in which something is hidden: whoever reads the rest could test guesses with it.
pub fn digests(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(digests),
        Value::Object(all) => {
            let content = all.get("content").and_then(Value::as_str);
            let hides = content.is_some_and(|content| content.contains(MASK));
            for (key, value) in all.iter_mut() {
                match value {
                    Value::String(digest) if hides && key == "digest" => MASK.clone_into(digest),
                    value => digests(value),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_of_a_document_is_looked_at() {
        let mut value = serde_json::json!({
            "content": "a\narchive_command = 'PGPASSWORD=hunter2 x'\nb",
            "list": [{ "password": "hunter2", "name": "x" }],
            "passwords": ["hunter2", 42],
            "api_token": 42,
            "same_password": true,
            "tokens": 3,
        });
        json(&mut value);
        let shown = value.to_string();
        assert!(
            !shown.contains("hunter2") && !shown.contains("42"),
            "{shown}"
        );
        assert!(shown.contains("\"same_password\":true"), "{shown}");
        assert!(
            shown.contains("\"name\":\"x\"") && shown.contains("a\\narchive"),
            "{shown}"
        );
    }

    #[test]
    fn nothing_is_told_to_test_guesses_with() {
        let file = |content: &str| serde_json::json!({ "files": [{ "content": text(content), "digest": "75d7" }] });
        let mut value = file("password=hunter2");
        digests(&mut value);
        assert_eq!(value["files"][0]["digest"], MASK);
        let mut value = file("port=5432");
        digests(&mut value);
        assert_eq!(value["files"][0]["digest"], "75d7");
    }
}
