//! A restore in place, cut anywhere and typed again.

use pgrepl::action::Action;
use pgrepl::facts::Facts;
use pgrepl::facts::history::live;
use pgrepl::facts::way::Line;
use pgrepl::files::recovery::Target;
use pgrepl::inventory::NodeName;
use pgrepl::plan::Plan;
use pgrepl::plan::converge::converge;
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::restore::restore;
use pgrepl::render::Templates;

use crate::archive::{story, there};
use crate::checks::calm;
use crate::stories::{after, titles};
use crate::worlds::running_primary;

#[test]
fn a_restore_ends_with_one_primary_whom_everybody_follows() {
    let story = story("count: 7");
    let there = there(&story);
    for to in ["server1", "server2"] {
        let to = NodeName::from(to);
        let wish = RestoreRequest {
            to: &to,
            target: &Target::Latest,
            moment: None,
            backup: None,
            timeline: Line::Found,
        };
        let plan: Plan = restore(
            &story.cluster,
            &Templates::default(),
            &story.world,
            &there,
            &wish,
        )
        .unwrap();
        let mut archived_nothing = false;
        for cut in 0..=plan.steps.len() {
            let world = after(&plan, &story.world, cut);
            let primaries = world
                .seen()
                .filter(|(_, facts)| running_primary(facts))
                .count();
            assert!(
                primaries <= 1,
                "cut after step {cut} of {:#?}",
                titles(&plan)
            );
            // Who types `apply` instead never gets an empty cluster.
            if let Ok(apply) = converge(&story.cluster, &Templates::default(), &world, None) {
                let new = |action: &Action| matches!(action, Action::InitDb(_));
                assert!(
                    !apply.steps.iter().any(|step| new(&step.action)),
                    "cut after step {cut}"
                );
            }
            // Typed again, it ends.
            let mut there = there.clone();
            let nothing = world.seen().any(|(_, facts)| archives_nothing(facts));
            there.live = live(&world, &there).filter(|_| nothing);
            let again =
                restore(&story.cluster, &Templates::default(), &world, &there, &wish).unwrap();
            // Who archives nothing yet is not waited for.
            if nothing {
                let waits = |action: &Action| matches!(action, Action::SeeArchived(_));
                assert!(!again.steps.iter().any(|step| waits(&step.action)));
                // Its timeline is known to nobody else.
                let follows = |action: &Action| match action {
                    Action::PlaceClone(place) => place.recovery.as_ref().is_some_and(|settings| {
                        settings.contains("recovery_target_timeline = '1'")
                    }),
                    _ => false,
                };
                let mut steps = again.steps.iter();
                assert!(
                    steps.any(|step| follows(&step.action)),
                    "{:#?}",
                    again.steps
                );
                archived_nothing = true;
            }
            let end = after(&again, &world, again.steps.len());
            let left = converge(&story.cluster, &Templates::default(), &end, None).unwrap();
            assert_eq!(left.leader, to, "cut after step {cut}");
            assert!(
                left.steps.is_empty(),
                "cut after step {cut} of {:#?}: {:#?}",
                titles(&plan),
                titles(&left)
            );
        }
        assert!(
            archived_nothing,
            "no cut between the recovery and the restart with archiving"
        );
    }
}

fn archives_nothing(facts: &Facts) -> bool {
    let server = facts.server.as_ref();
    running_primary(facts)
        && server.is_some_and(|server| server.settings["archive_mode"].setting == "off")
}

#[test]
fn who_listens_on_no_address_by_choice_goes_on_so() {
    let (cluster, world) = calm();
    let auto = "/var/lib/postgresql/15/main/postgresql.auto.conf";
    let cleaned = |text: &str| -> Vec<String> {
        let mut world = world.clone();
        let file = world
            .facts_mut(&"server1".into())
            .unwrap()
            .files
            .get_mut(auto);
        let file = file.expect("the file is among those that are read");
        file.content = Some(text.into());
        let plan = converge(&cluster, &Templates::default(), &world, None).unwrap();
        let mut steps = plan.steps.into_iter();
        steps
            .find_map(|step| match step.action {
                Action::CleanAutoConf(clean) => Some(clean.keys),
                _ => None,
            })
            .unwrap_or_default()
    };
    assert!(cleaned("listen_addresses = ''\n").is_empty());
    // A restore left these: what is known by the other one goes first, as a run may be killed between the two.
    let left = cleaned("archive_mode = 'off'\nlisten_addresses = ''\n");
    assert_eq!(left, ["listen_addresses", "archive_mode"]);
    assert_eq!(cleaned("archive_mode = 'off'\n"), ["archive_mode"]);
}
