//! Recorded servers of other kinds than Debian's usual one → the inventory that changes them least.

use pgrepl::action::Action;
use pgrepl::adopt::{Member, describe};
use pgrepl::facts::Facts;
use pgrepl::inventory::{NodeName, read};

use crate::adopt::{Host, costly, described_as, described_with};
use crate::facts::recorded;

/// Makes everything that pgrepl wrote on a recorded host somebody's own.
fn by_hand(facts: &mut Facts) {
    for file in facts.files.values_mut() {
        let text = file.content.take();
        file.content = text.map(|text| text.replace(": written by pgrepl.", ": by hand."));
    }
}

#[test]
fn a_pair_of_the_rhel_family_is_described() {
    let pair: [Host; 2] = [
        ("server1", "rhel-primary", None),
        ("server2", "rhel-standby", Some("server1")),
    ];
    let at = |directory: &'static str| {
        move |mut member: Member| {
            (member.instance, member.data_directory) = (String::new(), directory.into());
            member
        }
    };
    let (text, plan) = described_as("15", &pair, &at("/var/lib/pgsql/15/data"));
    assert!(!text.contains("data_directory"), "{text}");
    assert!(!text.contains("instance"), "{text}");
    assert!(!text.contains("parameters"), "{text}");
    assert_eq!(plan.steps, []);
    let (text, plan) = described_as("15", &pair, &|member| {
        let mut member = at("/var/lib/pgsql/15/data")(member);
        by_hand(&mut member.facts);
        member
    });
    assert!(!text.contains("data_directory"), "{text}");
    assert!(!plan.steps.is_empty());
    assert!(costly(&plan).is_empty(), "{:#?}", costly(&plan));
    let draft = |directory| described_place(&pair, &at(directory));
    assert_eq!(draft("/srv/pgsql").as_deref(), Some("/srv/pgsql"));
    assert_eq!(draft("/var/lib/pgsql/15/data"), None);
}

/// Where the inventory says that the servers' data is.
fn described_place(hosts: &[Host], change: &dyn Fn(Member) -> Member) -> Option<String> {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\n\
         primary: server1\nstandbys: [server2]\n",
    )
    .unwrap_or_else(|_| panic!("a bad inventory"))
    .cluster;
    let members: Vec<Member> = hosts
        .iter()
        .map(|(name, recording, upstream)| {
            let name = NodeName::from(*name);
            change(Member {
                facts: recorded(&cluster, &name, recording),
                name,
                upstream: upstream.map(NodeName::from),
                instance: String::new(),
                data_directory: String::new(),
                foreign_backups: None,
            })
        })
        .collect();
    let draft = describe(cluster.major, "shop", None, &members);
    Some(draft.file.postgresql.value?.data_directory?.value?.0)
}

#[test]
fn a_pair_that_follows_by_recovery_conf_is_described() {
    let pair: [Host; 2] = [
        ("server1", "primary-complete-11", None),
        ("server2", "standby-complete-11", Some("server1")),
    ];
    let (text, plan) = described_as("11", &pair, &|member| member);
    assert!(text.contains("standbys: [server2]"), "{text}");
    assert!(!text.contains("slots: false"), "{text}");
    assert_eq!(plan.steps, []);

    let (text, plan) = described_as("11", &pair, &|mut member| {
        by_hand(&mut member.facts);
        let path = "/var/lib/postgresql/11/main/recovery.conf";
        if let Some(file) = member.facts.files.get_mut(path) {
            file.content = Some(
                "standby_mode = 'on'\nprimary_conninfo = 'host=server1 user=repl sslmode=require'\n\
                 recovery_min_apply_delay = '1h'\nrestore_command = '/usr/bin/restore_xlog %f %p'\n\
                 archive_cleanup_command = 'pg_archivecleanup /archive %r'\n"
                    .into(),
            );
            let server = member.facts.server.as_mut().unwrap();
            server.receiver.as_mut().unwrap().slot = None;
        }
        member.facts.server.as_mut().unwrap().slots.clear();
        member
    });
    for said in [
        "user: repl",
        "slots: false",
        "sslmode: require",
        "    apply_delay: 1h\n    parameters:\n      restore_command: /usr/bin/restore_xlog %f %p\n",
        "# * server2: recovery.conf is written anew (a restart of this standby), without its archive_cleanup_command\n",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let recovery = plan.steps.iter().find_map(|step| match &step.action {
        Action::WriteFile(file) if file.name == "recovery.conf" => Some(file.content.as_str()),
        _ => None,
    });
    let line = "\nrestore_command = '/usr/bin/restore_xlog %f %p'\n";
    assert!(
        recovery.is_some_and(|text| text.contains(line)),
        "{recovery:?}"
    );
    // It is read at a start only: the standby restarts, and nothing else costs anything.
    let costly: Vec<String> = costly(&plan)
        .iter()
        .map(|action| format!("{action:?}").split('(').next().unwrap().to_owned())
        .collect();
    assert_eq!(costly, ["Restart"], "{:#?}", plan.steps);
    let restarts = |node: &str| {
        plan.steps
            .iter()
            .any(|step| step.node.as_str() == node && matches!(step.action, Action::Restart(_)))
    };
    assert!(restarts("server2") && !restarts("server1"));
}

#[test]
fn an_archive_that_somebody_made_with_pitrery_is_told_and_stays() {
    let pair: [Host; 2] = [
        ("server1", "../adopt/primary", None),
        ("server2", "../adopt/standby", Some("server1")),
    ];
    let command = "/usr/bin/archive_xlog %p";
    let (text, plan) = described_as("15", &pair, &|mut member| {
        member.foreign_backups = Some("/mnt/backups/pitrery".into());
        let server = member.facts.server.as_mut().unwrap();
        let archive = server.settings.get_mut("archive_command").unwrap();
        archive.setting = command.into();
        for file in member.facts.files.values_mut() {
            let text = file.content.take();
            file.content = text.map(|text| {
                text.replace(
                    "archive_command = 'true'",
                    &format!("archive_command = '{command}'"),
                )
            });
        }
        member
    });
    assert!(
        text.contains(
            "server1 archives WAL with pitrery to /mnt/backups/pitrery, which stays; \
             `backup: { mount: /mnt/backups, tool: pitrery }` would take that over, begin anew in /mnt/backups/shop/pitrery"
        ),
        "{text}"
    );
    assert_eq!(text.matches("archives WAL with").count(), 1, "{text}");
    let written = plan.steps.iter().find_map(|step| match &step.action {
        Action::WriteFile(file) if file.name == "postgresql.conf" => Some(file.content.as_str()),
        _ => None,
    });
    let line = format!("\narchive_command = '{command}'");
    assert!(written.unwrap().contains(&line), "{written:?}");
    assert!(!text.contains("\nbackup:"), "{text}");
    assert!(costly(&plan).is_empty(), "{:#?}", costly(&plan));
}

#[test]
fn the_tool_of_an_archive_that_pgrepl_made_is_described() {
    let (text, _) = described_with(&[("server1", "primary", None)], &|facts| {
        let server = facts.server.as_mut().unwrap();
        let archive = server.settings.get_mut("archive_command").unwrap();
        archive.setting =
            "/usr/local/lib/pgrepl/shop/pgbackrest-archive /mnt/backups/shop %p %f".into();
    });
    assert!(
        text.contains("backup: {mount: /mnt/backups, tool: pgbackrest}"),
        "{text}"
    );
}

#[test]
fn what_pgrepl_keeps_and_when_it_takes_backups_is_described() {
    let described_by = |program: &str, files: &[(&str, &str)]| {
        let (text, _) = described_with(&[("server1", "primary", None)], &|facts| {
            let server = facts.server.as_mut().unwrap();
            let archive = server.settings.get_mut("archive_command").unwrap();
            archive.setting =
                format!("/usr/local/lib/pgrepl/shop/{program} /mnt/backups/shop %p %f");
            let any = facts.files.values().next().unwrap().clone();
            for (path, text) in files {
                let mut file = any.clone();
                file.content = Some(format!("# written by pgrepl\n{text}"));
                facts.files.insert((*path).to_owned(), file);
            }
        });
        let backup = text.split("\nbackup: ").nth(1).unwrap().to_owned();
        backup.lines().next().unwrap().to_owned()
    };
    let described = |files: &[(&str, &str)]| described_by("archive-wal", files);
    let pgbackrest = "/etc/pgbackrest/shop.conf";
    let pitrery = "/etc/pitrery/shop.conf";
    // A tool that is not used any more has left its file there.
    let both = [
        (pitrery, "PURGE_KEEP_COUNT=2\n"),
        (pgbackrest, "repo1-retention-full=3\n"),
    ];
    assert_eq!(
        described_by("pgbackrest-archive", &both),
        "{mount: /mnt/backups, tool: pgbackrest, keep: {count: 3}}"
    );
    for (path, text, said) in [
        (
            pgbackrest,
            "repo1-retention-full-type=count\nrepo1-retention-full=3\n",
            ", keep: {count: 3}",
        ),
        (
            pgbackrest,
            "repo1-retention-full-type=time\nrepo1-retention-full=14\n",
            ", keep: {days: 14}",
        ),
        (
            pgbackrest,
            "repo1-retention-full-type=count\nrepo1-retention-full=7\n",
            "",
        ),
        (
            pitrery,
            "PURGE_KEEP_COUNT=2\nPURGE_OLDER_THAN=\n",
            ", keep: {count: 2}",
        ),
        (
            pitrery,
            "PURGE_KEEP_COUNT=1\nPURGE_OLDER_THAN=30\n",
            ", keep: {days: 30}",
        ),
    ] {
        let wanted = format!("{{mount: /mnt/backups{said}}}");
        assert_eq!(described(&[(path, text)]), wanted);
    }
    let unit = "/etc/systemd/system/pgrepl-shop-backup";
    let service =
        "Environment=\"from=primary\"\nEnvironment=\"keep=days\"\nEnvironment=\"keep_number=5\"\n";
    assert_eq!(
        described(&[
            (&format!("{unit}.service"), service),
            (&format!("{unit}.timer"), "[Timer]\nOnCalendar=02:30\n"),
        ]),
        "{mount: /mnt/backups, keep: {days: 5}, schedule: 02:30, from: primary}"
    );
}

#[test]
fn a_cluster_of_another_name_on_its_host_is_described_by_it() {
    let pair: [Host; 2] = [
        ("server1", "../adopt/primary", None),
        ("server2", "../adopt/standby", Some("server1")),
    ];
    // The recordings are of main: what names it names the other one.
    let blog = |mut member: Member| {
        let text = serde_json::to_string(&member.facts).unwrap();
        let text = text
            .replace("15/main", "15/blog")
            .replace("15-main", "15-blog");
        member.facts = serde_json::from_str(&text).unwrap();
        member.instance = "blog".into();
        member.data_directory = "/var/lib/postgresql/15/blog".into();
        member
    };
    let (text, plan) = described_as("15", &pair, &blog);
    assert!(text.contains("  instance: blog\n"), "{text}");
    assert!(!text.contains("data_directory"), "{text}");
    assert!(costly(&plan).is_empty(), "{:#?}", costly(&plan));
    let (text, plan) = described_as("15", &pair, &|member| match member.name.as_str() {
        "server2" => blog(member),
        _ => member,
    });
    assert!(text.contains("  server2: {instance: blog}\n"), "{text}");
    assert!(costly(&plan).is_empty(), "{:#?}", costly(&plan));
}
