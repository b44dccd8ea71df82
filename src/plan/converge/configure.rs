//! The files of one node, and what makes the server load them.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Check, PlannedText, Reload, Restart, WriteFile, WritePgpass};
use crate::facts::{Content, Facts, FileFact, RECOVERY_CONF, server::Setting};
use crate::files::{self, archive};
use crate::inventory::{NodeName, Unmanaged};
use crate::plan::builder::Builder;
use crate::plan::converge::leftovers::{clean_auto_conf, explain};
use crate::plan::converge::lowered::wait_for_lowered;
use crate::plan::converge::sensitive::Floors;
use crate::plan::converge::wanted::LEADERS;
pub use crate::plan::converge::wanted::{Wanted, wanted};
use crate::postgres::{Major, conf, parameters, value};
use crate::render::TemplateError;

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
    if let Some(platform) = b.platform(name) {
        clean_auto_conf(b, name, &platform);
    }
    configure_files(b, name, floors, synchronous, needs)
}

/// Plans the same without a look at postgresql.auto.conf, which holds the settings of a recovery until that is over.
pub fn configure_files(
    b: &mut Builder,
    name: &NodeName,
    floors: &Floors,
    synchronous: bool,
    needs: &[&NodeName],
) -> Result<(), TemplateError> {
    let Some(wanted) = wanted(b, name, floors, synchronous)? else {
        return Ok(());
    };
    let Some(facts) = b.facts(name).cloned() else {
        return Ok(());
    };
    explain(b, name, &facts, &wanted);
    let major = b.cluster.major;
    let running = facts.server.is_some();
    let (mut restart, mut reload) = changes(major, &facts, &wanted);
    // Before 12 it is read when a standby starts, and only then.
    let recovery_conf = b.marker(name)?.filter(|marker| {
        marker.is_recovery_conf() && matches!(facts.data.content, Content::Instance(_))
    });
    let recovery_path = format!("{}/{RECOVERY_CONF}", facts.data.path);
    if let Some(marker) = &recovery_conf {
        let file = facts.files.get(&recovery_path);
        if differs(file, &marker.text) || file.is_some_and(|file| file.unloaded) {
            restart.insert(RECOVERY_CONF.into());
        }
    }
    let conf_path = wanted.platform.config("postgresql.conf");
    let hba_path = wanted.platform.config("pg_hba.conf");
    let left = |file: &str| wanted.refused.iter().any(|(named, _)| *named == file);
    for (file, why) in &wanted.refused {
        b.note(
            name,
            format!("{file} is left as it is: {why}"),
            format!("correct it on {name}, then run this again"),
        );
    }
    let hba_differs = !left("pg_hba.conf") && differs(facts.files.get(&hba_path), &wanted.hba.text);
    if hba_differs || facts.files.get(&hba_path).is_some_and(|file| file.unloaded) {
        reload.insert("pg_hba.conf".into());
    }
    let ident_path = wanted.platform.config("pg_ident.conf");
    let ident = facts.files.get(&ident_path);
    let ours = |file: &FileFact| {
        let text = file.content.as_deref().unwrap_or_default();
        file.unloaded && text.contains(LEADERS)
    };
    let maps = wanted.ident.as_ref();
    if maps.is_some_and(|text| differs(ident, text)) || ident.is_some_and(ours) {
        reload.insert("pg_ident.conf".into());
    }
    let takes_effect = match (running, restart.is_empty(), reload.is_empty()) {
        (true, false, _) => format!("restart: {}", list(&restart)),
        (true, true, false) => "reload".into(),
        _ => String::new(),
    };
    wait_for_lowered(b, name, &facts, &wanted);
    let owner = format!("{0}:{0}", wanted.platform.user);
    let inside = wanted.platform.config_inside();
    let keeps_rules = b.cluster.unmanaged == Unmanaged::Keep;
    let write = |name: &str,
                 path: &str,
                 text: &str,
                 owner: &str,
                 mode: &str,
                 check: Check,
                 takes_effect: &str,
                 b: &mut Builder,
                 node: &NodeName| {
        let file = facts.files.get(path);
        if !differs(file, text) || left(name) {
            return;
        }
        let before = match file {
            Some(FileFact {
                digest, content, ..
            }) => PlannedText::Read {
                digest: digest.clone(),
                content: content.clone().unwrap_or_default(),
            },
            // The cluster is created by an earlier step, and its files with it.
            None if b.seen.facts(node).is_some_and(|seen| {
                !seen.service.registered || inside && seen.data.content == Content::Nothing
            }) =>
            {
                PlannedText::Any
            }
            None => PlannedText::Absent,
        };
        let foreign = matches!(&before, PlannedText::Read { content, .. } if !content.contains(": written by pgrepl."));
        let action = WriteFile {
            name: name.into(),
            path: path.into(),
            before,
            content: text.into(),
            owner: owner.into(),
            mode: mode.into(),
            check,
            foreign,
            closes: match check {
                Check::Hba => wanted.hba.closed.clone(),
                _ => Vec::new(),
            },
            keeps_rules: matches!(check, Check::Hba | Check::Ident) && keeps_rules,
            keeps_settings: match check {
                Check::Conf => wanted.conf.stays.clone(),
                _ => Vec::new(),
            },
            takes_effect: takes_effect.into(),
        };
        b.step(node, action).after(needs);
    };
    for (program, path, text) in archive::programs(b.cluster) {
        let (owner, check) = ("root:root", Check::None);
        write(program, &path, text, owner, "755", check, "", b, name);
    }
    if let Some(files::ToolConf {
        name: file,
        path,
        text,
    }) = &wanted.tool
    {
        let owner = format!("root:{}", wanted.platform.user);
        write(file, path, text, &owner, "640", Check::None, "", b, name);
    }
    write(
        "postgresql.conf",
        &conf_path,
        &wanted.conf.text,
        &owner,
        "644",
        Check::Conf,
        &takes_effect,
        b,
        name,
    );
    if let Some(marker) = &recovery_conf {
        write(
            RECOVERY_CONF,
            &recovery_path,
            &marker.text,
            &owner,
            "600",
            Check::None,
            if running { "restart" } else { "" },
            b,
            name,
        );
    }
    if let Some(text) = &wanted.ident {
        write(
            "pg_ident.conf",
            &ident_path,
            text,
            &owner,
            "640",
            Check::Ident,
            if running { "reload" } else { "" },
            b,
            name,
        );
    }
    write(
        "pg_hba.conf",
        &hba_path,
        &wanted.hba.text,
        &owner,
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
        b.step(
            name,
            Restart {
                because: restart.iter().cloned().collect(),
                unit,
                same_settings: false,
            },
        )
        .because(list(&restart))
        .after(needs);
        b.next_phase();
    } else if !reload.is_empty() {
        b.step(
            name,
            Reload {
                because: reload.iter().cloned().collect(),
                unit,
            },
        )
        .because(list(&reload))
        .after(needs);
    }
    Ok(())
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
    let text: BTreeMap<_, String> = conf::settings(&wanted.conf.text).collect();
    let overridden: BTreeSet<String> = facts
        .files
        .get(&wanted.platform.auto_conf())
        .and_then(|file| file.content.as_deref())
        .map(|text| conf::settings(text).map(|(name, _)| name).collect())
        .unwrap_or_default();
    // An included file, or the connection that asks, wins over what is kept.
    let said_elsewhere = |setting: &Setting| {
        let other = |of: &String| *of != path && !of.ends_with("postgresql.auto.conf");
        !matches!(setting.source.as_str(), "configuration file" | "default")
            || setting.sourcefile.as_ref().is_some_and(other)
    };
    let found = facts.files.get(&path).filter(|file| !file.unloaded);
    let found: BTreeMap<_, String> = found
        .and_then(|file| file.content.as_deref())
        .map(|text| conf::settings(text).collect())
        .unwrap_or_default();
    for (name, setting) in &server.settings {
        // The server has read the very same words in this file, whatever it calls their meaning.
        if setting.sourcefile.as_deref() == Some(path.as_str())
            && found
                .get(name)
                .is_some_and(|said| text.get(name) == Some(said))
            && !server.pending_restart.contains(name)
        {
            continue;
        }
        let auto = setting
            .sourcefile
            .as_deref()
            .is_some_and(|file| file.ends_with("postgresql.auto.conf"));
        if auto && overridden.contains(name)
            || setting.source == "command line"
            || setting.context == "internal"
        {
            continue;
        }
        let Some(parameter) = parameters::lookup(major, name) else {
            continue;
        };
        // A name is worth no restart; what a server shows while it does not archive is no command.
        if name == "cluster_name" || setting.setting == "(disabled)" {
            continue;
        }
        // A primary does not look at them: what it has loaded may stay until it restarts for another reason.
        if !server.in_recovery
            && matches!(
                name.as_str(),
                "primary_conninfo" | "primary_slot_name" | "restore_command"
            )
        {
            continue;
        }
        let differs = match text.get(name) {
            Some(said) => {
                let automatic = value::parse(major, &parameter.kind, said)
                    .is_ok_and(|value| value::is_automatic(name, &value));
                let kept = wanted.conf.kept.settings.contains(name);
                let elsewhere = kept && said_elsewhere(setting);
                !automatic
                    && !elsewhere
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
    // A server that an earlier step starts is known by its files only: what these did not say has its built-in value.
    for name in text
        .keys()
        .filter(|name| !server.settings.contains_key(*name))
    {
        match parameters::lookup(major, name).map(|parameter| parameter.context) {
            Some("postmaster") => restart.insert(name.clone()),
            Some(_) => reload.insert(name.clone()),
            None => continue,
        };
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
                && found.same_password != Some(false)
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
        );
    }
    Ok(())
}
