//! What the servers of each version are told, and what a version lacks.

use std::collections::BTreeMap;

use pgrepl::action::{
    Action, BaseBackup, Place, PlaceClone, Promote, Recover, SwitchWal, TakeBackup, WaitStreaming,
};
use pgrepl::facts::{Content, Observation, Sight, question};
use pgrepl::files::recovery::{Follow, Target, recovery};
use pgrepl::inventory::{BackupTool, Cluster, NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::{Plan, PlanError};
use pgrepl::platform;
use pgrepl::postgres::{Lsn, Major, ServerVersion, SystemId, Timeline};
use pgrepl::render::Templates;

use crate::facts::recorded;

fn cluster(version: &str) -> Cluster {
    read(&format!(
        "cluster: shop\npostgresql: {{ version: {version} }}\nreplication: {{ password: {{ env: A }} }}\n\
         primary: server1\nstandbys: [server2]\nbackup: {{ mount: /mnt/backups, tool: basebackup }}\n"
    ))
    .unwrap_or_else(|_| panic!("a bad inventory"))
    .cluster
}

fn world(cluster: &Cluster, hosts: [&str; 2]) -> Observation {
    let names = ["server1", "server2"].map(NodeName::from);
    let sights = names.into_iter().zip(hosts).map(|(name, recording)| {
        let facts = recorded(cluster, &name, recording);
        (name, Sight::Seen(Box::new(facts)))
    });
    Observation {
        hosts: sights.collect(),
        ..Observation::default()
    }
}

fn plan(cluster: &Cluster, world: &Observation) -> Result<Plan, PlanError> {
    converge(cluster, &Templates::default(), world, None)
}

/// One action of each kind whose commands depend on the version.
fn actions(cluster: &Cluster) -> Vec<Action> {
    let server1 = NodeName::from("server1");
    let system_id = SystemId(7);
    let mut actions: Vec<Action> = vec![
        BaseBackup {
            source: server1.clone(),
            conninfo: "host=10.0.0.11".into(),
            slot: Some("server2".into()),
            tablespaces: Vec::new(),
            named: Vec::new(),
            wal: None,
            system_id: Some(system_id),
            bytes: None,
            free: None,
        }
        .into(),
        Promote {
            system_id,
            handover: false,
            address: None,
            after: Some(Lsn(0x0300_0028)),
            seconds: 5,
        }
        .into(),
        WaitStreaming {
            standby: NodeName::from("server2"),
            slot: Some("server2".into()),
            delayed: false,
            cascading: false,
        }
        .into(),
        SwitchWal {}.into(),
        TakeBackup {
            tool: BackupTool::Basebackup,
            top: "/mnt/backups/shop".into(),
            run: "20260101T000000Z".into(),
            compress: cluster.major.caps().backup_compression.to_owned(),
            depth: Default::default(),
        }
        .into(),
    ];
    let target = Target::Time("2026-01-31 12:00:00+01".into());
    let recovery = recovery(cluster, &target, Follow::Number(Timeline(1))).unwrap();
    actions.push(
        PlaceClone {
            data_directory: "/data".into(),
            source: server1,
            system_id: Some(system_id),
            marker: recovery.marker.clone(),
            recovery: Some(recovery.settings),
            wal: None,
        }
        .into(),
    );
    actions.push(
        Recover {
            target: target.to_string(),
            end: None,
            newest: Timeline(1),
            marker: recovery.marker.name,
        }
        .into(),
    );
    actions
}

#[test]
fn each_version_has_its_own_commands() {
    let mut text = String::new();
    for version in ["9.6", "10", "11", "12"] {
        let cluster = cluster(version);
        let place = Place {
            cluster: cluster.name.clone(),
            node: NodeName::from("server2"),
            platform: platform::assume(None, cluster.major, "main", None),
            major: cluster.major,
            port: 5432,
        };
        let common = place.command("nothing", "");
        for action in actions(&cluster) {
            for command in action.act().commands(&place) {
                text += &format!("=== {version}: {}\n", command.what);
                let mut own = command.clone();
                own.script = "";
                own.vars
                    .retain(|name, _| !common.vars.contains_key(name) && *name != "keys");
                text += &own.shown();
                text += "\n";
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_probe_asks_each_version_in_its_own_words() {
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for major in Major::all() {
        let asked = question(major, "replicator");
        // Names of another age would be an error of the whole question.
        let xlog = major.to_string() == "9.6";
        for (word, of_xlog) in [
            ("xlog", true),
            ("_location", true),
            ("pg_current_wal_lsn", false),
            ("checkpoint_lsn", false),
            ("pg_hba_file_rules", false),
            ("epoch from replay_lag)", false),
        ] {
            assert_eq!(asked.contains(word), of_xlog == xlog, "{major}: {word}");
        }
        shown.entry(asked).or_default().push(major.to_string());
    }
    let groups: Vec<String> = shown.values().map(|majors| majors.join(" ")).collect();
    let mut groups = groups;
    groups.sort();
    assert_eq!(
        groups,
        ["10", "11", "12", "13 14", "15", "16", "17 18 19", "9.6"]
    );
    let (oldest, _) = shown.iter().find(|(_, majors)| majors[0] == "9.6").unwrap();
    insta::assert_snapshot!(oldest);
}

#[test]
fn a_position_is_no_target_of_the_oldest() {
    let target = Target::Lsn(Lsn(0x0300_0028));
    let why = recovery(&cluster("9.6"), &target, Follow::Own).unwrap_err();
    assert!(why.contains("9.6 cannot recover to a position"), "{why}");
    let known = recovery(&cluster("10"), &target, Follow::Own).unwrap();
    assert!(
        known
            .marker
            .text
            .contains("recovery_target_lsn = '0/3000028'")
    );
    assert!(known.marker.text.starts_with("standby_mode = 'off'\n"));
    assert_eq!(
        known.settings,
        "archive_mode = 'off'\nlc_messages = 'POSIX'"
    );
}

#[test]
fn minor_versions_that_differ_are_told() {
    let cluster = cluster("15");
    let mut world = world(&cluster, ["primary", "standby"]);
    let noted = |world: &Observation| {
        let plan = plan(&cluster, world).unwrap();
        let notes: Vec<String> = plan.notes.iter().map(|note| note.message.clone()).collect();
        notes.join("\n")
    };
    assert!(!noted(&world).contains("minor versions"));
    let standby = world.facts_mut(&NodeName::from("server2")).unwrap();
    standby.server.as_mut().unwrap().version = ServerVersion(150_017);
    assert!(
        noted(&world).contains("the minor versions differ: 15.17 on server2; 15.18 on server1"),
        "{}",
        noted(&world)
    );
}

#[test]
fn a_data_directory_of_another_version_is_refused_with_the_way_out() {
    let cluster = cluster("15");
    let mut world = world(&cluster, ["primary-stopped", "packages"]);
    let facts = world.facts_mut(&NodeName::from("server1")).unwrap();
    if let Content::Instance(instance) = &mut facts.data.content {
        instance.version = "13".into();
        instance.control = Err("not read".into());
    }
    let Err(PlanError::Refused(no)) = plan(&cluster, &world) else {
        panic!("it is planned");
    };
    assert_eq!(
        no.message,
        "cannot use the data directory of server1: expected PostgreSQL 15, found 13"
    );
    assert!(no.help.contains("postgresql.version: 13"), "{}", no.help);
}

#[test]
fn a_recovery_conf_keeps_12_and_later_from_starting_and_is_said() {
    let cluster = cluster("15");
    let mut world = world(&cluster, ["primary", "standby-stopped"]);
    let name = NodeName::from("server2");
    world.facts_mut(&name).unwrap().data.signals.recovery_conf = true;
    let plan = plan(&cluster, &world).unwrap();
    let (_, blocked) = plan.blocked().find(|(node, _)| **node == name).unwrap();
    assert!(
        blocked.message.contains("does not start") && blocked.help.contains("recovery.done"),
        "{blocked:?}"
    );
    assert!(plan.steps.iter().all(|step| step.node != name));
}

#[test]
fn slots_are_asked_for_only_where_something_uses_them() {
    // A copy has a slot of its own from 10 on. The defaults of 9.6 are none: a pair made by hand need not be restarted.
    for (version, slots, least) in [
        ("9.6", false, 0),
        ("9.6", true, 3),
        ("10", false, 2),
        ("18", true, 3),
    ] {
        let mut cluster = cluster(version);
        cluster.replication.slots = slots;
        assert_eq!(
            cluster.least("max_replication_slots"),
            least,
            "{version}, {slots}"
        );
        assert_eq!(cluster.least("max_wal_senders"), 3);
        let too_few = |value: &str| cluster.breaks_replication("max_replication_slots", value);
        assert_eq!((too_few("0"), too_few("3")), (least > 0, false));
        assert!(cluster.breaks_replication("wal_level", "Minimal"));
        assert!(!cluster.breaks_replication("work_mem", "0"));
    }
}
