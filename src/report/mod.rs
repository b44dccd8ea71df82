//! HOW WE TELL: plans, events and observations as text, JSON and Markdown.

pub mod archive;
pub mod backups;
pub mod documents;
pub mod event;
pub mod foreign;
pub mod lead;
mod logins;
pub mod markdown;
pub mod plan;
pub mod problems;
pub mod proof;
pub mod redact;
pub mod run;
pub mod sink;
pub mod status;
pub mod status_table;
pub mod style;
