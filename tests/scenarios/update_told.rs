//! What an update tells besides its steps: for how long writers wait, and extensions that are older than what is installed.

use pgrepl::action::Action;
use pgrepl::facts::updates::OldExtension;
use pgrepl::inventory::read;
use pgrepl::plan::update::request::{UpdateRequest, Via};
use pgrepl::plan::update::whole::old_extensions;

use crate::stories::after;
use crate::update::{PAIR, THREE, cluster, go, is_done, settled, wish};

#[test]
fn extensions_are_told_and_brought_along_when_asked_for() {
    let (cluster, mut world) = cluster(THREE, "16.13-1");
    let old = |name: &str| OldExtension {
        database: "shop".into(),
        name: name.into(),
        has: "3.3".into(),
        installed: "3.4".into(),
    };
    for (node, names) in [
        ("server1", &["postgis", "pgaudit"][..]),
        ("server2", &["postgis", "pgaudit"]),
        ("server3", &["postgis"]),
    ] {
        let facts = world.facts_mut(&node.into()).unwrap();
        facts.offered.as_mut().unwrap().extensions = names.iter().map(|name| old(name)).collect();
    }
    assert!(go(&cluster, &world, &wish()).is_none());
    let told = |wish: &UpdateRequest| {
        let told = old_extensions(&world, wish).into_iter();
        told.map(|advice| format!("{} ({})", advice.message, advice.help))
            .collect::<Vec<_>>()
    };
    // What a standby does not have would fail once it leads.
    let lacks = "pgaudit of shop is 3.3, installed is 3.4, but not on server3: that stays as it is \
                 (install it on server3, then: pgrepl update --extensions)";
    assert_eq!(
        told(&wish()),
        [
            "extensions are older than what is installed: postgis of shop is 3.3, installed is 3.4 (--extensions brings them there)",
            lacks,
        ]
    );
    let asked = UpdateRequest {
        extensions: true,
        ..wish()
    };
    assert_eq!(told(&asked), [lacks]);
    let plan = go(&cluster, &world, &asked).unwrap();
    let titles: Vec<String> = plan.steps.iter().map(|s| s.action.act().title()).collect();
    assert_eq!(titles, ["extensions postgis of shop 3.3 -> 3.4"]);
    let after = after(&plan, &world, plan.steps.len());
    assert!(go(&cluster, &after, &asked).is_none());
}

#[test]
fn extensions_come_last_when_nothing_is_held_any_more() {
    let (cluster, mut world) = cluster(PAIR, "16.15-1");
    for (_, facts) in world.seen_mut() {
        facts.offered.as_mut().unwrap().extensions = vec![OldExtension {
            database: "shop".into(),
            name: "postgis".into(),
            has: "3.3".into(),
            installed: "3.4".into(),
        }];
    }
    let asked = UpdateRequest {
        extensions: true,
        switch_back: true,
        ..wish()
    };
    let plan = go(&cluster, &world, &asked).unwrap();
    let last = plan.steps.last().unwrap();
    assert!(
        matches!(last.action, Action::UpdateExtensions(_)),
        "{last:#?}"
    );
    assert_eq!(last.node.as_str(), "server1");
    is_done(&cluster, &after(&plan, &world, plan.steps.len() - 1));
}

#[test]
fn what_writers_wait_for_is_told_for_either_way() {
    let said = |more: &str, wish: &UpdateRequest| {
        let (cluster, world) = cluster(more, "16.15-1");
        let notes = go(&cluster, &world, wish).unwrap().notes.into_iter();
        let told = notes.map(|note| format!("{} ({})", note.message, note.help));
        told.filter(|told| told.contains("wait"))
            .collect::<Vec<_>>()
    };
    let switchover = "at a switchover about half a second until server1 is stopped and server2, which has replayed all, is promoted";
    let restart = |standbys: &str| {
        format!(
            "at a restart of server1 about a second or more until it is stopped and started{standbys}"
        )
    };
    let both = format!(
        "writers wait: {switchover}; {}",
        restart(" and its standby connects anew")
    );
    let by_restart = UpdateRequest {
        via: Some(Via::Restart),
        ..wish()
    };
    assert_eq!(
        said(PAIR, &wish()),
        [format!(
            "{both} (--via restart restarts the primary instead)"
        )]
    );
    assert_eq!(
        said(PAIR, &by_restart),
        [format!(
            "{both} (--via switchover lets a standby take over instead)"
        )]
    );
    assert_eq!(
        said("", &wish()),
        [format!("writers wait: {} ()", restart(""))]
    );
    // Where one standby may be missed, nobody waits for the other one.
    let waits =
        "commits wait while a standby is restarted, too: all of them have to confirm each one ()";
    for (standbys, told) in [("server2", true), ("server2, server3", false)] {
        let more = format!("standbys: [{standbys}]\n");
        let text = format!(
            "cluster: shop\npostgresql: {{ version: 16 }}\nreplication: {{ password: {{ env: A }}, synchronous: 1 }}\nprimary: server1\n{more}"
        );
        let (_, world) = cluster(&more, "16.15-1");
        let cluster = read(&text)
            .unwrap_or_else(|_| panic!("a bad inventory"))
            .cluster;
        let world = settled(&cluster, world);
        let notes = go(&cluster, &world, &wish()).unwrap().notes;
        let found = notes
            .iter()
            .any(|note| format!("{} ({})", note.message, note.help) == waits);
        assert_eq!(found, told, "{standbys}");
    }
}
