//! What a key of the file says, and where.

use std::ops::Range;

use super::at::At;
use super::words::AbsolutePath;

/// Returns the value of a key that may be left out.
pub(super) fn said<T: Clone>(key: &Option<At<T>>) -> Option<T> {
    key.as_ref()?.value.clone()
}

pub(super) fn place<T>(key: &Option<At<T>>) -> Option<Range<usize>> {
    key.as_ref().map(|at| at.span.clone())
}

pub(super) fn path(path: AbsolutePath) -> String {
    path.0.trim_end_matches('/').to_owned()
}

pub(super) fn path_of(key: &Option<At<AbsolutePath>>) -> Option<String> {
    said(key).map(path)
}
