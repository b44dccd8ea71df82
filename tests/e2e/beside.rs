//! A copy beside the cluster: what it is good for, what keeps out of its way, and how it is removed.

use crate::backups::{AS_POSTGRES, good, wait};
use crate::lab::Lab;

/// Uses the copy of server1 in /srv/copy, restored with these words, and removes it.
pub fn a_copy_is_of_use_and_goes(
    lab: &Lab,
    path: &str,
    said: &str,
    kill_when: &dyn Fn(&[&str], &str),
) {
    // What is printed brings a table back, on the host where both servers are.
    let (_, line) = said.split_once("copy a table back: ").expect(said);
    let line = line.lines().next().unwrap();
    let line = line
        .replace("ssh server1 ", "")
        .replace("sudo -u postgres", AS_POSTGRES)
        .replace("TABLE DATABASE", "t postgres")
        .replace("DATABASE", "postgres");
    lab.sql("server1", "drop table t");
    lab.on("server1", &line);
    assert_eq!(lab.sql("server1", "select count(*) from t"), "300000");

    let removal = "pgrepl restore --drop /srv/copy --to server1";
    assert!(said.contains(removal), "{said}");
    let status = good(lab.pgrepl(&["status", path])).out;
    assert!(
        status.contains("a copy of the cluster runs in /srv/copy on port 5433")
            && status.contains(removal),
        "{status}"
    );

    // Who is in the way is told before anybody is asked.
    let refused = |arguments: &[&str], why: &str| {
        let ran = lab.pgrepl(&[&["-i", path, "restore", "--to", "server1"], arguments].concat());
        assert!(
            ran.code == 7 && ran.err.contains(why),
            "{arguments:?}: {}{}",
            ran.out,
            ran.err
        );
    };
    let other = ["--immediate", "--data-directory", "/srv/copy"];
    refused(&other, "another copy of the cluster");
    let other = ["--latest", "--data-directory", "/srv/other"];
    refused(&other, "the server in /srv/copy has port 5433");
    refused(&other, "--port 5434");
    lab.on("server1", "mkdir /srv/other && echo mine >/srv/other/file");
    refused(&other, "/srv/other on server1 is not empty");

    // Nothing but a copy of this cluster goes, and nothing without a word.
    let drop = |directory: &'static str| ["--drop", directory, "--confirm", "server1"];
    refused(&drop("/srv/other"), "does not have the mark of a copy");
    refused(
        &drop("/var/lib/postgresql/15/main"),
        "is the data directory of the cluster",
    );
    refused(&drop("/srv/nothing"), "there is no copy");
    refused(&["--drop", "/srv/copy"], "not confirmed");
    refused(&drop("/srv/copy"), "cannot ask for approval: no terminal");
    lab.on(
        "server1",
        "sed 's/cluster shop,/cluster other,/' /srv/copy/postgresql.conf >/srv/other/postgresql.conf",
    );
    refused(&drop("/srv/other"), "is a copy of cluster other");

    // Stopped it is still told of, with the words that start it again.
    lab.on(
        "server1",
        "systemctl stop pgrepl-shop-copy-srv-copy.service",
    );
    let status = good(lab.pgrepl(&["status", path])).out;
    let (_, start) = status.split_once("help: ssh server1 sudo ").expect(&status);
    assert!(status.contains("its server does not run"), "{status}");
    lab.on("server1", start.split(';').next().unwrap());
    wait(lab, "server1", "pg_isready -q -p 5433");
    let status = good(lab.pgrepl(&["status", path])).out;
    assert!(
        status.contains("a copy of the cluster runs in /srv/copy"),
        "{status}"
    );

    // Cut in the middle it is known all the same, and so is what a restore that was cut has left.
    lab.on(
        "server1",
        "systemctl stop pgrepl-shop-copy-srv-copy.service && rm -rf /srv/copy/base",
    );
    let go = |directory: &'static str| {
        let drop = [
            "-i",
            path,
            "restore",
            "--to",
            "server1",
            "--drop",
            directory,
            "--confirm",
            "server1",
            "--auto-approve",
        ];
        good(lab.pgrepl(&drop))
    };
    go("/srv/copy");
    let copy = [
        "-i",
        path,
        "restore",
        "--to",
        "server1",
        "--latest",
        "--data-directory",
        "/srv/copy",
        "--auto-approve",
    ];
    kill_when(&copy, "ls /srv/copy.pgrepl-new/data/PG_VERSION 2>/dev/null");
    wait(lab, "server1", "flock -n /run/pgrepl/shop.lock true");
    go("/srv/copy");
    assert_eq!(lab.on("server1", "ls /srv"), "other");
    assert_eq!(
        lab.on(
            "server1",
            "ls /run/systemd/transient | grep -c pgrepl-shop || :; ls /mnt/backups/shop/restores | wc -l; cat /srv/other/file"
        ),
        "0\n0\nmine"
    );
    let status = good(lab.pgrepl(&["status", path])).out;
    assert!(!status.contains("a copy of"), "{status}");
}
