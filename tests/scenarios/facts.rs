//! Recorded probes → facts.

use std::cell::RefCell;
use std::path::Path;

use pgrepl::command::{Command, Vault};
use pgrepl::facts::Facts;
use pgrepl::host::scripted::ScriptedHost;
use pgrepl::host::{Host, HostError, Line, Running, Word};
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::observe::look;

/// The replication password of the recorded hosts.
pub const PASSWORD: &str = "it's \"a\\b:c$d;e%f é";

pub fn here() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
}

/// Reads a host as it was recorded.
pub fn recorded(cluster: &Cluster, node: &NodeName, name: &str) -> Facts {
    recorded_with(cluster, node, name, PASSWORD)
}

fn recorded_with(cluster: &Cluster, node: &NodeName, name: &str, password: &str) -> Facts {
    let text = std::fs::read_to_string(here().join("facts").join(name)).unwrap();
    let lines = text
        .lines()
        .map(|line| {
            let (key, value) = line.split_once(' ').unwrap();
            Line::Fact(key.to_owned(), value.to_owned())
        })
        .collect();
    let host = ScriptedHost::new().on("read the host", Ok(lines));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let password = password.to_owned().into();
    runtime
        .block_on(look(cluster, node, &host, Some(&password)))
        .unwrap_or_else(|why| panic!("{name}: {why:?}"))
}

fn three(version: &str) -> Cluster {
    let inventory = format!(
        "cluster: shop\npostgresql: {{ version: {version} }}\nreplication: {{ password: {{ env: A }} }}\n\
         primary: server1\nstandbys: [server2, server3]\nhosts: {{ server3: {{ upstream: server2 }} }}\n"
    );
    pgrepl::inventory::read(&inventory)
        .unwrap_or_else(|_| panic!("a bad inventory"))
        .cluster
}

#[test]
fn every_recorded_host_is_read() {
    let mut names: Vec<String> = std::fs::read_dir(here().join("facts"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 8);
    for name in names {
        let version = if name.ends_with("-11") { "11" } else { "15" };
        let mut facts = recorded(&three(version), &NodeName::from("server1"), &name);
        if let Some(server) = &mut facts.server {
            assert!(server.settings.len() > 280, "{name}");
            // The defaults say nothing of this host.
            server.settings.retain(|_, setting| {
                !matches!(setting.source.as_str(), "default" | "override" | "client")
            });
        }
        for file in facts.files.values_mut() {
            file.content = file
                .content
                .take()
                .map(|text| format!("{} lines", text.lines().count()));
        }
        let json = serde_json::to_string_pretty(&facts).unwrap();
        insta::with_settings!({ snapshot_path => "../facts_read", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name.clone(), json);
        });
    }
}

/// Hears what is sent to a host, and is lost.
struct Listener(RefCell<String>);

impl Host for Listener {
    fn run_with<'a>(
        &'a self,
        command: &'a Command,
        vault: &'a Vault,
        _: &'a dyn Fn(&Line),
        _: Word<'a>,
    ) -> Running<'a> {
        *self.0.borrow_mut() += &command.text(vault).unwrap();
        Box::pin(async { Err(HostError::Lost("gone".into())) })
    }
}

/// The host is the one that tells a digest, with a salt of its own: it is sent nothing to test guesses of the password with.
#[test]
fn nothing_that_is_made_of_the_password_goes_to_a_host_that_is_read() {
    let (cluster, node) = (three("15"), NodeName::from("server2"));
    let listener = Listener(RefCell::default());
    let heard = |password: &str| {
        listener.0.take();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let password = password.to_owned().into();
        let lost = runtime.block_on(look(&cluster, &node, &listener, Some(&password)));
        assert!(lost.is_err());
        listener.0.take()
    };
    assert!(!heard(PASSWORD).is_empty());
    assert_eq!(heard(PASSWORD), heard("another"));

    let facts = recorded(&cluster, &node, "standby");
    assert_eq!(facts.pgpass.unwrap().same_password, Some(true));
    let facts = recorded_with(&cluster, &node, "standby", "another");
    assert_eq!(facts.pgpass.unwrap().same_password, Some(false));
}
