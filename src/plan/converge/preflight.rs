//! Whatever a later step needs of a server, asked of every server that will be touched before the first stop.

use std::collections::BTreeSet;

use crate::action::Action;
use crate::facts::backups::Backup;
use crate::facts::needs::{huge_pages, loaded, of_databases, of_initdb, of_settings};
use crate::facts::{Advice, Content, Facts, Obstacle};
use crate::inventory::NodeName;
use crate::plan::builder::{Builder, CopyFrom};
use crate::plan::converge::clone::{place_here, source};
use crate::plan::converge::configure::wanted;
use crate::plan::converge::prepare::prepare;
use crate::plan::converge::sensitive::Floors;
use crate::plan::converge::tablespaces;
use crate::plan::rebuild::request::{CopySource, refuse};
use crate::plan::rebuild::way::Way;
use crate::plan::{Plan, PlanError, Refusal, Role};
use crate::platform::extensions::package_of_library;
use crate::platform::{Installer, supply};
use crate::postgres::conf;

/// Why something cannot be done on a server, and what to type.
type Trouble = Option<Advice>;

/// Returns why a copy of a server cannot become the data directory of another one.
pub(in crate::plan) fn copy(b: &Builder, name: &NodeName, source: &NodeName) -> Trouble {
    let facts = b.facts(name)?;
    layout(name, facts)
        .or_else(|| lost_found(b, source))
        .or_else(|| places(b, name, facts, source))
        .or_else(|| settings(b, name, facts, source))
}

/// Refuses a rebuild whose later steps cannot be done.
///
/// A rewind changes files where they are; what keeps a copy from following it when it fails is told.
pub(in crate::plan) fn rebuild(
    b: &mut Builder,
    name: &NodeName,
    way: &Way,
    from: &CopySource,
) -> Result<(), PlanError> {
    // What `apply` would leave alone, or do first, is not stopped for the sake of steps that come later.
    let only = BTreeSet::from([name.clone()]);
    let mut first = Builder::new(
        b.cluster,
        b.templates,
        b.seen,
        b.leader.clone(),
        Some(&only),
    );
    prepare(&mut first);
    if let Some(blocked) = first.blocked(name) {
        let message = format!("cannot rebuild {name}: {}", blocked.message);
        return refuse(message, blocked.help.clone());
    }
    if let Some(step) = first.first_step(name) {
        let title = step.action.act().title();
        let message = format!("cannot rebuild {name}: a step of apply is pending: {title}");
        return refuse(message, "pgrepl apply");
    }
    let upstream = match b.role(name) {
        Role::Standby { upstream } => upstream,
        Role::Primary | Role::Pooler | Role::Hooks => b.leader.clone(),
    };
    let Some(Advice { message, help }) = copy(b, name, &source(b, &upstream)) else {
        return Ok(());
    };
    match way {
        Way::Copy => refuse(format!("cannot rebuild {name}: {message}"), help),
        Way::Rewind if *from == CopySource::Auto => {
            b.note(
                name,
                format!("if it cannot be rewound it is not copied anew either: {message}"),
                help,
            );
            Ok(())
        }
        Way::Rewind | Way::Settings => Ok(()),
    }
}

/// Refuses a restore in place where the data of a server that has some could not be set aside and replaced.
pub(in crate::plan) fn restore(
    b: &Builder,
    to: &NodeName,
    backup: &Backup,
) -> Result<(), PlanError> {
    let mut found = Vec::new();
    for (name, facts) in b.seen.seen() {
        if name != to && facts.data.content == Content::Nothing {
            continue;
        }
        let inside = || {
            let mapped = &b.node(name)?.tablespaces;
            let mut places = backup
                .tablespaces
                .iter()
                .map(|(_, path)| mapped.get(path).unwrap_or(path));
            places.find_map(|place| {
                let inside = facts.data.contains(place);
                inside
                    .then(|| tablespace_inside(place, facts))
                    .or_else(|| tablespaces::trouble(b.cluster, name, facts, place))
            })
        };
        // A host on which nothing can be done now is no host to set something aside on.
        let blocked = b.blocked(name);
        let trouble = blocked
            .cloned()
            .or_else(|| layout(name, facts))
            .or_else(inside)
            .or_else(|| settings(b, name, facts, to));
        found.extend(
            trouble.map(|Advice { message, help }| Advice::new(format!("{name}: {message}"), help)),
        );
    }
    irreplaceable(to, found)
}

/// Refuses a restore in place that would leave a server without the data that it has set aside.
pub(in crate::plan) fn replaced(plan: &Plan, to: &NodeName) -> Result<(), PlanError> {
    let found = plan.blocked().filter(|(name, _)| {
        let steps = plan.steps.iter().filter(|step| step.node == **name);
        let mut actions = steps.map(|step| &step.action);
        *name == to || actions.any(|action| matches!(action, Action::SetAside(_)))
    });
    let found = found
        .map(|(name, blocked)| Advice::new(format!("{name}: {}", blocked.message), &blocked.help));
    irreplaceable(to, found.collect())
}

fn irreplaceable(to: &NodeName, found: Vec<Advice>) -> Result<(), PlanError> {
    let Some(Advice { help, .. }) = found.first().cloned() else {
        return Ok(());
    };
    Err(PlanError::Refused(Refusal {
        message: format!("cannot restore on {to}: the data of a server could not be replaced"),
        details: found
            .into_iter()
            .map(|Advice { message, help }| format!("{message} ({help})"))
            .collect(),
        help,
    }))
}

/// What keeps a server from sending its data directory.
fn lost_found(b: &Builder, source: &NodeName) -> Trouble {
    if let Some(CopyFrom::Backup(_)) = b.copy_from {
        return None;
    }
    let data = &b.facts(source)?.data;
    let lost = format!("{}/lost+found", data.path);
    data.layout.lost_found_closed.then(|| {
        Advice::new(
            format!(
                "{lost} of {source} is closed to its server, which cannot send what it cannot read"
            ),
            format!("ssh {source} sudo chown postgres: {lost}"),
        )
    })
}

/// What keeps a data directory from being set aside, and a copy from getting its place.
fn layout(name: &NodeName, facts: &Facts) -> Trouble {
    let path = &facts.data.path;
    let empty = facts.data.content == Content::Nothing;
    Some(match facts.data.obstacle()? {
        Obstacle::NotHis(place) => Advice::new(
            format!("{path} leads to {place}, where the service user may not write"),
            format!("ssh {name} sudo chown postgres: {place}"),
        ),
        Obstacle::Closed(parent) => Advice::new(
            format!("root may not write in {parent}: {path} could not be renamed"),
            format!("ssh {name} sudo touch {parent}/pgrepl-may-write"),
        ),
        Obstacle::Between(parent) => Advice::new(
            format!(
                "{parent} is root's, in a directory of the service user's: {path} could not be renamed"
            ),
            format!(
                "ssh {name} sudo chown --reference={} {parent}",
                if empty {
                    format!("{parent}/..")
                } else {
                    path.clone()
                }
            ),
        ),
        Obstacle::TablespaceInside(place) => tablespace_inside(&place, facts),
    })
}

fn tablespace_inside(place: &str, facts: &Facts) -> Advice {
    let path = &facts.data.path;
    Advice::new(
        format!("the tablespace {place} lies inside the data directory {path}"),
        move_tables(&format!("a directory outside {path}")),
    )
}

fn move_tables(to: &str) -> String {
    format!(
        "make another one in {to}, move its tables and drop it: CREATE TABLESPACE, ALTER TABLE ALL IN TABLESPACE … SET TABLESPACE …, DROP TABLESPACE"
    )
}

/// What is wrong with the places that the tablespaces of a source would have here.
fn places(b: &Builder, name: &NodeName, facts: &Facts, source: &NodeName) -> Trouble {
    let node = b.node(name)?;
    let (source, spaces) = match &b.copy_from {
        Some(CopyFrom::Backup(backup)) => (&backup.host, &backup.tablespaces),
        _ => (source, &b.facts(source)?.data.tablespaces),
    };
    let there = b.facts(source);
    spaces.iter().find_map(|(_, path)| {
        let place = place_here(b, source, node, path);
        if facts.data.contains(&place) {
            return Some(tablespace_inside(&place, facts));
        }
        if let Some(there) = there.filter(|there| there.data.contains(path)) {
            return Some(tablespace_inside(path, there));
        }
        tablespaces::trouble(b.cluster, name, facts, &place)
    })
}

/// What the configuration that a server will have needs, and its host lacks.
fn settings(b: &Builder, name: &NodeName, facts: &Facts, source: &NodeName) -> Trouble {
    let wanted = wanted(b, name, &Floors::new(), false).ok()??;
    let there = b.facts(source);
    let auto = b.platform(source).map(|platform| platform.auto_conf());
    let auto = there
        .zip(auto)
        .and_then(|(there, path)| there.files.get(&path));
    let auto = auto
        .and_then(|file| file.content.as_deref())
        .unwrap_or_default();
    let said = conf::settings(&wanted.conf.text).chain(conf::settings(auto));
    let server = there.and_then(|there| there.server.as_ref());
    let mut needs = of_settings(&said.collect());
    match server {
        Some(server) => needs.extend(of_databases(server)),
        // What it copies is made by the same plan.
        None => needs.extend(of_initdb(&b.cluster.initdb)),
    }
    // How many are needed the server that leads tells.
    if needs.iter().any(|need| need.starts_with("huge_pages ")) {
        needs.retain(|need| !need.starts_with("huge_pages "));
        needs.extend(there.map(|there| huge_pages(&loaded(there))));
    }
    lack(b, name, facts, &needs, source)
}

/// What a new database cluster needs, and its host lacks.
pub(in crate::plan) fn new_cluster(b: &Builder, name: &NodeName, facts: &Facts) -> Trouble {
    lack(b, name, facts, &of_initdb(&b.cluster.initdb), name)
}

/// Says the first of some needs that a host lacks, and what brings it.
fn lack(
    b: &Builder,
    name: &NodeName,
    facts: &Facts,
    needs: &BTreeSet<String>,
    source: &NodeName,
) -> Trouble {
    let (kind, what, why) = facts.lacks(needs)?;
    let installer = b.platform(name).map(|platform| platform.installer);
    let bring = |command: Option<String>| Some(format!("ssh {name} sudo {}", command?));
    let from = |package: &str| installer.and_then(|installer| supply::install(installer, package));
    let named = |kind: &str| format!("the {kind} {what}, which its settings name, {why}");
    let (message, help) = match kind {
        "locale" => {
            let root = format!("ssh {name} sudo");
            let help = installer.and_then(|installer| supply::locale(installer, what, &root));
            let help =
                help.unwrap_or_else(|| format!("ssh {name} locale -a; then install it there"));
            (named(kind), help)
        }
        "library" => {
            let package = installer
                .and_then(|installer| package_of_library(installer, b.cluster.major, what))
                .filter(|package| !package.is_empty());
            let help = package.and_then(|package| bring(from(&package)));
            let help = help.unwrap_or_else(|| {
                format!("install the package that has it on {name}, as on {source}")
            });
            (named(kind), help)
        }
        "timezone" => {
            let help = match installer {
                // What Debian keeps apart since 13.
                Some(Installer::Apt) => bring(from("tzdata tzdata-legacy")),
                _ => bring(from("tzdata")),
            };
            (
                named("time zone"),
                help.unwrap_or_else(|| format!("install it on {name}, as on {source}")),
            )
        }
        "group" => (
            named(kind),
            format!("ssh {name} sudo groupadd --system {what}"),
        ),
        "sockets" => {
            let user = b
                .platform(name)
                .map(|platform| platform.user)
                .unwrap_or_default();
            (
                named("directory"),
                format!("ssh {name} sudo install -d -o {user} {what}"),
            )
        }
        "built_with" => (
            format!("{what}, which sorts its databases, {why}"),
            format!("install PostgreSQL from the packages that {source} has"),
        ),
        "huge_pages" => (
            format!("{what} huge pages {why}"),
            format!("ssh {name} sudo sysctl vm.nr_hugepages={what}"),
        ),
        _ => (
            named(if kind == "key" { "file" } else { kind }),
            format!(
                "ssh {name} sudo ls -ld {what}; put there what {source} has, or set it for {name}: parameters"
            ),
        ),
    };
    Some(Advice { message, help })
}
