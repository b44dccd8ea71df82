//! Every command in the state that every other one leaves: sequences of operations on real hosts, each checked against a
//! model. `make sequences` runs random ones.
//!
//! VERSION, TOOL, ROUNDS, SEED, LENGTH, LANES say which; OPS="backup; failover 2; boot 1" runs that one.

mod drive;
mod generate;
mod judge;
#[allow(dead_code)]
#[path = "../e2e/lab.rs"]
mod lab;
mod model;
mod op;
mod perform;
mod play;

const PITRERY: [(&str, &str); 3] = [
    ("pitrery", include_str!("../e2e/pitrery/pitrery.sh")),
    ("archive_wal", include_str!("../e2e/pitrery/archive_wal.sh")),
    ("restore_wal", include_str!("../e2e/pitrery/restore_wal.sh")),
];
