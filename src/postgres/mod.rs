//! WHAT IS TRUE of PostgreSQL itself: versions, parameters, positions in the WAL, and the grammar of its files.

pub mod access;
pub mod bytes;
pub mod certificate;
pub mod conf;
pub mod conninfo;
pub mod control;
pub mod hba;
mod hba_words;
pub mod history;
pub mod lsn;
pub mod names;
pub mod owned;
pub mod parameters;
pub mod pgbouncer;
pub mod pgpass;
pub mod scope;
pub mod sql;
pub mod value;
pub mod verifier;
pub mod version;
pub mod way_in;

pub use control::{ClusterState, ControlData, is_segment_size};
pub use history::History;
pub use lsn::{Lsn, SystemId, Timeline, is_segment};
pub use version::{Capabilities, Major, ServerVersion};

/// The slot name PostgreSQL accepts for a node: lower-case letters, digits and `_`, 63 at most (manual, 27.2.6).
pub fn slot_name(node: &str) -> String {
    node.to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '_'
            }
        })
        .take(63)
        .collect()
}
