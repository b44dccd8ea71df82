//! WHERE IT LIVES: paths, units and packages of an operating system family, as one value.
//!
//! A family is a row of [`FAMILIES`] and a file beside this one. Nobody else names one: a [`Platform`] tells what installs
//! packages there and what keeps an instance, and scripts hear of it by these words.

pub mod custom;
mod debian;
pub mod extensions;
mod place;
mod rhel;
pub mod supply;
pub mod systemd;

use crate::postgres::Major;

pub use custom::Custom;
pub use place::{Installer, Keeper, Platform};

/// An operating system family that pgrepl knows.
pub struct Family {
    /// Its name, for people.
    pub name: &'static str,
    /// Its names in `ID` and `ID_LIKE` of os-release.
    pub ids: &'static [&'static str],
    /// Returns where a major version lives there, from the name of the instance and its data directory.
    pub place: fn(Major, &str, Option<&str>) -> Platform,
}

/// The families that os-release tells; the first one stands for a host that nobody has seen.
pub const FAMILIES: [Family; 2] = [
    Family {
        name: "Debian",
        ids: &["debian", "ubuntu"],
        place: debian::platform,
    },
    Family {
        name: "the RHEL family",
        ids: &["rhel", "centos", "rocky", "almalinux", "ol", "fedora"],
        place: rhel::platform,
    },
];

/// Names the families that pgrepl knows.
pub fn known() -> String {
    FAMILIES.map(|family| family.name).join(", ")
}

/// Returns where PostgreSQL lives: as the inventory says, else as the `ID` and `ID_LIKE` of os-release have it; `None` if
/// neither is known.
pub fn choose(
    custom: Option<&Custom>,
    id: &str,
    like: &str,
    major: Major,
    instance: &str,
    data_directory: Option<&str>,
) -> Option<Platform> {
    if let (Some(custom), Some(data_directory)) = (custom, data_directory) {
        return Some(custom.platform(data_directory));
    }
    std::iter::once(id)
        .chain(like.split_whitespace())
        .find_map(|id| FAMILIES.iter().find(|family| family.ids.contains(&id)))
        .map(|family| (family.place)(major, instance, data_directory))
}

/// Returns where PostgreSQL lives on a host that was not seen: as the inventory says, else as the first family has it.
pub fn assume(
    custom: Option<&Custom>,
    major: Major,
    instance: &str,
    data_directory: Option<&str>,
) -> Platform {
    choose(custom, "", "", major, instance, data_directory)
        .unwrap_or_else(|| (FAMILIES[0].place)(major, instance, data_directory))
}
