//! Writes a file of the user's in one step: the inventory after the roles changed, a saved plan.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::drive::Drive;
use super::{Failure, FailureKind, Format};
use crate::inventory::{NodeName, swap::swap};
use crate::report::sink;

/// Replaces a file by one rename, with the permissions it had.
pub fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = path.canonicalize()?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(std::fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// Writes a file that its owner alone may read; one that stands there is replaced, whatever its permissions are, and so is a link.
pub fn private(path: &Path, text: &str) -> std::io::Result<()> {
    anew(path, text, 0o600)
}

/// Writes a file for whomever the umask lets read it, and replaces what stands there likewise.
pub fn open(path: &Path, text: &str) -> std::io::Result<()> {
    anew(path, text, 0o666)
}

fn anew(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// Exchanges the two names in the inventory, or says how to.
pub fn roles(drive: &Drive<'_>, write: bool, to: &NodeName) -> Result<u8, Failure> {
    let cluster = &drive.loaded.cluster;
    if cluster.primary == *to {
        return Ok(0);
    }
    let path = &drive.loaded.path;
    let edit = format!(
        "primary: {to}, and {} in its place among the standbys",
        cluster.primary
    );
    let failed = |why: String| {
        Failure::new(
            FailureKind::PartWay,
            format!("{to} leads, but {} was not changed: {why}", path.display()),
        )
        .help(format!("write it yourself: {edit}"))
    };
    if !write {
        if drive.global.format == Format::Human {
            sink::out(&format!(
                "The inventory still names {}. In {}: {edit}\n",
                cluster.primary,
                path.display()
            ));
        }
        return Ok(0);
    }
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let edited = swap(&text, cluster.primary.as_str(), to.as_str())
        .ok_or_else(|| failed("it does not name the two as plain values".into()))?;
    replace(path, &edited).map_err(|error| failed(error.to_string()))?;
    if drive.speaks() {
        sink::err(&format!("{}: {edit}.\n", path.display()));
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_private_is_its_owner_s_alone_whatever_stood_there() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let unlock = |path: &Path| fs::set_permissions(path, PermissionsExt::from_mode(0o666));
        fs::write(at("open"), "before").unwrap();
        fs::write(at("elsewhere"), "before").unwrap();
        unlock(&at("open")).unwrap();
        unlock(&at("elsewhere")).unwrap();
        symlink("elsewhere", at("link")).unwrap();
        for name in ["new", "open", "link"] {
            private(&at(name), "plan").unwrap();
            let file = at(name).symlink_metadata().unwrap();
            assert!(file.is_file(), "{name}");
            assert_eq!(file.permissions().mode() & 0o7777, 0o600, "{name}");
            assert_eq!(fs::read_to_string(at(name)).unwrap(), "plan");
        }
        assert_eq!(fs::read_to_string(at("elsewhere")).unwrap(), "before");
    }
}
