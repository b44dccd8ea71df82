//! Who comes in: roles, slots, logins, the firewall.

pub(super) mod firewall;
pub(super) mod replication_role;
pub(super) mod slot;
pub(super) mod try_login;
pub(super) mod wait_slots;
