//! HOW WE TELL: plans, events and observations as text, JSON and Markdown.

pub mod archive;
pub mod backups;
pub mod copy;
pub mod documents;
pub mod ending;
pub mod event;
pub mod foreign;
mod layout;
pub mod lead;
mod logins;
pub mod manual;
pub mod markdown;
pub mod plan;
pub mod problems;
pub mod proof;
mod reading;
pub mod redact;
pub mod run;
pub mod sink;
pub mod status;
pub mod status_archive;
mod status_server;
pub mod status_table;
mod stream;
pub mod style;
mod topology;
pub mod trouble;
