//! What a host needs before a server is on it: packages, the mount, the programs of the archive.

use std::collections::BTreeSet;

use crate::action::{InstallPackages, PrepareMount};
use crate::facts::needs::{loaded, of_settings};
use crate::facts::rights::{lost, rights};
use crate::facts::{Advice, Mount};
use crate::files::archive::programs;
use crate::inventory::NodeName;
use crate::plan::backup::program;
use crate::plan::builder::Builder;
use crate::plan::converge::port::ports;
use crate::plan::space;
use crate::platform::extensions::package_of_library;
use crate::platform::{self, Installer};
use crate::postgres::SystemId;

/// What each host needs before anything else is done there; one that cannot have it is left alone.
pub(in crate::plan) fn prepare(b: &mut Builder) {
    ports(b);
    b.next_phase();
    for node in b.cluster.nodes.keys() {
        space::unmounted(b, node);
        packages(b, node);
        program::install(b, node);
        mount(b, node);
    }
    b.next_phase();
}

fn packages(b: &mut Builder, name: &NodeName) {
    let Some(facts) = b.facts(name).cloned() else {
        return;
    };
    let Some(platform) = b.platform(name) else {
        b.block(
            name,
            format!("{} is not supported", facts.os.name),
            format!(
                "{} and their relatives are; for others say where it lives: postgresql: {{ platform: … }}",
                platform::known()
            ),
        );
        return;
    };
    if let Some(path) = facts.unread.first() {
        let user = &platform.user;
        if path.contains(|c: char| c.is_control() || c == '\\') {
            b.block(
                name,
                format!("the name of {path} has a tab, the end of a line or a backslash in it: it could not be read"),
                format!("ssh {name}, and give it another name"),
            );
            return;
        }
        b.block(
            name,
            format!("{user} cannot read {path}: nor can the server, and it is not taken for what is not there"),
            format!("ssh {name} sudo ls -lL {path}; then let {user} read it, or remove it"),
        );
        return;
    }
    if let Some(strange) = &facts.packages.strange {
        let bindir = &platform.bindir;
        b.block(
            name,
            format!("the programs in {bindir} are not root's alone: {strange}"),
            format!("ssh {name} sudo chown -R root:root {bindir}/..; ssh {name} namei -mo {bindir}/postgres shows the rest"),
        );
        return;
    }
    if !b.free(name) || facts.packages.server.is_some() || facts.packages.installed_next {
        return;
    }
    let major = b.cluster.major;
    if !b.cluster.install {
        b.block(
            name,
            format!("PostgreSQL {major} is not installed"),
            "install it there, or allow `postgresql.install: true`",
        );
    } else if platform.packages.is_empty() {
        b.block(
            name,
            format!("there is no PostgreSQL {major} in {}", platform.bindir),
            "install it there: where the inventory says where it lives, pgrepl installs nothing",
        );
    } else {
        let others: Vec<&str> = facts.packages.others.iter().map(String::as_str).collect();
        let mut why = Vec::new();
        if !others.is_empty() {
            why.push(format!("installed are only {}", others.join(", ")));
        }
        if facts.packages.candidate.is_none() {
            why.push("from the PostgreSQL project's repository if no other one offers them".into());
        }
        let mut packages = platform.packages.clone();
        let more = libraries(b, name, platform.installer);
        packages.extend(
            more.into_iter()
                .filter(|one| !platform.packages.contains(one)),
        );
        b.step(
            name,
            InstallPackages {
                packages,
                candidate: facts.packages.candidate.clone(),
            },
        )
        .because(why.join("; "));
    }
}

/// The packages of libraries that the server which leads has loaded: a copy of it does not start without them.
fn libraries(b: &Builder, name: &NodeName, installer: Installer) -> BTreeSet<String> {
    let leads = b.facts(&b.leader).filter(|_| *name != b.leader);
    let needs = leads.map(|leads| of_settings(&loaded(leads)));
    let libraries = needs.iter().flatten();
    let libraries = libraries.filter_map(|need| need.strip_prefix("library "));
    libraries
        .filter_map(|library| package_of_library(installer, b.cluster.major, library))
        .filter(|package| !package.is_empty())
        .collect()
}

/// What is wrong with the mount of a host; one that is another file system than the leader's leaves the host alone.
fn mount(b: &mut Builder, name: &NodeName) {
    let Some(mount) = b.facts(name).and_then(|facts| facts.mount.clone()) else {
        return;
    };
    let help = format!("ssh {name} grep {} /proc/mounts", mount.path);
    if let Some(Advice { message, help }) = rights(&b.world, name, Some(&b.leader)) {
        if mount.closed {
            // What cannot be read is not taken for what is not there.
            b.block(name, message, help);
            return;
        }
        b.note(name, message, help);
    }
    if let Some(absence) = mount.absence("") {
        b.note(name, absence, help);
        return;
    }
    let lead = b.facts(&b.leader).and_then(|facts| facts.mount.as_ref());
    let leads = lead.and_then(|mount| mount.archive_of);
    let token = lead.and_then(|mount| mount.token.clone());
    if leads.is_some() && (mount.archive_of.is_none() || mount.token != token) && *name != b.leader
    {
        b.block(
            name,
            format!(
                "{} of {name} is not the file system that {} has there: the archive is not on it",
                mount.path, b.leader
            ),
            help,
        );
    } else if let Some(Advice { message, help }) = b.facts(name).and_then(|facts| lost(name, facts))
    {
        b.block(name, message, help);
    }
}

/// The cluster's place on the backup mount, made by the server that leads.
pub(in crate::plan) fn archive(b: &mut Builder, name: &NodeName) {
    let (Some(backup), false) = (&b.cluster.backup, programs(b.cluster).is_empty()) else {
        return;
    };
    let Some(facts) = b.facts(name) else { return };
    let usable = |mount: &&Mount| mount.absence("").is_none();
    let Some(mount) = facts.mount.as_ref().filter(usable) else {
        return;
    };
    let ours = facts.data.control().map(|control| control.system_id);
    let top = backup.top(&b.cluster.name);
    match (mount.archive_of, ours) {
        (None, _) if mount.writable != Some(false) => {
            let prepare = PrepareMount {
                mount: backup.mount.clone(),
                top,
            };
            b.step(name, prepare);
        }
        (Some(found), Some(ours)) if found != ours && ours != SystemId(0) => b.block(
            name,
            format!("{top} is the archive of another cluster, with system identifier {found}"),
            format!("move it away, or use another mount: ssh {name} sudo mv {top} {top}.old"),
        ),
        _ => {}
    }
}
