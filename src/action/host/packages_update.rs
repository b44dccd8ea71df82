//! Installs another minor version of the packages that a host has.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place, Readiness};
use crate::command::Command;
use crate::facts::updates::{Package, version_of};
use crate::facts::{Facts, Observation};
use crate::inventory::NodeName;
use crate::platform::Installer;
use crate::postgres::ServerVersion;
use crate::script::script;

const APT: &str = script!(["installer.sh"] "packages_update_apt.sh");

const DNF: &str = script!(["installer.sh"] "packages_update_dnf.sh");

const HOLD: &str = script!(["installer.sh", "root_file.sh"] "packages_hold.sh");

/// Installs packages in another version. The server goes on with what it has loaded: nothing but a restart changes that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatePackages {
    /// The packages by name.
    pub packages: BTreeMap<String, Package>,
    /// The server's own package.
    pub server: String,
}

impl UpdatePackages {
    /// Returns the version of the server that it installs, if the server is among the packages.
    fn version(&self) -> Option<ServerVersion> {
        version_of(&self.packages.get(&self.server)?.offered)
    }
}

impl Act for UpdatePackages {
    fn title(&self) -> String {
        let each = |(name, package): (&String, &Package)| {
            format!("{name} {} -> {}", package.installed, package.offered)
        };
        let each: Vec<String> = self.packages.iter().map(each).collect();
        format!("packages {}", each.join(", "))
    }

    fn done(&self) -> String {
        "packages installed; the server runs on with the old ones".into()
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn is_delicate(&self) -> bool {
        true
    }

    fn expects(&self, facts: &Facts) -> Readiness {
        match facts.packages.server {
            Some(_) => Readiness::Ready,
            None => Readiness::Mismatch {
                expected: "an installed server".into(),
                found: "none".into(),
            },
        }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let separator = match place.platform.installer {
            Installer::Dnf => "-",
            Installer::Apt | Installer::Nobody => "=",
        };
        let packages: Vec<String> = self
            .packages
            .iter()
            .map(|(name, package)| format!("{name}{separator}{}", package.offered))
            .collect();
        let script = match place.platform.installer {
            Installer::Dnf => DNF,
            Installer::Apt | Installer::Nobody => APT,
        };
        let version = self.version().map(|version| version.to_string());
        vec![
            place
                .command("update packages", script)
                .var("packages", packages.join(" "))
                .var("version", version.unwrap_or_default())
                .timeout(Some(Duration::from_secs(1800))),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        if let Some(version) = self.version() {
            facts.packages.server = Some(version);
        }
        if let Some(offered) = &mut facts.offered {
            for name in self.packages.keys() {
                if let Some(package) = offered.packages.get_mut(name) {
                    package.installed = package.offered.clone();
                    package.unfinished = false;
                }
            }
        }
        // What it maps is not what lies there any more.
        facts.replaced.insert("packages".into());
    }
}

/// Keeps packages as they are while other hosts are updated, or gives them free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPackages {
    /// The packages.
    pub packages: Vec<String>,
    /// Whether they are held, or given free.
    pub hold: bool,
}

impl Act for HoldPackages {
    fn title(&self) -> String {
        match self.hold {
            true => "hold packages: nothing else updates them meanwhile".into(),
            false => "give packages free".into(),
        }
    }

    fn done(&self) -> String {
        match self.hold {
            true => "asked to hold packages".into(),
            false => "packages are free".into(),
        }
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let command = place
            .command("hold packages", HOLD)
            .var("verb", if self.hold { "hold" } else { "free" })
            .timeout(Some(Duration::from_secs(300)));
        // What it gives free the host knows.
        match self.hold {
            true => vec![command.var("packages", self.packages.join(" "))],
            false => vec![command],
        }
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        if let Some(facts) = world.facts_mut(node) {
            facts.packages_held = self.hold;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::script::library;
    use std::process::Command;

    /// Runs a command of a package manager that says this so often before it succeeds, without waiting.
    fn ask(says: &str, times: u8) -> String {
        let script = format!(
            "set -eu\ninstaller=apt\nnote() {{ echo \"note: $1\"; }}\nsleep() {{ :; }}\n{}\n\
             tries=$(mktemp)\nmanage() {{ echo >>\"$tries\"; [ \"$(wc -l <\"$tries\")\" -gt {times} ] || {{ echo '{says}'; return 1; }}; }}\n\
             patiently manage 2>/dev/null && echo done || echo failed\nrm \"$tries\"\n",
            library!("installer.sh")
        );
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn who_works_with_the_package_manager_is_waited_for_and_told_once() {
        for lock in [
            "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)",
            "dpkg: error: dpkg frontend lock was locked by /usr/bin/apt process with pid 7",
            "Error: Failed to obtain the transaction lock (logged in as: root).",
            "RPMDB already locked by 7",
        ] {
            let waits =
                "note: waits for up to two minutes, somebody else works with the package manager";
            assert_eq!(ask(lock, 3), format!("{waits}: {lock}\ndone"));
        }
        assert_eq!(ask("E: Unable to locate package x", 1), "failed");
    }
}
