//! What makes a server able to lead: adopted for all, evened out, and told where a standby lacks it.

use pgrepl::facts::clients::Client;
use pgrepl::facts::server::StoredPassword;
use pgrepl::facts::{Facts, Observation, Sight, digest};
use pgrepl::inventory::{Cluster, NodeName, read};
use pgrepl::plan::Plan;
use pgrepl::plan::backup::archiving::has_ended;
use pgrepl::plan::converge::converge;
use pgrepl::plan::lead::lack::{About, Lack};
use pgrepl::plan::lead::lacks;
use pgrepl::plan::switchover::{SwitchoverRequest, switchover};
use pgrepl::render::Templates;
use pgrepl::report::lead::{notes, troubles};
use pgrepl::report::plan::{Diff, show};
use pgrepl::report::style::Style;

use crate::adopt::{Host, described_with};
use crate::checks::{calm, server};
use crate::facts::recorded;
use crate::stories::{after, stories};

const PAIR: [Host; 2] = [
    ("server1", "../adopt/primary", None),
    ("server2", "../adopt/standby", Some("server1")),
];

const CONF: &str = "/etc/postgresql/15/main/postgresql.conf";

fn edit(facts: &mut Facts, path: &str, change: impl Fn(&str) -> String) {
    let file = facts.files.get_mut(path).unwrap();
    let text = change(file.content.as_deref().unwrap());
    file.digest = digest(&text);
    file.content = Some(text);
}

fn load(facts: &mut Facts, name: &str, value: &str, from: &str) {
    let server = facts.server.as_mut().unwrap();
    let setting = server.settings.get_mut(name).unwrap();
    setting.setting = value.into();
    setting.source = from.into();
    setting.sourcefile = (from == "configuration file").then(|| CONF.into());
}

/// A pair made by hand: what the application needs, and the archive, stand on the primary only.
fn by_hand(facts: &mut Facts) {
    if facts.hostname == "server1" {
        edit(facts, CONF, |text| {
            text.replace(
                "archive_command = 'true'",
                "archive_command = '/usr/bin/push %p'",
            )
        });
        load(
            facts,
            "archive_command",
            "/usr/bin/push %p",
            "configuration file",
        );
        return;
    }
    let own = ["archive_", "work_mem", "listen_addresses"];
    edit(facts, CONF, |text| {
        let lines = text
            .lines()
            .filter(|line| !own.iter().any(|own| line.starts_with(own)));
        lines.map(|line| format!("{line}\n")).collect()
    });
    load(facts, "archive_mode", "off", "default");
    load(facts, "archive_command", "(disabled)", "default");
    load(facts, "work_mem", "4096", "default");
    load(facts, "listen_addresses", "localhost", "default");
}

/// The same pair as it is seen with an inventory.
fn pair(cluster: &Cluster) -> Observation {
    let hosts = PAIR.iter().map(|(name, recording, _)| {
        let node = NodeName::from(*name);
        let mut facts = recorded(cluster, &node, recording);
        by_hand(&mut facts);
        // The password that replication uses is the one that was given.
        if let Some(server) = &mut facts.server
            && let Some(role) = &mut server.role
        {
            role.password = StoredPassword::SameScram;
        }
        (node, Sight::Seen(Box::new(facts)))
    });
    Observation {
        hosts: hosts.collect(),
        ..Observation::default()
    }
}

fn cluster(text: &str) -> Cluster {
    let reading = read(text).unwrap_or_else(|found| panic!("{text}\n{found:#?}"));
    reading.cluster
}

fn done(cluster: &Cluster, world: &Observation) -> Observation {
    let plan = converge(cluster, &Templates::default(), world, None).unwrap();
    let world = after(&plan, world, plan.steps.len());
    let left = converge(cluster, &Templates::default(), &world, None).unwrap();
    assert_eq!(left.steps, []);
    world
}

fn to(cluster: &Cluster, world: &Observation, node: &str) -> Plan {
    let wish = SwitchoverRequest {
        to: Some(&node.into()),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    switchover(cluster, &Templates::default(), world, &wish)
        .unwrap_or_else(|why| panic!("{why:#?}"))
}

fn connect(world: &mut Observation, address: &str, encrypted: &str) {
    let facts = world.facts_mut(&"server1".into()).unwrap();
    facts.server.as_mut().unwrap().clients.push(Client {
        user: "shop_app".into(),
        database: "shop".into(),
        address: address.parse().ok(),
        encrypted: encrypted.into(),
    });
}

fn of(lacks: &[Lack], about: About) -> Vec<(&str, bool)> {
    let about = lacks.iter().filter(|lack| lack.about == about);
    about
        .map(|lack| (lack.what.as_str(), lack.needs_word))
        .collect()
}

#[test]
fn what_the_primary_has_is_said_for_all_and_what_a_standby_has_is_a_choice() {
    let (text, _) = described_with(&PAIR, &by_hand);
    for said in [
        "    archive_command: /usr/bin/push %p # as on server1; server2 has ''\n",
        "    work_mem: 7MB # as on server1; server2 has 4096kB\n",
        "    - host shop shop_app 10.0.0.0/8 md5 # server2 does not have it\n",
        "  # server2:\n    # listen_addresses: localhost # as now; server1 has \"*\"\n    # parameters:\n",
        "      # archive_mode: \"off\" # as now; server1 has on; as primary it would archive nothing\n",
        "      # work_mem: 4096kB # as now; server1 has 7MB\n",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    // Taken, a choice is what the standby has.
    let taken: String = text
        .split_inclusive('\n')
        .map(
            |line| match line.trim_start().starts_with("# ") && !line.starts_with('#') {
                true => line.replacen("# ", "", 1),
                false => line.replace("# hosts:", "hosts:"),
            },
        )
        .collect();
    let node = &cluster(&taken).nodes[&NodeName::from("server2")];
    assert_eq!(node.listen_addresses, "localhost", "{taken}");
    assert_eq!(node.parameters["archive_mode"], "off");
    assert_eq!(node.parameters["work_mem"], "4096kB");
}

#[test]
fn a_pair_that_differs_is_evened_out_and_leads_both_ways() {
    let (text, _) = described_with(&PAIR, &by_hand);
    let cluster = cluster(&text.replace("slots: false", "slots: true"));
    let mut world = done(&cluster, &pair(&cluster));
    connect(&mut world, "10.9.9.9", "");
    let there = to(&cluster, &world, "server2");
    assert_eq!(there.lacks, [], "{text}");
    let mut world = after(&there, &world, there.steps.len());
    // Nothing that is done tells what it has received since.
    let now = server(&mut world, "server2").timeline;
    server(&mut world, "server1").timeline = now;
    assert_eq!(to(&cluster, &world, "server1").lacks, []);
}

#[test]
fn what_is_not_evened_out_is_told_by_name() {
    let cluster = cluster(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\n\
         standbys: [server2]\n",
    );
    let mut world = done(&cluster, &pair(&cluster));
    connect(&mut world, "10.9.9.9", "tls");
    connect(&mut world, "", "");
    // Who came before the rules were changed has no way in to lose.
    connect(&mut world, "11.1.1.1", "");
    let plan = to(&cluster, &world, "server2");
    assert_eq!(
        of(&plan.lacks, About::Archiving),
        [("archive_command", true)]
    );
    assert_eq!(
        of(&plan.lacks, About::Client),
        [("shop_app of shop, connected from 10.9.9.9", true)]
    );
    assert_eq!(
        of(&plan.lacks, About::Rule),
        [("host shop shop_app 10.0.0.0/8 md5", false)]
    );
    assert_eq!(of(&plan.lacks, About::Setting), [("work_mem", false)]);
    let word = plan.needs_word().unwrap();
    assert!(
        word.contains("archiving ends") && word.contains("shut out"),
        "{word}"
    );
    let style = Style::plain();
    let text = show(&plan, &world, "inventory.yaml", 0.3, Diff::None, style);
    insta::assert_snapshot!(text);
}

#[test]
fn what_the_inventory_says_of_one_host_is_wanted_but_for_the_archive() {
    let cluster = cluster(
        "cluster: shop\npostgresql: { version: 15, hba: [host shop shop_app 10.0.0.0/8 md5] }\n\
         replication: { password: { env: A } }\nprimary: server1\nstandbys: [server2]\n\
         hosts: { server2: { parameters: { work_mem: 64MB, archive_mode: \"off\", archive_command: /usr/bin/push %p } } }\n",
    );
    let world = done(&cluster, &pair(&cluster));
    let plan = to(&cluster, &world, "server2");
    assert_eq!(of(&plan.lacks, About::Archiving), [("archive_mode", true)]);
    assert_eq!(plan.lacks.len(), 1, "{:#?}", plan.lacks);
}

#[test]
fn a_cluster_of_pgrepls_own_lacks_nothing() {
    let (cluster, world) = calm();
    assert_eq!(to(&cluster, &world, "server2").lacks, []);
    // Each standby, and the other way round.
    let found = lacks(
        &cluster,
        &Templates::default(),
        &world,
        &"server1".into(),
        &"server2".into(),
    );
    assert_eq!(found.unwrap(), []);
}

#[test]
fn the_maps_that_rules_name_come_along() {
    let cluster = cluster(
        "cluster: shop\npostgresql: { version: 15, hba: [hostssl shop all 10.0.0.0/8 cert map=staff] }\n\
         replication: { password: { env: A } }\nprimary: server1\nstandbys: [server2]\n",
    );
    let ident = "/etc/postgresql/15/main/pg_ident.conf";
    let mut world = pair(&cluster);
    for (node, text) in [
        ("server1", "staff ann shop_app\nother x y\n"),
        ("server2", "own a b"),
    ] {
        edit(world.facts_mut(&node.into()).unwrap(), ident, |_| {
            text.into()
        });
    }
    // What the plan evens out is no lack.
    let (one, two) = (NodeName::from("server1"), NodeName::from("server2"));
    let found = lacks(&cluster, &Templates::default(), &world, &one, &two).unwrap();
    assert_eq!(of(&found, About::IdentMap), []);
    let world = done(&cluster, &world);
    let text = |node: &str| {
        world.facts(&node.into()).unwrap().files[ident]
            .content
            .clone()
            .unwrap()
    };
    let (head, lines) = text("server2")
        .split_once(": written by pgrepl.\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(head.starts_with("own a b\n# "), "{head}");
    assert_eq!(lines, "staff ann shop_app\n");
    assert_eq!(text("server1"), "staff ann shop_app\nother x y\n");
    let plan = to(&cluster, &world, "server2");
    assert_eq!(of(&plan.lacks, About::IdentMap), []);
}

#[test]
fn status_tells_what_a_standby_lacks_in_a_line_for_each_kind() {
    let cluster = cluster(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\n\
         standbys: [server2]\nhosts: { server2: { listen_addresses: localhost } }\n",
    );
    let world = done(&cluster, &pair(&cluster));
    let (one, two) = (NodeName::from("server1"), NodeName::from("server2"));
    let found = lacks(&cluster, &Templates::default(), &world, &one, &two).unwrap();
    let told: Vec<String> = troubles(&two, &found)
        .into_iter()
        .map(|trouble| trouble.message)
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    // A failover tells the same of a primary whose host can be read; of another one nobody knows what it had.
    let mut gone = world.clone();
    gone.hosts.remove(&one);
    assert_eq!(
        lacks(&cluster, &Templates::default(), &gone, &one, &two).unwrap(),
        []
    );
    load(
        gone.facts_mut(&two).unwrap(),
        "archive_mode",
        "off",
        "command line",
    );
    let found = lacks(&cluster, &Templates::default(), &gone, &one, &two).unwrap();
    assert_eq!(of(&found, About::Archiving), [("archive_mode", true)]);
    // Where that one leads all the same, it is told of it.
    assert_eq!(has_ended(&world, &one), None);
    let mut ended = world.clone();
    ended.hosts.extend(gone.hosts);
    server(&mut ended, "server2").in_recovery = false;
    server(&mut ended, "server1").in_recovery = true;
    let said = has_ended(&ended, &two).unwrap();
    assert!(said.contains("server1 would as primary"), "{said}");
}

#[test]
fn what_clients_do_not_meet_is_noted_and_is_no_problem() {
    let (cluster, world) = calm();
    let (one, two) = (NodeName::from("server1"), NodeName::from("server2"));
    for (name, value, problem) in [
        ("log_min_duration_statement", "250", false),
        ("log_statement", "all", false),
        ("track_io_timing", "on", false),
        ("checkpoint_timeout", "900", false),
        ("statement_timeout", "1000", true),
        ("autovacuum", "off", true),
    ] {
        let mut world = world.clone();
        let facts = world.facts_mut(&one).unwrap();
        let auto = format!("{}/postgresql.auto.conf", facts.data.path);
        let server = facts.server.as_mut().unwrap();
        let setting = server.settings.get_mut(name).unwrap();
        setting.setting = value.into();
        setting.source = "configuration file".into();
        setting.sourcefile = Some(auto);
        let found = lacks(&cluster, &Templates::default(), &world, &one, &two).unwrap();
        assert_eq!(found.len(), 1, "{name}: {found:#?}");
        let counts = (troubles(&two, &found).len(), notes(&two, &found).len());
        assert_eq!(counts, if problem { (1, 0) } else { (0, 1) }, "{name}");
    }
}

#[test]
fn in_each_story_a_standby_lacks_only_what_others_wrote() {
    let mut told = String::new();
    for story in stories() {
        let cluster = &story.cluster;
        for node in cluster
            .in_order()
            .filter(|node| node.name != cluster.primary)
        {
            let found = lacks(
                cluster,
                &Templates::default(),
                &story.world,
                &cluster.primary,
                &node.name,
            );
            for lack in found.unwrap() {
                told += &format!(
                    "{} {}: {} {:?} {:?}\n",
                    story.name, node.name, lack.what, lack.primary, lack.standby
                );
            }
        }
    }
    insta::assert_snapshot!(told);
}
