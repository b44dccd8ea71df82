//! Red Hat Enterprise Linux and its relatives, with the packages of the PostgreSQL project (yum.postgresql.org).

use crate::platform::place::{Installer, Keeper, Platform};
use crate::postgres::Major;

/// Returns where the PostgreSQL project's RPM packages keep a major version (their postgresql-V.service and
/// postgresql-V-setup): the configuration lies in the data directory.
pub fn platform(major: Major, _: &str, data_directory: Option<&str>) -> Platform {
    let data_directory = data_directory.map_or_else(
        || format!("/var/lib/pgsql/{major}/data"),
        |path| path.trim_end_matches('/').to_owned(),
    );
    // 9.6 is postgresql96-server, 10 is postgresql10-server.
    let compact: String = major.to_string().replace('.', "");
    Platform {
        installer: Installer::Dnf,
        keeper: Keeper::PackagedUnit,
        bindir: format!("/usr/pgsql-{major}/bin"),
        config_directory: data_directory.clone(),
        log: format!("{data_directory}/log"),
        data_directory,
        home: "/var/lib/pgsql".into(),
        user: "postgres".into(),
        unit: format!("postgresql-{major}.service"),
        instance: String::new(),
        socket_directory: "/run/postgresql".into(),
        // The default of these packages.
        sockets: "/run/postgresql, /tmp".into(),
        pid_file: None,
        certificate: None,
        packages: vec![
            format!("postgresql{compact}-server"),
            format!("postgresql{compact}"),
        ],
        commands: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_of_9_6_are_named_without_the_dot() {
        let packages = |major: &str| platform(major.parse().unwrap(), "", None).packages;
        assert_eq!(packages("9.6"), ["postgresql96-server", "postgresql96"]);
        assert_eq!(packages("10"), ["postgresql10-server", "postgresql10"]);
        assert_eq!(packages("18"), ["postgresql18-server", "postgresql18"]);
    }
}
