//! What the probe said, by the names of its facts.

use std::collections::BTreeMap;

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::postgres::Major;
use crate::postgres::bytes::bytes_of;

/// What the reader of a probe has to know besides its lines.
pub struct Context<'a> {
    /// The cluster asked for.
    pub cluster: &'a str,
    /// The major version asked for.
    pub major: Major,
    /// The data directory asked for.
    pub data_directory: &'a str,
    /// The port asked for.
    pub port: u16,
    /// The unit of the server.
    pub unit: &'a str,
    /// The unit of a running copy.
    pub clone_unit: &'a str,
    /// The backup mount asked for.
    pub mount: Option<&'a str>,
    /// The address that the primary alone is to hold.
    pub address: Option<std::net::IpAddr>,
    /// The replication role.
    pub user: &'a str,
    /// Its wanted password, to compare with what is stored.
    pub password: Option<&'a SecretString>,
}

/// Lines of facts by key, in order.
pub(super) struct Lines<'a>(pub(super) BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Lines<'a> {
    pub(super) fn all(&self, key: &str) -> &[&'a str] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    pub(super) fn texts<T: FromIterator<String>>(&self, key: &str) -> T {
        self.all(key)
            .iter()
            .map(|text| (*text).to_owned())
            .collect()
    }

    pub(super) fn first(&self, key: &str) -> Option<&'a str> {
        self.all(key).first().copied()
    }
}

pub(super) fn columns<const N: usize>(line: &str) -> Option<[&str; N]> {
    line.splitn(N, '\t').collect::<Vec<_>>().try_into().ok()
}

/// Returns the SHA-256 of a file's content as lower-case hex.
pub fn digest(text: &str) -> String {
    sha256(&bytes_of(text))
}

/// Returns a SHA-256 as lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
