//! Stories told with hosts that were recorded: what is read of them, what is planned, and that plans come to an end.

mod actions;
mod adopt;
mod adopt_kinds;
mod archive;
mod blind;
mod checks;
mod day_two;
mod engines;
mod facts;
mod firewall;
mod mount;
mod mount_away;
mod others_files;
mod runs;
mod scheduled;
mod selinux;
mod space;
mod status;
mod stories;
mod takeover;
mod versions;
mod worlds;
