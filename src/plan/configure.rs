//! The files of one node, and what makes the server load them.

use std::collections::{BTreeMap, BTreeSet};

use super::builder::Builder;
use super::leftovers::{clean_auto_conf, explain};
use crate::action::{Check, Reload, Restart, Text, WaitReplayed, WriteFile, WritePgpass};
use crate::facts::{Facts, FileFact};
use crate::files::{self, Rendered};
use crate::inventory::NodeName;
use crate::platform::Platform;
use crate::postgres::{Major, conf, parameters, value};
use crate::render::TemplateError;

/// Which values of the hot-standby-sensitive parameters a standby must not go below, by name, in base units.
pub type Floors = BTreeMap<String, i64>;

/// What a node's files will be.
pub struct Wanted {
    /// postgresql.conf.
    pub conf: Rendered,
    /// pg_hba.conf.
    pub hba: Rendered,
    /// Where they go.
    pub platform: Platform,
}

/// Renders the files of a node.
pub fn wanted(
    b: &Builder,
    name: &NodeName,
    floors: &Floors,
    synchronous: bool,
) -> Result<Option<Wanted>, TemplateError> {
    let (Some(node), Some(facts), Some(platform)) = (b.node(name), b.facts(name), b.platform(name))
    else {
        return Ok(None);
    };
    let role = b.role(name);
    let conf_path = platform.config("postgresql.conf");
    let hba_path = platform.config("pg_hba.conf");
    let text =
        |facts: &Facts, path: &str| facts.files.get(path).and_then(|file| file.content.clone());
    let leader = b.facts(&b.leader).filter(|_| *name != b.leader);
    let inherited = |path: &str| leader.and_then(|leader| text(leader, path));
    // Without floors first: only what falls below them is written out.
    let bare = files::postgresql_conf(
        &b.view(node, &role, &platform, BTreeMap::new(), synchronous),
        b.templates,
        text(facts, &conf_path).as_deref(),
        inherited(&conf_path).as_deref(),
    )?;
    let needed: BTreeMap<String, String> = floors
        .iter()
        .filter(|(parameter, least)| number(b.cluster.major, parameter, &bare.text) < **least)
        .map(|(parameter, least)| (parameter.clone(), least.to_string()))
        .collect();
    let view = b.view(node, &role, &platform, needed.clone(), synchronous);
    let conf = if needed.is_empty() {
        bare
    } else {
        files::postgresql_conf(
            &view,
            b.templates,
            text(facts, &conf_path).as_deref(),
            inherited(&conf_path).as_deref(),
        )?
    };
    let hba = files::pg_hba_conf(
        &view,
        b.templates,
        text(facts, &hba_path).as_deref(),
        inherited(&hba_path).as_deref(),
    )?;
    Ok(Some(Wanted {
        conf,
        hba,
        platform,
    }))
}

/// Returns what a configuration text makes of an integer parameter, its built-in value if it does not say.
pub fn number(major: Major, name: &str, text: &str) -> i64 {
    let said = conf::settings(text)
        .filter(|(known, _)| known == name)
        .last();
    let kind = parameters::lookup(major, name).map(|parameter| parameter.kind);
    match (said, kind) {
        (Some((_, said)), Some(kind)) => match value::parse(major, &kind, &said) {
            Ok(value::Value::Int(number)) => number,
            _ => 0,
        },
        // boot_val of pg_settings, the same in every version.
        _ => match name {
            "max_connections" => 100,
            "max_locks_per_transaction" => 64,
            "max_worker_processes" => 8,
            "max_wal_senders" => 10,
            _ => 0,
        },
    }
}

/// Returns the sensitive values a node's configuration text leads to.
pub fn sensitive(major: Major, wanted: &Wanted) -> Floors {
    parameters::hot_standby_sensitive(major)
        .map(|name| (name.to_owned(), number(major, name, &wanted.conf.text)))
        .collect()
}

/// Returns the sensitive values a server runs with, or ran with last.
pub fn loaded_sensitive(major: Major, facts: &Facts) -> Floors {
    parameters::hot_standby_sensitive(major)
        .filter_map(|name| {
            let loaded = facts
                .server
                .as_ref()
                .and_then(|server| server.settings.get(name)?.setting.parse().ok());
            let stored = || {
                facts
                    .data
                    .control()
                    .and_then(|control| i64::try_from(*control.sensitive.get(name)?).ok())
            };
            Some((name.to_owned(), loaded.or_else(stored)?))
        })
        .collect()
}

/// Plans the files of a node and, if its server runs, the reload or restart that makes it load them.
///
/// A restart stands in a phase of its own: never two servers at once. `needs` are nodes whose failure makes all of it
/// pointless or dangerous.
pub fn configure(
    b: &mut Builder,
    name: &NodeName,
    floors: &Floors,
    synchronous: bool,
    needs: &[&NodeName],
) -> Result<(), TemplateError> {
    let Some(wanted) = wanted(b, name, floors, synchronous)? else {
        return Ok(());
    };
    clean_auto_conf(b, name, &wanted.platform);
    let Some(facts) = b.facts(name).cloned() else {
        return Ok(());
    };
    explain(b, name, &facts, &wanted);
    let major = b.cluster.major;
    let running = facts.server.is_some();
    let (restart, mut reload) = changes(major, &facts, &wanted);
    let conf_path = wanted.platform.config("postgresql.conf");
    let hba_path = wanted.platform.config("pg_hba.conf");
    let hba_differs = differs(facts.files.get(&hba_path), &wanted.hba.text);
    if hba_differs || facts.files.get(&hba_path).is_some_and(|file| file.unloaded) {
        reload.insert("pg_hba.conf".into());
    }
    let takes_effect = match (running, restart.is_empty(), reload.is_empty()) {
        (true, false, _) => format!("restart: {}", list(&restart)),
        (true, true, false) => "reload".into(),
        _ => String::new(),
    };
    let owner = format!("{0}:{0}", wanted.platform.user);
    let write = |name: &str,
                 path: &str,
                 text: &str,
                 mode: &str,
                 check: Check,
                 takes_effect: &str,
                 b: &mut Builder,
                 node: &NodeName| {
        let file = facts.files.get(path);
        if !differs(file, text) {
            return;
        }
        let before = match file {
            Some(FileFact {
                digest, content, ..
            }) => Text::Read {
                digest: digest.clone(),
                content: content.clone().unwrap_or_default(),
            },
            // The cluster is created by an earlier step, and its files with it.
            None if b
                .seen
                .facts(node)
                .is_some_and(|seen| !seen.service.registered) =>
            {
                Text::Any
            }
            None => Text::Absent,
        };
        let foreign = matches!(&before, Text::Read { content, .. } if !content.contains(": written by pgrepl."));
        let action = WriteFile {
            name: name.into(),
            path: path.into(),
            before,
            content: text.into(),
            owner: owner.clone(),
            mode: mode.into(),
            check,
            foreign,
            takes_effect: takes_effect.into(),
        };
        b.step(node, action, "", needs);
    };
    write(
        "postgresql.conf",
        &conf_path,
        &wanted.conf.text,
        "644",
        Check::Conf,
        &takes_effect,
        b,
        name,
    );
    write(
        "pg_hba.conf",
        &hba_path,
        &wanted.hba.text,
        "640",
        Check::Hba,
        if running { "reload" } else { "" },
        b,
        name,
    );
    if !running {
        return Ok(());
    }
    let unit = wanted.platform.unit.clone();
    if !restart.is_empty() {
        b.next_phase();
        wait_for_lowered(b, name, &facts, &wanted);
        b.step(
            name,
            Restart {
                because: restart.iter().cloned().collect(),
                unit,
            },
            list(&restart),
            needs,
        );
        b.next_phase();
    } else if !reload.is_empty() {
        b.step(
            name,
            Reload {
                because: reload.iter().cloned().collect(),
                unit,
            },
            list(&reload),
            needs,
        );
    }
    Ok(())
}

/// A standby whose values go down must first have replayed that its primary's went down, or it refuses to start.
fn wait_for_lowered(b: &mut Builder, name: &NodeName, facts: &Facts, wanted: &Wanted) {
    if *name == b.leader {
        return;
    }
    let major = b.cluster.major;
    let (new, old) = (sensitive(major, wanted), loaded_sensitive(major, facts));
    let lowered = new
        .iter()
        .any(|(parameter, value)| old.get(parameter).is_some_and(|old| value < old));
    let leader = b.leader.clone();
    if let (true, Some(leader)) = (lowered, b.facts(&leader)) {
        let settings = loaded_sensitive(major, leader)
            .into_iter()
            .filter(|(parameter, _)| new.get(parameter) < old.get(parameter))
            .filter_map(|(parameter, value)| {
                let shown = match parameter.as_str() {
                    "max_prepared_transactions" => "max_prepared_xacts".to_owned(),
                    "max_locks_per_transaction" => "max_locks_per_xact".to_owned(),
                    _ => parameter,
                };
                Some((shown, u64::try_from(value).ok()?))
            })
            .collect();
        b.step(name, WaitReplayed { settings }, "lowered values", &[]);
    }
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().cloned().collect::<Vec<_>>().join(", ")
}

fn differs(file: Option<&FileFact>, text: &str) -> bool {
    file.is_none_or(|file| file.digest != files::digest(text))
}

/// Compares what the files will say with what the server has loaded: parameters that need a restart, and a reload.
fn changes(major: Major, facts: &Facts, wanted: &Wanted) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut restart, mut reload) = (BTreeSet::new(), BTreeSet::new());
    let Some(server) = &facts.server else {
        return (restart, reload);
    };
    let path = wanted.platform.config("postgresql.conf");
    let text: BTreeMap<String, String> = conf::settings(&wanted.conf.text).collect();
    for (name, setting) in &server.settings {
        let auto = setting
            .sourcefile
            .as_deref()
            .is_some_and(|file| file.ends_with("postgresql.auto.conf"));
        if auto || setting.source == "command line" || setting.context == "internal" {
            continue;
        }
        let Some(parameter) = parameters::lookup(major, name) else {
            continue;
        };
        let differs = match text.get(name) {
            Some(said) => {
                let automatic = value::parse(major, &parameter.kind, said)
                    .is_ok_and(|value| value::is_automatic(name, &value));
                let kept = wanted.conf.kept.settings.contains(name);
                !automatic
                    && !kept
                    && !value::same(major, name, &parameter.kind, said, &setting.setting)
            }
            // It was in our file and is no more: it goes back to its built-in value.
            None => {
                setting.sourcefile.as_deref() == Some(path.as_str())
                    && !value::same(
                        major,
                        name,
                        &parameter.kind,
                        setting.boot_val.as_deref().unwrap_or_default(),
                        &setting.setting,
                    )
            }
        };
        if differs {
            if setting.context == "postmaster" {
                &mut restart
            } else {
                &mut reload
            }
            .insert(name.clone());
        }
    }
    (restart, reload)
}

/// Plans the cluster's lines of .pgpass on a node, the same whatever the roles are.
pub fn passwords(b: &mut Builder, name: &NodeName) -> Result<(), TemplateError> {
    let entries = files::pgpass_entries(b.cluster, &b.world, b.templates, name)?;
    let (Some(facts), Some(platform)) = (b.facts(name), b.platform(name)) else {
        return Ok(());
    };
    let good = match &facts.pgpass {
        Some(found) => {
            found.entries == entries
                && found.same_password == Some(true)
                && found.mode == "600"
                && found.owner == platform.user
        }
        None => entries.is_empty(),
    };
    if !good {
        let exists = facts.pgpass.is_some();
        b.step(
            name,
            WritePgpass {
                entries,
                exists,
                owner: platform.user,
            },
            "",
            &[],
        );
    }
    Ok(())
}
