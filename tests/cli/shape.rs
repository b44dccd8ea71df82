//! Every key is declared once: the schema, the reference, the examples and the reader know the same ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pgrepl::inventory::keys;
use proptest::prelude::*;
use serde_json::Value;

mod generated;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn reference() -> String {
    let mut text = String::from(
        "# Every key of an inventory\n\n\
         Written from `src/inventory/file.rs`, the one place that declares them. NAME stands for a name of your own.\n\n\
         | key | what it says | values | if it is left out | example |\n|---|---|---|---|---|\n",
    );
    for key in keys() {
        let cell = |value: &Option<Value>| match value {
            None => String::new(),
            Some(value) => format!("`{value}`"),
        };
        let cells = [
            format!("`{}`", key.path),
            key.says,
            key.values,
            cell(&key.usual),
            cell(&key.example),
        ];
        text += &format!(
            "| {} |\n",
            cells
                .map(|cell| cell.replace('|', "\\|").replace('\n', " "))
                .join(" | ")
        );
    }
    text
}

/// `PGREPL_WRITE=1 cargo test --test cli shape` writes both files anew.
#[test]
fn the_reference_and_the_schema_are_those_of_the_shape() {
    let schema = format!("{:#}\n", pgrepl::inventory::schema());
    for (file, text) in [
        ("docs/INVENTORY.md", reference()),
        ("docs/inventory.schema.json", schema),
        (
            "docs/plan.schema.json",
            format!("{:#}\n", pgrepl::plan::schema()),
        ),
    ] {
        let path = root().join(file);
        if std::env::var_os("PGREPL_WRITE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let stands = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            stands == text,
            "{file} is old: PGREPL_WRITE=1 cargo test --test cli shape"
        );
    }
    for key in keys() {
        assert!(!key.says.is_empty(), "{} has no description", key.path);
    }
}

fn examples() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(root().join("inventories")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        all.push((
            path.display().to_string(),
            serde_yaml::from_str(&text).unwrap(),
        ));
    }
    all
}

#[test]
fn every_key_stands_in_an_example_and_every_example_fits_the_schema() {
    fn walk(path: &str, value: &Value, known: &BTreeSet<String>, seen: &mut BTreeSet<String>) {
        let join = |key: &str| {
            if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            }
        };
        for one in value.as_array().into_iter().flatten() {
            walk(path, one, known, seen);
        }
        for (key, inner) in value.as_object().into_iter().flatten() {
            let own = join(key);
            let place = if known.contains(&own) {
                own
            } else {
                join("NAME")
            };
            seen.insert(place.clone());
            walk(&place, inner, known, seen);
        }
    }
    let known: BTreeSet<String> = keys().into_iter().map(|key| key.path).collect();
    let check = Schema::new();
    let mut seen = BTreeSet::new();
    for (name, value) in examples() {
        assert!(check.takes(&value), "{name} does not fit the schema");
        walk("", &value, &known, &mut seen);
    }
    // What can be said of one host is shown for all.
    let shown = |path: &&String| {
        let shared = path.strip_prefix("hosts.NAME.").map(|key| {
            let top = key.split('.').next().unwrap_or_default();
            if top == "ssh" {
                key.to_owned()
            } else {
                format!("postgresql.{key}")
            }
        });
        let ssh = path.rfind(".ssh.").map(|at| path[at + 1..].to_owned());
        let shared = shared.or(ssh);
        // Of the moments of hooks each is as the others.
        let hook = path
            .strip_prefix("clients.hooks.")
            .and_then(|key| key.split_once('.'));
        let hook = hook.map(|(_, key)| format!(".{key}"));
        let hooks = |key: String| {
            let mut hooks = seen
                .iter()
                .filter(|path| path.starts_with("clients.hooks."));
            hooks.any(|path| path.ends_with(&key))
        };
        seen.contains(*path)
            || hook.is_some_and(hooks)
            || shared.is_some_and(|path| seen.contains(&path))
    };
    let missing: Vec<&String> = known.iter().filter(|path| !shown(path)).collect();
    assert!(missing.is_empty(), "no example shows {missing:?}");
}

/// The schema, ready to check.
struct Schema {
    all: boon::Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    fn new() -> Self {
        let mut all = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        compiler
            .add_resource("pgrepl.json", pgrepl::inventory::schema())
            .unwrap();
        let index = compiler.compile("pgrepl.json", &mut all).unwrap();
        Self { all, index }
    }

    fn takes(&self, value: &Value) -> bool {
        self.all.validate(value, self.index).is_ok()
    }
}

/// Whether the reader complains only of what no schema can say: what one key means for another, and what PostgreSQL itself takes.
fn beyond(problems: &[pgrepl::inventory::Problem]) -> bool {
    let rules = [
        "has two roles",
        "has no role",
        "unknown standby",
        "unknown host",
        "stands here twice",
        "lead in a circle",
        "cannot follow itself",
        "share the slot name",
        "the same address and port",
        "standbys cannot confirm",
        "pitrery does not work",
        "written by pgrepl itself",
        "has no parameter",
        "bad value of",
        "makes standbys and backups impossible",
        "is too small",
        "leaves no connection",
        "bad pg_hba.conf line",
        "empty pg_hba.conf line",
        "wants a `data_directory`",
        "holds a control character",
        "bad address",
        "must be an absolute path",
        "must not be empty",
        "merge keys are not supported",
        "bad `jump`",
        "key `",
        "replication role",
        "bad `identity_file`",
        "bad `config_file`",
        "not a valid schedule",
        "initdb of PostgreSQL",
        "is for the provider",
        "the provider icu needs",
        "the provider builtin needs",
        "unknown locale of the provider",
        "this `builtin_locale` has",
        "`wal_directory` is said twice",
    ];
    problems
        .iter()
        .all(|problem| rules.iter().any(|rule| problem.message.contains(rule)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// JSON is YAML, so that the schema and the reader see the same.
    #[test]
    fn what_the_schema_refuses_the_reader_refuses(file in generated::value(&pgrepl::inventory::schema())) {
        thread_local!(static SCHEMA: Schema = Schema::new());
        let takes = SCHEMA.with(|schema| schema.takes(&file));
        match pgrepl::inventory::read(&file.to_string()) {
            Ok(_) => prop_assert!(takes, "read, but the schema refuses {file}"),
            Err(problems) => prop_assert!(!takes || beyond(&problems), "the schema takes {file}\n{problems:#?}"),
        }
    }
}
