//! What a running server has beside its settings: certificates, and what its extensions are made of.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::postgres::certificate::{self, Certificate};

/// What was seen of that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Able {
    /// The files of certificates, by the setting that names them.
    pub held: BTreeMap<String, Held>,
    /// The server's own certificate.
    pub certificate: Option<Certificate>,
    /// The host's time, as certificates have it.
    pub now: String,
    /// What extensions and functions lack here, in order.
    pub missing: BTreeSet<Missing>,
    /// Databases in which nobody could look for that; `None` where nobody could ask which there are.
    pub unseen: Option<BTreeSet<String>>,
}

/// A file of certificates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What is wrong with it, or nothing.
    pub why: String,
    /// The ends of the signatures of what it holds.
    pub ends: BTreeSet<String>,
}

/// Something that an extension or a function of a database needs and the host does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Missing {
    /// The extension; empty for functions that belong to none.
    pub extension: String,
    /// The library; empty where the whole extension is not installed.
    pub library: String,
    /// The database.
    pub database: String,
}

/// Returns what a host answered, in the order in which it did.
pub fn answered(answers: &[(String, String)]) -> Able {
    let of = |wanted: &'static str| {
        let of = answers.iter().filter(move |(key, _)| key == wanted);
        of.map(|(_, value)| value.as_str())
    };
    let mut able = Able {
        now: of("now").next().unwrap_or_default().to_owned(),
        certificate: of("certificate").next().and_then(certificate::read),
        ..Able::default()
    };
    for (setting, why) in of("held").filter_map(|value| value.split_once('\t')) {
        let held = able.held.entry(setting.to_owned()).or_default();
        held.why = why.to_owned();
    }
    for (setting, end) in of("holds").filter_map(|value| value.split_once('\t')) {
        let held = able.held.entry(setting.to_owned()).or_default();
        held.ends.insert(end.to_owned());
    }
    let missing = |extension: &str, library: &str, database: &str| Missing {
        extension: extension.to_owned(),
        library: library.to_owned(),
        database: database.to_owned(),
    };
    for value in of("asked").filter_map(|value| value.strip_prefix("key ")) {
        if let Some((_, why)) = value.split_once('\t') {
            let held = able.held.entry("ssl_key_file".into()).or_default();
            held.why = why.to_owned();
        }
    }
    for value in of("with_extension") {
        if let Some((database, extension)) = value.split_once('\t') {
            able.missing.insert(missing(extension, "", database));
        }
    }
    let gone: BTreeSet<&str> = of("asked")
        .filter_map(|value| value.strip_prefix("library ")?.split_once('\t'))
        .filter(|(_, why)| !why.is_empty())
        .map(|(library, _)| library)
        .collect();
    for value in of("with_library") {
        let words: Vec<&str> = value.split('\t').collect();
        let [database, extension, library] = words[..] else {
            continue;
        };
        let whole = missing(extension, "", database);
        if gone.contains(library) && !able.missing.contains(&whole) {
            able.missing.insert(missing(extension, library, database));
        }
    }
    let databases: BTreeSet<String> = of("database").map(str::to_owned).collect();
    let looked: BTreeSet<String> = of("with_looked").map(str::to_owned).collect();
    let unseen = || databases.difference(&looked).cloned().collect();
    able.unseen = (!looked.is_empty()).then(unseen);
    able
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::asked::FILES;
    use crate::script::library;

    /// What a host says of a file: its lines, the kind first.
    fn held(setting: &str, content: Option<&str>) -> Vec<(String, String)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("some file");
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let script = format!(
            "set -eu\nexec 7>&1\nservice_user=postgres\n{}\nas_server() {{ \"$@\"; }}\n{}\nname='{setting} {}'\nheld",
            library!("prelude.sh"),
            include_str!("able.sh"),
            path.display(),
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .env("LC_ALL", "C")
            .output();
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        let fact = |line: &str| {
            let (key, value) = line.strip_prefix("@fact ")?.split_once(' ')?;
            Some((key.to_owned(), value.to_owned()))
        };
        said.lines().filter_map(fact).collect()
    }

    fn pem(kind: &str, end: char) -> String {
        let line = end.to_string().repeat(48);
        format!("-----BEGIN {kind}-----\nAAAA{line}\n{line}=\n-----END {kind}-----\n")
    }

    #[test]
    fn certificates_go_by_their_ends_and_nothing_is_said_of_keys() {
        let text = format!(
            "# ours\n{}{}{}{}",
            pem("CERTIFICATE", 'b'),
            pem("PRIVATE KEY", 'k'),
            pem("X509 CRL", 'r').replace('\n', "\r\n"),
            pem("TRUSTED CERTIFICATE", 't'),
        );
        for setting in FILES {
            let said = held(setting, Some(&text));
            assert!(
                said.iter().all(|(_, value)| !value.contains('k')),
                "{said:?}"
            );
            let able = answered(&said);
            let ends: Vec<&str> = able.held[setting].ends.iter().map(String::as_str).collect();
            let expected = ["b", "r", "t"].map(|end| end.repeat(40));
            assert_eq!(ends, expected.each_ref());
            assert_eq!(able.held[setting].why, "");
            let whole = said.iter().filter(|(key, _)| key == "certificate");
            assert_eq!(whole.count(), usize::from(setting == "ssl_cert_file"));
        }
        assert_eq!(
            answered(&held("ssl_ca_file", Some(""))).held["ssl_ca_file"],
            Held::default()
        );
        let gone = answered(&held("ssl_ca_file", None));
        assert_eq!(gone.held["ssl_ca_file"].why, "is not there");
    }

    #[test]
    fn what_of_an_extension_is_not_there_is_told_by_database() {
        let answers = [
            ("now", "20261127000000"),
            ("database", "postgres"),
            ("database", "a b"),
            ("database", "locked"),
            ("with_extension", "a b\thstore"),
            ("with_library", "a b\thstore\t$libdir/hstore"),
            ("with_library", "a b\tpg_trgm\t$libdir/pg_trgm"),
            ("with_library", "a b\t\t/opt/own.so"),
            ("with_library", "postgres\tlo\t$libdir/lo"),
            ("with_looked", "a b"),
            ("with_looked", "postgres"),
            ("asked", "library $libdir/hstore\tis not installed"),
            ("asked", "library $libdir/pg_trgm\tis not installed"),
            ("asked", "library /opt/own.so\tis not installed"),
            ("asked", "library $libdir/lo\t"),
            ("asked", "key /etc/ssl/k\tis not there"),
        ];
        let answers = answers.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let able = answered(&answers);
        let told: Vec<(&str, &str, &str)> = able
            .missing
            .iter()
            .map(|one| {
                (
                    one.database.as_str(),
                    one.extension.as_str(),
                    one.library.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a b", "", "/opt/own.so"),
                ("a b", "hstore", ""),
                ("a b", "pg_trgm", "$libdir/pg_trgm")
            ]
        );
        assert_eq!(able.unseen, Some(["locked".to_owned()].into()));
        assert_eq!(able.held["ssl_key_file"].why, "is not there");
        assert_eq!(answered(&[]).unseen, None);
    }
}
