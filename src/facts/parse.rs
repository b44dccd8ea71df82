//! From the lines of a probe to [`Facts`].

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};

use super::address::{self, AddressFacts};
use super::firewall::Firewall;
use super::parse_data::data;
use super::parse_pass::pass_file;
use super::parse_server::{Told, server};
use super::{
    Disk, Facts, FileFact, Job, Mount, Os, Packages, Process, Service, SetAside, Staging, Timer,
    Tool, beside, shape,
};
use crate::facts::instance::TurnedAway;
use crate::facts::lines::{Context, Lines, columns};
use crate::inventory::NodeName;
use crate::postgres::bytes::text_of;
use crate::postgres::{ServerVersion, SystemId};

/// Reads the facts of a probe; `facts` are its keys and values in order. The error names what is missing or strange.
pub fn parse(facts: &[(String, String)], context: &Context) -> Result<Facts, String> {
    shape::check(facts)?;
    let mut lines = Lines(BTreeMap::new());
    for (key, value) in facts {
        lines.0.entry(key).or_default().push(value);
    }
    let missing = |what: &str| format!("the probe did not tell {what}");
    let [id, like, version, name] = lines
        .first("os")
        .and_then(columns)
        .ok_or_else(|| missing("the operating system"))?;
    let (hostname, arch) = lines
        .first("uname")
        .and_then(|line| line.split_once(' '))
        .ok_or_else(|| missing("its name"))?;
    let real_path = lines
        .first("data")
        .ok_or_else(|| missing("its data directory"))?;

    let server = lines
        .first("sql")
        .map(|json| server(json, lines.first("sizes"), context))
        .transpose()?;
    let (server, told) = server.map_or((None, None), |(server, told)| (Some(server), Some(told)));
    let mut resolved: BTreeMap<NodeName, Vec<_>> = BTreeMap::new();
    for [name, address] in lines
        .all("resolved")
        .iter()
        .filter_map(|line| columns(line))
    {
        if let Ok(address) = address.parse() {
            resolved
                .entry(NodeName::from(name))
                .or_default()
                .push(address);
        }
    }
    let process = match (lines.first("postmaster"), &server) {
        (_, Some(_)) => Process::Running,
        (Some(_), None) if lines.first("sql_refused").is_some() => Process::Running,
        (Some(_), None) => Process::Busy,
        (None, None) => Process::Stopped,
    };
    let files = files(&lines, told.as_ref());
    let virtual_addresses = address::known(
        context.address,
        files
            .get(&address::unit_path(context.cluster))
            .and_then(|file| file.content.as_deref())
            .unwrap_or_default(),
    );
    Ok(Facts {
        os: Os {
            id: id.into(),
            like: like.into(),
            version: version.into(),
            name: name.into(),
        },
        hostname: hostname.into(),
        arch: arch.into(),
        glibc: lines
            .first("libc")
            .and_then(|libc| libc.strip_prefix("glibc "))
            .map(str::to_owned),
        systemd: lines.first("systemd").is_some(),
        addresses: lines
            .all("address")
            .iter()
            .filter_map(|a| a.parse().ok())
            .filter(|address| !virtual_addresses.contains(address))
            .collect(),
        resolved,
        packages: packages(&lines),
        data: data(&lines, context, real_path, told.as_ref()),
        process,
        turned_away: TurnedAway::read(&lines, &server),
        server: server.map(|mut server| {
            server.archive_waiting = lines.first("archive_waiting").and_then(|n| n.parse().ok());
            server
        }),
        files,
        unread: lines.texts("unread"),
        pgpass: pass_file(&lines, context),
        service: service(&lines, context),
        firewall: Firewall::read(
            lines.first("firewall"),
            lines.all("firewall_rule"),
            context.port,
        ),
        port_taken: lines.first("port_taken").map(str::to_owned),
        port_set: lines.first("port_set").map(str::to_owned),
        other_port: lines.first("other_port").and_then(|port| port.parse().ok()),
        disks: lines
            .all("disk")
            .iter()
            .filter_map(|line| Disk::read(line))
            .collect(),
        file_systems: lines
            .all("file_system")
            .iter()
            .filter_map(|line| Disk::read(line))
            .collect(),
        mount: context.mount.map(|path| mount(&lines, path)),
        tool: Tool {
            version: lines.first("tool_version").map(str::to_owned),
            repository: lines.first("tool_repository").is_some(),
        },
        at_work: lines.first("at_work").map(str::to_owned),
        run: lines.first("run").map(str::to_owned),
        jobs: jobs(&lines, context),
        archive_waits_s: lines.first("archive_waits").and_then(|n| n.parse().ok()),
        timer: timer(&lines),
        health: lines.first("health") == Some("active"),
        address: AddressFacts::read(&lines, &virtual_addresses),
        schedule_refused: lines.first("schedule_refused").map(str::to_owned),
        staging: lines.first("staging").map(|path| Staging {
            path: path.into(),
            complete: lines.first("staging_complete").is_some(),
            source: lines.first("staging_source").unwrap_or_default().into(),
            system_id: (lines.first("staging_system_id"))
                .and_then(|id| id.parse().ok().map(SystemId)),
            log: lines.all("staging_log").join("\n"),
            holds: lines
                .all("staging_holds")
                .iter()
                .filter_map(|line| columns(line))
                .filter_map(|[path, bytes]| Some((path.to_owned(), bytes.parse().ok()?)))
                .collect(),
        }),
        copies: beside::copies(lines.all("copy"), context.cluster),
        asked: BTreeMap::new(),
        able: None,
        replaced: lines.texts("replaced"),
        packages_held: lines.first("packages_held").is_some(),
        offered: None,
        set_aside: lines
            .all("set_aside")
            .iter()
            .map(|path| SetAside {
                path: (*path).into(),
            })
            .collect(),
    })
}

fn packages(lines: &Lines) -> Packages {
    Packages {
        server: lines.first("server").and_then(ServerVersion::from_program),
        others: lines.texts("other_major"),
        tools: lines
            .first("tools")
            .into_iter()
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect(),
        bindir: lines.first("bindir").map(str::to_owned),
        strange: lines.first("bindir_strange").map(str::to_owned),
        candidate: lines
            .first("candidate")
            .filter(|c| !c.is_empty())
            .map(str::to_owned),
        zstd: lines.first("zstd").is_some(),
        creates_cluster: lines.first("creates_cluster").is_none(),
        installed_next: false,
    }
}

fn files(lines: &Lines, told: Option<&Told>) -> BTreeMap<String, FileFact> {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    for [path, line] in lines.all("line").iter().filter_map(|line| columns(line)) {
        let text = texts.entry(path).or_default();
        text.push_str(line);
        text.push('\n');
    }
    let digests: BTreeMap<&str, &str> = lines
        .all("digest")
        .iter()
        .filter_map(|line| columns(line))
        .map(|[path, digest]| (path, digest))
        .collect();
    // What lines cannot carry comes whole.
    let whole: BTreeMap<&str, String> = lines
        .all("text")
        .iter()
        .filter_map(|line| columns(line))
        .filter_map(|[path, text]| Some((path, text_of(&BASE64_STANDARD.decode(text).ok()?))))
        .collect();
    let mut files = BTreeMap::new();
    for [path, owner, group, mode, modified] in
        lines.all("file").iter().filter_map(|line| columns(line))
    {
        let Some(digest) = digests.get(path) else {
            continue;
        };
        // The lines came without telling whether the last one was ended; the digest knows.
        let text = texts.remove(path).unwrap_or_default();
        let candidates = [text.as_str(), text.strip_suffix('\n').unwrap_or(&text)];
        let content = whole
            .get(path)
            .map(String::as_str)
            .into_iter()
            .chain(candidates)
            .find(|text| super::digest(text) == *digest)
            .map(str::to_owned);
        let read_at = told.map(|told| match path.ends_with("/recovery.conf") {
            true => told.started_at.unwrap_or(told.loaded_at),
            false => told.loaded_at,
        });
        let unloaded = match (read_at, modified.parse::<f64>()) {
            (Some(read_at), Ok(modified)) => modified > read_at,
            _ => false,
        };
        files.insert(
            path.to_owned(),
            FileFact {
                digest: (*digest).into(),
                owner: owner.into(),
                group: group.into(),
                mode: mode.into(),
                content,
                unloaded,
            },
        );
    }
    files
}

fn unit_property<'a>(lines: &'a Lines, unit: &str, property: &str) -> Option<&'a str> {
    lines
        .all("unit")
        .iter()
        .filter_map(|line| columns(line))
        .find(|[id, name, _]| *id == unit && *name == property)
        .map(|[_, _, value]| value)
}

fn service(lines: &Lines, context: &Context) -> Service {
    let start = lines.first("start");
    let umbrella = unit_property(lines, "postgresql.service", "UnitFileState");
    Service {
        enabled: start == Some("auto")
            && umbrella != Some("disabled")
            && umbrella != Some("masked"),
        active: unit_property(lines, context.unit, "ActiveState")
            .unwrap_or("unknown")
            .into(),
        registered: start.is_some(),
        start: start.unwrap_or_default().into(),
    }
}

fn jobs(lines: &Lines, context: &Context) -> Vec<Job> {
    let active = unit_property(lines, context.clone_unit, "ActiveState").unwrap_or("inactive");
    if active == "inactive" || active.is_empty() {
        return Vec::new();
    }
    vec![Job {
        unit: context.clone_unit.into(),
        active: active.into(),
        progress: lines
            .all("staging_log")
            .iter()
            .rev()
            .find_map(|line| progress(line)),
    }]
}

fn timer(lines: &Lines) -> Option<Timer> {
    let [state, ended, result] = lines.first("timer").and_then(columns)?;
    Some(Timer {
        active: state == "active",
        last: Some(ended.to_owned()).filter(|ended| !ended.is_empty()),
        failed: result != "success",
    })
}

/// Reads pg_basebackup's own words, `123456/789012 kB (15%), …`, as bytes done and in all.
pub fn progress(line: &str) -> Option<(u64, u64)> {
    let (done, rest) = line.trim_start().split_once('/')?;
    let (total, rest) = rest.split_once(' ')?;
    rest.starts_with("kB").then_some(())?;
    Some((
        done.parse::<u64>().ok()? * 1024,
        total.parse::<u64>().ok()? * 1024,
    ))
}

fn mount(lines: &Lines, path: &str) -> Mount {
    let space: Option<[&str; 3]> = lines.first("mount_space").map(|line| {
        let mut words = line.split('\t');
        [
            words.next().unwrap_or(""),
            words.next().unwrap_or(""),
            words.next().unwrap_or(""),
        ]
    });
    let [fstype, size, free] = space.unwrap_or(["", "0", "0"]);
    Mount {
        path: path.into(),
        mounted: matches!(lines.first("mount"), Some("mounted" | "stale")),
        stale: lines.first("mount") == Some("stale"),
        closed: lines.first("mount_closed").is_some(),
        user: lines.first("mount_user").and_then(|id| id.parse().ok()),
        gone: lines.texts("mount_gone"),
        writable: lines.first("mount_writable").map(|answer| answer == "yes"),
        archive_of: lines
            .first("mount_archive_of")
            .and_then(|id| id.parse().ok())
            .map(SystemId),
        token: lines.first("mount_token").map(str::to_owned),
        free_inodes: lines.first("mount_inodes").and_then(|n| n.parse().ok()),
        fstype: fstype.into(),
        size: size.parse().unwrap_or(0),
        free: free.parse().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_of_a_copy_is_read() {
        assert_eq!(
            progress("  2048/4096 kB (50%), 0/1 tablespace"),
            Some((2_097_152, 4_194_304))
        );
        assert_eq!(progress("waiting for checkpoint"), None);
    }
}
