//! Every state in which replication, archiving or backups do not work is a problem of `status`, with something to type.

use pgrepl::facts::backups::Backups;
use pgrepl::facts::server::Archiver;
use pgrepl::facts::{Process, Sight, Timer, Unreachable};
use pgrepl::inventory::{NodeName, read};
use pgrepl::postgres::{History, Timeline};
use pgrepl::report::status::conclude;
use pgrepl::report::status_archive;
use pgrepl::report::status_document::Status;
use pgrepl::report::status_table::show;
use pgrepl::report::style::Style;

use crate::archive::{archives, story, there};
use crate::stories::Story;

/// A cluster that archives, and takes backups by a timer, with nothing wrong.
fn works() -> Story {
    let mut story = story("count: 7");
    archives(&mut story);
    let text = "cluster: shop\npostgresql: { version: 15 }\nreplication: { password: { env: A } }\nprimary: server1\n\
                standbys: [server2, server3]\nhosts: { server3: { upstream: server2 } }\n\
                backup: { mount: /mnt/backups, schedule: \"02:30\", keep: { count: 7 } }\n";
    story.cluster = read(text).unwrap().cluster;
    for (_, facts) in story.world.seen_mut() {
        facts.timer = Some(Timer {
            active: true,
            last: None,
            failed: false,
        });
    }
    last_archived(&mut story, "000000010000000000000004");
    story
}

fn last_archived(story: &mut Story, name: &str) {
    server(story, "server1").archiver = Some(Archiver {
        last_archived: Some(name.into()),
        last_archived_age_s: Some(60),
        last_failed: None,
        last_failed_age_s: None,
        failed_count: 0,
    });
}

fn server<'a>(story: &'a mut Story, node: &str) -> &'a mut pgrepl::facts::Server {
    let facts = story.world.facts_mut(&NodeName::from(node)).unwrap();
    facts.server.as_mut().unwrap()
}

fn set(story: &mut Story, name: &str, value: &str) {
    let setting = server(story, "server1").settings.get_mut(name).unwrap();
    setting.setting = value.into();
}

fn moment(seconds: u64) -> String {
    format!("moment {seconds}")
}

fn status<'a>(story: &'a Story, there: Option<&Backups>) -> Status<'a> {
    let mut status = conclude(&story.cluster, &story.world);
    match there {
        Some(there) => {
            let node = NodeName::from("server1");
            status_archive::add(&mut status, &story.cluster, &node, there, &moment);
        }
        None => status_archive::unread(&mut status, "no host has the archive"),
    }
    status
}

fn shown(story: &Story, there: Option<&Backups>, style: Style) -> String {
    show(&status(story, there), &story.cluster, 0.4, style)
}

/// A state: what makes it, what is said of it, what to type.
type State = (
    &'static str,
    fn(&mut Story, &mut Option<Backups>),
    &'static str,
    &'static str,
);

const STATES: &[State] = &[
    (
        "archive_mode is off",
        |story, _| set(story, "archive_mode", "off"),
        "archive_mode is off",
        "pgrepl apply",
    ),
    (
        "a new `backup:` was not applied",
        |story, _| set(story, "archive_command", "/bin/true"),
        "archive_command calls /bin/true",
        "pgrepl apply",
    ),
    (
        "nothing was archived",
        |_, there| there.as_mut().unwrap().wal.clear(),
        "nothing has been archived yet",
        "pgrepl check",
    ),
    (
        "the archiver fails",
        |story, _| {
            let archiver = server(story, "server1").archiver.as_mut().unwrap();
            archiver.last_failed = Some("000000010000000000000005".into());
            archiver.last_failed_age_s = Some(1);
        },
        "archiving 000000010000000000000005 failed 1s ago",
        "tail",
    ),
    (
        "no backup was taken",
        |_, there| there.as_mut().unwrap().backups.clear(),
        "no backup was ever taken",
        "pgrepl backup run",
    ),
    (
        "the archive has a hole",
        |_, there| {
            let wal = &mut there.as_mut().unwrap().wal;
            let late = "000000010000000000000006".to_owned();
            wal.push((late.clone(), late));
        },
        "gap in the archive",
        "pgrepl backup list",
    ),
    (
        "the WAL between the backups and what the cluster lives on is gone",
        |_, there| {
            let there = there.as_mut().unwrap();
            let later = History {
                of: Timeline(2),
                forks: vec![(Timeline(1), "0/6000000".parse().unwrap())],
                promoted: true,
            };
            there.live = Some(later);
            let came = "000000020000000000000009".to_owned();
            there.wal = vec![(came.clone(), came)];
        },
        "no backup leads to timeline 2",
        "pgrepl backup run",
    ),
    (
        "there is no archive",
        |_, there| *there = None,
        "no host has the archive",
        "pgrepl apply",
    ),
    (
        "the mount is away",
        |story, _| {
            let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
            facts.mount.as_mut().unwrap().mounted = false;
        },
        "nothing is mounted on /mnt/backups",
        "ssh server2 sudo mount /mnt/backups",
    ),
    (
        "the timer is off",
        |story, _| {
            let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
            facts.timer.as_mut().unwrap().active = false;
        },
        "the timer of backups does not run",
        "pgrepl apply",
    ),
    (
        "there is no timer",
        |story, _| {
            let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
            facts.timer = None;
        },
        "the timer of backups is not set up",
        "pgrepl apply",
    ),
    (
        "a scheduled backup failed",
        |story, _| {
            let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
            facts.timer.as_mut().unwrap().failed = true;
        },
        "its scheduled backup failed",
        "journalctl",
    ),
    (
        "a slot is lost",
        |story, _| {
            let slot = server(story, "server1").slots.get_mut("server2").unwrap();
            slot.wal_status = Some("lost".into());
        },
        "slot server2 is lost",
        "pgrepl rebuild server2 --from primary",
    ),
    (
        "replay is paused",
        |story, _| server(story, "server2").paused = true,
        "replay is paused",
        "SELECT pg_wal_replay_resume();",
    ),
    (
        "a standby does not stream",
        |story, _| server(story, "server2").receiver = None,
        "does not stream",
        "tail",
    ),
    (
        "the disk of a standby is full",
        |story, _| {
            server(story, "server2").receiver = None;
            let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
            facts.disks[0].free = 0;
        },
        "does not stream: / has 0 B left",
        "ssh server2 df -h /",
    ),
    (
        "a standby has no slot",
        |story, _| {
            server(story, "server2").receiver = None;
            server(story, "server1").slots.remove("server2");
        },
        "does not stream: server1 has no slot for it",
        "pgrepl apply",
    ),
    (
        "a standby is stopped",
        |story, _| {
            let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
            (facts.server, facts.process) = (None, Process::Stopped);
        },
        "its server is stopped",
        "pgrepl apply",
    ),
    (
        "a host cannot be reached",
        |story, _| {
            let reason = Unreachable {
                message: "no route to host".into(),
                help: "ssh server2 true".into(),
                original: String::new(),
            };
            let hosts = &mut story.world.hosts;
            hosts.insert("server2".into(), Sight::Unreachable(reason));
        },
        "no route to host",
        "ssh server2 true",
    ),
    (
        "two primaries",
        |story, _| server(story, "server2").in_recovery = false,
        "server1 and server2 both run as primary",
        "decide which one is right",
    ),
];

#[test]
fn every_state_is_a_problem_with_something_to_type() {
    let right = works();
    let archive = there(&right);
    let problems = |story: &Story, there: Option<&Backups>| status(story, there).problems;
    assert_eq!(problems(&right, Some(&archive)), []);
    for (state, make, said, help) in STATES {
        let (mut story, mut there) = (works(), Some(archive.clone()));
        make(&mut story, &mut there);
        let told = problems(&story, there.as_ref());
        let tells = |message: &str, typed: &str| message.contains(said) && typed.contains(help);
        assert!(
            told.iter().any(|told| tells(&told.message, &told.help)),
            "{state}: {told:#?}"
        );
    }
}

#[test]
fn a_new_timeline_of_which_nothing_is_archived_yet_is_no_problem() {
    let right = works();
    for fork in ["0/5000000", "0/5001000", "0/4000100", "0/6000100"] {
        let mut archive = there(&right);
        archive.live = Some(History {
            of: Timeline(2),
            forks: vec![(Timeline(1), fork.parse().unwrap())],
            promoted: true,
        });
        let told = status(&right, Some(&archive)).problems;
        assert_eq!(told, [], "{fork}");
    }
}

#[test]
fn what_is_most_urgent_is_told_first() {
    for (state, make, said, _) in STATES.iter().rev().take(2) {
        let (mut story, mut archive) = (works(), Some(there(&works())));
        // Everything at once, as far as it does not exclude the rest.
        let excludes = ["there is no archive", "there is no timer"];
        let others = STATES.iter().take(11);
        for (_, other, _, _) in others.filter(|(state, ..)| !excludes.contains(state)) {
            other(&mut story, &mut archive);
        }
        make(&mut story, &mut archive);
        let told = status(&story, archive.as_ref()).problems;
        assert!(told[0].message.contains(said), "{state}: {told:#?}");
        assert!(told.is_sorted_by_key(|told| told.urgency), "{told:#?}");
    }
}

#[test]
fn who_is_down_is_red() {
    let mut story = works();
    let facts = story.world.facts_mut(&NodeName::from("server2")).unwrap();
    (facts.server, facts.process) = (None, Process::Stopped);
    let style = Style {
        color: true,
        width: None,
    };
    let text = shown(&story, None, style);
    let red = text
        .lines()
        .filter(|line| line.starts_with("\x1b[31mserver"));
    let red: Vec<&str> = red.collect();
    assert!(
        matches!(red[..], [one] if one.contains("server2")),
        "{text}"
    );
}

#[test]
fn each_state_of_the_archive_has_a_line_of_its_own() {
    let lines = |make: fn(&mut Story, &mut Option<Backups>)| {
        let (mut story, mut archive) = (works(), Some(there(&works())));
        make(&mut story, &mut archive);
        let text = shown(&story, archive.as_ref(), Style::plain());
        let about = |line: &&str| line.starts_with("archive") || line.starts_with("backups");
        text.lines().filter(about).collect::<Vec<_>>().join("\n")
    };
    let told = [
        lines(|_, _| {}),
        lines(|story, _| set(story, "archive_command", "/bin/true")),
        // What /bin/true has archived is in no archive.
        lines(|story, there| {
            last_archived(story, "000000010000000000000009");
            there.as_mut().unwrap().backups.clear();
        }),
        lines(|_, there| *there = None),
    ];
    assert_eq!(
        told,
        [
            "archive  last 000000010000000000000004 1m00s ago, 0 waiting\n\
             backups  last moment 272860, 1.0 kB, not verified",
            "archive  nothing comes where `backup:` says: pgrepl apply\n\
             backups  last moment 272860, 1.0 kB, not verified",
            "archive  nothing archived yet, 0 waiting\nbackups  none was ever taken",
            "archive  last 000000010000000000000004 1m00s ago, 0 waiting\n\
             backups  not read: no host has the archive",
        ]
    );
}

#[test]
fn status_and_the_list_of_backups_tell_the_same_moments() {
    let story = works();
    let told = |archive: &Backups| {
        let listed = pgrepl::report::backups::table(archive, &moment, Style::plain());
        (shown(&story, Some(archive), Style::plain()), listed)
    };
    let mut archive = there(&story);
    archive.wal_until = Some(300_000);
    let range = "any moment from moment 100060 until moment 300000";
    let (status, listed) = told(&archive);
    assert!(status.contains(range), "{status}");
    assert!(listed.contains(range), "{listed}");
    assert!(listed.contains("000000010000000000000004"), "{listed}");
    // One that brings its WAL along can be restored without any in the archive; another one cannot.
    archive.wal.clear();
    let only = "no moment since";
    let (status, listed) = told(&archive);
    assert!(
        status.contains(only) && listed.contains(only),
        "{status}{listed}"
    );
    assert!(listed.contains("its own end"), "{listed}");
    archive
        .backups
        .iter_mut()
        .for_each(|backup| backup.own_wal = false);
    let (_, listed) = told(&archive);
    assert!(listed.contains("WAL is missing"), "{listed}");
}
