//! Commands that run while the primary changes: when, where, and what depends on them.

use pgrepl::action::{Action, Pause};
use pgrepl::inventory::{Moment, read};
use pgrepl::plan::converge::converge;
use pgrepl::plan::hooks::on_failure;
use pgrepl::plan::switchover::{SwitchoverRequest, switchover};
use pgrepl::plan::{Plan, Step};
use pgrepl::render::Templates;

use crate::settled::{Story, node};
use crate::stories::after;

const HOOKS: &str = "clients:\n  hooks:\n    before_demote: [ { command: one, timeout: 7 }, { command: two, host: server1 } ]\n    \
    after_promote: [ { command: three } ]\n    after_follow: [ { command: four } ]\n    on_failure: [ { command: five } ]\n";

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
    let text = format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n\
         standbys: [server2]\n{HOOKS}"
    );
    let reading = read(&text).unwrap_or_else(|problems| panic!("{problems:?}"));
    story.cluster.hooks = reading.cluster.hooks;
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
fn a_hook_runs_where_pgrepl_logs_in_anyway() {
    let text = format!(
        "cluster: shop\npostgresql: {{ version: 15 }}\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n{}",
        HOOKS.replace("host: server1", "host: elsewhere")
    );
    let problems = read(&text).err().unwrap();
    assert_eq!(problems[0].message, "unknown host `elsewhere` for a hook");
}
