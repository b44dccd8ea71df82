//! Debian and Ubuntu with postgresql-common.

use crate::platform::place::{Installer, Keeper, Platform};
use crate::postgres::Major;

/// Returns where Debian's packages keep a cluster of a major version (postgresql-common, pg_createcluster(1)).
pub fn platform(major: Major, instance: &str, data_directory: Option<&str>) -> Platform {
    Platform {
        installer: Installer::Apt,
        keeper: Keeper::StartConf,
        bindir: format!("/usr/lib/postgresql/{major}/bin"),
        config_directory: format!("/etc/postgresql/{major}/{instance}"),
        data_directory: data_directory.map_or_else(
            || format!("/var/lib/postgresql/{major}/{instance}"),
            str::to_owned,
        ),
        home: "/var/lib/postgresql".into(),
        user: "postgres".into(),
        unit: format!("postgresql@{major}-{instance}.service"),
        instance: instance.into(),
        socket_directory: "/var/run/postgresql".into(),
        sockets: "/var/run/postgresql".into(),
        log: format!("/var/log/postgresql/postgresql-{major}-{instance}.log"),
        pid_file: Some(format!("/var/run/postgresql/{major}-{instance}.pid")),
        certificate: Some((
            "/etc/ssl/certs/ssl-cert-snakeoil.pem".into(),
            "/etc/ssl/private/ssl-cert-snakeoil.key".into(),
        )),
        packages: vec![
            format!("postgresql-{major}"),
            format!("postgresql-client-{major}"),
        ],
        commands: None,
    }
}
