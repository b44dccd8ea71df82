//! Start, stop, promote and wait: what is done to a running server, or to have one.

pub(super) mod checkpoint;
pub(super) mod promote;
pub(super) mod register;
pub(super) mod service;
pub(super) mod stop;
pub(super) mod update_extensions;
pub(super) mod wait;
