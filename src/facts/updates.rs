//! What an update would change on a host: asked for by `pgrepl update` alone, because package managers are slow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::postgres::ServerVersion;

/// What a host's package manager offers, and what its databases lack of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The installed packages of the major version, by name.
    pub packages: BTreeMap<String, Package>,
    /// Extensions that databases have in an older version than is installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<OldExtension>,
    /// Databases that let nobody in, whose extensions nobody has seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<String>,
    /// Why the package manager could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The version that is installed.
    pub installed: String,
    /// The one that is offered; empty if there is none.
    pub offered: String,
    /// Whether its installation was cut short.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
}

/// An extension in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldExtension {
    /// The database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// The version that the database has.
    pub has: String,
    /// The version that its files are of.
    pub installed: String,
}

impl Package {
    /// Says whether installing it would change something.
    pub fn changes(&self) -> bool {
        self.unfinished || !self.offered.is_empty() && self.offered != self.installed
    }
}

impl Offered {
    /// Returns the packages that an update would install, by name.
    pub fn changed(&self) -> BTreeMap<String, Package> {
        let changed = self
            .packages
            .iter()
            .filter(|(_, package)| package.changes());
        changed
            .map(|(name, package)| (name.clone(), package.clone()))
            .collect()
    }

    /// Says whether an extension of a database could be brought to this version here, too.
    pub fn has(&self, extension: &OldExtension) -> bool {
        self.extensions.contains(extension)
    }

    /// Returns the version of the server that an update would install, by the server's package.
    pub fn server(&self, package: &str) -> Option<ServerVersion> {
        let package = self.packages.get(package)?;
        version_of(if package.changes() {
            &package.offered
        } else {
            &package.installed
        })
    }
}

/// Reads the server's version in that of its package: `16.14-1.pgdg13+1` is 16.14.
pub fn version_of(package: &str) -> Option<ServerVersion> {
    let end = package.find(['-', '+', '~']).unwrap_or(package.len());
    ServerVersion::from_program(&package[..end])
}

/// Reads what a host has answered.
pub fn offered(said: &[(String, String)]) -> Offered {
    let mut found = Offered::default();
    for (key, value) in said {
        let columns: Vec<&str> = value.split('\t').collect();
        match (key.as_str(), &columns[..]) {
            ("package", [name, installed, offered, state]) => {
                let package = Package {
                    installed: (*installed).into(),
                    offered: (*offered).into(),
                    unfinished: *state == "unfinished",
                };
                found.packages.insert((*name).into(), package);
            }
            ("extension", [database, name, has, installed]) => {
                found.extensions.push(OldExtension {
                    database: (*database).into(),
                    name: (*name).into(),
                    has: (*has).into(),
                    installed: (*installed).into(),
                });
            }
            ("closed_database", [name]) => found.closed.push((*name).into()),
            ("not_offered", [why]) => found.failed = Some((*why).into()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_tells_the_version_of_its_server() {
        for (package, version) in [
            ("16.14-1.pgdg13+1", "16.14"),
            ("17.6-0+deb13u1", "17.6"),
            ("16.15", "16.15"),
            ("15.14-1PGDG.rhel9", "15.14"),
        ] {
            assert_eq!(version_of(package).unwrap().to_string(), version);
        }
    }

    #[test]
    fn what_is_installed_halfway_is_installed_again() {
        let said = |value: &str| offered(&[("package".into(), value.into())]).changed().len();
        assert_eq!(said("postgresql-16\t16.14-1\t16.15-1\tinstalled"), 1);
        assert_eq!(said("postgresql-16\t16.15-1\t16.15-1\tinstalled"), 0);
        assert_eq!(said("postgresql-16\t16.15-1\t16.15-1\tunfinished"), 1);
        assert_eq!(said("postgresql-16\t16.15-1\t\tinstalled"), 0);
    }
}
