//! Every action → its exact commands, as the stories use them; scripts are named, not repeated.

use std::collections::BTreeMap;
use std::process::Command;

use pgrepl::plan::builder::place_of;
use pgrepl::plan::converge::converge;
use pgrepl::platform::Installer;
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
                let what = match place.platform.installer {
                    Installer::Apt => command.what.clone(),
                    // Only what is done in another way there.
                    _ if !OWN.contains(&command.what.as_str()) => continue,
                    installer => format!("{} ({})", command.what, installer.word()),
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
        include_str!("../../src/action/data/rewind.sh")
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
        "set -eu\nstaging={} data_directory=/none cluster=shop apart_socket=/none apart_port=1 recovery= tablespaces= origins= bindir=/none\n\
         marker=recovery.signal marker_text=\n{}\n{}\nleast() {{ :; }}\nsystemctl() {{ :; }}\nas_service_user() {{ \"$@\"; }}\n\
         put() {{ printf '%s' \"$2\" >\"$1\"; }}\nstart_unit() {{ ls \"$staging/data\"; }}\nstart_apart none '#' 2>&1\n",
        place.path().display(),
        include_str!("../../src/script/staging.sh"),
        include_str!("../../src/script/apart.sh")
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let files = String::from_utf8(output.stdout).unwrap();
    assert!(
        files.contains("recovery.signal") && !files.contains("standby.signal"),
        "{files}"
    );
}

#[test]
fn a_recovery_ended_for_its_own_reason_and_not_for_who_asked_meanwhile() {
    let script = format!(
        "set -eu\n{}\nwhy_recovery_ended",
        include_str!("../../src/script/ended.sh")
    );
    let why = |log: &str| {
        let command = format!("{script} <<'LOG'\n{log}\nLOG\n");
        let output = Command::new("sh").args(["-c", &command]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let short = "2026-11-26 07:01:33 UTC [9] FATAL:  recovery ended before configured recovery target was reached";
    for other in [
        "[10] root@postgres FATAL:  role \"root\" does not exist",
        "[11] FATAL:  the database system is not accepting connections",
        "[12] FATAL:  password authentication failed for user \"app\"",
    ] {
        for log in [format!("{short}\n{other}"), format!("{other}\n{short}")] {
            assert_eq!(why(&log), "the archive does not have it");
        }
    }
    let gap = "WAL ends before end of online backup";
    assert_eq!(
        why(&format!(
            "[9] FATAL:  {gap}\n[10] FATAL:  role \"root\" does not exist\n[9] LOG:  down"
        )),
        gap
    );
    assert_eq!(why("[9] LOG:  nothing"), "");
}

#[test]
fn a_backup_that_is_whole_is_never_without_a_name_and_without_its_marks() {
    for (dies, left) in [
        ("mv", "id.inprogress: complete host info"),
        ("rm", "id: complete host info"),
        ("none", "id: info"),
    ] {
        let place = tempfile::tempdir().unwrap();
        let work = place.path().join("base/id.inprogress");
        std::fs::create_dir_all(&work).unwrap();
        for file in ["complete", "host", "info"] {
            std::fs::write(work.join(file), "").unwrap();
        }
        let script = format!(
            "set -eu\ntop={0} id=id\n{dies}() {{ kill -KILL $$; }}\n{1}\nfinish_backup\n",
            place.path().display(),
            include_str!("../../src/script/finish.sh")
        );
        Command::new("sh").args(["-c", &script]).status().unwrap();
        let found = format!(
            "cd {}/base; for d in *; do echo $d: $(ls $d); done",
            place.path().display()
        );
        let found = Command::new("sh").args(["-c", &found]).output().unwrap();
        assert_eq!(String::from_utf8(found.stdout).unwrap().trim(), left);
    }
}

#[test]
fn progress_is_told_also_of_what_has_gone_away() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("file"), vec![1; 100_000]).unwrap();
    let script = format!(
        "exec 7>&1\nruns_as=postgres home=/\n{}\nstaging={}\n{}\n{}\nbytes=9\nfor staging in \"$staging\" /nowhere; do show_progress; done",
        include_str!("../../src/script/prelude.sh"),
        place.path().display(),
        include_str!("../../src/script/job.sh"),
        include_str!("../../src/script/fetch.sh").replace("$staging/data", "$staging"),
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let done: Vec<u64> = told
        .lines()
        .map(|line| line.split(' ').nth(1).unwrap().parse().unwrap())
        .collect();
    assert!(
        output.status.success() && done.len() == 2 && done[0] >= 100_000 && done[1] == 0,
        "{told}"
    );
}

/// Lets a standby place WAL that another host packed: `pack` is the shell text that makes what is there, of the files in a
/// directory. Returns what the standby tells.
fn placed(pack: &str) -> (tempfile::TempDir, String) {
    let place = tempfile::tempdir().unwrap();
    let script = format!(
        "mkdir -p \"$0/packed\" \"$0/main/pg_wal/.pgrepl\" && touch \"$0/main/pg_wal/.pgrepl/left\" && cd \"$0/packed\" && {pack} && wal=$(tar -cPf - -- * | gzip | base64 -w 0)\n\
         runs_as=postgres home=/ verb=place segments='000000010000000000000002 000000010000000000000003' segment_size=1048576\n\
         data_directory=$0/main wal_directory=pg_wal\n{}\n{}\nrun_main\n",
        include_str!("../../src/script/prelude.sh"),
        include_str!("../../src/action/data/carry_wal.sh"),
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(place.path())
        .output()
        .unwrap();
    (place, String::from_utf8(output.stdout).unwrap())
}

#[test]
fn of_wal_that_another_host_packed_only_whole_segments_are_placed() {
    let segments = "for n in 2 3; do head -c 1048576 /dev/zero >00000001000000000000000$n; done";
    let (place, told) = placed(segments);
    assert!(told.starts_with("@ok changed"), "{told}");
    let wal = |place: &tempfile::TempDir| {
        let entries = std::fs::read_dir(place.path().join("main/pg_wal")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    assert_eq!(wal(&place).len(), 2);
    // What was not asked for is not unpacked, wherever it says that it goes.
    let (place, told) = placed(&format!("{segments} && mkdir x && touch x/y evil"));
    assert!(told.starts_with("@ok changed"), "{told}");
    assert_eq!(wal(&place).len(), 2);
    for wrong in [
        "ln -s /etc/hostname 000000010000000000000002 && touch 000000010000000000000003",
        "head -c 1048577 /dev/zero >000000010000000000000002 && cp 0*2 000000010000000000000003",
        "mkdir 000000010000000000000002 && head -c 1048576 /dev/zero >000000010000000000000003",
        "touch 000000010000000000000003",
        "touch evil",
    ] {
        let (place, told) = placed(wrong);
        assert!(told.starts_with("@fail cannot place"), "{wrong}: {told}");
        assert_eq!(wal(&place), [""; 0], "{wrong}");
    }
}
