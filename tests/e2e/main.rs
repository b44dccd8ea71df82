//! What an operator does, on real hosts; see tests/lab. These need root and network namespaces.

mod adopt;
mod adopt_rhel;
mod backup;
mod backups;
mod change;
mod copy;
mod cut;
mod firewall;
mod kills;
mod lab;
mod matrix;
mod mount;
mod pair;
mod pgbackrest;
mod pitrery;
mod reach;
mod rebuild;
mod record;
mod rewind;
mod rhel;
mod schedule;
mod switchover;
mod threads;
mod trouble;
mod two_clusters;
mod writer;
