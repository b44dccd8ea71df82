//! WHAT WE WANT.
pub mod cluster;
pub use cluster::*;
