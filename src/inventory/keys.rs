//! Every key of an inventory in a row, from its shape: what the reference and the manual page are written from.

use std::collections::BTreeSet;

use serde_json::Value;

/// A key, as a person looks it up.
pub struct KeyEntry {
    /// Where it stands, as in `hosts.NAME.address`.
    pub path: String,
    /// What it says.
    pub says: String,
    /// What may stand under it, in a few words.
    pub values: String,
    /// What holds if it is left out.
    pub usual: Option<Value>,
    /// The first example.
    pub example: Option<Value>,
}

/// Returns every key in the order of its path.
pub fn keys() -> Vec<KeyEntry> {
    let mut found = Vec::new();
    walk("", &super::schema(), &mut found);
    found
}

fn walk(path: &str, schema: &Value, found: &mut Vec<KeyEntry>) {
    let join = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        // Of several ways to say it each is described as a whole.
        let own = [inner, schema].map(|one| one["description"].as_str());
        found.push(KeyEntry {
            path: join(key),
            says: own.into_iter().flatten().next().unwrap_or_default().into(),
            values: values(inner),
            usual: inner.get("default").cloned(),
            example: inner["examples"].get(0).cloned(),
        });
        walk(&join(key), inner, found);
    }
    if schema["items"].is_object() {
        walk(path, &schema["items"], found);
    }
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        walk(path, one, found);
    }
    if schema["additionalProperties"].is_object() {
        walk(&join("NAME"), &schema["additionalProperties"], found);
    }
}

fn values(schema: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let words: BTreeSet<String> = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("const"))
        .chain(schema["enum"].as_array().into_iter().flatten())
        .map(|word| format!("`{}`", text(word)))
        .collect();
    if !words.is_empty() {
        return words.into_iter().collect::<Vec<_>>().join(", ");
    }
    if let (Value::Number(least), Value::Number(most)) = (&schema["minimum"], &schema["maximum"]) {
        return format!("a number from {least} to {most}");
    }
    let kinds: Vec<String> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(text).collect(),
        Value::Null => vec!["object".into()],
        kind => vec![text(kind)],
    };
    kinds
        .into_iter()
        .filter(|kind| kind != "null")
        .map(|kind| match kind.as_str() {
            "object" => "mapping".into(),
            "array" => "list".into(),
            _ => kind,
        })
        .collect::<Vec<_>>()
        .join(" or ")
}
