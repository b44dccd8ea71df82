//! Whose stream a sender of the primary is.

use pgrepl::action::Action;
use pgrepl::facts::{Content, Process};
use pgrepl::inventory::NodeName;
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;

use crate::stories::{after, stories};

#[test]
fn the_stream_of_a_copy_proves_nothing_of_the_standby_that_it_becomes() {
    let mut story = stories()
        .into_iter()
        .find(|story| story.name == "in_sync")
        .unwrap();
    // The copy that goes on streams its WAL by the name of the standby.
    let standby = NodeName::from("server3");
    let facts = story.world.facts_mut(&standby).unwrap();
    facts.server = None;
    facts.process = Process::Stopped;
    facts.data.content = Content::Nothing;
    facts.data.signals = pgrepl::facts::Signals::default();
    let waits = |world: &pgrepl::facts::Observation| {
        let plan = converge(&story.cluster, &Templates::default(), world, None).unwrap();
        let proven = plan.steps.iter().any(
            |step| matches!(&step.action, Action::WaitStreaming(wait) if wait.standby == standby),
        );
        (plan, proven)
    };
    let (plan, proven) = waits(&story.world);
    assert!(proven);
    let (left, _) = waits(&after(&plan, &story.world, plan.steps.len()));
    assert!(left.steps.is_empty());
}
