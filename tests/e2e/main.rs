//! What an operator does, on real hosts; see tests/lab. These need root and network namespaces.

mod change;
mod copy;
mod lab;
mod matrix;
mod pair;
mod reach;
mod record;
mod trouble;
