//! What a recovery needs before it begins, and what it leaves to be put right.

use pgrepl::action::Action;
use pgrepl::backup::engine;
use pgrepl::facts::backups::Backups;
use pgrepl::files::recovery::Target;
use pgrepl::inventory::BackupTool;
use pgrepl::inventory::NodeName;
use pgrepl::plan::converge::converge;
use pgrepl::plan::restore::request::RestoreRequest;
use pgrepl::plan::restore::restore;
use pgrepl::postgres::Lsn;
use pgrepl::render::Templates;

use crate::archive::{archives, story, there};
use crate::stories::{Story, titles};

#[test]
fn what_a_recovery_switched_off_is_on_again_after_a_restart() {
    let mut story = story("count: 7");
    let name = NodeName::from("server1");
    let waits = |story: &Story| -> Vec<String> {
        let plan = converge(&story.cluster, &Templates::default(), &story.world, None).unwrap();
        let steps = plan.steps.iter().filter(|step| step.node == name);
        let restarts = steps.filter_map(|step| match &step.action {
            Action::Restart(restart) => Some(restart.because.clone()),
            _ => None,
        });
        restarts.flatten().collect()
    };
    // What somebody's own file said is kept; nothing is restarted for it while it is loaded.
    let facts = story.world.facts_mut(&name).unwrap();
    let path = "/etc/postgresql/15/main/postgresql.conf";
    let file = facts.files.get_mut(path).unwrap();
    let text = format!(
        "archive_mode = on\n{}",
        file.content
            .as_deref()
            .unwrap()
            .replace(": written by pgrepl.", "")
    );
    file.digest = pgrepl::facts::digest(&text);
    file.content = Some(text);
    assert!(!waits(&story).contains(&"archive_mode".to_owned()));
    let facts = story.world.facts_mut(&name).unwrap();
    let server = facts.server.as_mut().unwrap();
    let mode = server.settings.get_mut("archive_mode").unwrap();
    mode.setting = "off".into();
    mode.source = "configuration file".into();
    mode.sourcefile = Some(format!("{}/postgresql.auto.conf", facts.data.path));
    assert!(waits(&story).contains(&"archive_mode".to_owned()));
}

#[test]
fn a_moment_behind_the_last_commit_is_reached_where_all_of_it_is_archived() {
    let mut story = story("count: 7");
    archives(&mut story);
    let there = Backups {
        wal_until: Some(300_000),
        ..there(&story)
    };
    let to = NodeName::from("server1");
    let plan = |story: &Story, moment: u64| {
        let wish = RestoreRequest {
            to: &to,
            target: &Target::Time("later".into()),
            moment: Some(moment),
            backup: None,
            timeline: pgrepl::facts::way::Line::Found,
        };
        restore(
            &story.cluster,
            &Templates::default(),
            &story.world,
            &there,
            &wish,
        )
    };
    // A primary that runs commits once more, and what it has is archived before anything stops.
    let running = plan(&story, 400_000).unwrap();
    let kinds = running.steps.iter().map(|step| &step.action);
    let first: Vec<bool> = kinds
        .take(2)
        .map(|action| matches!(action, Action::SwitchWal(_) | Action::SeeArchived(_)))
        .collect();
    assert_eq!(first, [true, true], "{:#?}", titles(&running));
    // Stopped, it has archived all up to its last checkpoint, or not.
    for (name, end, whole) in [
        ("server1", 0x0400_0000, true),
        ("server1", 0x0600_0000, false),
    ] {
        let name = NodeName::from(name);
        let stop = pgrepl::action::Action::from(pgrepl::action::Stop {
            unit: String::new(),
            system_id: pgrepl::postgres::SystemId(0),
            hands_over: false,
            pauses: false,
            address: None,
            primary: true,
            seconds: 1,
        });
        let facts = story.world.facts_mut(&name).unwrap();
        if let Some(server) = &mut facts.server {
            server.current = Some(Lsn(end));
        } else if let pgrepl::facts::Content::Instance(instance) = &mut facts.data.content {
            instance.control.as_mut().unwrap().checkpoint = Lsn(end);
        }
        stop.act().effect(&name, &mut story.world);
        let facts = story.world.facts_mut(&name).unwrap();
        if let pgrepl::facts::Content::Instance(instance) = &mut facts.data.content {
            instance.control.as_mut().unwrap().checkpoint = Lsn(end);
        }
        assert_eq!(plan(&story, 400_000).is_ok(), whole, "{end:x}");
    }
}

#[test]
fn wal_that_came_with_a_backup_is_never_archived_by_who_was_restored_from_it() {
    let place = tempfile::tempdir().unwrap();
    let script = format!(
        "set -eu\n{}
        top=$PWD/top work=$PWD/work data=$PWD/data spaces=/dev/null wal_directory=pg_wal ids=one
        mkdir -p \"$top/base/one\" wal data work
        echo 15 >PG_VERSION
        tar -cf \"$top/base/one/base.tar\" PG_VERSION
        : >wal/000000010000000000000004
        : >wal/00000002.history
        tar -cf \"$top/base/one/pg_wal.tar\" -C wal .
        (cd \"$top/base/one\" && for file in *.tar; do printf '%s  %s\\n' \"$(sha256 <\"$file\")\" \"$file\"; done >SHA256SUMS)
        unpack_backup
        cd data/pg_wal && find . -type f | sort",
        engine(BackupTool::Basebackup).unpack()
    );
    let ran = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(place.path())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&ran.stdout),
        "./000000010000000000000004\n./00000002.history\n./archive_status/000000010000000000000004.done\n",
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
