//! What is done for clients.

pub mod address;
pub mod health;
pub mod point_pooler;
pub mod pooler;
pub mod run_hook;
