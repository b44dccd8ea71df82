//! Who touches what belongs to the service user, or lies where he may exchange it.

use super::files;
use super::mount::commands;

/// Variables of scripts that lead to his places, or to places that the mount or another host names.
const HIS: [&str; 17] = [
    "staging",
    "data_directory",
    "config_directory",
    "home",
    "auto",
    "directory",
    "aside",
    "place",
    "work",
    "link",
    "inside",
    "here",
    "there",
    "path",
    "temporary",
    "saved",
    "log",
];

/// Parts of the library that are in programs of the service user's only.
pub(super) const OF_PROGRAMS: [&str; 10] = [
    "mount_lock.sh",
    "sums.sh",
    "remove.sh",
    "kept.sh",
    "finish.sh",
    "script/take.sh",
    "tell_position.sh",
    "patience.sh",
    "fork.sh",
    "wal_runs.sh",
];

/// Programs that read, make, rename or remove; of a name alone the shell's own tests, readlink and stat tell.
const PROGRAMS: [&str; 24] = [
    "mv", "rm", "rmdir", "mkdir", "ln", "cp", "chmod", "chown", "touch", "cat", "head", "tail",
    "tar", "find", "awk", "sed", "grep", "wc", "sync", "install", "tee", "mktemp", "du", "cut",
];

/// What runs on hosts as root in places of his, with the reason why root may follow nothing there.
const BY_ROOT: &[(&str, &str)] = &[
    // The name of a directory, in a list of root's own.
    ("known_copies.sh", "\"$known_copies"),
    // Who has just made a directory where nobody else may make one gives it away.
    ("prelude.sh", "mkdir -m 700 \"$1\""),
    (
        "prelude.sh",
        "chown -h \"$service_user:$service_user\" \"$1\"",
    ),
    ("prelude.sh", ">\"$1\""),
    (
        "prelude.sh",
        "read -r pid <\"$data_directory/postmaster.pid\"",
    ),
    // Nothing of what these read is said: a process, a port, whether two are the same.
    ("service.sh", "sed -n"),
    ("write_file.sh", "awk -F"),
    // Where he may write, he is the writer; root's own directories are told from his before.
    ("write_file.sh", "chown -h \"$owner\""),
    ("write_file.sh", "(umask 022 && mkdir -p \"$directory\")"),
    ("write_file.sh", "mkdir -p \"$directory\")"),
    // Where the inventory has it, in a directory that is not his.
    ("staging.sh", "is_named \"$1\""),
    // The directory that root stands in, which was looked at from there.
    ("init_db.sh", "chown -h \"$service_user:$service_user\" ."),
];

/// The scripts that are sent as root, and the library of them; parts of the library that only programs of his own have are his.
fn sent_as_root() -> Vec<(String, String)> {
    let mut scripts = files("src/action", "sh");
    let taking = files("src/backup", "sh").into_iter();
    scripts.extend(taking.filter(|(path, _)| path.ends_with("take.sh")));
    let library = files("src/script", "sh").into_iter();
    scripts
        .extend(library.filter(|(path, _)| !OF_PROGRAMS.iter().any(|name| path.ends_with(name))));
    scripts
}

/// What he may exchange is touched by him: root would follow a link that he puts there, whenever it looks first.
#[test]
fn root_touches_nothing_where_the_service_user_may() {
    let (mut by_root, mut looked) = (Vec::new(), 0);
    for (path, text) in sent_as_root() {
        // Run as him whole.
        if ["unpack.sh", "fetch_work.sh", "basebackup/verify.sh"]
            .iter()
            .any(|name| path.ends_with(name))
        {
            continue;
        }
        let mut his: Vec<String> = HIS.map(str::to_owned).into();
        for command in commands(&text) {
            let names = |text: &str| {
                let mut named = his.iter();
                named.any(|name| {
                    text.contains(&format!("\"${name}"))
                        || text.contains(&format!("${{{name}"))
                        || text.contains(&format!(" ${name}"))
                })
            };
            let assigned = command.split_once('=').filter(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            });
            let bare = ["if ", "until ", "then ", "else ", "! ", "(", "$(", "until "]
                .iter()
                .fold(command.as_str(), |bare, word| bare.trim_start_matches(word));
            let bare = bare.rsplit_once("$(").map_or(bare, |(before, inner)| {
                let by_root = PROGRAMS.contains(&inner.split(' ').next().unwrap_or_default());
                if by_root { inner } else { before }
            });
            let program = bare.split(' ').next().unwrap_or_default();
            let writes = [">\"$", "<\"$"].iter().any(|sign| bare.contains(sign))
                && !bare.contains("as_service_user");
            looked += 1;
            if (PROGRAMS.contains(&program) || writes) && names(bare) {
                let known = BY_ROOT
                    .iter()
                    .any(|(name, words)| path.ends_with(name) && command.contains(words));
                if !known {
                    by_root.push(format!("{path}: {command}"));
                }
            }
            if let Some((name, value)) = assigned
                && names(value)
                && !value.starts_with("$(")
            {
                his.push(name.to_owned());
            }
        }
    }
    assert!(by_root.is_empty(), "{by_root:#?}");
    assert!(looked > 500, "{looked}");
}
