//! A new standby of a server that others configured lets in whom its primary lets in.

use std::net::IpAddr;

use pgrepl::action::Action;
use pgrepl::facts::{Observation, Sight};
use pgrepl::inventory::{NodeName, read};
use pgrepl::plan::converge::converge;
use pgrepl::postgres::access::{Transport, deciding, same_way};
use pgrepl::render::Templates;

use crate::facts::recorded;
use crate::others_files::{CONFIG, PUBLISHED, logins, put, rules};

#[test]
fn a_new_standby_lets_in_whom_its_primary_lets_in() {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\n\
         primary: server1\nstandbys: [server2]\n",
    )
    .unwrap_or_else(|_| panic!("a bad inventory"))
    .cluster;
    let more = ["local all postgres peer\nlocal all all md5\nhost shop app 10.0.0.0/8 md5\n"];
    for hba in PUBLISHED.into_iter().chain(more) {
        let hosts = [("server1", "primary-alone"), ("server2", "packages")];
        let hosts = hosts.map(|(name, recording)| {
            let name = NodeName::from(name);
            let mut facts = recorded(&cluster, &name, recording);
            if name.as_str() == "server1" {
                put(&mut facts, &format!("{CONFIG}/pg_hba.conf"), hba);
                let maps = "ops root postgres\nops postgres postgres\n";
                put(&mut facts, &format!("{CONFIG}/pg_ident.conf"), maps);
            }
            (name, Sight::Seen(Box::new(facts)))
        });
        let seen = Observation {
            hosts: hosts.into_iter().collect(),
            ..Observation::default()
        };
        let plan = converge(&cluster, &Templates::default(), &seen, None)
            .unwrap_or_else(|_| panic!("no plan"));
        let of = |name: &str| {
            let mut steps = plan.steps.iter();
            let file = steps.find_map(|step| match &step.action {
                Action::WriteFile(file) if file.name == "pg_hba.conf" => {
                    (step.node.as_str() == name).then(|| file.content.clone())
                }
                _ => None,
            });
            rules(&file.unwrap_or_else(|| panic!("{hba}{plan:#?}")))
        };
        let (one, two) = (of("server1"), of("server2"));
        let none: [IpAddr; 0] = [];
        // Who replicates, and the servers themselves, have rules of their own on each.
        let foreign = |login: &pgrepl::postgres::access::Login| {
            let host = login.address.map(|address| address.to_string());
            let apart = host.is_some_and(|host| host.starts_with("10.77."));
            !apart && (login.transport == Transport::Local || login.user != "replicator")
        };
        for login in logins().iter().filter(|login| foreign(login)) {
            let was = deciding(&one, login, &none);
            let is = deciding(&two, login, &none);
            // Where pgrepl logs in on the primary with a password, it has its own way in on a host that has none.
            let own = ["local postgres postgres peer\nlocal replication postgres peer\n"];
            let own = own.map(rules).concat();
            let same = match (was.first(), is.first()) {
                (Some(was), Some(is)) if was.method != "peer" && own.contains(is) => true,
                (Some(was), Some(is)) => same_way(was, is),
                (was, is) => was.is_none() && is.is_none(),
            };
            assert!(same, "{hba}\n{login:?}\n{was:?}\n{is:?}\n{two:#?}");
        }
    }
}

#[test]
fn a_rule_that_the_inventory_says_is_not_kept_a_second_time() {
    let cluster = read(
        "cluster: shop\npostgresql: { version: 15, hba: [host shop app 10.0.0.0/8 md5] }\n\
         replication: { password: { env: A } }\nprimary: server1\n",
    )
    .unwrap_or_else(|_| panic!("a bad inventory"))
    .cluster;
    let name = NodeName::from("server1");
    let mut facts = recorded(&cluster, &name, "primary-alone");
    let hba =
        "local all all peer\r\nhost shop \\\n app 10.0.0.0/8 md5\nhost shop app 10.0.0.0/8 md5\r\n";
    put(&mut facts, &format!("{CONFIG}/pg_hba.conf"), hba);
    let seen = Observation {
        hosts: [(name, Sight::Seen(Box::new(facts)))].into(),
        ..Observation::default()
    };
    let plan = converge(&cluster, &Templates::default(), &seen, None)
        .unwrap_or_else(|_| panic!("no plan"));
    let file = plan.steps.iter().find_map(|step| match &step.action {
        Action::WriteFile(file) if file.name == "pg_hba.conf" => Some(&file.content),
        _ => None,
    });
    let found = rules(file.unwrap()).into_iter();
    assert_eq!(found.filter(|rule| rule.users == ["app"]).count(), 1);
}
