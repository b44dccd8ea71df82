//! The systemd units that take backups by themselves; they are the same whatever the roles are.

use crate::backup::engines;
use crate::inventory::{BackupFrom, Cluster, Keep, NodeName};
use crate::platform::Platform;

/// The units of a scheduled backup on one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    /// The text of the service.
    pub service: String,
    /// The text of the timer.
    pub timer: String,
}

/// Returns the path of the cluster's unit of this kind, `service` or `timer`.
pub fn unit_path(cluster: &str, kind: &str) -> String {
    format!("/etc/systemd/system/pgrepl-{cluster}-backup.{kind}")
}

/// Returns the path of the program that the service runs.
pub fn program_path(cluster: &str) -> String {
    format!("/usr/local/lib/pgrepl/{cluster}/scheduled-backup")
}

/// Quotes a word of a unit (systemd.syntax(7), systemd.unit(5): `%` begins a specifier).
fn quoted(word: &str) -> String {
    let word = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    format!("\"{word}\"")
}

/// Returns a line of a unit that sets a variable.
pub(super) fn assignment(name: &str, value: &str) -> String {
    format!("Environment={}\n", quoted(&format!("{name}={value}")))
}

/// Returns the units of a host, if backups are scheduled.
///
/// `compress` are the options of pg_basebackup for a compressed backup.
pub fn units(
    cluster: &Cluster,
    node: &NodeName,
    platform: &Platform,
    compress: &str,
) -> Option<Units> {
    let backup = cluster.backup.as_ref()?;
    let schedule = backup.schedule.as_ref()?;
    let caps = cluster.major.caps();
    let name = &cluster.name;
    // By name: the order of the inventory changes with the roles.
    let nodes: Vec<&str> = cluster.nodes.keys().map(NodeName::as_str).collect();
    let (keep, number) = match backup.keep {
        Keep::Count(count) => ("count", count),
        Keep::Days(days) => ("days", days),
    };
    let from = match backup.from {
        BackupFrom::Standby => "standby",
        BackupFrom::Primary => "primary",
    };
    let port = cluster.nodes.get(node)?.port;
    let mut service = format!(
        "# written by pgrepl\n[Unit]\nDescription=Backup of cluster {name}, by pgrepl\n\n[Service]\nType=oneshot\nUser={user}\n\
         ExecStart={program}\nTimeoutStartSec=infinity\nNoNewPrivileges=yes\nProtectSystem=strict\n",
        user = platform.user,
        program = program_path(name),
    );
    // A socket there must be seen.
    if !["/tmp", "/var/tmp"]
        .iter()
        .any(|shared| platform.socket_directory.starts_with(shared))
    {
        service += "PrivateTmp=yes\n";
    }
    // The mount, the lock of a tool beside the socket, and its log; what is missing is told by the program.
    let logs = engines().map(|engine| engine.log_directory().to_owned());
    let written = [backup.top(name), platform.socket_directory.clone()];
    for path in written
        .into_iter()
        .chain(logs.filter(|path| !path.is_empty()))
    {
        service += &format!("ReadWritePaths={}\n", quoted(&format!("-{path}")));
    }
    for (name, value) in [
        ("cluster", name.clone()),
        ("top", backup.top(name)),
        ("node", node.to_string()),
        ("nodes", nodes.join(" ")),
        ("from", from.into()),
        ("keep", keep.into()),
        ("keep_number", number.to_string()),
        ("major", cluster.major.to_string()),
        ("bindir", platform.bindir.clone()),
        ("port", port.to_string()),
        ("socket_directory", platform.socket_directory.clone()),
        ("data_directory", platform.data_directory.clone()),
        ("wal_method", caps.backup_wal_method.into()),
        ("compress", compress.into()),
    ] {
        service += &assignment(name, &value);
    }
    let timer = format!(
        "# written by pgrepl\n[Unit]\nDescription=Backups of cluster {name}, by pgrepl\n\n[Timer]\nOnCalendar={schedule}\n\
         AccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n"
    );
    Some(Units { service, timer })
}
