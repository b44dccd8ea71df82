//! What a standby's host does not have that the primary serves with, and what a standby shows where the primary cannot be seen.

use pgrepl::facts::Observation;
use pgrepl::facts::able::{Able, Held, Missing};
use pgrepl::inventory::{Cluster, NodeName};
use pgrepl::plan::failover::{FailoverRequest, failover};
use pgrepl::plan::lead::lack::{About, Lack};
use pgrepl::plan::lead::lacks;
use pgrepl::postgres::certificate::Certificate;
use pgrepl::render::Templates;
use pgrepl::report::lead::{notes, troubles};

use crate::checks::{calm, server};

fn two() -> NodeName {
    "server2".into()
}

fn found(cluster: &Cluster, world: &Observation) -> Vec<Lack> {
    lacks(
        cluster,
        &Templates::default(),
        world,
        &"server1".into(),
        &two(),
    )
    .unwrap()
}

/// Gives both servers these things.
fn serve(world: &mut Observation, name: &str, able: Able) {
    for setting in ["ssl_cert_file", "ssl_ca_file", "ssl_crl_file", "ssl"] {
        let value = if setting == "ssl" { "on" } else { "/etc/ssl/x" };
        let server = server(world, name);
        server.settings.get_mut(setting).unwrap().setting = value.into();
        server.settings.get_mut(setting).unwrap().source = "command line".into();
    }
    world.facts_mut(&name.into()).unwrap().able = Some(able);
}

fn held(ends: &[&str]) -> Held {
    Held {
        why: String::new(),
        ends: ends.iter().map(|end| (*end).to_owned()).collect(),
    }
}

fn signed(issuer: &str, own: bool, until: &str) -> Option<Certificate> {
    Some(Certificate {
        issuer: issuer.into(),
        by: issuer.into(),
        own,
        from: "20200101000000".into(),
        until: until.into(),
    })
}

fn able() -> Able {
    let files = [
        ("ssl_cert_file", held(&["c"])),
        ("ssl_ca_file", held(&["one", "two"])),
        ("ssl_crl_file", held(&["revoked"])),
        ("ssl_key_file", Held::default()),
    ];
    Able {
        held: files.map(|(name, held)| (name.to_owned(), held)).into(),
        certificate: signed("Shop CA", false, "20300101000000"),
        now: "20261127000000".into(),
        unseen: Some(Default::default()),
        ..Able::default()
    }
}

#[test]
fn certificates_are_compared_as_far_as_they_were_seen() {
    let (cluster, mut world) = calm();
    serve(&mut world, "server1", able());
    type Change = fn(&mut Able);
    let cases: [(Change, &[&str]); 12] = [
        (|_| {}, &[]),
        (
            |able| able.held.get_mut("ssl_ca_file").unwrap().why = "is not there".into(),
            &["ssl_ca_file /etc/ssl/x is not there: once it is started again it does not come up"],
        ),
        (
            |able| {
                able.held.get_mut("ssl_key_file").unwrap().why = "cannot be read by postgres".into()
            },
            &["ssl_key_file"],
        ),
        (
            |able| {
                able.held
                    .insert("ssl_ca_file".into(), held(&["two", "three"]))
                    .map_or((), drop)
            },
            &[
                "ssl_ca_file /etc/ssl/x has 2, and 1 of these not: clients with certificates of these are turned away",
            ],
        ),
        (
            |able| {
                able.held
                    .insert("ssl_ca_file".into(), held(&["one", "two", "x"]))
                    .map_or((), drop)
            },
            &[
                "ssl_ca_file /etc/ssl/x has 1 more: clients log in with certificates that the primary does not believe",
            ],
        ),
        (
            |able| {
                able.held
                    .insert("ssl_crl_file".into(), held(&["older"]))
                    .map_or((), drop)
            },
            &[
                "ssl_crl_file /etc/ssl/x has 1, and 1 of these not: certificates that the primary refuses may be believed",
            ],
        ),
        (
            |able| {
                able.held
                    .insert("ssl_crl_file".into(), held(&["revoked", "x"]))
                    .map_or((), drop)
            },
            &[],
        ),
        (
            |able| able.certificate = signed("Other CA", false, "20300101000000"),
            &["ssl_cert_file /etc/ssl/x signed by Other CA: clients that verify it"],
        ),
        (
            |able| able.certificate = signed("server2", true, "20300101000000"),
            &["ssl_cert_file /etc/ssl/x signed by itself: clients that verify it"],
        ),
        (
            |able| able.certificate = signed("Shop CA", false, "20260101000000"),
            &["ssl_cert_file /etc/ssl/x expired on 2026-01-01: clients that verify it turn away"],
        ),
        // What could not be read is not compared, and it is said that it was not.
        (|able| able.certificate = None, &[]),
        (
            |able| *able = Able::default(),
            &["extensions and certificates could not be looked at"],
        ),
    ];
    for (change, expected) in cases {
        let mut world = world.clone();
        let mut other = able();
        change(&mut other);
        serve(&mut world, "server2", other);
        let found = found(&cluster, &world);
        let told: Vec<String> = found
            .iter()
            .map(|lack| format!("{} {}: {}", lack.what, lack.standby, lack.means))
            .collect();
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected), "{told}");
        }
        let problems = found
            .iter()
            .filter(|lack| lack.about == About::Certificate)
            .count();
        assert_eq!(troubles(&two(), &found).len(), problems);
        assert_eq!(notes(&two(), &found).len(), found.len() - problems);
    }
}

#[test]
fn without_tls_and_between_those_who_sign_themselves_nothing_is_compared() {
    let (cluster, mut world) = calm();
    let own = |name: &str| Able {
        certificate: signed(name, true, "20300101000000"),
        ..able()
    };
    serve(&mut world, "server1", own("server1"));
    serve(&mut world, "server2", own("server2"));
    assert_eq!(found(&cluster, &world), []);
    let mut lost = own("server2");
    lost.held.get_mut("ssl_ca_file").unwrap().why = "is not there".into();
    serve(&mut world, "server2", lost);
    assert_eq!(found(&cluster, &world).len(), 1);
    for name in ["server1", "server2"] {
        server(&mut world, name)
            .settings
            .get_mut("ssl")
            .unwrap()
            .setting = "off".into();
    }
    assert_eq!(found(&cluster, &world), []);
}

fn without(databases: &[&str], extension: &str, library: &str) -> Able {
    let missing = databases.iter().map(|database| Missing {
        extension: extension.into(),
        library: library.into(),
        database: (*database).into(),
    });
    Able {
        missing: missing.collect(),
        ..able()
    }
}

#[test]
fn extensions_that_the_host_does_not_have_are_told_by_name() {
    let (cluster, mut world) = calm();
    serve(&mut world, "server1", able());
    serve(
        &mut world,
        "server2",
        without(&["crm", "shop"], "postgis", ""),
    );
    let lacking = found(&cluster, &world);
    let [lack] = &lacking[..] else {
        panic!("{lacking:#?}");
    };
    assert_eq!(lack.about, About::Library);
    assert_eq!(lack.what, "extension postgis of crm, shop");
    assert_eq!(lack.standby, "not installed");
    assert_eq!(
        lack.means,
        "its functions fail: install postgresql-15-postgis-3 on server2"
    );
    assert_eq!(troubles(&two(), &lacking).len(), 1);
    // Where the primary does not have it either nothing is lost.
    serve(
        &mut world,
        "server1",
        without(&["crm", "shop"], "postgis", ""),
    );
    assert_eq!(found(&cluster, &world), []);
    serve(&mut world, "server2", without(&["shop"], "", "/opt/own.so"));
    let lacking = found(&cluster, &world);
    assert_eq!(lacking[0].what, "library /opt/own.so of shop");
    assert_eq!(lacking[0].standby, "/opt/own.so is not there");
    // A database that lets nobody in was not looked at: that is no problem, and it is said.
    let mut closed = able();
    closed.unseen = Some(["closed".to_owned()].into());
    serve(&mut world, "server2", closed);
    let lacking = found(&cluster, &world);
    assert_eq!(troubles(&two(), &lacking), []);
    assert!(
        notes(&two(), &lacking)[0]
            .message
            .contains("extensions of closed: could not be looked at")
    );
}

#[test]
fn a_failover_without_the_primary_tells_what_the_standby_itself_shows() {
    let (mut cluster, mut world) = calm();
    let node = cluster.nodes.get_mut(&two()).unwrap();
    node.parameters
        .insert("statement_timeout".into(), "7s".into());
    node.hba = vec!["host shop all 10.0.0.0/8 scram-sha-256".into()];
    serve(
        &mut world,
        "server2",
        without(&["shop"], "hstore", "$libdir/hstore"),
    );
    world.hosts.remove(&"server1".into());
    // What the plan writes is no lack.
    let told = |world: &Observation| -> Vec<String> {
        let found = found(&cluster, world).into_iter();
        found
            .map(|lack| format!("{}: {}, {}", lack.what, lack.primary, lack.standby))
            .collect()
    };
    let library = "extension hstore of shop: , $libdir/hstore is not there";
    assert_eq!(told(&world), [library]);
    let facts = world.facts_mut(&two()).unwrap();
    let auto = format!("{}/postgresql.auto.conf", facts.data.path);
    let server = facts.server.as_mut().unwrap();
    for (name, value) in [
        ("statement_timeout", "1000"),
        ("listen_addresses", "localhost"),
    ] {
        let setting = server.settings.get_mut(name).unwrap();
        setting.setting = value.into();
        setting.source = "configuration file".into();
        setting.sourcefile = Some(auto.clone());
    }
    assert_eq!(
        told(&world),
        [
            "listen_addresses: the inventory: *, localhost, by ALTER SYSTEM",
            library,
            "statement_timeout: the inventory: 7s, 1000ms, by ALTER SYSTEM",
        ]
    );
    for standby in ["server2", "server3"] {
        crate::checks::server(&mut world, standby).receiver = None;
    }
    let wish = FailoverRequest {
        to: Some(&two()),
        force: false,
        token: "aa",
    };
    let plan = failover(&cluster, &Templates::default(), &world, &wish)
        .unwrap()
        .plan;
    assert_eq!(plan.lacks.len(), 3);
    let note = "what server1 had and server2 lacks is unknown";
    assert!(
        plan.notes.iter().any(|told| told.message.contains(note)),
        "{:#?}",
        plan.notes
    );
}
