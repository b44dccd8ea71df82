//! Stories told with hosts that were recorded: what is read of them, what is planned, and that plans come to an end.

mod actions;
mod facts;
mod runs;
mod stories;
mod worlds;
