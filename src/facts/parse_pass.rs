//! From the lines of a probe to the cluster's lines of .pgpass.

use secrecy::ExposeSecret;

use super::PassFile;
use crate::facts::lines::{Context, Lines, columns, sha256};
use crate::postgres::pgpass;

pub(super) fn pass_file(lines: &Lines, context: &Context) -> Option<PassFile> {
    let [owner, mode] = lines.first("pgpass_file").and_then(columns)?;
    let entries = lines.all("pgpass");
    (!entries.is_empty()).then(|| PassFile {
        entries: entries.iter().map(|e| (*e).to_owned()).collect(),
        same_password: context
            .password
            .zip(lines.first("pgpass_password").and_then(columns))
            .map(|(password, [salt, digest])| {
                let field = pgpass::field(password.expose_secret()).unwrap_or_default();
                sha256(format!("{salt}{field}\n").as_bytes()) == digest
            }),
        mode: mode.into(),
        owner: owner.into(),
    })
}
