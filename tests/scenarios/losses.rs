//! What a plan refuses because somebody else's servers would lose it, and what it says of a server that turns pgrepl away.

use pgrepl::facts::server::Setting;
use pgrepl::facts::{Advice, Facts, Observation, Process, Sight, TurnedAway, turned_away};
use pgrepl::inventory::{NodeName, read};
use pgrepl::plan::PlanError;
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;

use crate::facts::recorded;

type Change = fn(&mut Observation);

fn facts<'a>(world: &'a mut Observation, node: &str) -> &'a mut Facts {
    world.facts_mut(&node.into()).unwrap()
}

fn set(world: &mut Observation, node: &str, name: &str, value: &str) {
    let settings = &mut facts(world, node).server.as_mut().unwrap().settings;
    let setting = settings.entry(name.into()).or_insert_with(|| Setting {
        setting: String::new(),
        unit: None,
        vartype: "string".into(),
        context: "sighup".into(),
        source: "configuration file".into(),
        sourcefile: Some("/etc/postgresql/15/main/postgresql.conf".into()),
        boot_val: None,
    });
    setting.setting = value.into();
}

/// What standbys follow with, as somebody else wrote it.
fn follows(world: &mut Observation, conninfo: &str) {
    set(world, "server2", "primary_conninfo", conninfo);
}

/// What is said below an inventory, what is changed in the world of a pair made by hand, and how the refusal and its help
/// begin; nothing where the pair is taken over.
const LOSSES: [(&str, Change, &str, &str); 16] = [
    ("", |_| {}, "", ""),
    (
        "",
        |world| {
            follows(
                world,
                "host=server1 user=rep sslcert=/c/own.crt sslkey=/c/own.key",
            )
        },
        "server2 follows with sslcert, sslkey in its primary_conninfo, which the inventory does not say",
        "hosts: { server2: { parameters: { primary_conninfo: \"sslcert=/c/own.crt sslkey=/c/own.key\" } } }",
    ),
    (
        "hosts: { server2: { parameters: { primary_conninfo: \"sslcert=/c/own.crt sslkey=/c/own.key\" } } }\n",
        |world| {
            follows(
                world,
                "host=server1 user=rep sslcert=/c/own.crt sslkey=/c/own.key",
            )
        },
        "",
        "",
    ),
    // Another value is as good as none.
    (
        "hosts: { server2: { parameters: { primary_conninfo: \"sslcert=/c/other.crt\" } } }\n",
        |world| follows(world, "host=server1 sslcert=/c/own.crt"),
        "server2 follows with sslcert in its primary_conninfo",
        "hosts: { server2: { parameters: { primary_conninfo: \"sslcert=/c/own.crt\" } } }",
    ),
    (
        "",
        |world| follows(world, "host=server1 sslkey=/c/own.key sslpassword=x"),
        "server2 follows with an sslpassword in its primary_conninfo",
        "give it a key without a passphrase",
    ),
    // What pgrepl says itself is not lost.
    (
        "",
        |world| {
            follows(
                world,
                "host=server1 password=x application_name=two connect_timeout=3",
            )
        },
        "",
        "",
    ),
    // A primary looks at no connection string.
    (
        "",
        |world| {
            set(
                world,
                "server1",
                "primary_conninfo",
                "host=server9 sslcert=/c/own.crt",
            )
        },
        "",
        "",
    ),
    // Of a file that pgrepl wrote it knows what is in it.
    (
        "",
        |world| {
            follows(world, "host=server1 sslcert=/c/own.crt");
            let path = "/etc/postgresql/15/main/postgresql.conf";
            let file = facts(world, "server2").files.get_mut(path).unwrap();
            file.content = Some("# server2: written by pgrepl.\n".into());
        },
        "",
        "",
    ),
    (
        "replication: { password: { env: A }, sslmode: verify-full }\n",
        |world| follows(world, "host=db.example.org sslmode=verify-full"),
        "server2 compares the certificate of server1 with the name db.example.org, and would with server1",
        "hosts: { server1: { address: db.example.org } }",
    ),
    (
        "replication: { password: { env: A }, sslmode: verify-full }\n",
        |world| follows(world, "host=server1 sslmode=verify-full"),
        "",
        "",
    ),
    (
        "",
        |world| {
            set(world, "server2", "primary_slot_name", "old_name");
            set(
                world,
                "server1",
                "synchronized_standby_slots",
                "other, old_name",
            );
        },
        "synchronized_standby_slots of server1 names the slot old_name, and server2 is to use the slot server2",
        "on server1: ALTER SYSTEM RESET synchronized_standby_slots",
    ),
    (
        "",
        |world| {
            set(world, "server2", "primary_slot_name", "server2");
            set(world, "server1", "synchronized_standby_slots", "server2");
        },
        "",
        "",
    ),
    (
        "",
        |world| {
            for (node, peer) in [("server1", "server2"), ("server2", "server1")] {
                let found = facts(world, node);
                found.addresses = vec!["10.0.2.15".parse().unwrap()];
                found.resolved.insert(peer.into(), found.addresses.clone());
            }
        },
        "server1 and server2 are both 10.0.2.15 for one another: each would follow itself",
        "say by what addresses they are reached",
    ),
    (
        "",
        |world| set(world, "server1", "hba_file", "/srv/rules"),
        "server1 has its rules in /srv/rules, which could not be read",
        "postgresql.conf has to name that file as hba_file",
    ),
    (
        "",
        |world| {
            let path = "/etc/postgresql/15/main/pg_hba.conf";
            facts(world, "server2").files.get_mut(path).unwrap().content = None;
        },
        "server2 has its rules in /etc/postgresql/15/main/pg_hba.conf, which could not be read",
        "postgresql.conf has to name that file as hba_file",
    ),
    // One of them finds the other one.
    (
        "",
        |world| {
            for node in ["server1", "server2"] {
                let address = "10.0.2.15".parse().unwrap();
                facts(world, node).addresses.push(address);
            }
        },
        "",
        "",
    ),
];

#[test]
fn what_would_cut_servers_off_from_one_another_ends_the_plan() {
    for (more, change, message, help) in LOSSES {
        let usual = if more.starts_with("replication") {
            ""
        } else {
            "replication: { password: { env: A } }\n"
        };
        let text = format!(
            "cluster: shop\npostgresql: {{ version: 15 }}\n{usual}{more}primary: server1\nstandbys: [server2]\n"
        );
        let cluster = read(&text)
            .unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
            .cluster;
        let hosts = [
            ("server1", "../adopt/primary"),
            ("server2", "../adopt/standby"),
        ];
        let hosts = hosts.map(|(name, recording)| {
            let name = NodeName::from(name);
            let facts = recorded(&cluster, &name, recording);
            (name, Sight::Seen(Box::new(facts)))
        });
        let mut world = Observation {
            hosts: hosts.into_iter().collect(),
            ..Observation::default()
        };
        change(&mut world);
        match converge(&cluster, &Templates::default(), &world, None) {
            Ok(_) => assert_eq!(message, "", "{text}"),
            Err(PlanError::Refused(refusal)) => {
                assert!(
                    !message.is_empty() && refusal.message.starts_with(message),
                    "{text}\n{refusal:?}"
                );
                assert!(refusal.help.starts_with(help), "{text}\n{refusal:?}");
            }
            Err(why) => panic!("{text}\n{why:?}"),
        }
    }
}

const LOG_IN: &str = "pgrepl logs in on the host as the server's user";
const TELL: &str = "pgrepl cannot tell why from these words; see what this says: ssh server1 sudo -u postgres psql";
const CREATE: &str = "ssh server1 sudo -u postgres psql -w -h /run/postgresql -d template1 -c 'create database postgres'";
const FULL: &str = "end one of its connections, or raise max_connections";

/// What psql says, how many processes the server has, whether it has no database `postgres`, and how the help begins.
const WORDS: [(&str, u64, bool, &str); 17] = [
    (
        "FATAL:  Peer authentication failed for user \"postgres\"",
        6,
        false,
        LOG_IN,
    ),
    ("fe_sendauth: no password supplied", 6, false, LOG_IN),
    (
        "FATAL:  pg_hba.conf rejects connection for host \"[local]\"",
        6,
        false,
        LOG_IN,
    ),
    (
        "FATAL:  aucune entrée dans pg_hba.conf pour l'hôte « [local] »",
        6,
        false,
        LOG_IN,
    ),
    (
        "FATAL:  kein pg_hba.conf-Eintrag für Host »[local]«",
        6,
        false,
        LOG_IN,
    ),
    (
        "FATAL:  authentification peer échouée pour l'utilisateur « postgres »",
        6,
        false,
        TELL,
    ),
    (
        "FATAL:  Peer-Authentifizierung für Benutzer »postgres« fehlgeschlagen",
        6,
        false,
        TELL,
    ),
    ("FATAL:  le rôle « postgres » n'existe pas", 6, false, TELL),
    (
        "FATAL:  database \"postgres\" does not exist",
        6,
        false,
        CREATE,
    ),
    (
        "FATAL:  la base de données « postgres » n'existe pas",
        6,
        true,
        CREATE,
    ),
    (
        "FATAL:  Datenbank »postgres« existiert nicht",
        6,
        true,
        CREATE,
    ),
    ("FATAL:  sorry, too many clients already", 6, false, FULL),
    (
        "FATAL:  désolé, trop de clients sont déjà connectés",
        106,
        false,
        FULL,
    ),
    (
        "FATAL:  tut mir leid, schon zu viele Verbindungen",
        103,
        false,
        FULL,
    ),
    (
        "FATAL:  tut mir leid, schon zu viele Verbindungen",
        99,
        false,
        TELL,
    ),
    (
        "connection to server on socket \"/var/run/postgresql/.s.PGSQL.5432\" failed: No such file or directory",
        6,
        false,
        "its socket is in /run/postgresql, and pgrepl looks where the packages' programs do",
    ),
    ("timeout expired", 6, false, "something holds it up"),
];

#[test]
fn who_turns_pgrepl_away_is_understood_in_any_language_or_that_is_said() {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\n",
    )
    .unwrap_or_else(|problems| panic!("{problems:?}"))
    .cluster;
    let name = NodeName::from("server1");
    let mut facts = recorded(&cluster, &name, "primary-alone");
    // It serves pgrepl, whatever was said.
    assert_eq!(turned_away(&name, &facts), None);
    facts.server = None;
    for (words, processes, no_database, help) in WORDS {
        facts.process = Process::Running;
        facts.turned_away = Some(TurnedAway {
            words: words.into(),
            socket_directory: "/run/postgresql".into(),
            processes,
            no_database,
        });
        let Advice {
            message,
            help: found,
        } = turned_away(&name, &facts).unwrap();
        assert!(message.ends_with(words), "{message}");
        assert!(found.starts_with(help), "{words}: {found}");
        // One that starts or stops turns everybody away.
        facts.process = Process::Busy;
        assert_eq!(turned_away(&name, &facts), None);
    }
}
