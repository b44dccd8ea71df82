//! WHERE IT LIVES: paths, units and packages of an operating system family, as one value.

pub mod custom;
pub mod debian;
pub mod extensions;
mod place;
pub mod rhel;

use crate::postgres::Major;

pub use custom::Custom;
pub use place::{Family, Platform};

/// Returns the platform that a family has for a major version; `None` for one that only the inventory can describe.
pub fn of(
    family: Family,
    major: Major,
    instance: &str,
    data_directory: Option<&str>,
) -> Option<Platform> {
    match family {
        Family::Debian => Some(debian::platform(major, instance, data_directory)),
        Family::Rhel => Some(rhel::platform(major, data_directory)),
        Family::Custom => None,
    }
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
    match (custom, data_directory) {
        (Some(custom), Some(data_directory)) => Some(custom.platform(data_directory)),
        _ => of(Family::of(id, like)?, major, instance, data_directory),
    }
}
