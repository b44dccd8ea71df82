//! How a server reaches its archive: the engine's programs on each host, and the settings that call them.

pub use crate::backup::{Use, archive_command, engine, fetch, programs, restore_command};
