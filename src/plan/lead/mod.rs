//! What a standby lacks that the primary has, should it lead: what pgrepl's own plan evens out is no lack, nor is what the
//! inventory says of one host.

use std::collections::BTreeMap;

use crate::facts::{Content, Facts, Observation};
use crate::files;
use crate::inventory::{self, Cluster, NodeName};
use crate::plan::builder::Builder;
use crate::plan::converge::leftovers::goes;
use crate::plan::converge::sensitive::Floors;
use crate::plan::converge::wanted::{Wanted, source, wanted, with_leaders_maps};
use crate::plan::lead::access::{clients, maps, rules};
use crate::plan::lead::alone::alone;
use crate::plan::lead::installed::{installed, sorted};
use crate::plan::lead::lack::{About, Lack, Side};
use crate::plan::lead::meaning::{DEAF, ENDS, by_hand, hears_others, meaning, quoted};
use crate::plan::lead::slots::slots;
use crate::postgres::scope::{falls_short, is_idle};
use crate::postgres::{conf, parameters, value};
use crate::render::{TemplateError, Templates};

pub(super) mod access;
pub(super) mod alone;
pub(super) mod installed;
pub mod lack;
pub mod meaning;
pub(in crate::plan) mod slots;

/// Returns what a standby lacks that the primary has; nothing where one of them was not seen.
pub fn lacks(
    cluster: &Cluster,
    templates: &Templates,
    seen: &Observation,
    from: &NodeName,
    to: &NodeName,
) -> Result<Vec<Lack>, TemplateError> {
    // Of a server that does not run nobody asks yet whether it could lead.
    if seen.facts(to).is_none_or(|facts| facts.server.is_none()) {
        return Ok(Vec::new());
    }
    let now = Builder::new(cluster, templates, seen, from.clone(), None);
    let then = Builder::new(cluster, templates, seen, to.clone(), None);
    let (leads, follows) = (side(&now, &now, from)?, side(&then, &now, to)?);
    let Some(follows) = &follows else {
        return Ok(Vec::new());
    };
    let Some(leads) = &leads else {
        return Ok(alone(cluster, follows));
    };
    let mut found = archiving(leads, follows);
    clients(cluster, leads, follows, &mut found);
    found.extend(listen(leads, follows));
    rules(cluster, seen, leads, follows, &mut found);
    maps(leads, follows, &mut found);
    settings(cluster, leads, follows, &mut found);
    installed(cluster, Some(leads), follows, &mut found);
    sorted(leads, follows, &mut found);
    found.extend(slots(cluster, leads, follows));
    found.sort_by_key(|lack| (!lack.needs_word, lack.about));
    Ok(found)
}

/// Returns a server as the plan leaves it, as the leader of its builder; it gets the maps of the one who leads now.
fn side<'a>(
    b: &'a Builder<'a>,
    now: &Builder,
    name: &'a NodeName,
) -> Result<Option<Side<'a>>, TemplateError> {
    let facts = b.facts(name);
    let facts = facts.filter(|facts| matches!(facts.data.content, Content::Instance(_)));
    let (Some(facts), Some(node)) = (facts, b.node(name)) else {
        return Ok(None);
    };
    let Some(wanted) = wanted(b, name, &Floors::new(), true)? else {
        return Ok(None);
    };
    let major = b.cluster.major;
    let rules = source(b, name, &wanted.platform, "pg_hba.conf")
        .and_then(|source| files::rules_of(&source, &wanted.hba.text, major));
    let own = source(b, name, &wanted.platform, "pg_ident.conf");
    let maps = own.and_then(|source| {
        let carried = with_leaders_maps(now, name, &source, &wanted.hba.text);
        let text = carried.or(wanted.ident.clone());
        files::map_lines(&source, text.as_deref().unwrap_or(source.text), major)
    });
    Ok(Some(Side {
        name,
        facts,
        settings: in_force(b, facts, &wanted),
        rules,
        maps,
        said: &node.hba,
    }))
}

/// Returns the settings that a server has loaded and keeps, and those that its files will say.
fn in_force(b: &Builder, facts: &Facts, wanted: &Wanted) -> BTreeMap<String, String> {
    let mut said: BTreeMap<String, String> = conf::settings(&wanted.conf.effective).collect();
    let path = wanted.platform.config("postgresql.conf");
    let Some(server) = &facts.server else {
        let auto = facts.files.get(&wanted.platform.auto_conf());
        let auto = auto
            .and_then(|file| file.content.as_deref())
            .unwrap_or_default();
        said.extend(conf::settings(auto).filter(|(name, _)| !goes(b.cluster, name)));
        return said;
    };
    let mut settings = BTreeMap::new();
    for (name, loaded) in &server.settings {
        let Some(parameter) = parameters::lookup(b.cluster.major, name) else {
            continue;
        };
        let from = loaded.sourcefile.as_deref().unwrap_or_default();
        let stays = match from.ends_with("postgresql.auto.conf") {
            true => !goes(b.cluster, name),
            false => matches!(loaded.source.as_str(), "command line" | "override"),
        };
        let next = said.remove(name).filter(|said| {
            let value = value::parse(b.cluster.major, &parameter.kind, said);
            !stays && !value.is_ok_and(|value| value::is_automatic(name, &value))
        });
        let next = next.unwrap_or_else(|| match (from == path && !stays, &loaded.boot_val) {
            (true, Some(built_in)) => built_in.clone(),
            _ => with_unit(&loaded.setting, loaded.unit.as_deref()),
        });
        settings.insert(name.clone(), next);
    }
    settings
}

/// Returns a loaded value as a file says it.
fn with_unit(value: &str, unit: Option<&str>) -> String {
    let number = value.parse::<i64>().ok().filter(|number| *number > 0);
    match (number, unit) {
        (Some(number), Some("8kB")) => format!("{}kB", number.saturating_mul(8)),
        (Some(number), Some("kB")) if number % 1024 == 0 => format!("{}MB", number / 1024),
        (Some(number), Some(unit)) => format!("{number}{unit}"),
        _ => value.to_owned(),
    }
}

/// What WAL of a primary does not go where it goes now.
fn archiving(leads: &Side, follows: &Side) -> Vec<Lack> {
    let by = |side: &Side| {
        let (command, library) = (side.says("archive_command"), side.says("archive_library"));
        // Its arguments may hold what is nobody's business.
        let program = command.split_whitespace().next().unwrap_or_default();
        match (library, is_idle(command)) {
            ("", true) => None,
            ("", false) => Some(program.to_owned()),
            (library, _) => Some(library.to_owned()),
        }
    };
    let off = |side: &Side| side.says("archive_mode") == "off";
    let Some(archives) = by(leads).filter(|_| !off(leads)) else {
        return Vec::new();
    };
    let lack = |what: &str, primary: &str, standby: &str, means: &str, needs_word| Lack {
        about: About::Archiving,
        what: what.into(),
        primary: primary.into(),
        standby: standby.to_owned() + by_hand(follows, what),
        means: means.into(),
        needs_word,
    };
    let mut found = Vec::new();
    if off(follows) {
        found.push(lack(
            "archive_mode",
            leads.says("archive_mode"),
            "off",
            ENDS,
            true,
        ));
    }
    match by(follows) {
        None => {
            let what = match leads.says("archive_library") {
                "" => "archive_command",
                _ => "archive_library",
            };
            found.push(lack(what, &archives, "nothing", ENDS, true));
        }
        Some(other) if other != archives => {
            let means = "its WAL goes another way";
            found.push(lack("archive_command", &archives, &other, means, false));
        }
        Some(_) => {}
    }
    found
}

fn listen(leads: &Side, follows: &Side) -> Option<Lack> {
    let clients = leads.facts.server.as_ref().map(|server| &server.clients);
    let remote = clients.is_some_and(|clients| clients.iter().any(|client| !client.is_local()));
    (hears_others(leads) && !hears_others(follows)).then(|| Lack {
        about: About::Listen,
        what: "listen_addresses".into(),
        primary: leads.says("listen_addresses").into(),
        standby: format!("{:?}", follows.says("listen_addresses")),
        means: DEAF.into(),
        needs_word: remote,
    })
}

/// Settings of the cluster, but for those that are told as something else.
fn settings(cluster: &Cluster, leads: &Side, follows: &Side, found: &mut Vec<Lack>) {
    let (from, to) = (
        cluster.nodes.get(leads.name),
        cluster.nodes.get(follows.name),
    );
    for (name, wanted) in &leads.settings {
        let told = matches!(name.as_str(), "archive_command" | "archive_library");
        let decided = |said: Option<&inventory::Node>| said?.parameters.get(name).cloned();
        let Some(has) = follows.settings.get(name).filter(|_| !told) else {
            continue;
        };
        if inventory::is_written_by_pgrepl(name, false)
            || decided(from) != decided(to)
            || !falls_short(cluster.major, name, has, wanted)
            || name == files::WAITED_FOR
            || found.iter().any(|lack| lack.what == *name)
        {
            continue;
        }
        let (about, means) = meaning(cluster.major, name, wanted, has);
        found.push(Lack {
            about,
            what: name.clone(),
            primary: quoted(wanted),
            standby: quoted(has) + by_hand(follows, name),
            means: means.into(),
            needs_word: false,
        });
    }
}
