//! What is read, and what must be true of whatever comes of it.

use std::collections::{BTreeMap, BTreeSet};

use pgrepl::facts::backups;
use pgrepl::facts::lines::Context;
use pgrepl::facts::parse::parse;
use pgrepl::host::{Line, parse_line};
use pgrepl::plan::Plan;
use pgrepl::postgres::bytes::{bytes_of, text_of};
use pgrepl::postgres::{ControlData, History, Lsn, Major, Timeline};
use pgrepl::postgres::{conf, conninfo, hba, history, pgpass, way_in};
use pgrepl::render::{BUILT_IN, Templates};
use pgrepl::report::{documents, foreign, problems, sink};

/// One kind of text that others write.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// Its share of all cases.
    pub share: u64,
    /// Reads one, and says whether it was understood.
    pub read: fn(&[u8]) -> bool,
}

pub const TARGETS: &[Target] = &[
    target("inventory", 4, inventory),
    target("conf", 4, configuration),
    target("hba", 4, rules),
    target("conninfo", 4, connection),
    target("pgpass", 3, password),
    target("facts", 3, facts),
    target("lsn", 3, positions),
    target("plan", 2, saved),
    target("template", 1, template),
];

const fn target(name: &'static str, share: u64, read: fn(&[u8]) -> bool) -> Target {
    Target { name, share, read }
}

fn inventory(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    match pgrepl::inventory::read(&text) {
        Ok(reading) => {
            let names = reading.cluster.nodes.keys();
            assert!(
                names
                    .into_iter()
                    .all(|name| !name.as_str().contains(char::is_control))
            );
            true
        }
        Err(found) => {
            assert!(!found.is_empty());
            let shown = problems::show(&found, "inventory.yaml", &text, true);
            assert!(sink::safe(&shown).contains("error"));
            false
        }
    }
}

fn configuration(input: &[u8]) -> bool {
    let text = text_of(input);
    assert_eq!(bytes_of(&text), input);
    conf::parse(&text);
    for (name, value) in conf::settings(&text) {
        let Ok(line) = conf::assignment(&name, &value) else {
            assert!(value.contains('\0'));
            continue;
        };
        assert!(!line.contains('\n'));
        let again: Vec<_> = conf::settings(&line).collect();
        assert_eq!(again, [(name, value)], "{line}");
    }
    shown(&text);
    true
}

fn rules(input: &[u8]) -> bool {
    let text = text_of(input);
    for version in ["9.6", "13", "16"] {
        let major: Major = version.parse().unwrap();
        let lines = hba::lines(major, &text);
        let whole: Vec<&str> = lines.iter().map(|line| line.raw).collect();
        assert_eq!(
            whole.join("\n").trim_end_matches('\n'),
            text.trim_end_matches('\n')
        );
        let rules: Vec<_> = lines
            .into_iter()
            .filter_map(|line| match line.read {
                hba::HbaLine::Rule(rule) => Some(rule),
                _ => None,
            })
            .collect();
        for rule in rules.iter().take(8) {
            for other in rules.iter().take(8) {
                way_in::may_meet(rule, other);
            }
        }
    }
    shown(&text);
    true
}

fn connection(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let Some(pairs) = conninfo::parse(&text) else {
        return false;
    };
    let words: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let written = conninfo::conninfo(&words);
    assert_eq!(
        conninfo::parse(&written).as_ref(),
        Some(&pairs),
        "{written}"
    );
    conninfo::special(&pairs, "prefer");
    true
}

/// Takes the escapes of a field away as libpq does.
fn plain(field: &str) -> String {
    let mut plain = String::new();
    let mut letters = field.chars();
    while let Some(c) = letters.next() {
        match c {
            '\\' => plain.extend(letters.next()),
            ':' => panic!("{field} is more than one field"),
            c => plain.push(c),
        }
    }
    plain
}

fn password(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    shown(&text);
    match pgpass::field(&text) {
        Ok(field) => {
            assert_eq!(plain(&field), text);
            true
        }
        Err(why) => {
            assert!(text.len() < 4 || !why.contains(text.as_ref()));
            false
        }
    }
}

fn facts(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let read: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| match parse_line(line) {
            Ok(Line::Fact(key, value)) => Some((key, value)),
            _ => None,
        })
        .collect();
    let password = "x".to_owned().into();
    let context = Context {
        major: "15".parse().unwrap(),
        data_directory: "/var/lib/postgresql/15/main",
        port: 5432,
        unit: "postgresql@15-main.service",
        cluster: "shop",
        clone_unit: "pgrepl-clone.service",
        mount: Some("/backup"),
        address: None,
        user: "replicator",
        password: Some(&password),
    };
    let there = backups::parse(&read).plausible();
    match parse(&read, &context) {
        Ok(facts) => {
            let mut json = serde_json::to_value(&facts).unwrap();
            documents::json(&mut json);
            true
        }
        Err(_) => !there.backups.is_empty(),
    }
}

fn positions(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    for line in text.lines() {
        if let Ok(at) = line.parse::<Lsn>() {
            assert_eq!(at.to_string().parse::<Lsn>(), Ok(at));
            assert!(line.chars().all(|c| c.is_ascii_hexdigit() || c == '/'));
        }
        history::timeline_of(line);
    }
    History::parse(Timeline(3), &text);
    ControlData::parse(&text).is_ok()
}

fn saved(input: &[u8]) -> bool {
    let Ok(plan) = serde_json::from_slice::<Plan>(input) else {
        return false;
    };
    // What a saved plan says is shown before anything is done.
    for step in &plan.steps {
        let act = step.action.act();
        foreign::line(&format!("{} {:?}", act.title(), act.places()));
    }
    sink::shown(&plan).is_ok()
}

fn template(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let own = BTreeMap::from([(BUILT_IN[0].0.to_owned(), text.into_owned())]);
    let context =
        serde_json::json!({ "node": { "name": "server1", "port": 5432 }, "list": [1, 2] });
    let templates = Templates { own };
    let rendered = templates.render(BUILT_IN[0].0, context, &BTreeMap::new(), &BTreeSet::new());
    if let Err(error) = &rendered {
        foreign::line(&error.to_string());
    }
    rendered.is_ok()
}

/// What is shown is harmless, and hidden once is hidden.
fn shown(text: &str) {
    let once = sink::safe(text);
    assert_eq!(sink::safe(&once), once);
    let line = foreign::line(text);
    assert!(!line.contains('\n'));
    assert!(!line.contains(&foreign::fence(&line)));
}
