//! What a first run needs: what is said of hosts that have it, and of hosts that lack this or that.

use std::collections::BTreeMap;

use pgrepl::facts::doctor::{Checkup, Route, answered, peers};
use pgrepl::facts::firewall::{Firewall, FirewallKind};
use pgrepl::inventory::NodeName;
use pgrepl::report::doctor::{Check, Verdict, conclude, show};
use pgrepl::report::style::Style;

use crate::stories::{Story, stories};

fn story(name: &str) -> Story {
    stories()
        .into_iter()
        .find(|story| story.name == name)
        .unwrap()
}

/// Every host reaches every other one, and its clock is right.
fn well(story: &Story) -> BTreeMap<NodeName, Checkup> {
    let names = story.world.hosts.keys();
    names
        .map(|name| {
            let asked = peers(&story.cluster, name);
            let said = asked.lines().map(|line| {
                let peer = line.split('\t').next().unwrap();
                ("route".to_owned(), format!("{peer}\trefused"))
            });
            let clock = ("clock".to_owned(), "100".to_owned());
            (
                name.clone(),
                answered(&said.chain([clock]).collect::<Vec<_>>(), 100, 101),
            )
        })
        .collect()
}

fn missing(checks: &[Check]) -> Vec<String> {
    checks
        .iter()
        .filter(|check| check.verdict == Verdict::Missing)
        .map(|check| {
            assert!(!check.help.is_empty(), "{check:?}");
            format!(
                "{} {}: {}",
                check.host.as_ref().unwrap(),
                check.what,
                check.says
            )
        })
        .collect()
}

#[test]
fn hosts_that_have_all_are_said_to() {
    for name in ["bare_pair", "in_sync", "rhel_bare", "new_cascade"] {
        let story = story(name);
        let checks = conclude(&story.cluster, &story.world, &well(&story));
        assert_eq!(missing(&checks), Vec::<String>::new(), "{name}");
        let shown = show(&checks, Style::plain());
        assert!(
            shown.ends_with("Everything that a first run needs is there.\n"),
            "{shown}"
        );
    }
}

#[test]
fn each_lack_is_told_with_what_to_do() {
    let mut story = story("new_cascade");
    let mut checkups = well(&story);
    story.cluster.install = false;
    let mut nodes = story.cluster.nodes.values_mut();
    let second = nodes.nth(1).unwrap();
    second.address = None;
    let names: Vec<NodeName> = story.cluster.nodes.keys().cloned().collect();
    let [first, second, third] = &names[..] else {
        panic!("{names:?}");
    };
    let facts = story.world.facts_mut(first).unwrap();
    facts.resolved.remove(second);
    facts.packages.server = None;
    for disk in &mut facts.disks {
        disk.free = disk.size / 100;
    }
    checkups.get_mut(first).unwrap().skew = -90;
    let routes = &mut checkups.get_mut(second).unwrap().routes;
    routes.insert(first.clone(), Route::Silent);
    routes.insert(third.clone(), Route::Not("no route to host".into()));
    let checks = conclude(&story.cluster, &story.world, &checkups);
    insta::assert_snapshot!(show(&checks, Style::plain()));

    // A firewall that apply opens is nobody's work.
    for name in [first, third] {
        story.world.facts_mut(name).unwrap().firewall = Some(Firewall {
            kind: FirewallKind::Ufw,
            rules: Vec::new(),
            denials: Vec::new(),
        });
    }
    let checks = conclude(&story.cluster, &story.world, &checkups);
    let told = missing(&checks).join("\n");
    assert!(!told.contains("route"), "{told}");
}

#[test]
fn a_host_that_cannot_be_reached_is_the_only_line_of_it() {
    let story = story("standby_unreachable");
    let checks = conclude(&story.cluster, &story.world, &well(&story));
    let told = missing(&checks);
    assert!(
        told.iter()
            .any(|line| line.contains("login: cannot connect to")),
        "{told:?}"
    );
}
