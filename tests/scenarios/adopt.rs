//! Recorded servers → the inventory that changes them least, and what is planned with it.

use pgrepl::action::Action;
use pgrepl::adopt::{Member, complete, describe};
use pgrepl::facts::{Facts, Observation, Sight};
use pgrepl::inventory::{NodeName, read};
use pgrepl::plan::Plan;
use pgrepl::plan::converge::converge;
use pgrepl::postgres::ServerVersion;
use pgrepl::render::Templates;

use crate::facts::{here, recorded};

/// A recording with the name of its host and of the one it follows.
pub type Host = (&'static str, &'static str, Option<&'static str>);

/// Describes recorded servers as cluster `shop`, the primary first, and plans with the result.
fn described(hosts: &[Host]) -> (String, Plan) {
    described_with(hosts, &|_| {})
}

/// The same, of servers that were changed.
pub fn described_with(hosts: &[Host], change: &dyn Fn(&mut Facts)) -> (String, Plan) {
    let member = |member: Member| {
        let mut member = member;
        change(&mut member.facts);
        member
    };
    described_as("15", hosts, &member)
}

/// The same, of servers of a version that live elsewhere.
pub fn described_as(
    version: &str,
    hosts: &[Host],
    change: &dyn Fn(Member) -> Member,
) -> (String, Plan) {
    let text = |names: &[&str]| {
        format!(
            "cluster: shop\npostgresql: {{ version: {version} }}\nreplication: {{ password: {{ env: A }} }}\n\
             primary: {}\nstandbys: [{}]\n",
            names[0],
            names[1..].join(", ")
        )
    };
    let names: Vec<&str> = hosts.iter().map(|(name, _, _)| *name).collect();
    let cluster = read(&text(&names))
        .unwrap_or_else(|_| panic!("a bad inventory"))
        .cluster;
    let members: Vec<Member> = hosts
        .iter()
        .map(|(name, recording, upstream)| {
            let name = NodeName::from(*name);
            let facts = recorded(&cluster, &name, recording);
            change(Member {
                name,
                facts,
                upstream: upstream.map(NodeName::from),
                instance: "main".into(),
                data_directory: format!("/var/lib/postgresql/{version}/main"),
                foreign_backups: None,
            })
        })
        .collect();
    let seen = Observation {
        hosts: members
            .iter()
            .map(|member| {
                (
                    member.name.clone(),
                    Sight::Seen(Box::new(member.facts.clone())),
                )
            })
            .collect(),
        ..Observation::default()
    };
    let templates = Templates::default();
    let draft = describe(cluster.major, "shop", None, &members);
    let text = complete(draft, &seen, &templates).unwrap().text();
    let cluster = read(&text)
        .unwrap_or_else(|found| panic!("{text}\n{found:#?}"))
        .cluster;
    let plan = converge(&cluster, &templates, &seen, None).unwrap();
    (text, plan)
}

/// Steps that cost more than a reload.
pub fn costly(plan: &Plan) -> Vec<&Action> {
    plan.steps
        .iter()
        .map(|step| &step.action)
        .filter(|action| {
            !matches!(
                action,
                Action::WriteFile(_)
                    | Action::WritePgpass(_)
                    | Action::EnsureRole(_)
                    | Action::Reload(_)
                    | Action::WaitStreaming(_)
                    | Action::TryLogin(_)
            )
        })
        .collect()
}

#[test]
fn a_pair_made_by_hand_is_described() {
    let (text, plan) = described(&[
        ("server1", "../adopt/primary", None),
        ("server2", "../adopt/standby", Some("server1")),
    ]);
    // The story of this name tells what is planned, and that it comes to an end.
    let story = here().join("scenarios/made_by_hand/inventory.yaml");
    assert_eq!(text, std::fs::read_to_string(story).unwrap());
    assert!(costly(&plan).is_empty(), "{:#?}", costly(&plan));
}

#[test]
fn what_pgrepl_made_needs_no_change() {
    let (text, plan) = described(&[
        ("server1", "primary", None),
        ("server2", "standby", Some("server1")),
        ("server3", "cascading", Some("server2")),
    ]);
    assert!(text.contains("  server3: {upstream: server2}\n"), "{text}");
    assert!(!text.contains("parameters"), "{text}");
    assert_eq!(plan.steps, []);
}

#[test]
fn what_an_inventory_said_is_said_again_where_it_is_the_default() {
    let all: [Host; 3] = [
        ("server1", "primary", None),
        ("server2", "standby", Some("server1")),
        ("server3", "cascading", Some("server2")),
    ];
    let (text, plan) = described_with(&all, &|facts| {
        let (path, file) = facts
            .files
            .iter_mut()
            .find(|(path, _)| path.ends_with("/postgresql.conf"))
            .unwrap();
        let conf = file.content.as_mut().unwrap();
        assert!(!conf.contains("maintenance_work_mem"), "{conf}");
        conf.push_str("\n# From the inventory\nmaintenance_work_mem = '64MB'\n");
        file.digest = pgrepl::facts::digest(conf);
        let server = facts.server.as_mut().unwrap();
        let loaded = server.settings.get_mut("maintenance_work_mem").unwrap();
        loaded.source = "configuration file".into();
        loaded.sourcefile = Some(path.clone());
    });
    assert!(text.contains("maintenance_work_mem: 64MB"), "{text}");
    assert_eq!(plan.steps, [], "{text}");
}

#[test]
fn a_packaged_server_with_a_history_does_not_restart() {
    let (text, plan) = described(&[("server1", "main", None)]);
    insta::assert_snapshot!(text);
    assert!(costly(&plan).is_empty(), "{:#?}", costly(&plan));
}

#[test]
fn commits_that_wait_for_a_standby_are_not_left_waiting_for_its_new_name() {
    let (text, plan) = described_with(
        &[
            ("server1", "../adopt/primary", None),
            ("server2", "../adopt/standby", Some("server1")),
        ],
        &|facts| {
            let server = facts.server.as_mut().unwrap();
            let names = server.settings.get_mut("synchronous_standby_names");
            names.unwrap().setting = "walreceiver".into();
        },
    );
    assert!(text.contains("synchronous: 1"), "{text}");
    // The primary waits for the old name until the standby streams by the new one.
    let story: Vec<String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::WriteFile(file) => {
                let names = file
                    .content
                    .lines()
                    .find(|l| l.starts_with("synchronous_st"))?;
                Some(format!("{} {names}", step.node))
            }
            Action::WaitStreaming(wait) => Some(format!("{} streams", wait.standby)),
            _ => None,
        })
        .collect();
    assert_eq!(
        story,
        [
            "server1 synchronous_standby_names = 'walreceiver'",
            "server2 streams",
            "server1 synchronous_standby_names = 'ANY 1 (\"server2\")'",
        ]
    );
}

#[test]
fn servers_of_different_releases_are_noted() {
    let hosts = [
        ("server1", "primary", None),
        ("server2", "standby", Some("server1")),
        ("server3", "cascading", Some("server2")),
    ];
    assert_eq!(described(&hosts).1.notes, []);
    let (_, plan) = described_with(&hosts, &|facts| {
        let server = facts.server.as_mut().unwrap();
        if facts.hostname == "server2" {
            server.version = ServerVersion(150_017);
        }
    });
    let notes: Vec<&str> = plan
        .notes
        .iter()
        .map(|note| note.message.as_str())
        .collect();
    assert_eq!(
        notes,
        ["the minor versions differ: 15.17 on server2; 15.18 on server1, server3"]
    );
    assert_eq!(plan.steps, []);
}

#[test]
fn a_password_of_a_connection_string_stays_on_its_host() {
    let (text, _) = described_with(
        &[
            ("server1", "../adopt/primary", None),
            ("server2", "../adopt/standby", Some("server1")),
        ],
        &|facts| {
            let server = facts.server.as_mut().unwrap();
            let conninfo = server.settings.get_mut("primary_conninfo").unwrap();
            conninfo.setting =
                "host=server1 user=replicator password=s3cret keepalives_idle=60".into();
            let archive = server.settings.get_mut("archive_command").unwrap();
            archive.setting = "/usr/bin/push --key s3cret %p".into();
        },
    );
    assert!(!text.contains("s3cret"), "{text}");
    assert!(text.contains("primary_conninfo holds a password"), "{text}");
    assert!(
        text.contains("primary_conninfo: keepalives_idle=60 # with pgrepl's own keywords"),
        "{text}"
    );
    assert!(
        text.contains("server1 archives WAL with /usr/bin/push"),
        "{text}"
    );
}

#[test]
fn a_standby_keeps_its_way_to_the_archive() {
    let command = "/usr/bin/restore_xlog %f %p";
    let (text, plan) = described_with(
        &[
            ("server1", "../adopt/primary", None),
            ("server2", "../adopt/standby", Some("server1")),
        ],
        &|facts| {
            let server = facts.server.as_mut().unwrap();
            if server.in_recovery {
                let restore = server.settings.get_mut("restore_command").unwrap();
                restore.setting = command.into();
                restore.sourcefile = Some("/etc/postgresql/15/main/postgresql.conf".into());
            }
        },
    );
    let said = format!("  server2:\n    parameters:\n      restore_command: {command}\n");
    assert!(text.contains(&said), "{text}");
    let written = plan.steps.iter().any(|step| match &step.action {
        Action::WriteFile(file) => {
            step.node.as_str() == "server2"
                && file
                    .content
                    .contains(&format!("restore_command = '{command}'"))
        }
        _ => false,
    });
    assert!(written, "{:#?}", plan.steps);
    assert!(costly(&plan).is_empty(), "{:#?}", costly(&plan));
}
