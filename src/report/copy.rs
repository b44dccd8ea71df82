//! What is done with a copy that was restored beside the cluster, in words to type.

use crate::action::{Place, RestoreCopy, removal};
use crate::inventory::NodeName;

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
