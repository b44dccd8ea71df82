//! A plan as a comment on a pull request: what stands first, what is drawn, and that it is never too long.

use pgrepl::facts::Observation;
use pgrepl::inventory::NodeName;
use pgrepl::plan::Plan;
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;
use pgrepl::report::markdown;
use pgrepl::report::plan::Diff;

use crate::stories::stories;

/// What code hosts take.
const COMMENT: usize = 65_536;

fn planned(name: &str) -> (Plan, Observation) {
    let mut all = stories().into_iter();
    let story = all.find(|story| story.name == name).unwrap();
    let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
    (plan, story.world)
}

fn shown(plan: &Plan, seen: &Observation, diff: Diff) -> String {
    markdown::plan(plan, seen, "shop.yaml", 0.3, diff)
}

#[test]
fn a_comment_begins_with_what_matters() {
    let text: String = [
        "raise_max_connections",
        "new_cascade",
        "cascade_moves_to_primary",
        "standby_unreachable",
        "in_sync",
    ]
    .map(|name| {
        let (plan, seen) = planned(name);
        format!("=== {name}\n{}\n", shown(&plan, &seen, Diff::Changed))
    })
    .concat();
    insta::assert_snapshot!(text);
}

/// The same plan for this many hosts beside.
fn wide(hosts: usize) -> (Plan, Observation) {
    let (mut plan, seen) = planned("new_cascade");
    let nodes = plan.nodes.clone();
    let steps = plan.steps.clone();
    for number in 0..hosts {
        for node in &nodes {
            let name = NodeName::new(format!("{}-{number}", node.node));
            let mut more = node.clone();
            for step in steps.iter().filter(|step| step.node == node.node) {
                let mut step = step.clone();
                step.node = name.clone();
                plan.steps.push(step);
            }
            more.node = name;
            plan.nodes.push(more);
        }
    }
    (plan, seen)
}

/// Every fence that is opened is closed, and everything folded ends.
fn whole(text: &str) -> bool {
    let mut open: Option<&str> = None;
    for line in text.lines().filter(|line| line.starts_with("```")) {
        let ticks = &line[..line.len() - line.trim_start_matches('`').len()];
        open = match open {
            None => Some(ticks),
            Some(begin) if line == begin => None,
            open => open,
        };
    }
    open.is_none() && text.matches("<details>").count() == text.matches("</details>").count()
}

#[test]
fn no_comment_is_too_long_and_the_first_things_stay() {
    for hosts in [0, 3, 30, 150] {
        let (plan, seen) = wide(hosts);
        for diff in [Diff::Full, Diff::Changed, Diff::None] {
            let text = shown(&plan, &seen, diff);
            let length = text.chars().count();
            assert!(length < COMMENT - 200, "{hosts} hosts: {length}");
            assert!(
                text.contains("**Plan:**") || text.contains("Plan: "),
                "{text}"
            );
            assert!(text.contains("Cost: "), "{text:.500}");
            assert!(whole(&text), "{hosts} hosts, {diff:?}: {text}");
            let all: usize = text.matches("| standby of server").count();
            let said = text.contains("steps, not shown for want of room");
            assert!(said || all >= hosts, "{hosts}: {all}");
            let folded = text.matches("<details>").count();
            assert!(
                folded == plan.nodes.len() || text.contains("more host"),
                "{hosts}: {folded}"
            );
        }
    }
}

/// One file that is longer than a comment is cut, with a word of how much of it is not there.
#[test]
fn what_is_too_long_on_one_host_is_cut() {
    let (mut plan, seen) = planned("raise_max_connections");
    for step in &mut plan.steps {
        step.why = "`because` ".repeat(3_000);
    }
    let steps = plan.steps.clone();
    for _ in 0..3 {
        plan.steps.extend(steps.clone());
    }
    let text = shown(&plan, &seen, Diff::Full);
    assert!(
        text.chars().count() < COMMENT - 200,
        "{}",
        text.chars().count()
    );
    assert!(whole(&text), "{text}");
    assert!(
        text.contains("more line") || text.contains("more host"),
        "{text}"
    );
}

#[test]
fn only_a_topology_that_changes_is_drawn() {
    for (name, drawn) in [
        ("in_sync", false),
        ("raise_max_connections", false),
        ("new_cascade", true),
    ] {
        let (plan, seen) = planned(name);
        let text = shown(&plan, &seen, Diff::None);
        assert_eq!(text.contains("```mermaid"), drawn, "{name}: {text}");
    }
    let (plan, seen) = planned("cascade_moves_to_primary");
    let text = shown(&plan, &seen, Diff::None);
    let edges = |half: &str| {
        half.lines()
            .filter(|line| line.contains("-->"))
            .map(str::trim)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (now, then) = text.split_once("subgraph then").unwrap();
    let turn = |edge: String| edge.replace('a', "b");
    assert_ne!(
        edges(now).into_iter().map(turn).collect::<Vec<_>>(),
        edges(then),
        "{text}"
    );
}
