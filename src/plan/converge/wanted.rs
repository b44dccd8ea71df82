//! What the files of one node will be, and what stood in them before.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Facts;
use crate::files::{self, Rendered, Source};
use crate::inventory::{NodeName, Unmanaged};
use crate::plan::builder::Builder;
use crate::plan::converge::sensitive::{Floors, number};
use crate::platform::Platform;
use crate::postgres::{Major, parameters};
use crate::render::TemplateError;

/// What a node's files will be.
pub struct Wanted {
    /// postgresql.conf.
    pub conf: Rendered,
    /// pg_hba.conf.
    pub hba: Rendered,
    /// pg_ident.conf, where one comes along; else it stays as it is.
    pub ident: Option<String>,
    /// Why files cannot be written: lines that the server does not load, files that could not be read.
    pub refused: Vec<(&'static str, String)>,
    /// The configuration of the backup engine's own program, if it has one.
    pub tool: Option<files::ToolConf>,
    /// Where they go.
    pub platform: Platform,
}

/// Returns what stood in a file before: on this node, in the one that was set aside, or on the leader.
pub(in crate::plan) fn source<'a>(
    b: &'a Builder,
    name: &NodeName,
    platform: &Platform,
    file: &str,
) -> Option<Source<'a>> {
    let of = |facts: &'a Facts, platform: &Platform| match file {
        "postgresql.conf" => Source::conf(facts, platform),
        _ => Source::named(facts, platform, file),
    };
    if let Some(own) = b.facts(name).and_then(|facts| of(facts, platform)) {
        return Some(own);
    }
    // A configuration that goes with the data directory leaves to its successor what it had of its own.
    let before = b.seen.facts(name).and_then(|facts| of(facts, platform));
    let leads = || {
        let leads = (*name != b.leader).then_some(&b.leader)?;
        of(b.facts(leads)?, &b.platform(leads)?)
    };
    before.or_else(leads).map(Source::for_another_host)
}

/// Leaves a node alone whose files cannot be written without the loss of something.
pub(in crate::plan) fn refuse(b: &mut Builder, name: &NodeName) {
    let (Some(node), Some(platform)) = (b.node(name), b.platform(name)) else {
        return;
    };
    let major = b.cluster.major;
    let role = b.role(name);
    let view = b.view(node, &role, &platform, BTreeMap::new(), false);
    let of = |file: &str| source(b, name, &platform, file);
    let conf = of("postgresql.conf").map(|conf| files::kept_settings(&view, &conf).refused);
    let hba = of("pg_hba.conf").map(|hba| files::kept_rules(&view, &hba, "").refused);
    let maps = of("pg_ident.conf")
        .filter(|maps| maps.moves)
        .and_then(|maps| files::maps(major, &maps).err());
    let mut why = conf.into_iter().chain(hba).flatten().chain(maps);
    if let Some(why) = why.next() {
        b.block(
            name,
            format!("its configuration cannot be kept: {why}"),
            "correct that line, or make the file readable to the service user; then run this again",
        );
    }
}

/// What stands above the maps that a standby has from the primary.
pub(in crate::plan) const LEADERS: &str =
    "# As on the primary, for the rules that name these maps: written by pgrepl.";

/// Returns a standby's pg_ident.conf with the lines of the primary's that it lacks, of the maps that its rules name: where it
/// is let in as whom belongs to the cluster. `None` if there are none.
pub(in crate::plan) fn with_leaders_maps(
    b: &Builder,
    name: &NodeName,
    own: &Source,
    hba: &str,
) -> Option<String> {
    let major = b.cluster.major;
    if *name == b.leader || b.cluster.unmanaged != Unmanaged::Keep || !hba.contains("map=") {
        return None;
    }
    let named: BTreeSet<String> = files::rules_of(own, hba, major)?
        .into_iter()
        .flat_map(|rule| rule.options)
        .filter_map(|option| Some(option.strip_prefix("map=")?.to_owned()))
        .collect();
    let theirs = source(b, &b.leader, &b.platform(&b.leader)?, "pg_ident.conf")?;
    let has = files::map_lines(own, own.text, major)?;
    let lines = files::maps(major, &theirs).ok()??;
    let missing: Vec<&str> = lines
        .lines()
        .filter(|line| {
            let words = files::map_lines(&theirs, line, major).unwrap_or_default();
            let of = |words: &Vec<String>| words.first().is_some_and(|map| named.contains(map));
            words.iter().any(|words| of(words) && !has.contains(words))
        })
        .collect();
    if missing.is_empty() {
        return None;
    }
    let mut text = own.text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    if !text.contains(LEADERS) {
        text += &format!("{LEADERS}\n");
    }
    Some(text + &missing.join("\n") + "\n")
}

/// Renders the files of a node.
pub fn wanted(
    b: &Builder,
    name: &NodeName,
    floors: &Floors,
    synchronous: bool,
) -> Result<Option<Wanted>, TemplateError> {
    let (Some(node), Some(platform)) = (b.node(name), b.platform(name)) else {
        return Ok(None);
    };
    let role = b.role(name);
    let conf = source(b, name, &platform, "postgresql.conf");
    let hba = source(b, name, &platform, "pg_hba.conf");
    // Without floors first: only what falls below them is written out.
    let bare = files::postgresql_conf(
        &b.view(node, &role, &platform, BTreeMap::new(), synchronous),
        b.templates,
        conf.as_ref(),
    )?;
    let needed: BTreeMap<String, String> = floors
        .iter()
        .filter(|(parameter, least)| number(b.cluster.major, parameter, &bare.effective) < **least)
        .map(|(parameter, least)| (parameter.clone(), least.to_string()))
        .collect();
    let view = b.view(node, &role, &platform, needed.clone(), synchronous);
    let conf = if needed.is_empty() {
        bare
    } else {
        files::postgresql_conf(&view, b.templates, conf.as_ref())?
    };
    let hba = files::pg_hba_conf(&view, b.templates, hba.as_ref())?;
    let tool = files::tool_conf(&view, b.templates)?;
    let maps = match source(b, name, &platform, "pg_ident.conf") {
        Some(own) if own.moves => Some(files::maps(b.cluster.major, &own)),
        Some(own) => with_leaders_maps(b, name, &own, &hba.text).map(|text| Ok(Some(text))),
        None => None,
    };
    let mut refused: Vec<(&str, String)> = Vec::new();
    for (file, rendered) in [("postgresql.conf", &conf), ("pg_hba.conf", &hba)] {
        refused.extend(rendered.kept.refused.iter().map(|why| (file, why.clone())));
    }
    let ident = match maps {
        Some(Ok(text)) => text,
        Some(Err(why)) => {
            refused.push(("pg_ident.conf", why));
            None
        }
        None => None,
    };
    Ok(Some(Wanted {
        conf,
        hba,
        ident,
        refused,
        tool,
        platform,
    }))
}

/// Returns the sensitive values a node's configuration text leads to.
pub fn sensitive(major: Major, wanted: &Wanted) -> Floors {
    parameters::hot_standby_sensitive(major)
        .map(|name| (name.to_owned(), number(major, name, &wanted.conf.effective)))
        .collect()
}
