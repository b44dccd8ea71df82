//! What is done with a copy that was restored beside the cluster, in words to type.

use super::trouble::Trouble;
use crate::action::{Place, RestoreCopy, removal, starting};
use crate::facts::Facts;
use crate::facts::beside::State;
use crate::inventory::{Cluster, NodeName};
use crate::plan::builder::place_of;

/// Tells of the copies beside a server, and how each is started or removed.
pub(super) fn copies(cluster: &Cluster, node: &NodeName, facts: &Facts) -> Vec<Trouble> {
    let told = facts.copies.iter().filter_map(|copy| {
        let directory = &copy.directory;
        let removal = removal(directory, node);
        let (message, help) = match copy.state {
            State::Running => (
                format!(
                    "a copy of the cluster runs in {directory} on port {}",
                    copy.port
                ),
                format!("once it is not needed: {removal}"),
            ),
            State::Stopped => (
                format!("a copy of the cluster is in {directory}, and its server does not run"),
                match place_of(cluster, facts, node) {
                    Some(place) => format!(
                        "{}; once it is not needed: {removal}",
                        starting(&place, directory)
                    ),
                    None => format!("once it is not needed: {removal}"),
                },
            ),
            State::Cut => (
                format!("a copy of the cluster in {directory} is half made or half removed"),
                format!("the same restore again goes on with it; for it to go: {removal}"),
            ),
            State::Busy => (
                format!("a copy of the cluster is being made or removed in {directory}"),
                "pgrepl status --watch".to_owned(),
            ),
            State::Gone => return None,
        };
        Some(Trouble::new(node, message, help))
    });
    told.collect()
}

/// Tells how a copy is used: where to log in, how a table of it comes back to the primary, if one serves, and how it goes.
pub fn usage(copy: &RestoreCopy, place: &Place, primary: Option<(&NodeName, u16)>) -> String {
    let (node, platform) = (&place.node, &place.platform);
    let (user, socket, port) = (&platform.user, &platform.socket_directory, copy.port);
    let bindir = &platform.bindir;
    let mut text = format!("  log in: ssh -t {node} sudo -u {user} psql -h {socket} -p {port}\n");
    if let Some((primary, its)) = primary {
        text += &format!(
            "  copy a table back: ssh {node} sudo -u {user} {bindir}/pg_dump -h {socket} -p {port} -t TABLE DATABASE | \
             ssh {primary} sudo -u {user} psql -h {socket} -p {its} DATABASE\n"
        );
    }
    text + &format!("  remove it: {}\n", removal(&copy.data_directory, node))
}
