//! Hosts that imitate the RHEL family, and a PostgreSQL that lives where only the inventory knows.

use crate::lab::{Lab, Ran};

const URL: &str = "https://download.postgresql.org/pub/repos/yum/reporpms/EL-7-x86_64/pgdg-redhat-repo-latest.noarch.rpm";

/// Runs a command that must end well, and looks again: nothing is left to do.
fn done(lab: &Lab, path: &str, arguments: &[&str]) -> Ran {
    let ran = lab.pgrepl(arguments);
    assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
    let again = lab.pgrepl(&["plan", path]);
    assert!(
        again.out.contains("Nothing to do"),
        "after {arguments:?}: {}{}",
        again.out,
        again.err
    );
    ran
}

/// Kills a primary that has written what its standby does not have, and promotes that one.
fn crash_and_fail_over(lab: &Lab, path: &str, from: &str, to: &str) {
    lab.sql(to, "select pg_wal_replay_pause()");
    lab.sql(
        from,
        "create table only_there as select generate_series(1, 1000) i; checkpoint",
    );
    lab.sql(
        to,
        "select pg_terminate_backend(pid) from pg_stat_wal_receiver",
    );
    lab.on(
        from,
        "pkill -9 -u postgres postgres; while pgrep -u postgres -x postgres; do sleep 0.1; done",
    );
    lab.sql(to, "select pg_wal_replay_resume()");
    let failover = [
        "failover",
        path,
        "--to",
        to,
        "--force",
        "--confirm",
        from,
        "--auto-approve",
    ];
    let ran = lab.pgrepl(&failover);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

/// What each server has of its own must be there whatever became of its data directory.
fn own_settings(lab: &Lab, when: &str) {
    assert_eq!(lab.sql("server1", "show work_mem"), "4MB", "{when}");
    assert_eq!(lab.sql("server2", "show work_mem"), "7MB", "{when}");
    for host in ["server1", "server2"] {
        let name = format!("shop/{host}");
        assert_eq!(lab.sql(host, "show cluster_name"), name, "{when}");
    }
}

fn rebuild<'a>(path: &'a str, from: &'a [&'a str]) -> Vec<&'a str> {
    let rebuild = [
        "-i",
        path,
        "rebuild",
        "server2",
        "--confirm",
        "server2",
        "--auto-approve",
    ];
    [&rebuild[..], from].concat()
}

#[test]
fn a_rhel_like_pair_is_installed_changed_and_changes_its_roles() {
    let lab = Lab::up("rhel", &["server1=12:rhel", "server2=12:rhel"]);
    // server2 is as old as CentOS 7, which has yum and no modules, and knows no repository that has PostgreSQL: who asks for
    // the project's own gets the one of the lab.
    lab.on(
        "server2",
        "mv /etc/yum.repos.d/pgdg-lab.repo /root/; touch /run/refuse; mv /usr/bin/dnf /usr/bin/yum
         sed -i 's/^ID=.*/ID=\"centos\"/; s/^VERSION_ID=.*/VERSION_ID=\"7\"/' /etc/os-release",
    );
    lab.on("server2", &format!(
        "printf '%s\\n' '#!/bin/sh' 'echo \"$*\" >>/run/asked' 'case $* in' '    *{URL})' \
         '        if [ -e /run/refuse ]; then echo \"Error: no way to the mirror\"; exit 1; fi' \
         '        mv /root/pgdg-lab.repo /etc/yum.repos.d/ && exit ;;' 'esac' 'exec /usr/bin/yum \"$@\"' \
         >/usr/local/sbin/yum; chmod 755 /usr/local/sbin/yum"
    ));
    lab.on("server1", "cd /usr/local/sbin; printf '%s\\n' '#!/bin/sh' 'echo \"$*\" >>/run/asked' 'exec /usr/bin/dnf \"$@\"' >dnf; chmod 755 dnf");
    // And SELinux is on on server2, as far as pgrepl can tell, and knows the packages' own directories only.
    lab.on(
        "server2",
        "cd /usr/local/sbin; printf '#!/bin/sh\\n' >selinuxenabled; printf '#!/bin/sh\\necho \"$*\" >>/run/labels\\n' >restorecon
         printf '#!/bin/sh\\necho \"$*\" >>/run/told; sed -i s/var_t/postgresql_db_t/ /run/type\\n' >semanage
         echo system_u:object_r:var_t:s0 >/run/type; printf '#!/bin/sh\\ncat /run/type\\n' >matchpathcon; chmod 755 *",
    );
    let body = |more: &str| {
        format!(
            "postgresql: {{ version: 15{more} }}\nprimary: server1\nstandbys: [server2]\n\
             hosts: {{ server2: {{ data_directory: /srv/pg.sql/data, parameters: {{ work_mem: 7MB }} }} }}\n"
        )
    };
    let inventory = lab.inventory(&body(", install: false"));
    let path = inventory.to_str().unwrap();
    let plan = lab.pgrepl(&["plan", path]);
    assert!(
        plan.out.contains("PostgreSQL 15 is not installed"),
        "{}{}",
        plan.out,
        plan.err
    );

    lab.inventory(&body(""));
    let refused = lab.pgrepl(&["apply", path, "--auto-approve"]);
    assert_ne!(refused.code, 0);
    let said = format!(
        "cannot add the PostgreSQL project's repository {URL}: Error: no way to the mirror"
    );
    assert!(refused.err.contains(&said), "{}", refused.err);
    lab.on("server2", "rm /run/refuse");
    lab.converge(&inventory);
    assert_eq!(
        lab.on("server1", "sort -u /run/asked"),
        "-q list postgresql15-server\n-qy install postgresql15-server postgresql15\n-qy module disable postgresql"
    );
    assert_eq!(
        lab.on("server2", "sort -u /run/asked"),
        format!(
            "-q list postgresql15-server\n-qy install {URL}\n-qy install postgresql15-server postgresql15"
        )
    );
    assert_eq!(
        lab.on("server2", "systemctl show -p Environment --value postgresql-15 | tr ' ' '\\n' | grep -c PGDATA=/srv/pg.sql/data$"),
        "1"
    );
    assert_eq!(
        lab.on("server2", "cat /run/told"),
        "fcontext -a -t postgresql_db_t /srv/pg\\.sql/data(/.*)?"
    );
    assert_eq!(lab.on("server2", "sort -u /run/labels | grep -cx -e '-R /srv/pg.sql/data' -e '-R /srv/pg.sql/data/postgresql.conf'"), "2");
    for host in ["server1", "server2"] {
        assert_eq!(
            lab.on(host, "systemctl is-enabled postgresql-15"),
            "enabled"
        );
        lab.on(host, "test -S /tmp/.s.PGSQL.5432");
    }
    assert_eq!(lab.sql("server1", "show data_checksums"), "on");
    own_settings(&lab, "new");
    done(&lab, path, &["check", path]);
    done(&lab, path, &["status", path, "--exit-code"]);

    // A parameter that needs a restart of both.
    lab.inventory(&body(", parameters: { max_connections: 130 }"));
    lab.converge(&inventory);
    for host in ["server1", "server2"] {
        assert_eq!(lab.sql(host, "show max_connections"), "130");
    }

    lab.sql(
        "server1",
        "create table t as select generate_series(1, 1000) i",
    );
    for to in ["server2", "server1", "server2"] {
        done(
            &lab,
            path,
            &["switchover", path, "--to", to, "--auto-approve"],
        );
        assert_eq!(lab.sql(to, "select pg_is_in_recovery()"), "f");
        own_settings(&lab, "after a switchover");
    }
    crash_and_fail_over(&lab, path, "server2", "server1");
    // The fence: nobody starts it by hand or at boot.
    let fenced = lab.on("server2", "systemctl start postgresql-15 2>/dev/null || echo refused; systemctl is-enabled postgresql-15 || :");
    assert_eq!(fenced, "refused\ndisabled");
    let status = lab.pgrepl(&["status", path]);
    assert!(status.out.contains("fenced"), "{}", status.out);
    lab.sql("server1", "insert into t values (0)");
    let back = done(&lab, path, &rebuild(path, &[]));
    assert!(
        back.err.contains("rewind to the history of server1"),
        "{}",
        back.err
    );
    lab.until("server2", "select count(*) from t", "1001");
    own_settings(&lab, "after a rewind");
    done(&lab, path, &rebuild(path, &["--from", "primary"]));
    own_settings(&lab, "after a copy");
    assert_eq!(
        lab.on("server2", "systemctl is-enabled postgresql-15"),
        "enabled"
    );
    done(&lab, path, &["check", path]);
}

#[test]
fn a_restore_leaves_each_server_of_the_rhel_family_its_configuration() {
    let lab = Lab::up(
        "rhelback",
        &["--mount", "server1=12:rhel", "server2=12:rhel"],
    );
    let inventory = lab.inventory(
        "postgresql: { version: 15 }\nprimary: server1\nstandbys: [server2]\n\
         hosts: { server2: { parameters: { work_mem: 7MB } } }\nbackup: { mount: /mnt/backups }\n",
    );
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    lab.sql(
        "server1",
        "create table t as select generate_series(1, 1000) i",
    );
    // Taken on server2, so what it holds is server2's configuration.
    done(&lab, path, &["backup", "run", path]);
    done(&lab, path, &["-i", path, "backup", "verify", "--drill"]);
    lab.sql("server1", "insert into t values (0)");
    let point = lab.sql("server1", "select pg_create_restore_point('good') is not null; drop table t; select pg_walfile_name(pg_current_wal_lsn()); select pg_switch_wal() is null");
    let segment = point.lines().nth(1).unwrap();
    lab.on("server1", &format!("k=0; until [ -f /mnt/backups/shop/wal/{segment}.gz ]; do sleep 0.1; k=$((k + 1)); [ $k -lt 300 ] || exit 1; done"));
    let restore = [
        "restore",
        path,
        "--to",
        "server1",
        "--name",
        "good",
        "--confirm",
        "server1",
        "--auto-approve",
    ];
    done(&lab, path, &restore);
    assert_eq!(lab.sql("server1", "select count(*) from t"), "1001");
    lab.until("server2", "select count(*) from t", "1001");
    own_settings(&lab, "after a restore");
    done(&lab, path, &["check", path]);
}

#[test]
fn a_server_lives_where_the_inventory_says() {
    let lab = Lab::up("custom", &["server1=12:pg", "server2=12:pg"]);
    for host in ["server1", "server2"] {
        lab.on(
            host,
            "ln -s /usr/lib/postgresql/15 /opt/pg; systemctl disable -q postgresql",
        );
    }
    lab.on("server1", "printf '%s\\n' '[Service]' 'Type=notify' 'User=postgres' 'ExecStart=/opt/pg/bin/postgres -D /srv/pg/data' 'KillMode=mixed' 'KillSignal=SIGINT' 'TimeoutSec=0' '[Install]' 'WantedBy=multi-user.target' >/etc/systemd/system/shopdb.service; systemctl daemon-reload");
    let body = |more: &str| {
        format!(
            "postgresql:\n  version: 15{more}\n  data_directory: /srv/pg/data\n  \
               platform: {{ bindir: /opt/pg/bin, home: /var/lib/postgresql, unit: shopdb.service, socket_directory: /var/run/postgresql }}\n\
             primary: server1\nstandbys: [server2]\n\
             hosts:\n  server2:\n    parameters: {{ work_mem: 7MB }}\n    data_directory: /srv/pg2/data\n    \
               platform:\n      bindir: /opt/pg/bin\n      home: /var/lib/postgresql\n      socket_directory: /var/run/postgresql\n      \
               config_directory: /etc/shopdb\n      log_directory: /var/log/postgresql\n      \
               start: setpriv --reuid postgres --regid postgres --init-groups /opt/pg/bin/pg_ctl -D /etc/shopdb -W start\n      \
               stop: setpriv --reuid postgres --regid postgres --init-groups /opt/pg/bin/pg_ctl -D /srv/pg2/data -m fast -W stop\n"
        )
    };
    let inventory = lab.inventory(&body(""));
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    assert_eq!(lab.on("server1", "systemctl is-active shopdb"), "active");
    assert_eq!(
        lab.sql("server2", "show config_file"),
        "/etc/shopdb/postgresql.conf"
    );
    assert_eq!(lab.sql("server2", "show data_directory"), "/srv/pg2/data");
    own_settings(&lab, "new");
    lab.inventory(&body("\n  parameters: { max_connections: 130 }"));
    lab.converge(&inventory);
    for host in ["server1", "server2"] {
        assert_eq!(lab.sql(host, "show max_connections"), "130");
    }
    lab.sql(
        "server1",
        "create table t as select generate_series(1, 1000) i",
    );
    for to in ["server2", "server1", "server2"] {
        done(
            &lab,
            path,
            &["switchover", path, "--to", to, "--auto-approve"],
        );
    }
    crash_and_fail_over(&lab, path, "server2", "server1");
    done(&lab, path, &rebuild(path, &[]));
    done(&lab, path, &rebuild(path, &["--from", "primary"]));
    own_settings(&lab, "in the end");
    assert_eq!(lab.sql("server2", "select count(*) from t"), "1000");
    done(&lab, path, &["check", path]);
}

#[test]
fn debian_is_asked_before_the_projects_repository() {
    let lab = Lab::up("pgdg", &["server1=12:pg"]);
    let script = "/usr/share/postgresql-common/pgdg/apt.postgresql.org.sh";
    lab.on("server1", &format!("printf '%s\\n' '#!/bin/sh' 'echo \"$*\" >>/run/asked; echo \"E: no way to the mirror\"; exit 1' >{script}"));
    let inventory = lab.inventory("postgresql: { version: 16 }\nprimary: server1\nstandbys: []\n");
    let ran = lab.pgrepl(&["apply", inventory.to_str().unwrap(), "--auto-approve"]);
    assert_ne!(ran.code, 0);
    assert!(
        ran.err
            .contains("cannot add the PostgreSQL project's repository: E: no way to the mirror"),
        "{}",
        ran.err
    );
    assert_eq!(lab.on("server1", "cat /run/asked"), "-y");
}
