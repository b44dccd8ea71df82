//! What is shown on terminals of several widths: nothing wraps but what is to be typed.

use pgrepl::facts::{Sight, Unreachable};
use pgrepl::plan::PlanError;
use pgrepl::plan::converge::converge;
use pgrepl::plan::failover::{self, failover};
use pgrepl::render::Templates;
use pgrepl::report::backups::table;
use pgrepl::report::plan::{Diff, refusal, show};
use pgrepl::report::status::conclude;
use pgrepl::report::status_table;
use pgrepl::report::style::Style;

use crate::archive::there;
use crate::stories::{Story, stories};

fn story(name: &str) -> Story {
    stories()
        .into_iter()
        .find(|story| story.name == name)
        .unwrap()
}

fn moment(seconds: u64) -> String {
    format!("2026-11-27 {:02}:00:00+01:00", seconds % 24)
}

/// All that is shown of a few situations in a terminal of this width, under headings.
fn shown(width: usize) -> Vec<(&'static str, String)> {
    let style = Style {
        color: false,
        width: Some(width),
    };
    let mut away = story("in_sync");
    let reason = Unreachable {
        message: "cannot connect to server2: no route to host".into(),
        help: "ssh server2 true".into(),
        original: String::new(),
    };
    let hosts = &mut away.world.hosts;
    hosts.insert("server2".into(), Sight::Unreachable(reason));
    let status = |story: &Story| {
        let status = conclude(&story.cluster, &story.world);
        status_table::show(&status, &story.cluster, 0.4, style)
    };
    let plan =
        |story: &Story| match converge(&story.cluster, &Templates::default(), &story.world, None) {
            Ok(plan) => show(&plan, &story.world, "shop.yaml", 0.3, Diff::None, style),
            Err(PlanError::Refused(no)) => refusal(&no, style),
            Err(PlanError::Template(error)) => panic!("{error}"),
        };
    let gone = story("primary_unreachable");
    let to = "server2".into();
    let wish = failover::FailoverRequest {
        to: Some(&to),
        force: false,
        token: "aa",
    };
    let fails = failover(&gone.cluster, &Templates::default(), &gone.world, &wish);
    let fails = fails.map(|fails| fails.plan);
    let failover = match fails {
        Ok(plan) => show(&plan, &gone.world, "shop.yaml", 0.3, Diff::None, style),
        Err(PlanError::Refused(no)) => refusal(&no, style),
        Err(PlanError::Template(error)) => panic!("{error}"),
    };
    let backed = story("synchronous");
    vec![
        ("status", status(&story("in_sync"))),
        ("status, one away", status(&away)),
        ("plan, one away", plan(&away)),
        ("plan, two primaries", plan(&story("two_primaries"))),
        ("plan, a standby leaves", plan(&story("standby_leaves"))),
        ("failover", failover),
        ("backup list", table(&there(&backed), &moment, style)),
    ]
}

#[test]
fn nothing_wraps_but_what_is_typed() {
    for width in [60, 80, 120, 200] {
        for (what, text) in shown(width) {
            for line in text.lines().filter(|line| !line.contains("help:")) {
                assert!(line.chars().count() <= width, "{what} at {width}: {line}");
            }
        }
    }
}

#[test]
fn eighty_columns() {
    let text: String = shown(80)
        .into_iter()
        .map(|(what, text)| format!("=== {what}\n{text}\n"))
        .collect();
    insta::assert_snapshot!(text);
}
