//! The libraries by which servers sort text: what one of them has put in order another version may not find.

use super::Facts;

/// A library that sorts text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorter {
    /// The C library.
    Glibc,
    /// ICU.
    Icu,
}

impl Sorter {
    /// Both of them.
    pub const ALL: [Sorter; 2] = [Sorter::Glibc, Sorter::Icu];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Sorter::Glibc => "glibc",
            Sorter::Icu => "ICU",
        }
    }

    /// Returns its version on a host, where it was told.
    pub fn version(self, facts: &Facts) -> Option<&str> {
        match self {
            Sorter::Glibc => facts.glibc.as_deref(),
            Sorter::Icu => facts.server.as_ref()?.icu.as_deref(),
        }
    }

    /// Says whether databases of a server are sorted by it; C, POSIX and C.UTF-8 sort by bytes everywhere.
    pub fn matters(self, facts: &Facts) -> bool {
        let Some(server) = &facts.server else {
            return false;
        };
        match self {
            Sorter::Glibc => server.locales.iter().any(|locale| {
                let plain = locale.to_ascii_lowercase();
                plain != "c" && plain != "posix" && !plain.starts_with("c.")
            }),
            Sorter::Icu => server.made.as_ref().is_some_and(|made| made.by_icu),
        }
    }
}
