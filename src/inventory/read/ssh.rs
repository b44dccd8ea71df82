//! How a host is logged in to.

use crate::inventory::Ssh;
use crate::inventory::file;
use crate::inventory::said::said;

/// Reads what is said for one host; the rest is as for all.
pub(super) fn ssh(file: Option<file::Ssh>, common: &Ssh) -> Ssh {
    let file = file.unwrap_or_default();
    let common = common.clone();
    Ssh {
        user: said(&file.user).map(|user| user.0).or(common.user),
        port: said(&file.port).and_then(|port| port.to()).or(common.port),
        identity_file: said(&file.identity_file)
            .map(|file| file.0)
            .map(Into::into)
            .or(common.identity_file),
        jump: said(&file.jump).map(|jump| jump.0).or(common.jump),
        config_file: said(&file.config_file)
            .map(|file| file.0)
            .map(Into::into)
            .or(common.config_file),
        known_hosts: said(&file.known_hosts).unwrap_or(common.known_hosts),
    }
}
