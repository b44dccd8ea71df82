//! Files of the configuration.

pub(super) mod auto_conf;
pub(super) mod write_file;
pub(super) mod write_pgpass;
