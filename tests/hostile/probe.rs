//! What the probe, which runs as root, reads and runs where the service user may write: his files as him, his programs never.

use std::cell::RefCell;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use pgrepl::command::{Command, Vault};
use pgrepl::facts::Facts;
use pgrepl::host::{Host, HostError, Line, Running, Word, parse_line};
use pgrepl::inventory;
use pgrepl::observe::look;

use super::{SECRET, USER, id, is_root, walk};

/// This machine, asked as root; what it said is kept.
#[derive(Default)]
struct Here {
    said: RefCell<String>,
}

impl Host for Here {
    fn run_with<'a>(
        &'a self,
        command: &'a Command,
        vault: &'a Vault,
        _: &'a dyn Fn(&Line),
        _: Word<'a>,
    ) -> Running<'a> {
        Box::pin(async move {
            let lost = |why: String| HostError::Lost(why);
            let file = tempfile::NamedTempFile::new().map_err(|why| lost(why.to_string()))?;
            let text = command.text(vault).unwrap();
            fs::write(file.path(), text).map_err(|why| lost(why.to_string()))?;
            // The end of its input would tell it that nobody listens any more.
            let mut script = Process::new("timeout")
                .args(["60", "sh"])
                .arg(file.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(|why| lost(why.to_string()))?;
            let (mut said, mut errors) = (Vec::new(), Vec::new());
            script
                .stdout
                .take()
                .unwrap()
                .read_to_end(&mut said)
                .unwrap();
            script
                .stderr
                .take()
                .unwrap()
                .read_to_end(&mut errors)
                .unwrap();
            script.wait().map_err(|why| lost(why.to_string()))?;
            let said = String::from_utf8_lossy(&said);
            *self.said.borrow_mut() = format!("{said}{}", String::from_utf8_lossy(&errors));
            Ok(said.lines().map(|line| parse_line(line).unwrap()).collect())
        })
    }
}

/// Asks this machine about a server that somebody built.
fn probe(his: &Path, bindir: &Path) -> (Facts, String) {
    let (his, bindir) = (his.display(), bindir.display());
    let inventory = format!(
        "cluster: hostile\nreplication: {{ password: {{ env: A }} }}\nprimary: server1\n\
         postgresql:\n  version: 15\n  port: 1\n  firewall: off\n  data_directory: {his}/main\n\
         \x20 platform: {{ bindir: {bindir}, home: {his}/home, user: {USER}, config_directory: {his}/etc,\n\
         \x20   socket_directory: {his}/sock, start: exit 1, stop: exit 1 }}\n"
    );
    let cluster = inventory::read(&inventory)
        .unwrap_or_else(|found| panic!("{found:?}"))
        .cluster;
    let host = Here::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let password = String::from("x").into();
    let look = look(&cluster, &cluster.primary, &host, Some(&password));
    let facts = runtime.block_on(look);
    let said = host.said.take();
    (facts.unwrap_or_else(|why| panic!("{why:?}\n{said}")), said)
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Gives the service user a directory with all in it.
fn give(path: &Path) {
    walk(path, &mut |path| {
        lchown(path, Some(id("-u")), Some(id("-g"))).unwrap()
    });
}

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    place
}

/// Programs that tell who runs them, below a directory where everybody may tell.
fn programs(bindir: &Path, told: &Path) {
    write(told, "", 0o666);
    for program in [
        "postgres",
        "pg_controldata",
        "psql",
        "pg_isready",
        "pg_ctl",
        "initdb",
    ] {
        let text = format!("#!/bin/sh\nid -u >>{}\n", told.display());
        write(&bindir.join(program), &text, 0o755);
    }
}

#[test]
fn a_link_of_the_service_user_s_shows_no_file_of_root_s() {
    if !is_root() {
        return;
    }
    let place = place();
    let (his, secret) = (place.path().join("his"), place.path().join("root/secret"));
    // A file of any kind that could be read there.
    let text = format!(
        "15\nhost all all all ldap ldapserver={SECRET}\n# >>> pgrepl hostile\n{SECRET}:1:replication:r:x\n# <<< pgrepl hostile\n\
         port = '{SECRET}'\n1\t0/1\t{SECRET}\n"
    );
    write(&secret, &text, 0o600);
    let secret = secret.to_str().unwrap();
    for file in [
        "main/PG_VERSION",
        "main/base/1/x",
        "main/base/4/x",
        "main/base/5/x",
    ] {
        write(&his.join(file), "15\n", 0o600);
    }
    write(
        &his.join("etc/postgresql.conf"),
        &format!(
            "include '{secret}'\ninclude_if_exists '../linked'\nhba_file = '{secret}'\nident_file = '{secret}'\n\
             include_dir '{}'\n# his-own-words\n",
            place.path().join("root").display()
        ),
        0o600,
    );
    fs::create_dir_all(his.join("home")).unwrap();
    for link in [
        "linked",
        "etc/pg_hba.conf",
        "etc/pg_ident.conf",
        "etc/conf.d/mine.conf",
        "etc/another.conf",
        "main/postgresql.auto.conf",
        "main/recovery.conf",
        "main/backup_label",
        "main/postmaster.pid",
        "main/pg_wal/00000002.history",
        "main/pg_wal/archive_status/1.ready",
        "main.pgrepl-new/source",
        "main.pgrepl-new/system_id",
        "main.pgrepl-new/log",
        "main.pgrepl-new/tablespaces",
        "home/.pgpass",
    ] {
        fs::create_dir_all(his.join(link).parent().unwrap()).unwrap();
        symlink(secret, his.join(link)).unwrap();
    }
    give(&his);
    programs(&place.path().join("bin"), &place.path().join("told"));
    let (facts, said) = probe(&his, &place.path().join("bin"));
    assert!(!said.contains(SECRET), "{said}");
    assert!(!format!("{facts:?}").contains(SECRET));
    // What is his is read; what he cannot read is not taken for what is not there.
    assert!(said.contains("his-own-words"), "{said}");
    let unread = |name: &str| facts.unread.iter().any(|path| path.ends_with(name));
    assert!(
        unread("etc/pg_hba.conf") && unread("main/postgresql.auto.conf"),
        "{:?}",
        facts.unread
    );
}

#[test]
fn no_program_runs_as_root_that_is_not_root_s_alone() {
    if !is_root() {
        return;
    }
    let tell = |made: &dyn Fn(&Path)| {
        let place = place();
        let at = |path: &str| place.path().join(path);
        write(&at("his/main/PG_VERSION"), "15\n", 0o600);
        write(&at("his/etc/postgresql.conf"), "", 0o600);
        write(&at("his/home/.psqlrc"), "", 0o600);
        give(&at("his"));
        programs(&at("top/bin"), &at("told"));
        made(place.path());
        let (facts, said) = probe(&at("his"), &at("top/bin"));
        let told = fs::read_to_string(at("told")).unwrap();
        assert!(!told.lines().any(|user| user == "0"), "{told}\n{said}");
        (facts.packages.strange, told.lines().count())
    };
    // Root's own, up to /: they are run, by the service user.
    let (strange, runs) = tell(&|_| ());
    assert_eq!(strange, None);
    assert!(runs > 0);
    let his = |path: &Path| lchown(path, Some(id("-u")), Some(id("-g"))).unwrap();
    let open =
        |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    let link = |top: &Path, path: &str| {
        let (here, there) = (top.join(path), top.join("his/moved"));
        fs::rename(&here, &there).unwrap();
        symlink(&there, &here).unwrap();
        assert_eq!(there.metadata().unwrap().uid(), 0);
    };
    type Way<'a> = (&'a str, &'a dyn Fn(&Path));
    let ways: [Way<'_>; 8] = [
        ("the directory is his", &|top| his(&top.join("top/bin"))),
        ("what it lies in is his", &|top| his(&top.join("top"))),
        (
            "a program is his",
            &|top| his(&top.join("top/bin/postgres")),
        ),
        ("everybody may write there", &|top| {
            open(&top.join("top/bin"), 0o777)
        }),
        ("everybody may write a program", &|top| {
            open(&top.join("top/bin/postgres"), 0o777)
        }),
        ("his group may write there", &|top| {
            lchown(top.join("top/bin"), None, Some(id("-g"))).unwrap();
            open(&top.join("top/bin"), 0o775);
        }),
        ("a link to a place of his", &|top| link(top, "top/bin")),
        ("a program that is a link to a place of his", &|top| {
            link(top, "top/bin/postgres")
        }),
    ];
    for (what, made) in ways {
        let (strange, _) = tell(made);
        assert!(strange.is_some(), "{what}");
    }
}
