//! How a database cluster is made: what initdb is told, what of an older one is told, and what a host lacks for a copy.

use pgrepl::action::Action;
use pgrepl::facts::server::Made;
use pgrepl::facts::{Content, Observation};
use pgrepl::inventory::{Cluster, read};
use pgrepl::plan::Plan;
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;

use crate::checks::calm;
use crate::preflight::replaces;

fn plan(cluster: &Cluster, world: &Observation) -> Plan {
    converge(cluster, &Templates::default(), world, None).unwrap()
}

fn notes(plan: &Plan) -> String {
    let notes = plan.notes.iter();
    notes.map(|note| format!("{}\n", note.message)).collect()
}

#[test]
fn what_initdb_gave_a_cluster_is_compared_and_never_changed() {
    let (mut cluster, mut world) = calm();
    let leads = world.facts_mut(&"server1".into()).unwrap();
    leads.server.as_mut().unwrap().made = Some(Made {
        locale: "de_DE.utf8".into(),
        encoding: "UTF8".into(),
        provider: Some("i".into()),
        provider_locale: Some("de-DE".into()),
        by_icu: true,
    });
    let how = |said: &str| {
        let text = format!(
            "cluster: shop\npostgresql: {{ version: 18, initdb: {{ {said} }} }}\nreplication: {{ password: {{ env: P }} }}\nprimary: server1\n"
        );
        read(&text).unwrap().cluster.initdb
    };
    cluster.initdb = how(
        "locale: de_DE.UTF-8, encoding: utf-8, locale_provider: icu, icu_locale: de_DE, data_checksums: yes, wal_segment_size: 16MB",
    );
    let same = plan(&cluster, &world);
    assert!(
        same.is_empty() && !notes(&same).contains("initdb"),
        "{}",
        notes(&same)
    );
    cluster.initdb = how(
        "locale: C, encoding: LATIN1, locale_provider: builtin, builtin_locale: C, data_checksums: no, wal_segment_size: 1GB",
    );
    let other = plan(&cluster, &world);
    assert!(other.is_empty());
    let told = notes(&other);
    for said in [
        "data_checksums off, the database cluster has on",
        "wal_segment_size 1024MB, the database cluster has 16MB",
        "locale C, the database cluster has de_DE.utf8",
        "encoding LATIN1, the database cluster has UTF8",
        "locale_provider builtin, the database cluster has icu",
    ] {
        assert!(told.contains(said), "{said} in {told}");
    }
}

#[test]
fn libraries_that_sort_text_in_another_version_are_told_where_they_matter() {
    let (cluster, mut world) = calm();
    for (node, glibc, icu) in [
        ("server1", "2.36", "153.120"),
        ("server2", "2.31", "153.14"),
    ] {
        let facts = world.facts_mut(&node.into()).unwrap();
        facts.glibc = Some(glibc.into());
        let server = facts.server.as_mut().unwrap();
        server.locales = vec!["C.UTF-8".into()];
        server.icu = Some(icu.into());
    }
    assert!(!notes(&plan(&cluster, &world)).contains("differs"));
    let leads = world.facts_mut(&"server1".into()).unwrap();
    leads.server.as_mut().unwrap().locales = vec!["C".into(), "en_US.utf8".into()];
    let told = notes(&plan(&cluster, &world));
    assert!(
        told.contains("glibc differs: 2.31 on server2; 2.36 on server1"),
        "{told}"
    );
    assert!(!told.contains("ICU"), "{told}");
    let leads = world.facts_mut(&"server1".into()).unwrap();
    leads.server.as_mut().unwrap().made = Some(Made {
        locale: "C".into(),
        encoding: "UTF8".into(),
        provider: Some("c".into()),
        provider_locale: None,
        by_icu: true,
    });
    let told = notes(&plan(&cluster, &world));
    assert!(
        told.contains("ICU differs: 153.120 on server1; 153.14 on server2"),
        "{told}"
    );
    let lacks = pgrepl::plan::lead::lacks(
        &cluster,
        &Templates::default(),
        &world,
        &"server1".into(),
        &"server2".into(),
    );
    let lacks = lacks.unwrap();
    let sorts = lacks.iter().filter(|lack| lack.what.contains("sorts text"));
    assert_eq!(sorts.count(), 2);
}

#[test]
fn a_new_standby_gets_the_packages_of_the_libraries_that_the_primary_has_loaded() {
    let (cluster, mut world) = calm();
    let leads = world.facts_mut(&"server1".into()).unwrap();
    let server = leads.server.as_mut().unwrap();
    let mut setting = server.settings.get("listen_addresses").unwrap().clone();
    setting.setting = "pg_stat_statements, pg_cron".into();
    server
        .settings
        .insert("shared_preload_libraries".into(), setting);
    let auto = leads.files.iter_mut();
    for (_, file) in auto.filter(|(path, _)| path.ends_with("/postgresql.auto.conf")) {
        file.content = Some("shared_preload_libraries = 'pg_stat_statements, pg_cron'\n".into());
    }
    let new = world.facts_mut(&"server2".into()).unwrap();
    new.data.content = Content::Nothing;
    new.server = None;
    new.process = pgrepl::facts::Process::Stopped;
    new.service.registered = false;
    new.packages.server = None;
    let first = plan(&cluster, &world);
    let install = first.steps.iter().find_map(|step| match &step.action {
        Action::InstallPackages(install) => Some(install.packages.join(" ")),
        _ => None,
    });
    let install = install.unwrap();
    assert!(install.ends_with("-cron"), "{install}");
    // Where it is installed and lacks one, that is found before the copy, with what brings it.
    let new = world.facts_mut(&"server2".into()).unwrap();
    new.packages.server = Some(pgrepl::postgres::ServerVersion(150_004));
    for (need, why, help) in [
        (
            "library pg_cron",
            "is not installed",
            "ssh server2 sudo apt-get install -y postgresql-15-cron",
        ),
        (
            "locale de_DE.utf8",
            "is not installed",
            "echo de_DE.UTF-8 UTF-8 | ssh server2 sudo tee -a /etc/locale.gen",
        ),
        (
            "built_with ICU",
            "is not built into PostgreSQL there",
            "install PostgreSQL from the packages that server1 has",
        ),
    ] {
        let mut world = world.clone();
        let server = &mut world.facts_mut(&"server1".into()).unwrap().server;
        let server = server.as_mut().unwrap();
        server.locales = vec!["de_DE.utf8".into()];
        server.made = Some(Made {
            locale: "de_DE.utf8".into(),
            encoding: "UTF8".into(),
            provider: Some("i".into()),
            provider_locale: Some("de".into()),
            by_icu: true,
        });
        let new = world.facts_mut(&"server2".into()).unwrap();
        new.asked.insert(need.into(), why.into());
        let plan = plan(&cluster, &world);
        let (_, no) = plan
            .blocked()
            .find(|(node, _)| node.as_str() == "server2")
            .unwrap_or_else(|| panic!("{need}: not refused"));
        assert!(no.message.contains(why) && no.help.contains(help), "{no:?}");
        assert_eq!(replaces(&plan), Vec::<String>::new());
    }
}
