//! Writes a configuration file whole.

use serde::{Deserialize, Serialize};

use crate::action::{Act, Mark, Place};
use crate::backup::{Engine, engines};
use crate::command::Command;
use crate::facts::{FileFact, Observation};
use crate::inventory::NodeName;
use crate::postgres::bytes::byte_of;
use crate::script::script;

const SCRIPT: &str = script!([] "write_file.sh");

/// Writes a configuration file, if the one on the host is still the one that was planned on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteFile {
    /// Its name for people: "postgresql.conf".
    pub name: String,
    /// Where it goes.
    pub path: String,
    /// What the plan found there.
    pub before: PlannedText,
    /// Its new content, without secrets.
    pub content: String,
    /// Owner and group.
    pub owner: String,
    /// Mode in octal.
    pub mode: String,
    /// How it is checked before the server may see it.
    pub check: Check,
    /// Whether the file was written by someone else, so that a copy of it is kept.
    pub foreign: bool,
    /// Ways in that were open before and that the new content closes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closes: Vec<String>,
    /// Whether rules or maps that others wrote stay: the server is asked whether it still has them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_rules: bool,
    /// Parameters that others set, here and in what is included, and that go on to have what is said there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keeps_settings: Vec<String>,
    /// What makes the change take effect: "reload", "restart: max_wal_senders", or empty.
    pub takes_effect: String,
}

/// A file as a plan found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedText {
    /// There is none.
    Absent,
    /// It is made by an earlier step and replaced whatever it holds.
    Any,
    /// It was read.
    Read {
        /// SHA-256 of the content.
        digest: String,
        /// The content.
        content: String,
    },
}

/// How a file is checked before the server may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Not at all.
    None,
    /// `postgres -C` reads it.
    Conf,
    /// `pg_hba_file_rules` reads it where there is one and a server runs.
    Hba,
    /// `pg_ident_file_mappings` likewise.
    Ident,
}

impl Act for WriteFile {
    fn title(&self) -> String {
        self.name.clone()
    }

    fn kind(&self) -> Mark {
        match self.before {
            PlannedText::Read { .. } => Mark::Change,
            PlannedText::Absent | PlannedText::Any => Mark::Add,
        }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let expected = match &self.before {
            PlannedText::Absent => "absent",
            PlannedText::Any => "any",
            PlannedText::Read { digest, .. } => digest,
        };
        let check = match self.check {
            Check::None => "none",
            Check::Conf => "conf",
            Check::Hba => "hba",
            Check::Ident => "ident",
        };
        let caps = place.major.caps();
        let server_tells = match self.check {
            Check::Hba => caps.has_hba_file_rules,
            Check::Ident => caps.has_ident_mappings,
            Check::None | Check::Conf => false,
        };
        vec![
            place
                .command(format!("write {}", self.name), SCRIPT)
                .var("path", &self.path)
                .var("own_directory", yes(is_ours(&self.path)))
                .var("owner", &self.owner)
                .var("mode", &self.mode)
                .var("content", escaped(&self.content))
                .var("expected", expected)
                .var("check", check)
                .var("keeps_rules", yes(self.keeps_rules))
                .var("keeps_settings", self.keeps_settings.join(" "))
                .var("keep_original", yes(self.foreign))
                .var("server_tells", yes(server_tells)),
        ]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(facts) = world.facts_mut(node) else {
            return;
        };
        let (owner, group) = self.owner.split_once(':').unwrap_or((&self.owner, ""));
        let running = facts.server.is_some();
        facts.files.insert(
            self.path.clone(),
            FileFact {
                digest: crate::facts::digest(&self.content),
                owner: owner.to_owned(),
                group: group.to_owned(),
                mode: self.mode.clone(),
                content: Some(self.content.clone()),
                unloaded: running,
            },
        );
    }
}

/// Writes a file's content as printf's `%b` reads it: the bytes of one need not be text.
fn escaped(content: &str) -> String {
    let mut text = String::with_capacity(content.len());
    for c in content.chars() {
        match (c, byte_of(c)) {
            (_, Some(byte)) => text += &format!("\\0{byte:03o}"),
            ('\0', _) => text += "\\0000",
            ('\\', _) => text += "\\\\",
            (c, _) => text.push(c),
        }
    }
    text
}

/// Says whether a file lies in a directory that is made for it where it is missing: that of the programs, or of an engine's
/// configuration.
fn is_ours(path: &str) -> bool {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let mut configurations = engines().filter_map(Engine::configuration);
    directory.starts_with("/usr/local/lib/pgrepl/")
        || configurations.any(|configuration| configuration.directory == directory)
}

/// Writes a truth as scripts read it.
pub fn yes(truth: bool) -> &'static str {
    if truth { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::escaped;
    use crate::command::shell_quote;
    use crate::postgres::bytes::text_of;

    /// What a call of the script's own functions says.
    fn says(call: &str) -> String {
        let script = format!("{}\npath=/hba\n{call}", include_str!("write_file.sh"));
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// What of the rules before is lost.
    fn lost(file: &str, before: &str, after: &str) -> String {
        let path = std::env::temp_dir().join(format!("pgrepl-rules-{}", std::process::id()));
        std::fs::write(&path, file).unwrap();
        let said = says(&format!(
            "lost_rules \"$(printf '%s\\n' {} | foreign_rules {})\" {}",
            shell_quote(before),
            shell_quote(path.to_str().unwrap()),
            shell_quote(after),
        ));
        std::fs::remove_file(&path).unwrap();
        said
    }

    #[test]
    fn settings_and_complaints_are_compared_as_the_server_tells_them() {
        let said = |call: &str, before: &str, after: &str| {
            says(&format!(
                "{call} {} {}",
                shell_quote(before),
                shell_quote(after)
            ))
        };
        let before = "jit\taa\nwork_mem\tbb";
        for (after, lost) in [
            (before, ""),
            ("a\tcc\njit\taa\nwork_mem\tbb", ""),
            ("jit\taa", "work_mem\n"),
            ("jit\tbb\nwork_mem\tbb", "jit\n"),
            ("", "jit\nwork_mem\n"),
        ] {
            assert_eq!(said("lost_settings", before, after), lost, "{after}");
        }
        for (before, after, new) in [
            ("", "", ""),
            ("", "no such method", "no such method\n"),
            ("no SSL", "no SSL", ""),
            ("no SSL", "no SSL\nno SSL", "no SSL\n"),
            ("a\\b", "a\\b\nc", "c\n"),
            ("gone", "", ""),
        ] {
            assert_eq!(
                said("new_complaints", before, after),
                new,
                "{before} {after}"
            );
        }
    }

    #[test]
    fn the_server_tells_which_rules_are_lost() {
        let foreign = "local all all peer\n";
        let before = "\t1\ta\n\t2\tb\n\t3\ta";
        assert_eq!(lost(foreign, before, "\t1\tx\n\t7\ta\n\t8\tb\n\t9\ta"), "");
        assert_eq!(lost(foreign, before, "\t1\ta\n\t2\ta"), "b\n");
        // What is written in front need not be kept behind.
        assert_eq!(lost(foreign, before, "\t1\tb\n\t2\ta"), "");
        let ours = "# x: written by pgrepl.\nlocal\n# --- kept: y\nb\n# --- end of kept\nd\n";
        let before = "/hba\t2\ta\n/hba\t4\tb\n/hba\t6\td";
        assert_eq!(lost(ours, before, "/hba\t3\tb"), "");
        assert_eq!(lost(ours, before, "/hba\t3\ta"), "b\n");
    }

    /// Runs the script on a pg_ident.conf where the server, which is not there, reads what stands before a `!`, and says what
    /// it answered and left.
    fn writes_maps(before: &str, content: &str) -> (String, String) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pg_ident.conf");
        std::fs::write(&path, before).unwrap();
        let script = format!(
            "set -eu\n{}\n
            fail() {{ echo \"$1\"; exit; }}; ok() {{ echo ok; }}; label() {{ :; }}; refused() {{ echo refused; exit; }}
            is_his() {{ true; }}; as_service_user() {{ \"$@\"; }}; accepts_connections() {{ true; }}
            sql() {{ case $1 in
                *'error is not null'*) sed -n 's/^bad/no such map/p' \"$path\" ;;
                *) sed '/!/,$d; /^bad/d; s/^/\t1\t/' \"$path\" ;; esac; }}
            path={} own_directory=no owner=$(id -un):$(id -gn) mode=640 content={} expected=any check=ident server_tells=yes keeps_rules=yes
            keeps_settings='' keep_original=no
            main",
            include_str!("write_file.sh"),
            shell_quote(path.to_str().unwrap()),
            shell_quote(&escaped(content)),
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output();
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        let left = std::fs::read_to_string(&path).unwrap();
        (said.replace(path.to_str().unwrap(), "PATH"), left)
    }

    #[test]
    fn maps_that_the_server_would_lose_are_put_back() {
        let old = "staff ann shop\nbad line\n";
        let more = format!("{old}staff bob shop\n");
        assert_eq!(writes_maps(old, &more), ("ok\n".into(), more.clone()));
        // What it reads no further is lost, whatever stands in the file.
        for (content, why) in [
            (
                "!\nstaff ann shop\nbad line\n",
                "rules or maps that were loaded before would be lost",
            ),
            (
                "staff bob shop\n",
                "rules or maps that were loaded before would be lost",
            ),
            (
                "staff ann shop\nbad line\nbad other\n",
                "PostgreSQL would not load it",
            ),
        ] {
            let (said, left) = writes_maps(old, content);
            assert_eq!(left, old, "{content}");
            let expected = format!("cannot write PATH: {why}, the old file was put back\n");
            assert_eq!(said, expected, "{content}");
        }
    }

    #[test]
    fn a_shell_writes_every_byte() {
        let bytes: Vec<u8> = (0..=255)
            .chain(*b"\\c\\0101 100% \\\\ \xC3\xA9\r\n")
            .collect();
        let script = format!("printf '%b' {}", shell_quote(&escaped(&text_of(&bytes))));
        for shell in ["sh", "bash"] {
            let output = std::process::Command::new(shell)
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(output.stdout, bytes, "{shell}");
        }
    }
}
