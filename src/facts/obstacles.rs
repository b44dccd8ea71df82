//! What in a data directory stands in the way.

use super::DataDirectory;
use super::Observation;
use super::layout::{INSIDE, Obstacle};

impl DataDirectory {
    /// Says whether it cannot be renamed, or is a symlink that stays: what is set aside from it lies in it.
    pub fn is_fixed(&self) -> bool {
        self.is_mount || self.layout.wal_is_mount || self.layout.link.is_some()
    }

    /// Returns the path of what lies beside it under a name of pgrepl's, as `beside` of `script/places.sh` does.
    pub fn beside(&self, name: &str) -> String {
        let path = &self.path;
        match self.is_fixed() {
            true => format!("{path}{INSIDE}{name}"),
            false => format!("{path}.pgrepl-{name}"),
        }
    }

    /// Returns where its WAL lies, if that is elsewhere: a mount point in it, or where a symlink leads.
    pub fn wal_place(&self, wal_directory: &str) -> Option<String> {
        let mounted = self.layout.wal_is_mount;
        let mounted = mounted.then(|| format!("{}/{wal_directory}", self.path));
        mounted.or_else(|| self.wal_link.clone())
    }

    /// Returns what keeps it from being set aside, and a copy from getting its place.
    pub fn obstacle(&self) -> Option<Obstacle> {
        let layout = &self.layout;
        let parent = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if layout.closed {
            return Some(Obstacle::NotHis(self.real_path.clone()));
        }
        if layout.parent_closed && !self.is_fixed() {
            return Some(Obstacle::Closed(parent.to_owned()));
        }
        if layout.parent_between && !self.is_fixed() {
            return Some(Obstacle::Between(parent.to_owned()));
        }
        // What is set aside lies in a data directory that cannot be renamed.
        let inside = |path: &&str| self.contains(path) && !path.contains(INSIDE);
        let links = layout.tablespace_links.iter();
        let mut links = links.flat_map(|(written, path)| [written.as_str(), path.as_str()]);
        let mut places = self.tablespaces.iter().map(|(_, path)| path.as_str());
        let path = places.find(inside).or_else(|| links.find(inside))?;
        Some(Obstacle::TablespaceInside(path.to_owned()))
    }

    /// Says whether a path is this directory or lies in it.
    pub fn contains(&self, path: &str) -> bool {
        [&self.path, &self.real_path].iter().any(|root| {
            path.strip_prefix(root.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// Says of hosts that show no instance that one may lie on a file system that is not mounted.
pub(super) fn not_mounted(seen: &Observation) -> Option<(String, String)> {
    let mut hosts = seen.seen();
    let (node, path) =
        hosts.find_map(|(node, facts)| Some((node, facts.data.layout.unmounted.first()?)))?;
    let message = format!(
        "no host has an instance, and the file system of {path} of {node} is not mounted, or another one is: it may hold the cluster"
    );
    Some((message, format!("ssh {node} sudo mount {path}")))
}
