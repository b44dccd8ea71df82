//! WHAT WILL BE DONE: from a goal, a cluster and an observation to an ordered list of steps, without touching anything.

pub mod address;
pub mod backup;
pub mod builder;
pub mod check;
pub mod clients;
mod confined;
pub mod converge;
mod document;
pub mod failover;
mod health;
pub mod hooks;
pub mod lead;
pub mod login;
mod reach;
pub mod rebuild;
pub mod restore;
mod risks;
mod schema;
mod sessions;
mod space;
pub mod still;
pub mod switchover;
pub mod turns;
pub mod update;
mod versions;

pub use crate::facts::Advice;
pub use crate::inventory::Role;
pub use document::{Cost, FORMAT_VERSION, Goal, NodePlan, Plan, PlanError, Refusal, Step, Word};
pub use schema::schema;
