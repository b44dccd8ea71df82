//! How a data directory lies on its host, as far as a rename of it or of what belongs to it is concerned.

use serde::{Deserialize, Serialize};

use crate::facts::lines::{Lines, columns};

/// Where in a place that cannot be renamed lies what others have beside them; a path in it is told by this.
pub(super) const INSIDE: &str = "/.pgrepl/pgsql_tmp/";

/// Returns the name under which something lies beside a place or in it, if its path says that.
pub(super) fn name_beside(path: &str) -> Option<&str> {
    let (_, name) = path
        .rsplit_once(INSIDE)
        .or_else(|| path.rsplit_once(".pgrepl-"))?;
    Some(name)
}

/// What the probe saw besides the places themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Where the data directory leads, when it is itself a symlink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Whether it cannot be renamed, or is a symlink, and the service user may not write there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Whether it has a lost+found that the server cannot read: then no base backup of it can be taken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost_found_closed: bool,
    /// The mount points of its places that have nothing mounted on them, or another file system than they had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmounted: Vec<String>,
    /// Whether root may not write in the directory that it is in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parent_closed: bool,
    /// Whether that is root's and lies below what is the service user's: neither of them may rename something there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parent_between: bool,
    /// Whether its WAL directory is a mount point.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wal_is_mount: bool,
    /// Whether it keeps the WAL of before, which was moved elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wal_left: bool,
    /// The tablespaces whose location leads elsewhere: the location, and where it leads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tablespace_links: Vec<(String, String)>,
}

/// What keeps a data directory from being set aside and another one from taking its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// It is a mount point or a symlink, and the service user may not write there.
    NotHis(String),
    /// What it is in cannot be written.
    Closed(String),
    /// What it is in is root's, and the service user could exchange it.
    Between(String),
    /// This tablespace lies in it.
    TablespaceInside(String),
}

impl Layout {
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(lines: &Lines) -> Self {
        Self {
            link: lines.first("data_link").map(str::to_owned),
            closed: lines.first("data_closed").is_some(),
            lost_found_closed: lines.first("lost_found_closed").is_some(),
            unmounted: lines
                .all("unmounted")
                .iter()
                .map(|path| (*path).to_owned())
                .collect(),
            parent_closed: lines.first("data_parent_closed").is_some(),
            parent_between: lines.first("data_parent_between").is_some(),
            wal_is_mount: lines.first("wal_is_mount").is_some(),
            wal_left: lines.first("wal_left").is_some(),
            tablespace_links: lines
                .all("tablespace_link")
                .iter()
                .filter_map(|line| columns(line))
                .map(|[written, path]| (written.to_owned(), path.to_owned()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_told_from_what_lies_where_it_is_said_to() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        let asked = |data: &str| {
            let (top, data) = (top.display(), top.join(data));
            let script = format!(
                "set -eu\nfact() {{ printf '%s %s%s\\n' \"$1\" \"$2\" \"${{3:+	$3}}\"; }}\nis_his() {{ false; }}\nhas_user() {{ false; }}\n\
                 data_directory='{0}' wal_directory=pg_wal\nreal=$(readlink -f '{0}')\n{1}\n{2}\nread_layout\n",
                data.display(),
                crate::script::library!("places.sh"),
                include_str!("layout.sh"),
            );
            let output = std::process::Command::new("sh")
                .args(["-c", &script])
                .output();
            let said = String::from_utf8(output.unwrap().stdout).unwrap();
            said.replace(&format!("{top}/"), "")
        };
        let spaces = top.join("disk/main/pg_tblspc");
        std::fs::create_dir_all(&spaces).unwrap();
        std::fs::create_dir_all(top.join("disk/main/pg_wal")).unwrap();
        std::fs::create_dir(top.join("disk/ts")).unwrap();
        symlink(top.join("disk/ts"), spaces.join("16400")).unwrap();
        assert_eq!(asked("disk/main"), "");
        // A link above the data directory leads what is beside it to the same place.
        symlink(top.join("disk"), top.join("srv")).unwrap();
        assert_eq!(asked("srv/main"), "");
        symlink(top.join("disk/main"), top.join("main")).unwrap();
        assert_eq!(asked("main"), "data_link disk/main\n");
        symlink(top.join("srv/ts"), spaces.join("16401")).unwrap();
        assert_eq!(asked("disk/main"), "tablespace_link srv/ts\tdisk/ts\n");
    }
}
