//! What is shown on terminals of several widths: nothing wraps but what is to be typed.

use std::sync::OnceLock;

use pgrepl::cli::{Failure, FailureKind};
use pgrepl::facts::way::Line;
use pgrepl::facts::{Sight, Unreachable};
use pgrepl::files::recovery::Target;
use pgrepl::plan::converge::converge;
use pgrepl::plan::failover::{self, failover};
use pgrepl::plan::restore::copy::{Aside, restore_copy};
use pgrepl::plan::{Plan, PlanError, restore, switchover};
use pgrepl::render::Templates;
use pgrepl::report::backups::table;
use pgrepl::report::ending::ending;
use pgrepl::report::event::Outcome;
use pgrepl::report::plan::{Diff, refusal, show};
use pgrepl::report::status::conclude;
use pgrepl::report::status_table;
use pgrepl::report::step::ended;
use pgrepl::report::style::Style;

use crate::archive::there;
use crate::stories::{Story, stories};

/// A story; all are read once.
fn story(name: &str) -> &'static Story {
    static ALL: OnceLock<Vec<Story>> = OnceLock::new();
    let mut all = ALL.get_or_init(stories).iter();
    all.find(|story| story.name == name).unwrap()
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
    let calm = story("in_sync");
    let mut away = Story {
        name: calm.name.clone(),
        cluster: calm.cluster.clone(),
        world: calm.world.clone(),
    };
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
    let made = |made: Result<Plan, PlanError>, story: &Story| match made {
        Ok(plan) => show(&plan, &story.world, "shop.yaml", 0.3, Diff::None, style),
        Err(PlanError::Refused(no)) => refusal(&no, style),
        Err(PlanError::Template(error)) => panic!("{error}"),
    };
    let wish = switchover::SwitchoverRequest {
        to: Some(&to),
        token: "aa",
        seconds: 90,
        pause: Default::default(),
    };
    let switches = switchover::switchover(&calm.cluster, &Templates::default(), &calm.world, &wish);
    let (kept, first) = (crate::archive::story("count: 7"), "server1".into());
    let backups = there(&kept);
    let target = Target::Time("2026-01-31 12:00:00+00".into());
    let back = restore::request::RestoreRequest {
        to: &first,
        target: &target,
        moment: None,
        backup: None,
        timeline: Line::Found,
    };
    let aside = Aside {
        data_directory: "/srv/postgresql/restored/shop",
        port: 5433,
    };
    let (cluster, world, none) = (&kept.cluster, &kept.world, Templates::default());
    let goes_back = restore::restore(cluster, &none, world, &backups, &back);
    let copy = restore_copy(cluster, &none, world, &backups, &back, &aside);
    vec![
        ("plan, a new cascade", plan(story("new_cascade"))),
        ("apply, its end", applied(style)),
        ("switchover", made(switches, calm)),
        ("restore", made(goes_back, &kept)),
        ("restore, a copy", made(copy, &kept)),
        ("status", status(story("in_sync"))),
        ("status, one away", status(&away)),
        ("plan, one away", plan(&away)),
        ("plan, two primaries", plan(story("two_primaries"))),
        ("plan, a standby leaves", plan(story("standby_leaves"))),
        ("failover", failover),
        ("backup list", table(&there(backed), &moment, style)),
    ]
}

/// The steps of an apply that failed, and what it says at its end.
fn applied(style: Style) -> String {
    let story = story("raise_max_connections");
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    let skipped = || Outcome::Skipped {
        because: "a step on server1, which leads, did not succeed".into(),
    };
    let outcomes: Vec<Outcome> = (0..plan.steps.len())
        .map(|at| match at {
            0 => Outcome::Changed {
                detail: "what stood there is in /etc/postgresql/15/main/old.conf".into(),
            },
            1 => Outcome::AlreadyDone,
            2 => Outcome::Failed {
                message:
                    "cannot write /etc/postgresql/15/main/postgresql.conf: No space left on device"
                        .into(),
                output: Vec::new(),
            },
            _ => skipped(),
        })
        .collect();
    let steps = plan.steps.iter().zip(&outcomes).map(|(step, outcome)| {
        let title = step.action.act().title();
        ended(step.node.as_str(), &title, outcome, 61_234, style) + "\n"
    });
    let steps: String = steps.collect();
    let message = ending(&plan, &outcomes, "not everything was done", false);
    let failure = Failure::new(FailureKind::PartWay, message)
        .help("after fixing the cause, run: pgrepl apply");
    steps + &failure.shown(style, false)
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
