//! Data directories, WAL and tablespaces on file systems of their own and behind links: everything works there as anywhere, a power
//! cut in the middle of an exchange too, and nothing is written below a mount point that is not mounted.

use std::process::Stdio;

use crate::backups::{good, wait};
use crate::lab::{Lab, Ran};

const DATA: &str = "/var/lib/postgresql/15/main";
const HOSTS: [&str; 3] = ["server1", "server2", "server3"];

/// Mounts one of a host's file systems somewhere, also at boot.
fn mount(lab: &Lab, host: &str, disk: u32, place: &str) {
    lab.on(
        host,
        &format!(
            "mkdir -p {place}; echo '/disks/{disk} {place} none bind' >>/etc/fstab; mount {place}"
        ),
    );
}

/// How each host's places lie: a mount point as the data directory and one for a tablespace; a link, and WAL and a tablespace on
/// other file systems; WAL mounted in the data directory.
fn lay_out(lab: &Lab) {
    let his = "install -d -o postgres -g postgres -m";
    for host in HOSTS {
        lab.on(
            host,
            &format!("{his} 755 /var/lib/postgresql /var/lib/postgresql/15"),
        );
    }
    mount(lab, "server1", 1, DATA);
    mount(lab, "server1", 2, "/srv/ts");
    lab.on("server1", "chown postgres: /srv/ts");
    for (disk, place) in [(1, "/big"), (2, "/wal"), (3, "/fast")] {
        mount(lab, "server2", disk, place);
    }
    lab.on(
        "server2",
        &format!("{his} 700 /big/main /fast/ts; ln -s /big/main {DATA}; ln -s /fast/ts /srv/ts"),
    );
    lab.on("server3", &format!("{his} 700 {DATA} /srv/ts"));
    mount(lab, "server3", 1, &format!("{DATA}/pg_wal"));
}

/// Asserts that every place is where it was, and that what was set aside is whole.
fn lies_as_before(lab: &Lab) {
    let seen = |host: &str, command: &str| lab.on(host, &command.replace("DATA", DATA));
    assert_eq!(
        seen(
            "server1",
            "stat -c %U DATA; mountpoint -q DATA && mountpoint -q /srv/ts && cat DATA/PG_VERSION; readlink DATA/pg_tblspc/*"
        ),
        "postgres\n15\n/srv/ts"
    );
    assert_eq!(
        seen(
            "server2",
            "readlink DATA DATA/pg_wal /srv/ts DATA/pg_tblspc/*; ls /big /fast | grep -v lost"
        ),
        "/big/main\n/wal/15\n/fast/ts\n/srv/ts\n/big:\nmain\n\n/fast:\nts"
    );
    assert_eq!(
        seen(
            "server3",
            "mountpoint -q DATA/pg_wal && [ ! -L DATA/pg_wal ] && echo mounted"
        ),
        "mounted"
    );
    for host in HOSTS {
        let broken = "for old in DATA/.pgrepl/pgsql_tmp/[0-9f]*; do [ -d $old ] || continue
            setpriv --reuid postgres --clear-groups /usr/lib/postgresql/15/bin/pg_controldata $old >/dev/null || echo $old
            for part in $old/pg_wal $old/pg_tblspc/*; do [ -d $part/. ] || [ ! -L $part ] || echo $part; done; done
            ls -d DATA/.pgrepl/pgsql_tmp/new DATA/.pgrepl/pgsql_tmp/rewinding DATA/.pgrepl/pgsql_tmp/moving 2>/dev/null || :";
        assert_eq!(seen(host, broken), "", "{host}");
    }
}

struct Cluster<'a> {
    lab: &'a Lab,
    path: String,
}

impl Cluster<'_> {
    fn inventory(lab: &Lab, primary: &str) -> String {
        Self::inventory_with(lab, primary, "")
    }

    fn inventory_with(lab: &Lab, primary: &str, more: &str) -> String {
        let standbys: Vec<&str> = HOSTS.into_iter().filter(|host| *host != primary).collect();
        let path = lab.inventory(&format!(
            "postgresql: {{ version: 15 }}\nprimary: {primary}\nstandbys: [{}]\n\
             hosts: {{ server2: {{ wal_directory: /wal/15, tablespaces: {{ /srv/ts: /srv/ts }} }}{more} }}\n\
             backup: {{ mount: /mnt/backups }}\n",
            standbys.join(", ")
        ));
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let words = ["-i", &self.path];
        let confirm = HOSTS.map(|host| ["--confirm", host]).concat();
        let sure = ["rebuild", "failover", "restore"].contains(&arguments[0]);
        let more = if sure { confirm } else { Vec::new() };
        let yes = ["backup", "check", "plan"].contains(&arguments[0]);
        let yes: &[&str] = if yes { &[] } else { &["--auto-approve"] };
        self.lab.pgrepl(&[&words, arguments, yes, &more].concat())
    }

    /// Writes a row on the primary and reads all on everybody else.
    fn rows(&self, primary: &str, row: u32) {
        self.lab
            .sql(primary, &format!("insert into t values ({row})"));
        for host in HOSTS {
            self.lab
                .until(host, "select max(i) from t", &row.to_string());
            self.lab.until(host, "select count(*) >= 1000 from t", "t");
        }
        lies_as_before(self.lab);
    }

    /// The primary is lost, another one leads, and the old one is rewound.
    fn fail_over(&mut self, from: &str, to: &str, row: u32) {
        self.lab.on(from, "pkill -9 -u postgres postgres; while pgrep -u postgres -x postgres; do sleep 0.1; done");
        good(self.run(&["failover", "--to", to, "--force"]));
        self.lab.sql(to, &format!("insert into t values ({row})"));
        good(self.run(&["rebuild", from, "--from", "rewind"]));
        self.path = Self::inventory(self.lab, to);
        self.rows(to, row + 1);
    }
}

/// Cuts the power of a host before a rename of what lies beside its places, and does the same again.
fn power_cut(cluster: &Cluster, host: &str, rename: u32, command: &[&str]) {
    let lab = cluster.lab;
    let mv = format!(
        "#!/bin/sh\ncase $* in *pgsql_tmp*) echo x >>/var/tmp/renames; if [ $(wc -l </var/tmp/renames) = {rename} ]; then : >>/var/tmp/now; sleep 600; fi ;; esac\nexec /bin/mv \"$@\"\n"
    );
    lab.send(host, &lab.file("mv", &mv), "/usr/local/sbin/mv");
    lab.on(host, "chmod 755 /usr/local/sbin/mv; rm -f /var/tmp/now; : >/var/tmp/renames; chmod 666 /var/tmp/renames");
    let arguments = [&["-i", &cluster.path][..], command, &["--auto-approve"]].concat();
    let mut run = lab
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait(lab, host, "[ -e /var/tmp/now ]");
    lab.tell("kill", &[host]);
    let _ = run.kill();
    let _ = run.wait();
    lab.tell("boot", &[host]);
    lab.on(host, "rm /usr/local/sbin/mv");
    good(lab.pgrepl(&arguments));
}

#[test]
fn data_on_disks_of_its_own_goes_through_everything() {
    let lab = Lab::up(
        "disks",
        &[
            "--mount",
            "server1=12:pg,disks=2",
            "server2=12:pg,disks=3",
            "server3=12:pg,disks=1",
        ],
    );
    lay_out(&lab);
    let path = Cluster::inventory(&lab, "server1");
    let mut cluster = Cluster { lab: &lab, path };
    lab.converge(std::path::Path::new(&cluster.path));
    lab.sql("server1", "create tablespace ts location '/srv/ts'");
    lab.sql(
        "server1",
        "create table t tablespace ts as select i from generate_series(1, 1000) i",
    );
    cluster.rows("server1", 1001);
    // A group may read it, on the primary so far.
    lab.on(
        "server1",
        &format!("systemctl stop postgresql@15-main; chmod -R g+rX {DATA}; systemctl start postgresql@15-main"),
    );

    for host in ["server2", "server3"] {
        good(cluster.run(&["rebuild", host, "--from", "primary"]));
    }
    cluster.rows("server1", 1002);
    for host in ["server2", "server3"] {
        let closed = format!(
            "find {DATA}/ ! -perm -040 ! -type l ! -name lost+found | grep -v /.pgrepl || stat -L -c %a {DATA}"
        );
        assert_eq!(lab.on(host, &closed), "750", "{host}");
    }
    good(cluster.run(&["backup", "run"]));
    good(cluster.run(&["backup", "verify", "--drill"]));
    cluster.fail_over("server1", "server2", 1003);
    cluster.fail_over("server2", "server3", 1005);
    cluster.fail_over("server3", "server1", 1007);

    // WAL, a tablespace and the data leave their places and come back: the power goes in the middle of each.
    for (host, rename) in [("server2", 12), ("server2", 34), ("server3", 44)] {
        let rebuild = ["rebuild", host, "--from", "primary", "--confirm", host];
        power_cut(&cluster, host, rename, &rebuild);
    }
    cluster.rows("server1", 1010);

    // The file system of a data directory, or what is mounted in it, is away: what is below the mount point stays empty.
    for (host, place) in [
        ("server3", format!("{DATA}/pg_wal")),
        ("server2", "/big".to_owned()),
    ] {
        lab.on(
            host,
            &format!("systemctl stop postgresql@15-main; umount {place}"),
        );
        let below = lab.on(
            host,
            &format!("find {place} /var/lib/postgresql /wal | sort"),
        );
        let said = format!("the file system of {place} is not mounted");
        for arguments in [&["apply"][..], &["rebuild", host, "--from", "primary"]] {
            let ran = cluster.run(arguments);
            assert!(
                ran.code != 0 && format!("{}{}", ran.out, ran.err).contains(&said),
                "{}{}",
                ran.out,
                ran.err
            );
        }
        assert_eq!(
            lab.on(
                host,
                &format!("find {place} /var/lib/postgresql /wal | sort")
            ),
            below
        );
        lab.on(host, &format!("mount {place}"));
        good(cluster.run(&["apply"]));
    }
    cluster.rows("server1", 1011);

    good(cluster.run(&["restore", "--to", "server2", "--latest"]));
    cluster.path = Cluster::inventory(&lab, "server2");
    cluster.rows("server2", 1012);
    good(cluster.run(&["check"]));

    // WAL of a standby moves out of its data directory; the power goes when half of it is there.
    let moves = ", server1: { wal_directory: /srv/wal/15 }";
    cluster.path = Cluster::inventory_with(&lab, "server2", moves);
    power_cut(&cluster, "server1", 4, &["apply"]);
    let moved = format!(
        "readlink {DATA}/pg_wal; stat -c %U:%a /srv/wal/15; ls -A {DATA}/.pgrepl/pgsql_tmp | grep -c '^wal'"
    );
    assert_eq!(
        lab.on("server1", &format!("{moved} || :")),
        "/srv/wal/15\npostgres:750\n0"
    );
    cluster.rows("server2", 1013);
    let copy = [
        "restore",
        "--to",
        "server1",
        "--latest",
        "--data-directory",
        "/srv/copy",
        "--port",
        "5433",
    ];
    good(cluster.run(&copy));
    let again = lab.pgrepl(&["-i", &cluster.path, "plan", "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);
}
