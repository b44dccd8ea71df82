//! From what is to be said to the text of an inventory: the one place that writes YAML.

use super::at::{At, CHOICE};
use super::file::{File, Host, Password};

/// The file beside an inventory that tells editors what can be said in it.
pub const SCHEMA: &str = "pgrepl.schema.json";

/// An inventory to be written.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What it says; what is left out is left to the defaults.
    pub file: File,
    /// What the reader has to know and no key can say.
    pub remarks: Vec<String>,
}

impl Draft {
    /// Begins an inventory with what each one says.
    pub fn new(cluster: &str, version: &str, password: &str, primary: &str) -> Self {
        let mut file = File {
            cluster: cluster.into(),
            primary: primary.into(),
            standbys: Some(Vec::new().into()),
            ..File::default()
        };
        file.postgresql.made().version = version.into();
        file.replication.made().password = Password::Env(password.into()).into();
        Self {
            file,
            remarks: Vec::new(),
        }
    }

    /// Says with which client configuration ssh logs in.
    pub fn ssh_config(&mut self, file: Option<&str>) {
        if let Some(file) = file {
            self.file.ssh.get_or_insert_default().made().config_file = Some(file.into());
        }
    }

    /// Says which hosts are standbys.
    pub fn standbys<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        self.file.standbys = Some(names.map(At::from).collect::<Vec<_>>().into());
    }

    /// Returns what is said of one host.
    pub fn host(&mut self, name: &str) -> &mut Host {
        let hosts = self.file.hosts.get_or_insert_default().block();
        hosts.entry(name.into()).made()
    }

    /// Writes the inventory.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# yaml-language-server: $schema={SCHEMA}\n\
             # The schema is what `pgrepl schema` prints. What can be said here besides: pgrepl's README.\n"
        );
        for line in &self.remarks {
            text += &format!("# * {}\n", remark(line));
        }
        let mut file = self.file.clone();
        if let Some(hosts) = &mut file.hosts {
            let hosts = &mut hosts.made().0;
            hosts.retain(|(_, host)| {
                host.value
                    .as_ref()
                    .is_some_and(|host| *host != Host::default())
            });
            hosts.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
        }
        file.hosts = file.hosts.filter(|hosts| {
            hosts
                .value
                .as_ref()
                .is_some_and(|hosts| !hosts.0.is_empty())
        });
        let options = serde_yaml::ser_options! { compact_list_indent: false };
        let written = serde_yaml::to_string_with_options(&file, options)
            .expect("the shape holds nothing but what YAML can write");
        text + &with_choices(&written)
    }
}

/// Makes comments of the lines that are choices, and of the keys that hold nothing else.
fn with_choices(written: &str) -> String {
    let lines: Vec<&str> = written.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut choice: Vec<bool> = lines.iter().map(|line| line.ends_with(CHOICE)).collect();
    for at in (0..lines.len())
        .rev()
        .filter(|at| lines[*at].ends_with(':'))
    {
        let inside = lines[at + 1..]
            .iter()
            .take_while(|line| indent(line) > indent(lines[at]));
        let inside = at + 1..at + 1 + inside.count();
        choice[at] = !inside.is_empty() && choice[inside].iter().all(|choice| *choice);
    }
    let mut text = String::new();
    for (line, choice) in lines.into_iter().zip(choice) {
        if choice {
            let (blank, said) = line.split_at(indent(line));
            text += &format!("{blank}# {}\n", said.strip_suffix(CHOICE).unwrap_or(said));
        } else {
            text += &format!("{line}\n");
        }
    }
    text
}

/// Returns the environment variable that a new inventory takes the replication password from.
pub fn password(cluster: &str) -> String {
    format!("{}_REPLICATION_PASSWORD", cluster.to_ascii_uppercase())
}

/// Makes a text a comment: one line, without what could end it.
pub fn remark(text: &str) -> String {
    let line = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    text.replace(line, " ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory;
    use crate::inventory::at::{Number, Written, say};
    use crate::inventory::file::{self, SslMode, Truth};
    use proptest::prelude::*;

    fn draft() -> Draft {
        let mut draft = Draft::new("shop", "15", "P", "server1");
        draft.standbys(["server2"].into_iter());
        draft
    }

    #[test]
    fn everything_that_is_said_is_read_again() {
        let mut wanted = draft();
        wanted.ssh_config(Some("/tmp/config"));
        wanted.remarks = vec!["one\nprimary: nobody".into()];
        let replication = wanted.file.replication.made();
        replication.user = say("repl user");
        replication.slots = Some(Truth(false).into());
        replication.synchronous = Some(Number(1).into());
        replication.sslmode = Some(SslMode::Require.into());
        wanted.file.backup = Some(
            file::Backup {
                mount: "/mnt/my backups".into(),
                tool: Some(inventory::BackupTool::Pgbackrest.into()),
                ..file::Backup::default()
            }
            .into(),
        );
        let rule = "host \"a, b\" all 10.0.0.0/8 md5 # {x: y}";
        let shared = wanted.file.postgresql.made();
        shared.port = Some(Number(5433).into());
        shared.instance = say("blog");
        shared.listen_addresses = say("*");
        shared.hba = Some(vec![rule.into()].into());
        let delayed = wanted.host("server2");
        delayed.address = say("fe80::1");
        delayed.data_directory = say("/srv/pg");
        delayed.listen_addresses = say("");
        let places = delayed.tablespaces.get_or_insert_default().made();
        *places.entry("/srv/a".into()) = "/srv/b: c".into();
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
        let node = &cluster.nodes[&"server2".into()];
        assert_eq!(node.port, 5433);
        assert_eq!(node.instance, "blog");
        assert_eq!(node.listen_addresses, "");
        assert_eq!(node.address.as_deref(), Some("fe80::1"));
        assert_eq!(node.hba, [rule]);
        assert_eq!(node.data_directory.as_deref(), Some("/srv/pg"));
        assert_eq!(node.tablespaces["/srv/a"], "/srv/b: c");
        assert_eq!(
            node.ssh.config_file.as_deref(),
            Some("/tmp/config".as_ref())
        );
    }

    #[test]
    fn a_choice_is_a_comment_and_so_is_what_holds_nothing_else() {
        let mut wanted = draft();
        let choice = |value: &str| At {
            written: Written::Choice("why".into()),
            ..At::from(value)
        };
        let host = wanted.host("server2");
        let parameters = host.parameters.get_or_insert_default().block();
        *parameters.entry("work_mem".into()) = choice("4MB");
        let text = wanted.text();
        let end = "standbys: [server2]\n# hosts:\n  # server2:\n    # parameters:\n      # work_mem: 4MB # why\n";
        assert!(text.ends_with(end), "{text}");
        wanted.host("server2").address = say("10.0.0.2");
        let text = wanted.text();
        let end = "hosts:\n  server2:\n    address: \"10.0.0.2\"\n    # parameters:\n      # work_mem: 4MB # why\n";
        assert!(text.ends_with(end), "{text}");
    }

    proptest! {
        #[test]
        fn a_choice_says_nothing(value in "\\PC*", why in "\\PC*") {
            let mut wanted = draft();
            let without = inventory::read(&wanted.text()).unwrap().cluster;
            let said = At { written: Written::Choice(remark(&why)), ..At::from(value.as_str()) };
            let parameters = wanted.host("server2").parameters.get_or_insert_default().block();
            *parameters.entry("application_name".into()) = said;
            let text = wanted.text();
            let read = inventory::read(&text).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
            prop_assert_eq!(&read.cluster, &without);
        }

        #[test]
        fn a_value_is_read_as_it_was(value in "\\PC*", why in "\\PC*") {
            let mut wanted = draft();
            let said = At { written: Written::Remark(remark(&why)), ..At::from(value.as_str()) };
            let parameters = wanted.file.postgresql.made().parameters.get_or_insert_default();
            *parameters.made().entry("application_name".into()) = said;
            wanted.remarks = vec![why];
            let text = wanted.text();
            let read = inventory::read(&text).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
            prop_assert_eq!(&read.cluster.nodes[&"server1".into()].parameters["application_name"], &value);
        }
    }
}
