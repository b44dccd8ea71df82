//! Where a PostgreSQL lives that no known package put there.

use super::Problem;
use super::fields::{Fields, text};
use super::sections::absolute;
use super::tree::Tree;
use crate::platform::{Custom, custom::Service};

/// Reads `platform:`; `located` says whether `data_directory:` stands beside it.
pub fn platform(tree: &Tree, located: bool, problems: &mut Vec<Problem>) -> Option<Custom> {
    let mut fields = Fields::open(tree, "`platform`", problems);
    let bindir = fields
        .need("bindir", "bindir: /opt/postgresql/bin", problems)
        .and_then(|tree| absolute(tree, "bindir", problems));
    let home = fields
        .need("home", "home: /var/lib/postgresql", problems)
        .and_then(|tree| absolute(tree, "home", problems));
    let mut path = |key: &'static str, problems: &mut Vec<Problem>| {
        fields
            .take(key)
            .and_then(|tree| absolute(tree, key, problems))
    };
    let config_directory = path("config_directory", problems);
    let socket_directory = path("socket_directory", problems);
    let log_directory = path("log_directory", problems);
    let user = fields
        .take("user")
        .map_or(Some("postgres".into()), |tree| user(tree, problems));
    let unit = fields.take("unit").map(|tree| unit(tree, problems));
    let mut command = |key: &'static str, problems: &mut Vec<Problem>| {
        fields.take(key).map(|tree| {
            text(tree, key, problems)
                .filter(|command| !command.trim().is_empty())
                .unwrap_or_default()
        })
    };
    let service = match (unit, command("start", problems), command("stop", problems)) {
        (Some(unit), None, None) => unit.map(Service::Unit),
        (None, Some(start), Some(stop)) => Some(Service::Commands { start, stop }),
        _ => {
            problems.push(
                Problem::new(
                    tree.span.clone(),
                    "`platform` wants a `unit`, or both `start` and `stop`",
                    "what starts the server and stops it?",
                )
                .help("unit: postgresql.service"),
            );
            None
        }
    };
    fields.close(problems);
    if !located {
        problems.push(
            Problem::new(
                tree.span.clone(),
                "`platform` wants a `data_directory` beside it",
                "where does its data live?",
            )
            .help("data_directory: /srv/postgresql/data"),
        );
    }
    Some(Custom {
        bindir: bindir?,
        config_directory,
        user: user?,
        home: home?,
        // PostgreSQL's own default, unless whoever built it changed that.
        socket_directory: socket_directory.unwrap_or_else(|| "/tmp".into()),
        log_directory,
        service: service?,
    })
}

fn user(tree: &Tree, problems: &mut Vec<Problem>) -> Option<String> {
    let name = text(tree, "user", problems)?;
    let good = name != "root"
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !good {
        problems.push(Problem::new(
            tree.span.clone(),
            "this cannot be the service user",
            "expected a user of the system, not root",
        ));
    }
    good.then_some(name)
}

fn unit(tree: &Tree, problems: &mut Vec<Problem>) -> Option<String> {
    let name = text(tree, "unit", problems)?;
    let good = name
        .strip_suffix(".service")
        .is_some_and(|name| !name.is_empty() && !name.starts_with('-'))
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '@'));
    if !good {
        problems.push(Problem::new(
            tree.span.clone(),
            "this is no unit of systemd",
            "expected NAME.service",
        ));
    }
    good.then_some(name)
}
