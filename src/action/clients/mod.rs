//! What is done for clients.

pub mod point_pooler;
