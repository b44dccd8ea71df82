//! Commands that run while the primary changes: when, where, and what depends on them.

use pgrepl::action::{Action, Pause};
use pgrepl::facts::way::Line;
use pgrepl::files::recovery::Target;
use pgrepl::inventory::{Hook, Moment, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::hooks::on_failure;
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::restore::restore;
use pgrepl::plan::switchover::{SwitchoverRequest, switchover};
use pgrepl::plan::{Plan, Step};
use pgrepl::render::Templates;

use crate::archive;
use crate::settled::{Story, node};
use crate::stories::after;

const HOOKS: &str = "clients:\n  hooks:\n    before_demote: [ { command: one, timeout: 7 }, { command: two, host: server1 } ]\n    \
    after_promote: [ { command: three } ]\n    after_follow: [ { command: four } ]\n    on_failure: [ { command: five } ]\n";

fn hooks() -> Vec<Hook> {
    let text = format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n\
         standbys: [server2]\n{HOOKS}"
    );
    let reading = read(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    reading.cluster.hooks
}

fn hook(step: &Step) -> Option<Moment> {
    match &step.action {
        Action::RunHook(hook) => Some(hook.moment),
        _ => None,
    }
}

fn phase(plan: &Plan, wanted: impl Fn(&Step) -> bool) -> u32 {
    plan.steps.iter().find(|step| wanted(step)).unwrap().phase
}

#[test]
fn hooks_run_around_the_change_and_the_first_ones_keep_the_primary_from_stopping() {
    let mut story = Story::begin();
    story.cluster.hooks = hooks();
    let to = node(1);
    let wish = SwitchoverRequest {
        to: Some(&to),
        token: "aa",
        seconds: 90,
        pause: Pause::default(),
    };
    let templates = Templates::default();
    let plan = switchover(&story.cluster, &templates, &story.world, &wish).unwrap();
    let stop = plan
        .steps
        .iter()
        .find(|step| matches!(step.action, Action::Stop(_)))
        .unwrap();
    let promoted = phase(&plan, |step| matches!(step.action, Action::Promote(_)));
    let starts = phase(&plan, |step| matches!(step.action, Action::Start(_)));
    let at = |moment| phase(&plan, |step| hook(step) == Some(moment));
    assert!(at(Moment::BeforeDemote) < stop.phase);
    assert!(promoted < at(Moment::AfterPromote) && at(Moment::AfterPromote) < starts);
    assert!(starts < at(Moment::AfterFollow));
    for lane in ["hooks@here", "hooks@server1"] {
        assert!(stop.needs.contains(&lane.into()), "{:?}", stop.needs);
        assert!(plan.nodes.iter().any(|node| node.node.as_str() == lane));
    }
    // What is not about a change of roles runs none.
    let idle = converge(&story.cluster, &templates, &story.world, None).unwrap();
    assert!(idle.steps.is_empty() && idle.nodes.len() == story.cluster.nodes.len());
    // Cut behind the stop, the rest of the change has the hooks that are left.
    let stopped = plan
        .steps
        .iter()
        .position(|step| matches!(step.action, Action::Stop(_)));
    let world = after(&plan, &story.world, stopped.unwrap() + 1);
    let rest = switchover(&story.cluster, &templates, &world, &wish).unwrap();
    let left: Vec<Moment> = rest.steps.iter().filter_map(hook).collect();
    assert_eq!(left, [Moment::AfterPromote, Moment::AfterFollow]);
    let failed = on_failure(&story.cluster, &plan, &node(0), "no space").unwrap();
    let [
        Step {
            action: Action::RunHook(told),
            ..
        },
    ] = &failed.steps[..]
    else {
        panic!("{:?}", failed.steps)
    };
    assert_eq!(failed.nodes.len(), 1);
    assert!(
        told.facts.contains("\"failure\":\"no space\""),
        "{}",
        told.facts
    );
    assert_eq!(
        on_failure(&story.cluster, &idle, &node(0), "no space"),
        None
    );
}

#[test]
fn a_restore_that_makes_another_server_the_primary_runs_them_too() {
    let mut story = archive::story("count: 7");
    story.cluster.hooks = hooks();
    let there = archive::there(&story);
    let restored = |to: &str| {
        let to = to.into();
        let wish = RestoreRequest {
            to: &to,
            target: &Target::Latest,
            moment: None,
            backup: None,
            timeline: Line::Found,
        };
        let templates = Templates::default();
        restore(&story.cluster, &templates, &story.world, &there, &wish).unwrap()
    };
    let plan = restored("server2");
    let left: Vec<Moment> = plan.steps.iter().filter_map(hook).collect();
    let (before, promoted) = (Moment::BeforeDemote, Moment::AfterPromote);
    assert_eq!(left, [before, before, promoted, Moment::AfterFollow]);
    // One that fails keeps everybody from being stopped, and from what comes after that.
    let mut steps = plan.steps.iter();
    let hooked = steps.rposition(|step| hook(step) == Some(before)).unwrap();
    let stops = |step: &&Step| matches!(step.action, Action::Stop(_) | Action::UnpackBackup(_));
    for step in plan.steps[hooked..].iter().filter(stops) {
        assert!(step.needs.contains(&"hooks@here".into()), "{step:?}");
    }
    let recovered = phase(&plan, |step| matches!(step.action, Action::Recover(_)));
    let starts = phase(&plan, |step| matches!(step.action, Action::Start(_)));
    let at = |moment| phase(&plan, |step| hook(step) == Some(moment));
    assert!(recovered < at(promoted) && at(promoted) < starts && starts < at(Moment::AfterFollow));
    assert!(on_failure(&story.cluster, &plan, &node(0), "no space").is_some());
    // The same server leads as before.
    assert_eq!(restored("server1").steps.iter().filter_map(hook).count(), 0);
}

#[test]
fn a_hook_runs_where_pgrepl_logs_in_anyway() {
    let text = format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n{}",
        HOOKS.replace("host: server1", "host: elsewhere")
    );
    let problems = read(&text).err().unwrap();
    assert_eq!(problems[0].message, "unknown host `elsewhere` for a hook");
}
