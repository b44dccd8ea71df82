//! The values and sections of an inventory that stand for themselves.

use std::collections::BTreeMap;
use std::ops::Range;

use super::fields::{Fields, number, text, word};
use super::read::Places;
use super::tree::{Node as Yaml, Tree};
use super::{
    Backup, BackupFrom, BackupTool, Keep, KnownHosts, NodeName, Problem, Replication, SecretSource,
    Ssh,
};

pub(super) fn cluster_name(tree: &Tree, problems: &mut Vec<Problem>) -> Option<String> {
    let name = text(tree, "cluster", problems)?;
    let good = name.len() <= 31
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !good {
        problems.push(Problem::new(
            tree.span.clone(),
            "bad cluster name",
            "expected lower-case letters, digits and `_`, at most 31",
        ));
    }
    good.then_some(name)
}

/// Debian's tools take more, but a dash means something else in the name of a systemd unit (pg_createcluster(1)).
pub(super) fn instance(tree: &Tree, problems: &mut Vec<Problem>) -> Option<String> {
    let name = text(tree, "instance", problems)?;
    let good = (1..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !good {
        problems.push(Problem::new(
            tree.span.clone(),
            "bad name of an instance",
            "expected letters, digits and `_`, at most 63",
        ));
    }
    good.then_some(name)
}

pub(super) fn host_name(tree: &Tree, problems: &mut Vec<Problem>) -> Option<NodeName> {
    let name = text(tree, "host", problems)?;
    check_host_name(&name, &tree.span, problems).then(|| NodeName::new(name))
}

pub(super) fn check_host_name(
    name: &str,
    span: &Range<usize>,
    problems: &mut Vec<Problem>,
) -> bool {
    let good = !name.is_empty()
        && name.len() <= 253
        && !name.starts_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '@'));
    if !good {
        problems.push(Problem::new(
            span.clone(),
            "this is no name of a host",
            "expected a destination as in `ssh server1`",
        ));
    }
    good
}

pub(super) fn address(tree: &Tree, problems: &mut Vec<Problem>) -> Option<String> {
    let written = text(tree, "address", problems)?;
    let good = written.parse::<std::net::IpAddr>().is_ok()
        || (!written.is_empty()
            && !written.starts_with(['-', '.'])
            && written.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
            // Digits and dots alone are a mistyped IP address, not a name.
            && !written.chars().all(|c| c.is_ascii_digit() || c == '.'));
    if !good {
        problems.push(Problem::new(
            tree.span.clone(),
            "bad address",
            "expected an IP address or a host name",
        ));
    }
    good.then_some(written)
}

pub(super) fn absolute(tree: &Tree, what: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let path = text(tree, what, problems)?;
    let good =
        path.starts_with('/') && path.len() > 1 && !path.contains("/../") && !path.ends_with("/..");
    if !good {
        problems.push(Problem::new(
            tree.span.clone(),
            format!("`{what}` must be an absolute path"),
            "expected /…",
        ));
    }
    good.then(|| path.trim_end_matches('/').to_owned())
}

pub(super) fn ssh(tree: Option<&Tree>, common: &Ssh, problems: &mut Vec<Problem>) -> Ssh {
    let mut ssh = common.clone();
    let Some(tree) = tree else { return ssh };
    let mut fields = Fields::open(tree, "`ssh`", problems);
    let mut plain = |key: &'static str, problems: &mut Vec<Problem>| {
        fields.take(key).and_then(|tree| {
            let value = text(tree, key, problems)?;
            if value.starts_with('-') || value.is_empty() {
                problems.push(Problem::new(
                    tree.span.clone(),
                    format!("bad `{key}`"),
                    "must not be empty or begin with `-`",
                ));
                return None;
            }
            Some(value)
        })
    };
    ssh.user = plain("user", problems).or(ssh.user);
    ssh.identity_file = plain("identity_file", problems)
        .map(Into::into)
        .or(ssh.identity_file);
    ssh.jump = plain("jump", problems).or(ssh.jump);
    ssh.config_file = plain("config_file", problems)
        .map(Into::into)
        .or(ssh.config_file);
    if let Some(port) = fields
        .take("port")
        .and_then(|tree| number(tree, "port", 1, 65535, problems))
    {
        ssh.port = u16::try_from(port).ok();
    }
    if let Some(tree) = fields.take("known_hosts") {
        let words = [
            ("strict", KnownHosts::Strict),
            ("accept-new", KnownHosts::AcceptNew),
        ];
        ssh.known_hosts = word(tree, "known_hosts", &words, problems).unwrap_or_default();
    }
    fields.close(problems);
    ssh
}

pub(super) fn replication(
    tree: &Tree,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) -> Option<Replication> {
    let mut fields = Fields::open(tree, "`replication`", problems);
    let user = match fields.take("user") {
        None => Some("replicator".to_owned()),
        Some(tree) => text(tree, "user", problems).filter(|user| {
            let good = !user.is_empty()
                && user.len() <= 63
                && user != "postgres"
                && !user.starts_with("pg_");
            if !good {
                problems.push(Problem::new(
                    tree.span.clone(),
                    "this role cannot be the replication role",
                    "expected a name of its own, at most 63 bytes",
                ));
            }
            good
        }),
    };
    let password = fields
        .need(
            "password",
            "password: { env: REPLICATION_PASSWORD }",
            problems,
        )
        .and_then(|tree| password(tree, problems));
    let truth = [
        ("true", true),
        ("false", false),
        ("yes", true),
        ("no", false),
        ("on", true),
        ("off", false),
    ];
    let slots = fields
        .take("slots")
        .and_then(|tree| word(tree, "slots", &truth, problems))
        .unwrap_or(true);
    let synchronous = fields.take("synchronous").and_then(|tree| {
        places.synchronous = Some(tree.span.clone());
        number(tree, "synchronous", 0, 100, problems)
    });
    let modes = [
        "disable",
        "allow",
        "prefer",
        "require",
        "verify-ca",
        "verify-full",
    ]
    .map(|mode| (mode, mode));
    let sslmode = fields
        .take("sslmode")
        .and_then(|tree| word(tree, "sslmode", &modes, problems))
        .unwrap_or("prefer");
    fields.close(problems);
    Some(Replication {
        user: user?,
        password: password?,
        slots,
        synchronous: synchronous.unwrap_or(0),
        sslmode: sslmode.to_owned(),
    })
}

pub(super) fn password(tree: &Tree, problems: &mut Vec<Problem>) -> Option<SecretSource> {
    const HELP: &str = "password: { env: NAME }, { file: PATH } or { command: \"…\" }";
    let wrong = |message: &str| {
        Problem::new(tree.span.clone(), message, "not shown")
            .help(HELP)
            .secret()
    };
    let Yaml::Map(entries) = &tree.node else {
        problems.push(wrong("a password does not stand in the inventory itself"));
        return None;
    };
    let [(kind, _, value)] = &entries[..] else {
        problems.push(wrong("expected exactly one of `env`, `file` and `command`"));
        return None;
    };
    let Yaml::Text(value) = &value.node else {
        problems.push(wrong("expected a name, a path or a command"));
        return None;
    };
    let name = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match kind.as_str() {
        // It may be the password itself, in the wrong place.
        "env" if !name => {
            problems.push(wrong("this is no name of an environment variable"));
            None
        }
        "env" => Some(SecretSource::Env(value.clone())),
        "file" => Some(SecretSource::File(value.into())),
        "command" => Some(SecretSource::Command(value.clone())),
        _ => {
            problems.push(wrong("unknown source of a password"));
            None
        }
    }
}

pub(super) fn backup(
    tree: &Tree,
    places: &mut Places,
    problems: &mut Vec<Problem>,
) -> Option<Backup> {
    let mut fields = Fields::open(tree, "`backup`", problems);
    let mount = fields
        .need("mount", "mount: /mnt/backups", problems)
        .and_then(|tree| absolute(tree, "mount", problems));
    let tools = [
        ("basebackup", BackupTool::Basebackup),
        ("pgbackrest", BackupTool::Pgbackrest),
        ("pitrery", BackupTool::Pitrery),
    ];
    let tool = fields.take("tool").and_then(|tree| {
        places.tool = Some(tree.span.clone());
        word(tree, "tool", &tools, problems)
    });
    let mut keep = Keep::Count(7);
    if let Some(tree) = fields.take("keep") {
        let mut inner = Fields::open(tree, "`keep`", problems);
        let count = inner
            .take("count")
            .and_then(|tree| number(tree, "count", 1, 10_000, problems));
        let days = inner
            .take("days")
            .and_then(|tree| number(tree, "days", 1, 10_000, problems));
        inner.close(problems);
        keep = match (count, days) {
            (Some(count), None) => Keep::Count(count),
            (None, Some(days)) => Keep::Days(days),
            _ => {
                problems.push(Problem::new(
                    tree.span.clone(),
                    "`keep` wants one of `count` and `days`",
                    "expected { count: 7 }",
                ));
                keep
            }
        };
    }
    let schedule = fields
        .take("schedule")
        .and_then(|tree| text(tree, "schedule", problems));
    let sources = [
        ("standby", BackupFrom::Standby),
        ("primary", BackupFrom::Primary),
    ];
    let from = fields
        .take("from")
        .and_then(|tree| word(tree, "from", &sources, problems))
        .unwrap_or_default();
    fields.close(problems);
    Some(Backup {
        mount: mount?,
        tool: tool.unwrap_or_default(),
        keep,
        schedule,
        from,
    })
}
/// Reads where a host has its tablespaces: the path on the other hosts, and the path here.
pub fn tablespaces(tree: &Tree, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for (from, span, tree) in Fields::open(tree, "`tablespaces`", problems).rest() {
        let to = text(tree, "tablespaces", problems).unwrap_or_default();
        for (path, span) in [(from, span), (to.as_str(), &tree.span)] {
            if !path.starts_with('/') || path.contains(['=', '\\']) {
                let label = "an absolute path without `=` and `\\` is expected";
                problems.push(Problem::new(
                    span.clone(),
                    format!("{path:?} is no place for a tablespace"),
                    label,
                ));
            }
        }
        read.insert(from.to_owned(), to);
    }
    read
}
