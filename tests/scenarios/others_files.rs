//! Configuration files that others wrote, of every kind: what was effective stays so, or the plan says what does not.

use std::net::IpAddr;

use pgrepl::action::{Action, WriteFile};
use pgrepl::facts::{Facts, FileFact, Observation, Sight, digest};
use pgrepl::inventory::{NodeName, read};
use pgrepl::plan::Plan;
use pgrepl::plan::converge::converge;
use pgrepl::postgres::access::{Login, Transport, deciding, same_way};
use pgrepl::postgres::bytes::{bytes_of, text_of};
use pgrepl::postgres::hba::{self, HbaLine, Rule};
use pgrepl::render::Templates;

use crate::adopt::{Host, described_with};
use crate::facts::recorded;

const ALONE: [Host; 1] = [("server1", "primary-alone", None)];
pub const CONFIG: &str = "/etc/postgresql/15/main";

pub fn put(facts: &mut Facts, path: &str, text: &str) {
    let file = FileFact {
        digest: digest(text),
        owner: "postgres".into(),
        group: "postgres".into(),
        mode: "640".into(),
        content: Some(text.into()),
        unloaded: false,
    };
    facts.files.insert(path.into(), file);
}

/// What is planned for a lone server whose rules and settings somebody else wrote.
fn adopted(hba: &str, conf: &str, change: &dyn Fn(&mut Facts)) -> Plan {
    let (_, plan) = described_with(&ALONE, &|facts| {
        put(facts, &format!("{CONFIG}/pg_hba.conf"), hba);
        put(facts, &format!("{CONFIG}/postgresql.conf"), conf);
        change(facts);
    });
    plan
}

fn written<'a>(plan: &'a Plan, name: &str) -> Option<&'a WriteFile> {
    plan.steps.iter().find_map(|step| match &step.action {
        Action::WriteFile(file) if file.name == name => Some(file),
        _ => None,
    })
}

pub fn rules(text: &str) -> Vec<Rule> {
    let lines = hba::lines("15".parse().unwrap(), text).into_iter();
    let rules = lines.filter_map(|line| match line.read {
        HbaLine::Rule(rule) => Some(rule),
        _ => None,
    });
    rules.collect()
}

/// Files with the features of those that people publish.
pub const PUBLISHED: [&str; 12] = [
    "local all postgres peer\nlocal all all peer\nhost all all 127.0.0.1/32 scram-sha-256\n",
    "local all all trust\nhost all all 127.0.0.1/32 trust\nhost all all ::1/128 trust\nhost all all all scram-sha-256\n",
    "local all all md5\nhost all all 0.0.0.0/0 md5\nhost replication all 0.0.0.0/0 md5\n",
    "local all postgres trust\nlocal all all md5\nhost replication all samenet trust\n",
    "local all postgres peer map=ops\nlocal replication postgres peer map=ops\nlocal sameuser all peer\n",
    "local all all scram-sha-256\nlocal replication all scram-sha-256\nhost all,replication replicator all scram-sha-256\n",
    "hostssl all all 0.0.0.0/0 cert clientcert=verify-full\nhostnossl all all 0.0.0.0/0 reject\nlocal all all peer\n",
    "local replication all trust\nhost replication all 127.0.0.1/32 trust\nlocal all all ident\n",
    "local \"app db\",other +admins md5\nlocal all all reject\n",
    "host all all fe80::1%eth0/64 md5\nhost all all .example.org gss include_realm=0\nlocal all all pam\n",
    "local postgres all trust\nlocal all postgres md5\nhost postgres replicator all ldap ldapserver=x\n",
    "",
];

pub fn logins() -> Vec<Login<'static>> {
    let mut logins = Vec::new();
    for database in [None, Some("postgres"), Some("app db"), Some("shop")] {
        for user in ["postgres", "replicator", "shop"] {
            logins.push(Login {
                transport: Transport::Local,
                database,
                user,
                address: None,
            });
            for transport in [Transport::Plain, Transport::Ssl] {
                for from in ["127.0.0.1", "::1", "10.77.1.11", "10.77.1.12", "192.0.2.1"] {
                    logins.push(Login {
                        transport,
                        database,
                        user,
                        address: from.parse().ok(),
                    });
                }
            }
        }
    }
    logins
}

#[test]
fn adoption_takes_nobodys_way_in_without_saying_so() {
    for hba in PUBLISHED {
        let plan = adopted(hba, "", &|_| {});
        let file = written(&plan, "pg_hba.conf").unwrap_or_else(|| panic!("{plan:#?}"));
        let own: Vec<IpAddr> = vec!["10.77.1.11".parse().unwrap()];
        let (before, after) = (rules(hba), rules(&file.content));
        for login in logins() {
            let was = deciding(&before, &login, &own);
            let Some(first) = was.first().filter(|rule| rule.method != "reject") else {
                continue;
            };
            let is = deciding(&after, &login, &own);
            let said = file.closes.iter().any(|way| {
                way.contains(login.user)
                    && login
                        .address
                        .is_none_or(|from| way.contains(&from.to_string()))
            });
            let stays = is.first().is_some_and(|rule| same_way(rule, first));
            assert!(
                stays || said,
                "{hba}\n{}\n{login:?}\n{:?}",
                file.content,
                file.closes
            );
            // Only a server's replication from itself is closed.
            assert!(stays || login.database.is_none(), "{hba}\n{login:?}");
        }
    }
}

#[test]
fn what_is_no_text_stays_to_the_byte() {
    let hba = text_of(b"local all all peer\r\nhost shop shop 10.0.0.0/8 \\\r\n  md5 # B\xFCro\r\n");
    let conf = text_of(b"app.tenant = 'B\xFCro'\t# x\r\nwork_mem = 64MB\r\n");
    let plan = adopted(&hba, &conf, &|_| {});
    let bytes = bytes_of(&written(&plan, "pg_hba.conf").unwrap().content);
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
    assert!(has(
        &bytes,
        b"\nhost shop shop 10.0.0.0/8 \\\r\n  md5 # B\xFCro\r\n"
    ));
    let bytes = bytes_of(&written(&plan, "postgresql.conf").unwrap().content);
    assert!(has(&bytes, b"\napp.tenant = 'B\xFCro'\t# x\r\n"));
}

#[test]
fn clients_keep_the_sockets_that_they_use() {
    for (said, kept) in [
        ("'/var/run/postgresql, /tmp'", true),
        ("'/tmp,/run/postgresql'", true),
        ("'\"/run/postgresql\", /srv/a'", true),
        // Nothing more than pgrepl's own.
        ("'/run/postgresql'", false),
        // A server that has not this one pgrepl does not find.
        ("'/tmp'", false),
        ("''", false),
    ] {
        let conf = format!("unix_socket_directories = {said}\n");
        let plan = adopted("local all all peer\n", &conf, &|_| {});
        let file = written(&plan, "postgresql.conf").unwrap();
        let own = "\nunix_socket_directories = '/var/run/postgresql'\n";
        assert_eq!(file.content.contains(&format!("\n{conf}")), kept, "{said}");
        assert_eq!(file.content.contains(own), !kept, "{said}");
    }
}

#[test]
fn what_is_not_understood_is_not_closed_in_silence() {
    let hba = "local all all peer\nhost replication replicator 10.77/16 md5\n";
    let plan = adopted(hba, "", &|_| {});
    let closes = &written(&plan, "pg_hba.conf").unwrap().closes;
    assert!(
        closes.iter().any(
            |way| way.starts_with("replication as replicator from 10.77.1.11")
                && way.ends_with("by md5")
        ),
        "{closes:?}"
    );
}

#[test]
fn rules_that_stay_stay_in_their_order() {
    let hba = "local all postgres peer\nhost all all 10.66.0.0/16 reject\nlocal postgres postgres peer\n\
               local all postgres peer\nhost all all all md5\n";
    let plan = adopted(hba, "", &|_| {});
    let file = written(&plan, "pg_hba.conf").unwrap();
    let after = rules(&file.content);
    let mut left = after.iter();
    for rule in rules(hba) {
        assert!(left.any(|found| *found == rule), "{}", file.content);
    }
}

#[test]
fn the_same_words_that_a_server_has_read_are_no_difference() {
    // It says Europe/Paris for this one, and 0 for what a connection over the socket has not.
    let parameters = "timezone = 'europe/paris'\ntcp_keepalives_idle = 60\n";
    for (unloaded, pending, differs) in [
        (false, false, false),
        (true, false, true),
        (false, true, true),
    ] {
        let plan = adopted("local all all peer\n", parameters, &|facts| {
            let path = format!("{CONFIG}/postgresql.conf");
            facts.files.get_mut(&path).unwrap().unloaded = unloaded;
            let server = facts.server.as_mut().unwrap();
            if pending {
                server.pending_restart = vec!["timezone".into(), "tcp_keepalives_idle".into()];
            }
            for (name, shown) in [("timezone", "Europe/Paris"), ("tcp_keepalives_idle", "0")] {
                let setting = server.settings.get_mut(name).unwrap();
                setting.setting = shown.into();
                setting.source = "configuration file".into();
                setting.sourcefile = Some(path.clone());
            }
        });
        let because: Vec<String> = plan
            .steps
            .iter()
            .flat_map(|step| match &step.action {
                Action::Reload(reload) => reload.because.clone(),
                _ => Vec::new(),
            })
            .collect();
        for name in ["timezone", "tcp_keepalives_idle"] {
            assert_eq!(because.contains(&name.to_owned()), differs, "{because:?}");
        }
    }
}

#[test]
fn the_server_judges_what_is_not_understood() {
    let hba = "local all all peer\nhost all all 10.0.0.0/8 next-years-method\n";
    let plan = adopted(hba, "", &|_| {});
    let file = written(&plan, "pg_hba.conf").unwrap();
    assert!(
        file.content
            .contains("\nhost all all 10.0.0.0/8 next-years-method\n")
    );
    let plan = adopted(hba, "", &|facts| {
        let complaint = serde_json::json!({ "file": null, "line": 2, "error": "invalid authentication method" });
        let server = facts.server.as_mut().unwrap();
        server.hba_errors = vec![serde_json::from_value(complaint).unwrap()];
    });
    assert!(plan.steps.is_empty());
    let blocked = plan.nodes[0].blocked.as_ref().unwrap();
    assert!(
        blocked.message.contains("pg_hba.conf:2: invalid"),
        "{}",
        blocked.message
    );
}

#[test]
fn rules_that_stand_elsewhere_come_along_with_what_they_include() {
    let elsewhere = "/srv/rules/hba.conf";
    let conf = "hba_file = '/srv/rules/hba.conf'\n";
    let read = |list: Option<&str>| {
        adopted("local all all reject\n", conf, &|facts| {
            put(
                facts,
                elsewhere,
                "host @shops/list,x shop 10.0.0.0/8 md5\nlocal all all peer\n",
            );
            if let Some(list) = list {
                put(facts, "/srv/rules/shops/list", list);
            }
            let settings = &mut facts.server.as_mut().unwrap().settings;
            settings.get_mut("hba_file").unwrap().setting = elsewhere.into();
        })
    };
    let plan = read(Some("a, \"b c\"\nd\n"));
    let file = written(&plan, "pg_hba.conf").unwrap();
    assert!(
        file.content
            .contains("\nhost a,\"b c\",d,x shop 10.0.0.0/8 md5\n"),
        "{}",
        file.content
    );
    assert!(!file.content.contains("local all all reject"));
    let plan = read(None);
    assert!(
        plan.nodes[0]
            .blocked
            .as_ref()
            .unwrap()
            .message
            .contains("@shops/list")
    );
}

#[test]
fn a_new_standby_has_what_its_primary_includes_and_maps() {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\n\
         primary: server1\nstandbys: [server2]\n",
    )
    .unwrap_or_else(|_| panic!("a bad inventory"))
    .cluster;
    let plan = |change: &dyn Fn(&mut Facts)| {
        let hosts = [("server1", "primary-alone"), ("server2", "packages")];
        let hosts = hosts.map(|(name, recording)| {
            let name = NodeName::from(name);
            let mut facts = recorded(&cluster, &name, recording);
            if name.as_str() == "server1" {
                put(
                    &mut facts,
                    &format!("{CONFIG}/postgresql.conf"),
                    "include_dir 'conf.d'\nwork_mem = 8MB\n",
                );
                put(
                    &mut facts,
                    &format!("{CONFIG}/conf.d/app.conf"),
                    "jit = off\nwork_mem = 1MB\n",
                );
                put(
                    &mut facts,
                    &format!("{CONFIG}/pg_ident.conf"),
                    "# maps\nops root postgres\nops postgres postgres\n",
                );
                put(
                    &mut facts,
                    &format!("{CONFIG}/pg_hba.conf"),
                    "local all postgres peer map=ops\nhost all,replication replicator all md5\n",
                );
                change(&mut facts);
            }
            (name, Sight::Seen(Box::new(facts)))
        });
        let seen = Observation {
            hosts: hosts.into_iter().collect(),
            ..Observation::default()
        };
        converge(&cluster, &Templates::default(), &seen, None).unwrap_or_else(|_| panic!("no plan"))
    };
    let of = |plan: &Plan, name: &str| -> String {
        let file = plan
            .steps
            .iter()
            .filter(|step| step.node.as_str() == "server2")
            .find_map(|step| match &step.action {
                Action::WriteFile(file) if file.name == name => Some(file.content.clone()),
                _ => None,
            });
        file.unwrap_or_else(|| panic!("no {name}: {plan:#?}"))
    };
    let good = plan(&|_| {});
    let conf = of(&good, "postgresql.conf");
    assert!(
        conf.contains("\njit = off\nwork_mem = 1MB\nwork_mem = 8MB\n"),
        "{conf}"
    );
    assert!(of(&good, "pg_ident.conf").ends_with("\nops root postgres\nops postgres postgres\n"));
    let hba = of(&good, "pg_hba.conf");
    // The map lets pgrepl in: a rule of its own would keep root out.
    let first = rules(&hba)
        .into_iter()
        .find(|rule| rule.connection == "local" && rule.databases != ["replication"]);
    assert_eq!(first.unwrap().options, ["map=ops"], "{hba}");
    // What cannot be read is refused before anything is copied.
    let bad = plan(&|facts| {
        let path = format!("{CONFIG}/conf.d/app.conf");
        facts.files.get_mut(&path).unwrap().content = None;
    });
    assert!(
        bad.steps.iter().all(|step| step.node.as_str() != "server2"),
        "{bad:#?}"
    );
    let blocked = bad.nodes[1].blocked.as_ref().unwrap();
    assert!(
        blocked.message.contains("conf.d could not be read"),
        "{}",
        blocked.message
    );
}
