//! WHAT IS: what one probe saw on a host, and what can be concluded from all of them.

pub mod able;
pub mod address;
mod advice;
pub mod archive_state;
pub mod asked;
pub mod backups;
pub mod beside;
pub mod clients;
pub mod collation;
mod disk;
pub mod doctor;
pub mod firewall;
pub mod found;
pub mod history;
pub mod host;
pub mod instance;
pub(in crate::facts) mod layout;
pub mod leader;
pub mod lines;
pub mod needs;
pub mod observation;
pub(in crate::facts) mod obstacles;
pub mod parse;
mod parse_data;
mod parse_pass;
mod parse_server;
mod pending;
pub mod pooler;
pub mod predict;
mod question;
pub mod retention;
pub mod rights;
mod room;
pub mod server;
mod shape;
mod turned_away;
pub mod updates;
pub mod way;
pub mod way_back;

pub use advice::Advice;
pub use disk::Disk;
pub use host::{
    Facts, FileFact, Job, Mount, Os, Packages, PassFile, Service, SetAside, Timer, Tool,
};
pub use instance::{
    Content, DataDirectory, Marker, Process, RECOVERY_CONF, Signals, Staging, TurnedAway,
};
pub use layout::{Layout, Obstacle};
pub use lines::{Context, digest, sha256};
pub use observation::{Observation, Sight, Unreachable};
pub use pending::waits_for_restart;
pub use pooler::PoolerFacts;
pub use question::{question, sizes};
pub use server::Server;
pub use turned_away::turned_away;
pub use way_back::{WayBack, way_back};
