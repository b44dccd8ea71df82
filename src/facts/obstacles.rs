//! What in a data directory stands in the way.

use super::DataDirectory;
use super::layout::Obstacle;

impl DataDirectory {
    /// Returns what keeps it from being set aside by a rename, and a copy from being renamed to its place.
    pub fn obstacle(&self) -> Option<Obstacle> {
        let layout = &self.layout;
        let parent = self.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if let Some(place) = &layout.link {
            return Some(Obstacle::Link(place.clone()));
        }
        if self.is_mount {
            return Some(Obstacle::Mount);
        }
        if layout.parent_closed {
            return Some(Obstacle::Closed(parent.to_owned()));
        }
        if layout.parent_between {
            return Some(Obstacle::Between(parent.to_owned()));
        }
        if layout.wal_is_mount || self.wal_link.is_some() {
            return Some(Obstacle::Wal(self.wal_link.clone()));
        }
        let links = layout
            .tablespace_links
            .iter()
            .map(|(written, _)| written.as_str());
        let inside = |path: &&str| self.contains(path);
        let mut places = self.tablespaces.iter().map(|(_, path)| path.as_str());
        if let Some(path) = places.find(inside).or_else(|| links.clone().find(inside)) {
            return Some(Obstacle::TablespaceInside(path.to_owned()));
        }
        if let Some(path) = layout.tablespace_mounts.first() {
            return Some(Obstacle::TablespaceMount(path.clone()));
        }
        let (written, path) = layout.tablespace_links.first()?;
        Some(Obstacle::TablespaceLink(written.clone(), path.clone()))
    }

    /// Says whether a path is this directory or lies in it.
    pub fn contains(&self, path: &str) -> bool {
        [&self.path, &self.real_path].iter().any(|root| {
            path.strip_prefix(root.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}
