//! Inventories made from the schema: most of them nearly right.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Words that one key or another takes, and words that break out of a grammar.
fn leaf() -> impl Strategy<Value = Value> {
    let words = [
        "",
        "shop",
        "Shop",
        "9x",
        "server1",
        "-x",
        "a b",
        "/srv/pg",
        "/",
        "//",
        "/a/../b",
        "relative",
        "10.0.0.1",
        "::1",
        "10.0.0.1.2",
        "admin",
        "admin@host:22,b",
        "h:0",
        "h:99999",
        "a,,b",
        "[::1]:22",
        "$(touch x)",
        "a\nb",
        "a\tb",
        "é",
        "on",
        "no",
        "yes",
        "off",
        "true",
        "16",
        "9.6",
        "9.7",
        "19",
        "sudo",
        "none",
        "auto",
        "world",
        "keep",
        "remove",
        "strict",
        "accept-new",
        "prefer",
        "verify-full",
        "maybe",
        "basebackup",
        "pitrery",
        "standby",
        "primary",
        "02:30",
        "Mon *-*-* 00:00",
        "x\\",
        "host all all all md5",
        "pg.service",
        ".service",
        "root",
        "postgres",
        "pg_x",
        "a'b",
        "1h",
        "NAME",
        "A B",
        "~",
        "null",
        "<<",
        "0x10",
        "1e3",
        "port\n",
    ];
    prop_oneof![
        4 => proptest::sample::select(words.to_vec()).prop_map(Value::from),
        1 => "\\PC{0,6}".prop_map(Value::from),
        2 => proptest::sample::select(vec![0_i64, 1, -1, 16, 9, 18, 100, 101, 5432, 65535, 65536, 10_000, 10_001]).prop_map(Value::from),
        1 => Just(json!(9.6)),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

/// A value for a place of the schema: often one that fits its kind, sometimes anything.
pub fn value(schema: &Value) -> BoxedStrategy<Value> {
    let mut fitting: Vec<Value> = schema["examples"].as_array().cloned().unwrap_or_default();
    fitting.extend(schema.get("default").cloned());
    fitting.extend(schema["enum"].as_array().into_iter().flatten().cloned());
    fitting.extend(
        schema["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one.get("const").cloned()),
    );
    let mut any = vec![(1, leaf().boxed())];
    if !fitting.is_empty() {
        any.push((4, proptest::sample::select(fitting).boxed()));
    }
    if schema["items"].is_object() {
        any.push((
            3,
            proptest::collection::vec(value(&schema["items"]), 0..3)
                .prop_map(Value::from)
                .boxed(),
        ));
    }
    if let Some(keys) = schema["properties"].as_object() {
        any.push((8, mapping(keys, &schema["required"])));
    }
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        if let Some(keys) = one["properties"].as_object() {
            any.push((3, mapping(keys, &one["required"])));
        }
    }
    if schema["additionalProperties"].is_object() {
        let name = prop_oneof![
            Just("server1".to_owned()),
            Just("server2".to_owned()),
            Just("work_mem".to_owned()),
            "\\PC{0,5}"
        ];
        let entries =
            proptest::collection::vec((name, value(&schema["additionalProperties"])), 0..3);
        any.push((
            3,
            entries
                .prop_map(|all| Value::from(Map::from_iter(all)))
                .boxed(),
        ));
    }
    proptest::strategy::Union::new_weighted(any).boxed()
}

fn mapping(keys: &Map<String, Value>, required: &Value) -> BoxedStrategy<Value> {
    let needed = |key: &str| {
        required
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one == key))
    };
    let entries: Vec<BoxedStrategy<Option<(String, Value)>>> = keys
        .iter()
        .map(|(key, schema)| {
            let often = if needed(key) { 0.97 } else { 0.15 };
            let name = key.clone();
            let odd = prop_oneof![60 => Just(name.clone()), 1 => Just(format!("{name}x"))];
            proptest::option::weighted(often, (odd, value(schema))).boxed()
        })
        .collect();
    entries
        .prop_map(|all| Value::from(Map::from_iter(all.into_iter().flatten())))
        .boxed()
}
