//! What is installed on a host.

pub(super) mod packages;
pub(super) mod packages_update;
