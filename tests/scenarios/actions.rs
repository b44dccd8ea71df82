//! Every action → its exact commands, as the stories use them; scripts are named, not repeated.

use std::collections::BTreeMap;
use std::process::Command;

use pgrepl::plan::builder::place_of;
use pgrepl::plan::converge::converge;
use pgrepl::platform::Family;
use pgrepl::render::Templates;

use crate::stories::stories;

/// What families do each in their own way.
const OWN: [&str; 6] = [
    "create the database cluster",
    "install packages",
    "register the service",
    "put the copy in its place",
    "write postgresql.conf",
    "start",
];

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
                let what = match place.platform.family {
                    Family::Debian => command.what.clone(),
                    // Only what a family does in its own way.
                    _ if !OWN.contains(&command.what.as_str()) => continue,
                    family => format!("{} ({})", command.what, family.word()),
                };
                shown.entry(what).or_insert(variables);
            }
        }
    }
    let text: String = shown
        .iter()
        .map(|(what, variables)| format!("=== {what}\n{variables}\n"))
        .collect();
    insta::assert_snapshot!(text);
}

#[test]
fn why_pg_rewind_gave_up_is_read_in_the_words_of_every_version() {
    let script = format!(
        "set -eu\ndata_directory=/data cluster=shop port=5432\n{}\nreason",
        include_str!("../../src/action/rewind.sh")
    );
    let why = |words: &str| {
        let command = format!("{script} <<'TXT'\n{words}\nTXT\n");
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let lost = "could not find previous WAL record at 0/9025A88\n";
    assert_eq!(
        why(
            "pg_rewind: servers diverged at WAL location 0/9025C90 on timeline 5\n\
             pg_rewind: error: could not find previous WAL record at 0/9025A88\npg_rewind: detail: more"
        ),
        lost
    );
    // PostgreSQL 11
    assert_eq!(
        why(
            "servers diverged at WAL location 0/9025C90 on timeline 5\n\n\
             could not find previous WAL record at 0/9025A88\nFailure, exiting"
        ),
        lost
    );
}

#[test]
fn a_server_apart_from_what_was_taken_from_a_standby_ends_its_recovery() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("standby.signal"), "").unwrap();
    let script = format!(
        "set -eu\nstaging={} cluster=shop apart_socket=/none apart_port=1 recovery= tablespaces= origins= bindir=/none\n\
         marker=recovery.signal marker_text=\n{}\nleast() {{ :; }}\nsystemctl() {{ :; }}\nas_service_user() {{ \"$@\"; }}\n\
         put() {{ printf '%s' \"$2\" >\"$1\"; }}\nstart_unit() {{ ls \"$staging/data\"; }}\nstart_apart none '#' 2>&1\n",
        place.path().display(),
        include_str!("../../src/action/apart.sh")
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let files = String::from_utf8(output.stdout).unwrap();
    assert!(
        files.contains("recovery.signal") && !files.contains("standby.signal"),
        "{files}"
    );
}
