//! pgrepl makes a set of PostgreSQL servers match one YAML file.
//!
//! One pipe: the inventory becomes a [`inventory::Cluster`], one probe per host becomes a
//! [`facts::Observation`], a pure function makes a [`plan::Plan`] of both, an interpreter executes it, and
//! a second, empty plan proves that it worked.
//!
//! | room | is |
//! |---|---|
//! | [`inventory`] | what we want |
//! | [`facts`] | what is |
//! | [`postgres`] | what is true of PostgreSQL |
//! | [`platform`] | where it lives |
//! | [`backup`] | who takes backups |
//! | [`files`], [`render`] | the managed files |
//! | `script` | how we speak to a host |
//! | [`action`] | what can be done |
//! | [`plan`] | what will be done |
//! | [`adopt`] | from servers that run already to an inventory |
//! | [`host`] | how we reach |
//! | [`observe`], [`execute`] | the only two places that drive hosts |
//! | [`report`] | how we tell |
//! | [`cli`] | glue |

pub mod action;
pub mod adopt;
pub mod backup;
pub mod cli;
pub mod command;
pub mod execute;
pub mod facts;
pub mod files;
pub mod host;
pub mod inventory;
pub mod observe;
pub mod plan;
pub mod platform;
pub mod postgres;
pub mod render;
pub mod report;
mod script;
