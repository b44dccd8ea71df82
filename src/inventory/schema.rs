//! The JSON Schema (draft 7) of an inventory, from its shape.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::file::File;

/// Returns the schema; every mapping stands where it is used.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<File>()
        .to_value();
    settle(&mut schema);
    schema
}

/// Says that only an empty mapping or list may be written as nothing: for Rust every key that may be left out is.
fn settle(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(keys)) = map.get_mut("properties") {
        keys.values_mut()
            .filter_map(Value::as_object_mut)
            .for_each(needed);
    }
    for (key, inner) in map.iter_mut() {
        match inner {
            Value::Object(keys) if key == "properties" => keys.values_mut().for_each(settle),
            Value::Array(all) if key == "oneOf" => all.iter_mut().for_each(settle),
            Value::Object(_) if key == "additionalProperties" || key == "items" => settle(inner),
            _ => {}
        }
    }
    let kind = map
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if kind == "array" || (kind == "object" && !map.contains_key("required")) {
        map.insert("type".into(), Value::from(vec![kind.as_str(), "null"]));
    }
}

/// Takes the null away that an optional key has.
fn needed(schema: &mut Map<String, Value>) {
    let null = Value::from("null");
    if let Some(Value::Array(both)) = schema.remove("anyOf") {
        for one in both {
            if let Value::Object(one) = one
                && one.get("type") != Some(&null)
            {
                for (key, value) in one {
                    schema.entry(key).or_insert(value);
                }
            }
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| *kind != null);
        if let [one] = &kinds[..] {
            let one = one.clone();
            schema.insert("type".into(), one);
        }
    }
}

/// Returns how a key is used, as in `version: 16`; nothing if the shape gives no example.
pub fn usage(path: &[Step<'_>]) -> String {
    let mut schema = &schema();
    for step in path {
        let inner = match step {
            Step::Key(key) => schema.get("properties").and_then(|keys| keys.get(key)),
            Step::Name(_) => schema.get("additionalProperties"),
        };
        let Some(inner) = inner else {
            return String::new();
        };
        schema = inner;
    }
    let examples: Vec<String> = match (schema.get("examples"), schema.get("default")) {
        (Some(Value::Array(all)), _) => all.iter().map(flow).collect(),
        (_, Some(usual)) => vec![flow(usual)],
        _ => Vec::new(),
    };
    match path.last() {
        Some(Step::Key(key)) if !examples.is_empty() => format!("{key}: {}", examples.join(" or ")),
        _ => String::new(),
    }
}

/// Writes an example on one line.
fn flow(example: &Value) -> String {
    match example {
        Value::Object(map) => {
            let keys: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)))
                .collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        leaf => serde_yaml::to_string(leaf)
            .unwrap_or_default()
            .trim_end()
            .to_owned(),
    }
}

/// A step from the top of the file to a value.
#[derive(Debug, Clone, Copy)]
pub enum Step<'s> {
    /// A key that the shape knows.
    Key(&'s str),
    /// A key that is a name.
    Name(&'s str),
}
