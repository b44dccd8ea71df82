//! The service user against root: he exchanges directories for links to root's while the scripts of actions run for real. What
//! root has stays as it is, and nobody is told what stands in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[path = "hostile/probe.rs"]
mod probe;
#[path = "hostile/victims.rs"]
mod victims;

use victims::{LIBRARY, TOLD, VICTIMS, WITHOUT};

/// A user that every host has, with a group of his name.
const USER: &str = "daemon";
/// What stands in files of root's that nobody else may read.
const SECRET: &str = "what-root-alone-knows";

/// How many tries there are at most, and how long the test goes on to make them.
const MOST: usize = 500;
const LONGEST: Duration = Duration::from_secs(34);

/// What is exchanged, below the directory of the service user.
const EXCHANGED: [&str; 9] = [
    "15",
    "15/main",
    "15/main.pgrepl-new",
    "15/new.pgrepl-new",
    "15/ts",
    "15/etc",
    "15/mount",
    "15/mount/base",
    "15/main/pg_wal",
];

/// Makes what a host has: data, a copy that is complete, one that was set aside, a configuration.
fn build(top: &Path, text: &str) {
    let write = |path: &str| {
        let path = top.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    };
    for data in [
        "main",
        "main.pgrepl-new/data",
        "new.pgrepl-new/data",
        "main.pgrepl-20260101T000000Z",
    ] {
        for file in [
            "PG_VERSION",
            "postgresql.auto.conf",
            "postgresql.conf",
            "pg_hba.conf",
            "pg_hba.conf.pgrepl-previous",
            "server.key",
            "conf.d/own.conf",
            "recovery.conf",
            "recovery.signal",
            "postmaster.pid",
            "pg_wal/000000010000000000000001",
            "pg_wal/00000002.history",
            "pg_wal/archive_status/1.ready",
            "pg_wal/.pgrepl/000000010000000000000002",
            "pg_replslot/standby/state",
        ] {
            write(&format!("{data}/{file}"));
        }
        fs::create_dir_all(top.join(data).join("pg_tblspc")).unwrap();
        let link = top.join(data).join("pg_tblspc/16390");
        symlink(top.join("ts/one"), link).unwrap();
    }
    for file in ["source", "system_id", "complete", "log", "tablespaces"] {
        write(&format!("main.pgrepl-new/{file}"));
        write(&format!("new.pgrepl-new/{file}"));
    }
    for file in [
        "postgresql.conf",
        "pg_hba.conf",
        "pg_hba.conf.pgrepl-previous",
        "start.conf",
        ".pgpass",
    ] {
        write(&format!("etc/{file}"));
    }
    for file in ["one.inprogress/complete", "two.inprogress/log"] {
        write(&format!("mount/base/{file}"));
    }
    write("ts/one/PG_15/1");
    for empty in ["ts/new", "deep", "sock", "mount/restores"] {
        fs::create_dir_all(top.join(empty)).unwrap();
    }
}

fn walk(path: &Path, see: &mut impl FnMut(&Path)) {
    see(path);
    if path.symlink_metadata().is_ok_and(|file| file.is_dir()) {
        for entry in fs::read_dir(path).unwrap() {
            walk(&entry.unwrap().path(), see);
        }
    }
}

/// Everything that a directory has, with whose it is and what stands in it.
fn tree(top: &Path) -> BTreeMap<PathBuf, String> {
    let mut seen = BTreeMap::new();
    walk(top, &mut |path| {
        let file = path.symlink_metadata().unwrap();
        let text = fs::read_to_string(path).unwrap_or_default();
        let about = format!(
            "{} {} {:o} {} {text}",
            file.ino(),
            file.uid(),
            file.mode(),
            file.gid()
        );
        seen.insert(path.to_owned(), about);
    });
    seen
}

fn id(option: &str) -> u32 {
    let output = Command::new("id").args([option, USER]).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// Says whether there is somebody to mislead.
fn is_root() -> bool {
    let root = id("-u") != 0 && fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root {
        eprintln!("left out: only root can be misled; the hosts of tests/e2e are run as root");
    }
    root
}

/// Exchanges a directory for a link and back until it is told that it is over.
fn attack(his: &Path, what: &str) -> std::process::Child {
    let script = "cd / && n=0
        while [ ! -e \"$3\" ]; do
            n=$((n + 1))
            [ -L \"$1\" ] || mv -T \"$1\" \"$1.was-$n\" && mv -T \"$2\" \"$1\"
            [ $((n % 3)) = 0 ] || sleep 0.00$((n % 7))
            if [ -L \"$1\" ]; then mv -T \"$1\" \"$2\" && mv -T \"$1.was-$n\" \"$1\"; fi
            sleep 0.0$((n % 2))$((n % 5))
        done";
    Command::new("setpriv")
        .args([
            "--reuid",
            USER,
            "--regid",
            USER,
            "--init-groups",
            "sh",
            "-c",
            script,
            "sh",
        ])
        .args([his.join(what), his.join("evil"), his.with_extension("over")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn whatever_the_service_user_exchanges_root_follows_nothing_of_his() {
    if !is_root() {
        return;
    }
    let (uid, gid) = (id("-u"), id("-g"));
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    build(&at("root/15"), SECRET);
    // What makes an instance, as far as a script is concerned.
    fs::create_dir(at("bin")).unwrap();
    let initdb = "#!/bin/sh\necho 15 >\"$2/PG_VERSION\"\nmkdir \"$2/global\"\n";
    fs::write(at("bin/initdb"), initdb).unwrap();
    fs::set_permissions(at("bin/initdb"), PermissionsExt::from_mode(0o755)).unwrap();
    let before = tree(&at("root"));
    let (begin, done) = (Instant::now(), Mutex::new(BTreeMap::new()));
    let wal = "wal=$(cd / && mkdir -p $his/w && echo new >$his/w/000000010000000000000002 &&
        tar -C $his/w -cf - 000000010000000000000002 | gzip -1 | base64 -w 0)";

    let one = |turn: usize| {
        let (name, script, told) = VICTIMS[turn % VICTIMS.len()];
        let exchanged = EXCHANGED[(turn % VICTIMS.len() + turn / VICTIMS.len()) % EXCHANGED.len()];
        let his = at(&format!("his-{turn}"));
        build(&his.join("15"), "his\n");
        for copy in ["main.pgrepl-new", "new.pgrepl-new"] {
            let text = format!("16390\t{}/15/ts/new\n", his.display());
            fs::write(his.join("15").join(copy).join("tablespaces"), text).unwrap();
        }
        symlink(at("root").join(exchanged), his.join("evil")).unwrap();
        walk(&his, &mut |path| {
            lchown(path, Some(uid), Some(gid)).unwrap()
        });
        let text = format!(
            "service_user={USER} his={} bindir={}\n{}\n{told}\n{}\n{LIBRARY}\n{script}\n{WITHOUT}\nrun_main\n",
            his.display(),
            at("bin").display(),
            TOLD,
            if told.contains("verb=place") { wal } else { "" },
        );
        let mut attacker = (turn >= VICTIMS.len()).then(|| attack(&his, exchanged));
        let output = Command::new("timeout")
            .args(["60", "sh", "-c", &text])
            .output()
            .unwrap();
        fs::write(his.with_extension("over"), "").unwrap();
        if let Some(attacker) = &mut attacker {
            attacker.wait().unwrap();
        }
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let case = format!("{name}, with {exchanged} exchanged:\n{said}");
        let alone = attacker.is_none();
        assert!(
            said.contains(if alone { "@exit 0" } else { "@exit " }),
            "{case}"
        );
        assert!(!said.contains(SECRET), "told, {case}");
        assert_eq!(tree(&at("root")), before, "changed, {case}");
        walk(&his, &mut |path| {
            let file = path.symlink_metadata().unwrap();
            let text = fs::read_to_string(path).unwrap_or_default();
            let open = file.uid() == uid || file.mode() & 0o004 != 0;
            assert!(
                !(file.is_file() && open && text.contains(SECRET)),
                "copied to {path:?}, {case}"
            );
        });
        fs::remove_dir_all(&his).unwrap();
        let mut done = done.lock().unwrap();
        let (tries, well): &mut (usize, usize) = done.entry(name).or_default();
        *tries += 1;
        *well += usize::from(said.contains("@ok "));
    };
    // They wait for one another more than they work.
    let many = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    let turns = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..many {
            // Each of them undisturbed first, then with all that can be exchanged, for as long as it is bearable.
            scope.spawn(|| {
                loop {
                    let turn = turns.fetch_add(1, Ordering::Relaxed);
                    if turn >= MOST || turn >= 2 * VICTIMS.len() && begin.elapsed() > LONGEST {
                        break;
                    }
                    one(turn);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    let tries: usize = done.values().map(|(tries, _)| tries).sum();
    eprintln!("{tries} tries (of each: all, and those that came to their end): {done:?}");
    assert!(done.len() == VICTIMS.len());
}
