//! From what is to be said to the text of an inventory: the one place that writes YAML.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{BackupFrom, Keep};

/// An inventory to be written; what is `None` or empty is left to the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// The cluster's name.
    pub cluster: String,
    /// A client configuration file for ssh.
    pub ssh_config: Option<String>,
    /// The major version.
    pub version: String,
    /// What `postgresql:` says for every host.
    pub shared: Said,
    /// The replication role.
    pub user: Option<String>,
    /// The environment variable that holds its password.
    pub password: String,
    /// Whether standbys have slots.
    pub slots: Option<bool>,
    /// How many standbys must confirm a commit.
    pub synchronous: u32,
    /// libpq's `sslmode`.
    pub sslmode: Option<String>,
    /// The primary.
    pub primary: String,
    /// The standbys.
    pub standbys: Vec<String>,
    /// Where a host differs.
    pub hosts: BTreeMap<String, DraftHost>,
    /// Where backups live.
    pub mount: Option<String>,
    /// What takes them, if not pg_basebackup.
    pub tool: Option<String>,
    /// How many backups are kept, if not as many as usual.
    pub keep: Option<Keep>,
    /// When backups are taken, and whether that is where the primary is.
    pub schedule: Option<(String, BackupFrom)>,
    /// What the reader has to know and no key can say.
    pub remarks: Vec<String>,
}

/// What can be said for every host, and again for one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The TCP port.
    pub port: Option<u16>,
    /// The server's name at its service manager.
    pub instance: Option<String>,
    /// `listen_addresses`.
    pub listen_addresses: Option<String>,
    /// The data directory.
    pub data_directory: Option<String>,
    /// Parameters by name: the value, and a remark behind it.
    pub parameters: BTreeMap<String, (String, String)>,
    /// pg_hba.conf lines.
    pub hba: Vec<String>,
}

/// What is said of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftHost {
    /// How the other servers reach it.
    pub address: Option<String>,
    /// Whom it follows, if not the primary.
    pub upstream: Option<String>,
    /// `recovery_min_apply_delay`.
    pub apply_delay: Option<String>,
    /// Where its tablespaces are, by where they are on the primary.
    pub tablespaces: BTreeMap<String, String>,
    /// What differs from `postgresql:`.
    pub said: Said,
}

/// Quotes a scalar for YAML, inside `{ }` and `[ ]` too, if it needs it.
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-' | '@');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    if begins && text.chars().all(plain) && !text.eq_ignore_ascii_case("null") {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a String does not fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A text as a comment: one line, without what could end it.
fn remark(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quote(item)).collect();
    format!("[{}]", items.join(", "))
}

/// Lines of a mapping, each `key: value` without indentation; nested lines begin with two blanks.
fn said(said: &Said) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(port) = said.port {
        lines.push(format!("port: {port}"));
    }
    if let Some(instance) = &said.instance {
        lines.push(format!("instance: {}", quote(instance)));
    }
    if let Some(listen) = &said.listen_addresses {
        lines.push(format!("listen_addresses: {}", quote(listen)));
    }
    if let Some(directory) = &said.data_directory {
        lines.push(format!("data_directory: {}", quote(directory)));
    }
    if !said.parameters.is_empty() {
        lines.push("parameters:".into());
        for (name, (value, why)) in &said.parameters {
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(" # {}", remark(why).trim_end())
            };
            lines.push(format!("  {}: {}{why}", quote(name), quote(value)));
        }
    }
    if !said.hba.is_empty() {
        lines.push("hba:".into());
        lines.extend(said.hba.iter().map(|rule| format!("  - {}", quote(rule))));
    }
    lines
}

fn host(host: &DraftHost) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, value) in [
        ("address", &host.address),
        ("upstream", &host.upstream),
        ("apply_delay", &host.apply_delay),
    ] {
        if let Some(value) = value {
            lines.push(format!("{key}: {}", quote(value)));
        }
    }
    if !host.tablespaces.is_empty() {
        lines.push("tablespaces:".into());
        for (from, to) in &host.tablespaces {
            lines.push(format!("  {}: {}", quote(from), quote(to)));
        }
    }
    lines.extend(said(&host.said));
    lines
}

/// A mapping on one line if it is short and flat, else one line for each key.
fn mapping(key: &str, lines: &[String]) -> String {
    let short = format!("{key}: {{ {} }}\n", lines.join(", "));
    let nested = lines
        .iter()
        .any(|line| line.starts_with("  ") || line.ends_with(':'));
    if !nested && short.len() <= 100 {
        return short;
    }
    let indent = key.len() - key.trim_start().len() + 2;
    let mut text = format!("{key}:\n");
    for line in lines {
        text += &format!("{:indent$}{line}\n", "");
    }
    text
}

impl Draft {
    /// Writes the inventory.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# yaml-language-server: $schema=pgrepl.schema.json\n\
             # The schema is what `pgrepl schema` prints. What can be said here besides: pgrepl's README.\n",
        );
        for line in &self.remarks {
            text += &format!("# * {}\n", remark(line));
        }
        text += &format!("cluster: {}\n", quote(&self.cluster));
        if let Some(file) = &self.ssh_config {
            text += &format!("ssh: {{ config_file: {} }}\n", quote(file));
        }
        let mut postgresql = vec![format!("version: {}", quote(&self.version))];
        postgresql.extend(said(&self.shared));
        text += &mapping("postgresql", &postgresql);
        let mut replication = Vec::new();
        if let Some(user) = &self.user {
            replication.push(format!("user: {}", quote(user)));
        }
        replication.push(format!("password: {{ env: {} }}", quote(&self.password)));
        if let Some(slots) = self.slots {
            replication.push(format!("slots: {slots}"));
        }
        if self.synchronous > 0 {
            replication.push(format!("synchronous: {}", self.synchronous));
        }
        if let Some(mode) = &self.sslmode {
            replication.push(format!("sslmode: {}", quote(mode)));
        }
        text += &mapping("replication", &replication);
        text += &format!("primary: {}\n", quote(&self.primary));
        text += &format!("standbys: {}\n", list(&self.standbys));
        let hosts: Vec<(&String, Vec<String>)> = self
            .hosts
            .iter()
            .map(|(name, said)| (name, host(said)))
            .filter(|(_, lines)| !lines.is_empty())
            .collect();
        if !hosts.is_empty() {
            text += "hosts:\n";
        }
        for (name, lines) in hosts {
            text += &mapping(&format!("  {}", quote(name)), &lines);
        }
        if let Some(mount) = &self.mount {
            let mut backup = vec![format!("mount: {}", quote(mount))];
            backup.extend(self.tool.as_ref().map(|tool| format!("tool: {tool}")));
            backup.extend(self.keep.map(|keep| match keep {
                Keep::Count(count) => format!("keep: {{ count: {count} }}"),
                Keep::Days(days) => format!("keep: {{ days: {days} }}"),
            }));
            if let Some((schedule, from)) = &self.schedule {
                backup.push(format!("schedule: {}", quote(schedule)));
                if *from == BackupFrom::Primary {
                    backup.push("from: primary".to_owned());
                }
            }
            text += &mapping("backup", &backup);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory;
    use proptest::prelude::*;

    fn draft() -> Draft {
        Draft {
            cluster: "shop".into(),
            version: "15".into(),
            password: "P".into(),
            primary: "server1".into(),
            standbys: vec!["server2".into()],
            ..Draft::default()
        }
    }

    #[test]
    fn everything_that_is_said_is_read_again() {
        let mut wanted = draft();
        wanted.ssh_config = Some("/tmp/a b/config".into());
        wanted.user = Some("repl user".into());
        wanted.slots = Some(false);
        wanted.synchronous = 1;
        wanted.sslmode = Some("require".into());
        wanted.mount = Some("/mnt/my backups".into());
        wanted.tool = Some("pgbackrest".into());
        wanted.keep = Some(Keep::Days(3));
        wanted.schedule = Some(("Mon..Fri 02:30".into(), BackupFrom::Primary));
        wanted.remarks = vec!["one\nprimary: nobody".into()];
        wanted.shared.port = Some(5433);
        wanted.shared.instance = Some("blog".into());
        wanted.shared.listen_addresses = Some("*".into());
        wanted.shared.hba = vec!["host \"a, b\" all 10.0.0.0/8 md5 # {x: y}".into()];
        let delayed = DraftHost {
            address: Some("fe80::1".into()),
            tablespaces: [("/srv/a".into(), "/srv/b: c".into())].into(),
            said: Said {
                data_directory: Some("/srv/pg".into()),
                listen_addresses: Some(String::new()),
                ..Said::default()
            },
            ..DraftHost::default()
        };
        wanted.hosts = [("server2".to_owned(), delayed)].into();
        let text = wanted.text();
        let read = inventory::read(&text).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
        let cluster = read.cluster;
        assert_eq!(cluster.replication.user, "repl user");
        assert!(!cluster.replication.slots);
        assert_eq!(cluster.replication.synchronous, 1);
        assert_eq!(cluster.replication.sslmode, "require");
        let backup = cluster.backup.unwrap();
        assert_eq!(backup.mount, "/mnt/my backups");
        assert_eq!(backup.tool, inventory::BackupTool::Pgbackrest);
        assert_eq!(backup.keep, Keep::Days(3));
        assert_eq!(backup.schedule.as_deref(), Some("Mon..Fri 02:30"));
        assert_eq!(backup.from, BackupFrom::Primary);
        let node = &cluster.nodes[&"server2".into()];
        assert_eq!(node.port, 5433);
        assert_eq!(node.instance, "blog");
        assert_eq!(node.listen_addresses, "");
        assert_eq!(node.address.as_deref(), Some("fe80::1"));
        assert_eq!(node.hba, wanted.shared.hba);
        assert_eq!(node.data_directory.as_deref(), Some("/srv/pg"));
        assert_eq!(node.tablespaces["/srv/a"], "/srv/b: c");
        assert_eq!(
            node.ssh.config_file.as_deref(),
            Some("/tmp/a b/config".as_ref())
        );
    }

    proptest! {
        #[test]
        fn a_value_is_read_as_it_was(value in "\\PC*", why in "\\PC*") {
            let mut wanted = draft();
            wanted.shared.parameters.insert("application_name".into(), (value.clone(), why.clone()));
            wanted.remarks = vec![why];
            let text = wanted.text();
            let read = inventory::read(&text).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
            prop_assert_eq!(&read.cluster.nodes[&"server1".into()].parameters["application_name"], &value);
        }
    }
}
