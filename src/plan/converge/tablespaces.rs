//! Where tablespaces go. Another host or the mount names their places, and root makes nothing at the word of these: a place stands
//! in the inventory, or is the service user's already, or is his to make.

use crate::facts::backups::Backup;
use crate::facts::needs::of_tablespace;
use crate::facts::{Advice, Facts};
use crate::inventory::{Cluster, NodeName};
use crate::plan::{PlanError, Refusal};

/// What belongs to the system, with all below it.
const SYSTEM: [&str; 25] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/cache",
    "/var/lib/dpkg",
    "/var/lib/pgrepl",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/var/lock",
    "/var/log",
    "/var/mail",
    "/var/run",
    "/var/spool",
    "/var/backups",
];

/// What others have directories in.
const SHARED: [&str; 9] = [
    "/", "/home", "/media", "/mnt", "/opt", "/srv", "/tmp", "/var", "/var/lib",
];

/// Says why no tablespace can lie in a place, whoever names it.
fn unfit(place: &str) -> Option<&'static str> {
    let mut parts = place.split('/').skip(1);
    let plain = place.starts_with('/')
        && !place.contains(char::is_control)
        && parts.all(|part| !matches!(part, "" | "." | ".."));
    // A PostgreSQL that was built here keeps its data below it.
    let local = place.strip_prefix("/usr/local/");
    let local = local.is_some_and(|rest| {
        rest.contains('/')
            && !["bin/", "etc/", "lib/", "libexec/", "sbin/", "share/"]
                .iter()
                .any(|own| rest.starts_with(own))
    });
    let below = |one: &&str| {
        place
            .strip_prefix(*one)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if !plain && place != "/" {
        Some("is no absolute path without . and ..")
    } else if SHARED.contains(&place) || !local && SYSTEM.iter().any(below) {
        Some("belongs to the system")
    } else {
        None
    }
}

/// Returns why a tablespace cannot be made in a place of this host, and what to type.
pub(in crate::plan) fn trouble(
    cluster: &Cluster,
    name: &NodeName,
    facts: &Facts,
    place: &str,
) -> Option<Advice> {
    let there = cluster.named_place(name, place);
    let map = |to: &str| format!("hosts: {{ {name}: {{ tablespaces: {{ {there}: {to} }} }} }}");
    if let Some(why) = unfit(place) {
        let last = place
            .rsplit('/')
            .find(|part| !matches!(*part, "" | "." | ".."));
        let elsewhere = format!("/srv/{}", last.unwrap_or("tablespace"));
        return Some(Advice::new(
            format!("a tablespace would go to {place}, which {why}"),
            format!(
                "give it another place, then pgrepl apply: {}",
                map(&elsewhere)
            ),
        ));
    }
    let here = facts.data.tablespaces.iter().any(|(_, path)| path == place);
    if here || named(cluster, name).iter().any(|known| known == place) {
        return None;
    }
    let why = facts
        .asked
        .get(&of_tablespace(place))
        .filter(|why| !why.is_empty())?;
    Some(Advice::new(
        format!("a tablespace would go to {place}, which {why}"),
        format!("say that it may be made, then pgrepl apply: {}", map(place)),
    ))
}

/// Returns the places of tablespaces and of WAL that the inventory names for a host: those that root may make there, and give to the service user.
pub(in crate::plan) fn named(cluster: &Cluster, name: &NodeName) -> Vec<String> {
    let everywhere = cluster
        .nodes
        .values()
        .flat_map(|node| node.tablespaces.keys());
    let own = cluster.nodes.get(name).into_iter();
    let own = own.flat_map(|node| node.tablespaces.values().chain(&node.wal_directory));
    let mut places: Vec<String> = everywhere.chain(own).cloned().collect();
    places.sort();
    places.dedup();
    places
}

/// Returns where the tablespaces of a host lie.
pub(in crate::plan) fn of(facts: Option<&Facts>) -> Vec<String> {
    let places = facts.into_iter().flat_map(|facts| &facts.data.tablespaces);
    places.map(|(_, place)| place.clone()).collect()
}

/// Refuses a backup whose tablespaces lay where none can lie: a server apart sees its copies in their places.
pub(in crate::plan) fn origins(node: &NodeName, backup: &Backup) -> Result<(), PlanError> {
    let places = backup.tablespaces.iter();
    let mut unfit = places.filter_map(|(oid, place)| Some((oid, place, unfit(place)?)));
    let Some((oid, place, why)) = unfit.next() else {
        return Ok(());
    };
    let id = &backup.id;
    Err(PlanError::Refused(Refusal {
        message: format!(
            "cannot restore backup {id} on {node}: its tablespace {oid} lies in {place}, which {why}"
        ),
        details: Vec::new(),
        help: "pgrepl backup list, and another backup".into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::unfit;

    #[test]
    fn no_tablespace_lies_in_what_belongs_to_the_system() {
        for place in [
            "/",
            "/etc",
            "/etc/systemd/system/cron.service.d",
            "/srv",
            "/usr/lib/x",
            "/usr/local/lib/x",
            "/usr/local/x",
            "/srv/../etc",
            "/srv//x",
            "/srv/x/",
            "/srv/a\nb",
            "srv/x",
            "",
            "/run/postgresql/x",
            "/root/x",
            "/boot",
            "/var/spool/cron",
            "/proc/1",
            "/lib/systemd",
        ] {
            assert!(unfit(place).is_some(), "{place:?}");
        }
        for place in [
            "/srv/fast",
            "/srv/a b: c",
            "/data",
            "/var/lib/postgresql/ts",
            "/usr/local/pgsql/ts",
            "/etcetera/x",
            "/mnt/ssd",
            "/home/postgres/ts",
            "/srv/..a/x",
        ] {
            assert_eq!(unfit(place), None, "{place}");
        }
    }
}
