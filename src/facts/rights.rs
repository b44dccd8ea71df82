//! What the service user of a host may do on the mount, and what was there and is not any more.

use super::advice::Advice;
use super::{Facts, Mount, Observation};
use crate::inventory::NodeName;

/// Something wrong, and what to do.
pub type Trouble = Advice;

/// Says why the service user of a host cannot work on its mount, or cannot share it with that of another one.
pub fn rights(seen: &Observation, name: &NodeName, leader: Option<&NodeName>) -> Option<Trouble> {
    let mount = seen.facts(name)?.mount.as_ref()?;
    if !mount.mounted || mount.stale {
        return None;
    }
    let known = mount.user.map(|user| format!("uid {user}"));
    let owner = known.as_deref().unwrap_or("the service user");
    let file_server =
        format!("where root may not, as with root_squash, on the file server, for {owner}");
    let other = leader.filter(|leader| *leader != name).and_then(|leader| {
        let other = seen.facts(leader)?.mount.as_ref()?.user?;
        Some((leader, other, mount.user.filter(|user| *user != other)?))
    });
    // Who reads what the other has written has the same rights, whatever the numbers are.
    if let Some((leader, other, own)) = other.filter(|_| mount.closed || mount.archive_of.is_none())
    {
        return Some(Advice::new(
            format!(
                "the service user is uid {own} on {name} and uid {other} on {leader}: on {} neither can read what the other writes",
                mount.path
            ),
            format!("with its server stopped: ssh {name} sudo usermod -u {other} postgres"),
        ));
    }
    if mount.closed {
        return Some(Advice::new(
            mount.absence("")?,
            format!(
                "ssh {name} sudo chown -R postgres: {}; {file_server}",
                mount.path
            ),
        ));
    }
    if mount.writable == Some(false) {
        return Some(Advice::new(
            format!("the service user may not write to {}", mount.path),
            match mount.user {
                Some(_) => format!(
                    "ssh {name} sudo chown postgres: {}; {file_server}",
                    mount.path
                ),
                None => format!("ssh {name} sudo chown postgres: {}", mount.path),
            },
        ));
    }
    None
}

/// Says what a server has seen on its mount and is not there any more: it was moved, or another file system is there.
pub fn lost(name: &NodeName, facts: &Facts) -> Option<Trouble> {
    let mount = facts.mount.as_ref()?;
    let gone = mount.gone.first().filter(|_| mount.absence("").is_none())?;
    Some(Advice::new(
        gone_from(gone, &[name.as_str()]),
        format!(
            "put it back; if a new archive is to begin there: ssh {name} sudo rm {}/pgrepl.archives",
            facts.data.path
        ),
    ))
}

fn gone_from(gone: &str, nodes: &[&str]) -> String {
    let nodes = match nodes {
        [node] => format!("server of {node} has"),
        nodes => format!("servers of {} have", nodes.join(", ")),
    };
    format!("{gone} is not there any more: the {nodes} worked with it")
}

/// Says why nobody has the archive, each reason once with the hosts that it holds for.
pub fn why_nobody(seen: &Observation) -> Vec<String> {
    let mut reasons: Vec<(Reason, Vec<&str>)> = Vec::new();
    for (node, facts) in seen.seen() {
        let Some(mount) = &facts.mount else { continue };
        let absence = mount.absence("").map(|said| Reason::Away(said, mount));
        let Some(reason) = absence.or_else(|| Some(Reason::Gone(mount.gone.first()?))) else {
            continue;
        };
        match reasons.iter_mut().find(|(known, _)| known.is(&reason)) {
            Some((_, nodes)) => nodes.push(node.as_str()),
            None => reasons.push((reason, vec![node.as_str()])),
        }
    }
    let reasons = reasons.iter();
    reasons
        .filter_map(|(reason, nodes)| match reason {
            Reason::Away(_, mount) => mount.absence(&format!(" of {}", nodes.join(", "))),
            Reason::Gone(gone) => Some(gone_from(gone, nodes)),
        })
        .collect()
}

/// Why a host does not have it.
enum Reason<'a> {
    Away(String, &'a Mount),
    Gone(&'a str),
}

impl Reason<'_> {
    fn is(&self, other: &Reason) -> bool {
        match (self, other) {
            (Reason::Away(one, _), Reason::Away(other, _)) => one == other,
            (Reason::Gone(one), Reason::Gone(other)) => one == other,
            _ => false,
        }
    }
}
