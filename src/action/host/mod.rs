//! What is installed on a host.

pub(super) mod packages;
