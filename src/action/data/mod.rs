//! Data directories: made, copied, rewound, restored, exchanged by renames.

pub(super) mod base_backup;
pub(super) mod carry_wal;
pub(super) mod drop_copy;
pub(super) mod fetch;
pub(super) mod init_db;
pub(super) mod mark_standby;
pub(super) mod move_wal;
pub mod place_clone;
pub(super) mod put_back;
pub(super) mod recover;
pub(super) mod restore_copy;
pub(super) mod rewind;
pub(super) mod set_aside;
pub(super) mod unpack_backup;
