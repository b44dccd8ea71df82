//! Every action → its exact commands, as the stories use them; scripts are named, not repeated.

use std::collections::BTreeMap;

use pgrepl::plan::builder::place_of;
use pgrepl::plan::converge::converge;
use pgrepl::render::Templates;

use crate::stories::stories;

#[test]
fn every_action_of_the_stories_has_its_commands() {
    let mut shown: BTreeMap<String, String> = BTreeMap::new();
    for story in stories() {
        let Ok(plan) = converge(&story.cluster, &Templates::default(), &story.world, None) else {
            continue;
        };
        for step in &plan.steps {
            let place = place_of(
                &story.cluster,
                story.world.facts(&step.node).unwrap(),
                &step.node,
            )
            .unwrap();
            for command in step.action.act().commands(&place) {
                let whole = command.shown();
                let variables = whole.strip_suffix(command.script).unwrap();
                // Contents of files are shown by the plans.
                let variables: String = variables
                    .split_inclusive('\n')
                    .scan(false, |inside, line| {
                        let content = line.starts_with("content='") && !line.contains("***");
                        let shows = !*inside;
                        if content {
                            *inside = true;
                        }
                        if *inside && line.ends_with("'\n") {
                            *inside = false;
                        }
                        Some(if content {
                            "content=…\n".to_owned()
                        } else if shows {
                            line.to_owned()
                        } else {
                            String::new()
                        })
                    })
                    .collect();
                shown.entry(command.what.clone()).or_insert(variables);
            }
        }
    }
    let text: String = shown
        .iter()
        .map(|(what, variables)| format!("=== {what}\n{variables}\n"))
        .collect();
    insta::assert_snapshot!(text);
}
