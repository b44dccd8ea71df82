//! Copies beside the cluster: what is in their way, what may be removed, and that people are told of them.

use std::path::Path;
use std::process::Command;

use pgrepl::action::Action;
use pgrepl::facts::beside::{Beside, Copy, State, answered};
use pgrepl::facts::{Content, Observation};
use pgrepl::inventory::NodeName;
use pgrepl::plan::builder::place_of;
use pgrepl::plan::restore::beside::{drop_copy, free};
use pgrepl::plan::restore::copy::{Aside, restore_copy};
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::{Plan, PlanError};
use pgrepl::postgres::SystemId;
use pgrepl::render::Templates;
use pgrepl::report::copy::usage;
use pgrepl::report::status::conclude;
use pgrepl::report::status_table::show;
use pgrepl::report::style::Style;

use crate::archive::{story, there};
use crate::stories::{Story, after, stories};

const COPY: &str = "/srv/restored";

fn in_sync() -> Story {
    let found = stories().into_iter().find(|story| story.name == "in_sync");
    found.unwrap()
}

fn refused<T: std::fmt::Debug>(plan: Result<T, PlanError>) -> (String, String) {
    match plan {
        Err(PlanError::Refused(no)) => (no.message, no.help),
        other => panic!("{other:?}"),
    }
}

fn told(facts: &[(&str, &str)]) -> Beside {
    let facts = facts.iter();
    let facts: Vec<_> = facts
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    answered(&facts)
}

fn mark(cluster: &str) -> String {
    format!("# A copy of cluster {cluster}, restored by pgrepl from a to latest")
}

#[test]
fn a_copy_that_runs_is_worth_knowing_until_it_is_removed() {
    let mut story = in_sync();
    let server2 = NodeName::from("server2");
    story.world.facts_mut(&server2).unwrap().copies = vec![Copy {
        directory: "/srv/old one".into(),
        port: 5433,
        state: State::Running,
    }];
    let status = conclude(&story.cluster, &story.world);
    assert_eq!(status.problems, []);
    let text = show(&status, &story.cluster, 0.4, Style::plain());
    let lines = "a copy of the cluster runs in /srv/old one on port 5433";
    assert!(
        text.contains(lines) && text.contains("pgrepl restore --drop '/srv/old one' --to server2"),
        "{text}"
    );

    let there = told(&[("content", "some"), ("mark", &mark(&story.cluster.name))]);
    let templates = Templates::default();
    let drop = |directory: &str, there: &Beside| {
        let (cluster, world) = (&story.cluster, &story.world);
        drop_copy(cluster, &templates, world, &server2, directory, there)
    };
    let plan = drop("/srv/old one", &there).unwrap();
    let end: Observation = after(&plan, &story.world, plan.steps.len());
    assert_eq!(conclude(&story.cluster, &end).notes, []);
    assert!(matches!(
        plan.steps
            .iter()
            .map(|step| &step.action)
            .collect::<Vec<_>>()[..],
        [Action::DropCopy(_)]
    ));
}

#[test]
fn a_copy_whose_server_does_not_run_is_told_with_what_starts_or_removes_it() {
    let mut story = in_sync();
    let server2 = NodeName::from("server2");
    let mut notes = |state| {
        let copy = Copy {
            directory: "/srv/old one".into(),
            port: 5433,
            state,
        };
        story.world.facts_mut(&server2).unwrap().copies = vec![copy];
        conclude(&story.cluster, &story.world).notes
    };
    let removal = "pgrepl restore --drop '/srv/old one' --to server2";
    for (state, message, help) in [
        (State::Running, "runs in /srv/old one on port 5433", removal),
        (State::Stopped, "its server does not run", removal),
        (
            State::Stopped,
            "",
            "ssh server2 sudo systemd-run --unit pgrepl-shop-copy-srv-old_20one.service --uid postgres \
             -p KillSignal=SIGINT /usr/lib/postgresql/15/bin/postgres -D '/srv/old one'",
        ),
        (State::Cut, "half made or half removed", removal),
        (State::Busy, "being made or removed", "pgrepl status"),
    ] {
        let [note] = &notes(state)[..] else {
            panic!("{state:?}");
        };
        assert!(note.message.contains(message), "{}", note.message);
        assert!(note.help.contains(help), "{}", note.help);
    }
    assert_eq!(notes(State::Gone), []);
}

/// Removes a copy and its half-made successor with the real scripts, killed at the command with this number; returns whether
/// it came to its end.
fn removed(place: &Path, dies: usize) -> bool {
    let script = format!(
        "exec 7>&1 >/dev/null 2>&1\nruns_as=postgres home=/ service_user=$(id -un) cluster=shop node=a hold=
         directory=$0/copy staging=$0/copy.pgrepl-new system_id=7 mark='{}' copy_unit=a recover_unit=b fetch_unit=c\n{}\n{}\n{}\n{}
         commands=0
         begins() {{ commands=$((commands + 1)); [ \"$commands\" -ne {dies} ] || {{ kill -KILL $$; exit 137; }}; }}
         find() {{ begins; command find \"$@\"; }}
         rm() {{ begins; for last; do :; done; command rm -rf \"$last/system_id\" \"$last/postgresql.conf\"; begins; command rm \"$@\"; }}
         rmdir() {{ begins; command rmdir \"$@\"; }}
         mv() {{ begins; command mv \"$@\"; }}
         grep() {{ command grep \"$@\"; }}
         systemctl() {{ :; }}
         main\n",
        mark("shop"),
        include_str!("../../src/script/prelude.sh"),
        include_str!("../../src/script/job.sh"),
        include_str!("../../src/script/known_copies.sh"),
        include_str!("../../src/action/data/drop_copy.sh"),
    );
    let here = place.to_str().unwrap();
    let script = script
        .replace("/var/lib/pgrepl", &format!("{here}/known"))
        .replace("/run/pgrepl", &format!("{here}/run"));
    let ran = Command::new("sh").args(["-c", &script]).arg(place).output();
    let ran = ran.unwrap();
    let told = String::from_utf8(ran.stdout).unwrap();
    assert!(
        !told.contains("@fail") && !told.contains("@refused"),
        "{told}"
    );
    told.contains("@ok ")
}

/// What a host tells of the directory of the copy.
fn looked_at(place: &Path) -> Beside {
    let script = format!(
        "exec 7>&1\nruns_as=postgres home=/ service_user=$(id -un) cluster=shop node=a
         directory=$0/copy staging=$0/copy.pgrepl-new copy_unit=a copy_port=\n{}\nsystemctl() {{ :; }}\n{}\nmain\n",
        include_str!("../../src/script/prelude.sh"),
        include_str!("../../src/facts/beside.sh"),
    );
    let ran = Command::new("sh").args(["-c", &script]).arg(place).output();
    let told = String::from_utf8(ran.unwrap().stdout).unwrap();
    let facts = told.lines().filter_map(|line| {
        let (key, value) = line.strip_prefix("@fact ")?.split_once(' ')?;
        Some((key.to_owned(), value.to_owned()))
    });
    answered(&facts.collect::<Vec<_>>())
}

#[test]
fn a_removal_that_is_killed_anywhere_is_finished_by_the_next_one() {
    let story = in_sync();
    let server2 = NodeName::from("server2");
    let mut cuts = 0;
    for dies in 1.. {
        let home = tempfile::tempdir().unwrap();
        let place = home.path();
        let files = [
            "copy/base/1/a",
            "copy/pg_wal/b",
            "copy.pgrepl-new/data/PG_VERSION",
            "copy.pgrepl-new/log",
            "copy.tablespaces/16400/PG_15/c",
        ];
        for file in files.map(|file| place.join(file)) {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "").unwrap();
        }
        std::fs::create_dir_all(place.join("known/shop")).unwrap();
        let copy = place.join("copy");
        let known = format!("/srv/other\n{}\n", copy.display());
        let write = |at: &str, text: &str| std::fs::write(place.join(at), text).unwrap();
        write("known/shop/copies", &known);
        write(
            "copy/postgresql.conf",
            &format!("{}\nport = 5433\n", mark("shop")),
        );
        write("copy.pgrepl-new/source", "copy of backup a\n");
        write("copy.pgrepl-new/system_id", "7\n");
        let whole = removed(place, dies);
        cuts += usize::from(!whole);
        if !whole {
            // Who types the command again is not told that there is nothing.
            let mut world = story.world.clone();
            let facts = world.facts_mut(&server2).unwrap();
            if let Content::Instance(instance) = &mut facts.data.content
                && let Ok(control) = &mut instance.control
            {
                control.system_id = SystemId(7);
            }
            facts.copies = vec![Copy {
                directory: copy.display().to_string(),
                port: 5433,
                state: State::Cut,
            }];
            let (templates, there) = (Templates::default(), looked_at(place));
            let directory = copy.to_str().unwrap();
            let plan = drop_copy(
                &story.cluster,
                &templates,
                &world,
                &server2,
                directory,
                &there,
            );
            assert_eq!(plan.unwrap().steps.len(), 1, "{dies}");
            assert!(removed(place, 0), "{dies}");
        }
        let left = std::fs::read_dir(place).unwrap();
        let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["known", "run"], "killed at command {dies}");
        let known = std::fs::read_to_string(place.join("known/shop/copies")).unwrap();
        assert_eq!(known, "/srv/other\n");
        if whole {
            break;
        }
    }
    assert!(cuts > 6, "{cuts}");
}

#[test]
fn only_what_pgrepl_restored_beside_this_cluster_is_removed() {
    let story = in_sync();
    let node = NodeName::from("server2");
    let facts = story.world.facts(&node).unwrap();
    let (own, id) = (
        facts.data.path.clone(),
        facts.data.control().unwrap().system_id.to_string(),
    );
    let templates = Templates::default();
    let drop = |directory: &str, there: &[(&str, &str)]| {
        let (cluster, world) = (&story.cluster, &story.world);
        drop_copy(cluster, &templates, world, &node, directory, &told(there))
    };
    let (ours, other) = (mark(&story.cluster.name), mark("other"));
    let longer = mark(&format!("{}-2", story.cluster.name));
    let cut = |source, id| [("staging", source), ("staging_of", id)];
    let made = "copy of backup a";
    let full = ("content", "some");
    for (directory, there, why) in [
        (
            &*own,
            &[full, ("mark", &*ours)][..],
            "is the data directory",
        ),
        (COPY, &[full, ("mark", "# mine")], "does not have the mark"),
        (COPY, &[full, ("mark", "")], "does not have the mark"),
        (COPY, &[full, ("mark", &*other)], "a copy of cluster other"),
        (COPY, &[full, ("mark", &*longer)], "is a copy of cluster"),
        (COPY, &[("mark", "")], "there is no copy"),
        (COPY, &cut(made, "7"), "is not what a restore"),
        (COPY, &cut(made, ""), "is not what a restore"),
        (COPY, &cut("server1", &*id), "is not what a restore"),
        ("srv", &[full, ("mark", &*ours)], "is no place"),
        ("/", &[full, ("mark", &*ours)], "is no place"),
        ("/srv//a", &[full, ("mark", &*ours)], "is no place"),
        ("/srv/../a", &[full, ("mark", &*ours)], "is no place"),
        ("/srv/..", &[full, ("mark", &*ours)], "is no place"),
    ] {
        let (message, help) = refused(drop(directory, there));
        assert!(message.contains(why), "{directory} {there:?}: {message}");
        assert!(!help.is_empty());
    }
    for there in [
        &[full, ("mark", &*ours)][..],
        &cut(made, &id),
        &cut("", &id),
        &[("staging_empty", "yes")],
    ] {
        assert_eq!(drop(COPY, there).unwrap().steps.len(), 1, "{there:?}");
    }
}

#[test]
fn what_has_the_place_or_the_port_of_a_copy_is_told_by_the_plan() {
    let story = story("count: 7");
    let backups = there(&story);
    let node = NodeName::from("server1");
    let wish = RestoreRequest {
        to: &node,
        target: &pgrepl::files::recovery::Target::Latest,
        moment: None,
        backup: None,
        timeline: pgrepl::facts::way::Line::Found,
    };
    let aside = Aside {
        data_directory: COPY,
        port: 5433,
    };
    let templates = Templates::default();
    let (cluster, world) = (&story.cluster, &story.world);
    let plan: Plan = restore_copy(cluster, &templates, world, &backups, &wish, &aside).unwrap();
    let Some(Action::RestoreCopy(copy)) = plan.steps.last().map(|step| &step.action) else {
        panic!("{plan:#?}");
    };
    let (same, another) = (copy.mark(&cluster.name), mark(&cluster.name));
    let free = |there: &[(&str, &str)]| free(cluster, &plan, &told(there));
    let (full, unit, placed) = (("content", "some"), ("unit", "yes"), ("placed", "yes"));
    let left = [("staging", "copy of backup a"), ("mark", "")];
    let port = |of| [("port_of", of), ("port_free", "5435")];
    for (there, why, way) in [
        (
            &[full, ("mark", "")][..],
            "is not empty",
            "--data-directory",
        ),
        (
            &[full, ("mark", &*another), unit],
            "another copy",
            "restore --drop /srv/restored --to server1",
        ),
        // One that was stopped is not started again.
        (&[full, ("mark", &*same)], "another copy", "restore --drop"),
        (
            &port("/srv/other"),
            "the server in /srv/other has port 5433 on server1",
            "--port 5435",
        ),
        (&port(""), "another server has port 5433", "--port 5435"),
    ] {
        let (message, help) = refused(free(there));
        assert!(
            message.contains(why) && help.contains(way),
            "{there:?}: {message}: {help}"
        );
    }
    let place = place_of(cluster, world.facts(&node).unwrap(), &node).unwrap();
    let server2 = NodeName::from("server2");
    assert_eq!(
        usage(copy, &place, Some((&server2, 5432))),
        "  log in: ssh -t server1 sudo -u postgres psql -h /var/run/postgresql -p 5433
  copy a table back: ssh server1 sudo -u postgres /usr/lib/postgresql/15/bin/pg_dump -h /var/run/postgresql -p 5433 -t TABLE DATABASE | \
         ssh server2 sudo -u postgres psql -h /var/run/postgresql -p 5432 DATABASE
  remove it: pgrepl restore --drop /srv/restored --to server1\n"
    );
    // Nothing is there, or what a run that was cut has begun: it goes on.
    for there in [
        &[("mark", "")][..],
        &left,
        &[full, ("mark", &*same), unit],
        &[full, ("mark", &*same), left[0], placed],
        &port("/srv/restored"),
        &port("/srv/restored.pgrepl-new/data"),
    ] {
        assert!(free(there).is_ok(), "{there:?}");
    }
}
