//! The service user against root: he exchanges directories for links to root's while the scripts of actions run for real. What
//! root has stays as it is, and nobody is told what stands in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A user that every host has, with a group of his name.
const USER: &str = "daemon";
/// What stands in files of root's that nobody else may read.
const SECRET: &str = "what-root-alone-knows";

/// What is exchanged, below the directory of the service user.
const EXCHANGED: [&str; 6] = [
    "15",
    "15/main",
    "15/main.pgrepl-new",
    "15/new.pgrepl-new",
    "15/ts",
    "15/etc",
];

macro_rules! scripts {
    ($($file:literal)+) => {
        concat!($(include_str!(concat!("../src/action/", $file)), "\n"),+)
    };
}

const LIBRARY: &str = scripts!("prelude.sh" "manager.sh" "job.sh" "marker.sh" "staging.sh");

/// What needs a server or systemd, replaced.
const WITHOUT: &str = "control_field() { case $2 in *identifier) echo 7 ;; *state) echo 'shut down' ;; *) echo 0/0 ;; esac; }
accepts_connections() { false; }
unit_active() { false; }
systemctl() { :; }
journalctl() { :; }
manager_works() { false; }
start_unit() { :; }
follow() { :; }
sync() { :; }
read_owner() { :; }
";

/// Each script that touches places of his: a name, its text, and what it is told.
const VICTIMS: &[(&str, &str, &str)] = &[
    (
        "set aside",
        scripts!("set_aside.sh"),
        "stamp=20260131T120000Z",
    ),
    (
        "put back",
        scripts!("put_back.sh"),
        "aside=$data_directory.pgrepl-20260101T000000Z",
    ),
    (
        "place a copy",
        scripts!("place_clone.sh"),
        "data_directory=$his/15/new staging=$his/15/new.pgrepl-new",
    ),
    (
        "place a copy, configuration beside the data",
        scripts!("place_clone.sh"),
        "data_directory=$his/15/new staging=$his/15/new.pgrepl-new config_directory=$his/15/new",
    ),
    (
        "make an instance",
        concat!("register() { :; }\n", scripts!("init_db.sh")),
        "data_directory=$his/15/fresh staging=$his/15/fresh.pgrepl-new config_directory=$his/15/none",
    ),
    (
        "write a file",
        scripts!("write_file.sh"),
        "path=$config_directory/postgresql.conf",
    ),
    (
        "write a file beside the data",
        scripts!("write_file.sh"),
        "path=$data_directory/pg_hba.conf keep_original=no",
    ),
    (
        "put a file back",
        concat!(
            scripts!("boot_debian.sh" "service.sh"),
            "main() { put_back; }\n"
        ),
        "config=$config_directory/pg_hba.conf",
    ),
    ("mark a standby", scripts!("mark_standby.sh"), ""),
    (
        "fence",
        concat!(scripts!("boot_debian.sh"), "main() { fence; unfence; }\n"),
        "",
    ),
    (
        "register",
        concat!(scripts!("register.sh"), "main() { register; }\n"),
        "config_directory=$his/15/etc/15/new data_directory=$his/15/deep/15/new",
    ),
    (
        "make places",
        concat!(scripts!("boot_unit.sh"), "main() { make_places; }\n"),
        "config_directory=$his/15/etc/15/new data_directory=$his/15/deep/15/new unit=none",
    ),
    (
        "carry WAL there",
        scripts!("carry_wal.sh"),
        "verb=place segments=000000010000000000000002 segment_size=4",
    ),
    (
        "carry WAL from there",
        scripts!("carry_wal.sh"),
        "verb=read segments=000000010000000000000001",
    ),
    (
        "rewind",
        concat!(scripts!("rewind.sh"), "try() { tried=; }\n"),
        "config_directory=$data_directory rewind_unit=none conninfo= fetch= config=none",
    ),
    (
        "copy",
        scripts!("base_backup.sh"),
        "source=server1 conninfo= slot= named= tablespaces='/srv/one\t'$his/15/ts/new'\n'",
    ),
    (
        "copy to a place of the inventory",
        scripts!("base_backup.sh"),
        "source=server1 conninfo= slot= named=$his/15/ts/new/one tablespaces='/srv/one\t'$his/15/ts/new/one'\n'",
    ),
    (
        "restore",
        scripts!("fetch.sh" "unpack_backup.sh"),
        "named= tablespaces='16390\t'$his/15/ts/new'\n'",
    ),
    (
        "drill",
        concat!(
            scripts!("ended.sh" "fetch.sh" "apart.sh" "drill.sh"),
            "least() { :; }\nrecovered() { :; }\nask() { echo 1; }\n"
        ),
        "staging=$data_directory.pgrepl-drill named= origins= tablespaces='16390\t'$his/15/ts/new'\n'",
    ),
    (
        "restore beside the cluster",
        concat!(
            scripts!("ended.sh" "fetch.sh" "apart.sh" "restore_copy.sh"),
            "least() { :; }\nrecovered() { :; }\nask() { echo 1; }\n"
        ),
        "directory=$his/15/deep/copy staging=$his/15/deep/copy.pgrepl-new named= origins= target=latest",
    ),
    (
        "write .pgpass",
        scripts!("write_pgpass.sh"),
        "content=x home=$his/15/etc",
    ),
    ("clean postgresql.auto.conf", scripts!("auto_conf.sh"), ""),
];

/// What all of them are told.
const TOLD: &str = "cluster=hostile node=server2 major=15 port=1 family=debian instance=main unit= keys=archive_mode \
    home=$his/15/etc data_directory=$his/15/main config_directory=$his/15/etc socket_directory=$his/15/sock log=$his/15/log \
    staging=$data_directory.pgrepl-new clone_unit=none system_id=7 tablespaces= named= wal_directory=pg_wal marker=standby.signal \
    marker_text= checkpoint= recovery= single_options= checksums=no owner=$service_user:$service_user mode=640 content='new\\n' \
    expected=any check=none keeps_rules=no keep_original=yes has_hba_rules=no top=$his/15/mount ids=a program=: reader=r bytes=1 \
    fetch_unit=none drill_unit=none recover_unit=none copy_unit=none apart_socket=$his/15/sock apart_port=1 end= verb=none";

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
            "pg_wal/000000010000000000000001",
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
    if id("-u") == 0 || !fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        eprintln!("left out: only root can be misled; the hosts of tests/e2e are run as root");
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
    let wal = "wal=$(cd / && mkdir -p $his/w && echo new >$his/w/000000010000000000000002 &&
        tar -C $his/w -cf - 000000010000000000000002 | gzip -1 | base64 -w 0)";

    let begin = Instant::now();
    let mut done = BTreeMap::new();
    for turn in 0..400 {
        // Each of them undisturbed first, then with all that can be exchanged, for as long as it is bearable.
        if turn >= 2 * VICTIMS.len() && begin.elapsed() > Duration::from_secs(18) {
            break;
        }
        let (name, script, told) = VICTIMS[turn % VICTIMS.len()];
        let exchanged = EXCHANGED[(turn + turn / VICTIMS.len()) % EXCHANGED.len()];
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
        let (tries, well): &mut (usize, usize) = done.entry(name).or_default();
        *tries += 1;
        *well += usize::from(said.contains("@ok "));
        fs::remove_dir_all(&his).unwrap();
    }
    let tries: usize = done.values().map(|(tries, _)| tries).sum();
    eprintln!("{tries} tries (of each: all, and those that came to their end): {done:?}");
    assert!(done.len() == VICTIMS.len());
}
