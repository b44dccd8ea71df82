//! What the service user of a host may do on the mount, and what was there and is not any more.

use super::{Facts, Observation};
use crate::inventory::NodeName;

/// Something wrong, and what to do.
pub type Trouble = (String, String);

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
        return Some((
            format!(
                "the service user is uid {own} on {name} and uid {other} on {leader}: on {} neither can read what the other writes",
                mount.path
            ),
            format!("with its server stopped: ssh {name} sudo usermod -u {other} postgres"),
        ));
    }
    if mount.closed {
        return Some((
            mount.absence("")?,
            format!(
                "ssh {name} sudo chown -R postgres: {}; {file_server}",
                mount.path
            ),
        ));
    }
    if mount.writable == Some(false) {
        return Some((
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
    Some((
        format!("{gone} is not there any more: the server of {name} has worked with it"),
        format!(
            "put it back; if a new archive is to begin there: ssh {name} sudo rm {}/pgrepl.archives",
            facts.data.path
        ),
    ))
}
