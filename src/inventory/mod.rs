//! WHAT WE WANT: the YAML file, its rules, and the [`Cluster`] it describes.

mod address;
pub mod at;
mod backup;
mod calendar;
pub mod cluster;
pub mod file;
mod hooks;
mod keys;
mod made;
mod parameters;
mod places;
mod problem;
pub mod reach;
mod read;
mod reading;
mod rules;
mod said;
mod schema;
mod spelling;
pub mod swap;
mod walk;
pub mod words;
pub mod write;
mod yaml;

pub use address::VirtualAddress;
pub use backup::{Backup, BackupFrom, BackupTool, Keep};
pub use cluster::*;
pub use hooks::{Hook, Moment};
pub use keys::{KeyEntry, keys};
pub use made::{Initdb, LocaleProvider};
pub use parameters::{is_written_by_pgrepl, risk};
pub use problem::Problem;
pub use read::read;
pub use reading::Reading;
pub use schema::schema;
pub use yaml::LARGEST;
