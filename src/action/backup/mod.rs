//! Backups and archived WAL, whatever engine takes them.

pub(super) mod drill;
pub(super) mod mount;
pub(super) mod prove_archive;
pub(super) mod prune;
pub(super) mod take_backup;
pub mod timer;
pub(super) mod tool;
pub(super) mod verify_backups;
