//! What an operator does, on real hosts; see tests/lab. These need root and network namespaces.

mod change;
mod lab;
mod pair;
mod record;
mod trouble;
