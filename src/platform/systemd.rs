//! What the service manager of an older release cannot do.

/// Releases whose systemd is older than what pgrepl confines its jobs with: a name in `ID` or `ID_LIKE` of os-release, how
/// `VERSION_ID` begins, and its version.
const OLDER: [(&str, &str, u16); 5] = [
    ("rhel", "7", 219),
    ("centos", "7", 219),
    ("debian", "8", 215),
    ("debian", "9", 232),
    ("ubuntu", "16.04", 229),
];

/// The systemd of an older release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Older(pub u16);

impl Older {
    /// Returns that of a release, as os-release tells it; nothing for one that has all that is needed.
    pub fn of(id: &str, like: &str, version: &str) -> Option<Self> {
        let named = |name: &str| id == name || like.split_whitespace().any(|one| one == name);
        let is = |begin: &str| version == begin || version.starts_with(&format!("{begin}."));
        let row = OLDER
            .iter()
            .find(|(name, begin, _)| named(name) && is(begin));
        row.map(|(.., version)| Older(*version))
    }

    /// Says whether a unit can see a file system that it cannot write to: `ProtectSystem=strict`, since 232.
    pub fn confines(self) -> bool {
        self.0 >= 232
    }

    /// Says whether a unit can see something in another place: `BindPaths=`, since 233.
    pub fn binds(self) -> bool {
        self.0 >= 233
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_known_by_what_they_are_like() {
        let of = |id, like, version| Older::of(id, like, version).map(|older| older.0);
        assert_eq!(of("centos", "rhel fedora", "7"), Some(219));
        assert_eq!(of("ol", "rhel fedora", "7.9"), Some(219));
        assert_eq!(of("rocky", "rhel centos fedora", "9.4"), None);
        assert_eq!(of("debian", "", "12"), None);
        assert_eq!(of("ubuntu", "debian", "16.04"), Some(229));
        let nine = Older::of("debian", "", "9").unwrap();
        assert!(nine.confines() && !nine.binds());
    }
}
