//! Rules for the parameters of an inventory.

use std::ops::Range;

use super::{Cluster, Node};
use crate::inventory::places::{KeySpans, ParameterSpan};
use crate::inventory::problem::Problem;
use crate::postgres::owned::owned;
use crate::postgres::{conninfo, parameters, value};

/// Says whether pgrepl writes a parameter by itself, so that no inventory may hold it.
pub fn is_written_by_pgrepl(name: &str, with_backups: bool) -> bool {
    owned(name).is_some_and(|owned| owned.written.goes(with_backups))
}

/// Says what a parameter risks that somebody switches off; nothing where it is on, or where nothing is at risk.
pub fn risk(name: &str, value: &str) -> Option<&'static str> {
    let off = ["off", "of", "false", "no", "0"];
    let value = value.to_ascii_lowercase();
    if !off
        .iter()
        .any(|word| word.starts_with(&value) && (!value.is_empty() && value != "o"))
    {
        return None;
    }
    match name {
        "fsync" => Some("after a crash of the operating system the cluster may be lost"),
        "full_page_writes" => Some("after a crash pages may be half written, also on standbys"),
        _ => None,
    }
}

pub(super) fn parameter_values(cluster: &Cluster, places: &KeySpans, problems: &mut Vec<Problem>) {
    let major = cluster.major;
    for ParameterSpan {
        name,
        value: written,
        at,
        place,
        ..
    } in &places.parameters
    {
        // A key of a section may stand for it.
        let owned = owned(name).filter(|owned| owned.written.goes(cluster.backup.is_some()));
        if let Some(owned) = owned.filter(|_| at != place) {
            let help = match owned.instead {
                "" => "remove it".to_owned(),
                instead => format!("use `{instead}`"),
            };
            problems.push(
                Problem::new(
                    at.clone(),
                    format!("`{name}` is written by pgrepl itself"),
                    "not here",
                )
                .help(help),
            );
            continue;
        }
        if name.contains('.') {
            continue;
        }
        if name == "primary_conninfo" {
            if let Some(why) = not_ours(written) {
                problems.push(
                    Problem::new(place.clone(), format!("bad value of `{name}`"), why).help(
                        "say only what follows from no role: sslrootcert=… keepalives_idle=…",
                    ),
                );
            }
            continue;
        }
        // These are no parameters of the old versions' postgresql.conf but have the same form everywhere.
        let kind = match name.as_str() {
            "recovery_min_apply_delay" => {
                Some(parameters::kind("integer", "ms", "0", "2147483647", ""))
            }
            "restore_command" => Some(parameters::ParameterKind::Text),
            _ => parameters::lookup(major, name).map(|parameter| parameter.kind),
        };
        let Some(kind) = kind else {
            let elsewhere = parameters::elsewhere(major, name);
            let help = match (&elsewhere, parameters::similar(major, name)) {
                (Some(elsewhere), _) => elsewhere.clone(),
                (None, Some(near)) => format!("did you mean `{near}`?"),
                (None, None) => String::new(),
            };
            problems.push(
                Problem::new(
                    at.clone(),
                    format!("PostgreSQL {major} has no parameter `{name}`"),
                    "unknown",
                )
                .help(help),
            );
            continue;
        };
        if let Err(why) = value::parse(major, &kind, written) {
            problems.push(Problem::new(
                place.clone(),
                format!("bad value of `{name}`"),
                why,
            ));
        }
    }
}

/// Says why a connection string cannot be added to pgrepl's own one.
fn not_ours(said: &str) -> Option<String> {
    let Some(pairs) = conninfo::parse(said) else {
        return Some("libpq would not read it".into());
    };
    if pairs.iter().any(|(keyword, _)| keyword == "sslpassword") {
        return Some("`sslpassword` would stand in a file that others read".into());
    }
    let decided = pairs
        .iter()
        .find(|(keyword, _)| conninfo::is_decided(keyword))?;
    Some(format!("`{}` is written by pgrepl itself", decided.0))
}

pub(super) fn combinations(
    cluster: &Cluster,
    node: &Node,
    places: &KeySpans,
    problems: &mut Vec<Problem>,
) {
    let place = |name: &str| -> Range<usize> {
        places
            .parameters
            .iter()
            .filter(|parameter| {
                let host = parameter.host.as_ref();
                parameter.name == name && host.is_none_or(|host| *host == node.name)
            })
            .map(|parameter| parameter.place.clone())
            .next_back()
            .unwrap_or(0..0)
    };
    let number = |name: &str| -> Option<i64> {
        let parameter = parameters::lookup(cluster.major, name)?;
        match value::parse(cluster.major, &parameter.kind, node.parameters.get(name)?) {
            Ok(value::Value::Int(number)) => Some(number),
            _ => None,
        }
    };
    if node
        .parameters
        .get("wal_level")
        .is_some_and(|level| level.eq_ignore_ascii_case("minimal"))
    {
        problems.push(Problem::new(
            place("wal_level"),
            "`wal_level` minimal makes standbys and backups impossible",
            "expected replica or logical",
        ));
    }
    if node.syncs_slots(cluster.major) {
        let said = |name: &str| node.parameters.get(name).map_or("", String::as_str);
        let feedback = parameters::lookup(cluster.major, "hot_standby_feedback");
        let off = feedback.is_some_and(|feedback| {
            let said = said("hot_standby_feedback");
            value::same(
                cluster.major,
                "hot_standby_feedback",
                &feedback.kind,
                said,
                "off",
            )
        });
        let lacks = match () {
            _ if !said("wal_level").eq_ignore_ascii_case("logical") => Some("`wal_level: logical`"),
            _ if off => Some("`hot_standby_feedback` on"),
            _ if !cluster.replication.slots => Some("`replication: { slots: true }`"),
            _ => None,
        };
        if let Some(lacks) = lacks {
            problems.push(Problem::new(
                place("sync_replication_slots"),
                "`sync_replication_slots` does not work alone",
                format!("expected {lacks} beside it"),
            ));
        }
    }
    for name in ["max_wal_senders", "max_replication_slots"] {
        let needed = cluster.least(name);
        let said = number(name).and_then(|number| usize::try_from(number).ok());
        if said.is_some_and(|number| number < needed) {
            problems.push(Problem::new(
                place(name),
                format!(
                    "`{name}` is too small for {} standbys",
                    cluster.standbys.len()
                ),
                format!("expected {needed} or more: one each, and two for copies"),
            ));
        }
    }
    let reserved = number("superuser_reserved_connections").unwrap_or(3);
    if number("max_connections").is_some_and(|most| most <= reserved) {
        problems.push(Problem::new(
            place("max_connections"),
            "`max_connections` leaves no connection for anyone",
            format!("expected more than {reserved}, which are reserved"),
        ));
    }
}
