//! Which of a host's servers is described.

use super::super::{Failure, FailureKind};
use crate::facts::found::Installed;
use crate::inventory::NodeName;

/// Chooses the one server that runs, of the wanted version and name if they are wanted; of several the one that is named like
/// the `first` of the cluster.
pub fn choose(
    name: &NodeName,
    servers: &[Installed],
    version: Option<&str>,
    instance: Option<&str>,
    first: Option<&str>,
) -> Result<Installed, Failure> {
    let fitting: Vec<&Installed> = servers
        .iter()
        .filter(|server| {
            server.online
                && version.is_none_or(|wanted| wanted == server.version)
                && instance.is_none_or(|wanted| wanted == server.instance)
        })
        .collect();
    let alike: Vec<&Installed> = fitting
        .iter()
        .copied()
        .filter(|server| first.is_some_and(|first| first == server.instance))
        .collect();
    match (&fitting[..], &alike[..]) {
        ([one], _) | (_, [one]) => Ok((*one).clone()),
        ([], _) => {
            let all: Vec<&Installed> = servers.iter().collect();
            let named = instance.map_or(String::new(), |wanted| format!(" named {wanted}"));
            let of = version.map_or(String::new(), |wanted| format!(" of PostgreSQL {wanted}"));
            Err(Failure::new(
                FailureKind::Refused,
                format!(
                    "cannot describe {name}: expected a running server{named}{of}, found {}",
                    list(&all)
                ),
            )
            .help(match servers {
                [] => format!("ssh {name} systemctl list-units --all 'postgresql*'; a host that is to become a standby is written into the file afterwards: standbys: [{name}]"),
                _ => format!("ssh {name} systemctl list-units --all 'postgresql*'"),
            }))
        }
        ([one, ..], _) => {
            let same = |server: &&Installed| server.instance == one.instance;
            let option = if fitting.iter().all(same) {
                format!("--version {}", one.version)
            } else {
                format!("--instance {}", one.instance)
            };
            Err(Failure::new(
                FailureKind::Refused,
                format!("several servers run on {name}: {}", list(&fitting)),
            )
            .help(format!("pgrepl init --from-host {name} {option}")))
        }
    }
}

fn list(servers: &[&Installed]) -> String {
    let seen: Vec<String> = servers.iter().map(|server| shown(server)).collect();
    if seen.is_empty() {
        "none".into()
    } else {
        seen.join(", ")
    }
}

/// A server for people: "15/main on port 5432", or "15 in /var/lib/pgsql/15/data, stopped".
pub fn shown(server: &Installed) -> String {
    let what = if server.instance.is_empty() {
        format!("{} in {}", server.version, server.data_directory)
    } else {
        format!("{}/{}", server.version, server.instance)
    };
    let port = match server.port {
        0 => String::new(),
        port => format!(" on port {port}"),
    };
    let state = if server.online { "" } else { ", stopped" };
    format!("{what}{port}{state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(version: &str, instance: &str, online: bool) -> Installed {
        Installed {
            version: version.into(),
            instance: instance.into(),
            port: if online { 5432 } else { 0 },
            online,
            data_directory: "/srv/pg".into(),
        }
    }

    fn chosen(
        servers: &[Installed],
        version: Option<&str>,
        instance: Option<&str>,
        first: Option<&str>,
    ) -> Result<String, (String, String)> {
        choose(&"server1".into(), servers, version, instance, first)
            .map(|server| shown(&server))
            .map_err(|failure| (failure.message(), failure.help))
    }

    #[test]
    fn of_several_servers_the_one_that_is_named_is_described() {
        let servers = [
            server("15", "main", true),
            server("15", "blog", true),
            server("13", "old", false),
        ];
        let blog = Ok("15/blog on port 5432".to_owned());
        assert_eq!(chosen(&servers, None, Some("blog"), None), blog);
        // The other hosts have it by the same name.
        assert_eq!(chosen(&servers, None, None, Some("blog")), blog);
        assert_eq!(chosen(&servers[1..], None, None, Some("main")), blog);
        let (message, help) = chosen(&servers, None, None, None).unwrap_err();
        assert_eq!(
            message,
            "several servers run on server1: 15/main on port 5432, 15/blog on port 5432"
        );
        assert!(help.ends_with("--instance main"));
        let (message, _) = chosen(&servers, None, Some("old"), None).unwrap_err();
        assert!(
            message.contains("a running server named old, found 15/main on port 5432,")
                && message.ends_with("13/old, stopped"),
            "{message}"
        );
    }

    #[test]
    fn servers_without_a_name_are_told_apart_by_their_version() {
        let servers = [server("15", "", true), server("16", "", true)];
        let (message, help) = chosen(&servers, None, None, None).unwrap_err();
        assert!(message.contains("15 in /srv/pg on port 5432"), "{message}");
        assert!(help.ends_with("--version 15"));
        let one = chosen(&servers, Some("16"), None, None);
        assert_eq!(one.unwrap(), "16 in /srv/pg on port 5432");
    }
}
