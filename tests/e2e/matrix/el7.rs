//! CentOS 7's programs: hosts whose programs refuse what those of systemd 219, coreutils 8.22 and util-linux 2.23 do not know.

use crate::lab::Lab;

/// What was refused there, each once.
fn refused(lab: &Lab, host: &str) -> String {
    lab.on(
        host,
        "cut -d ' ' -f 2- /var/tmp/el7-refused | sed 's/ReadWritePaths=.*/ReadWritePaths/; s/=.*//' | sort -u",
    )
}

#[test]
#[ignore = "make test-matrix"]
fn a_pair_with_the_programs_of_centos_7_goes_through_everything() {
    let lab = Lab::up("el7", &["--mount", "server1=12:el7", "server2=12:el7"]);
    let body = |more: &str, primary: &str, standby: &str| {
        format!(
            "postgresql: {{ version: 15{more} }}\nbackup: {{ mount: /mnt/backups, schedule: \"02:30\" }}\n\
             primary: {primary}\nstandbys: [{standby}]\n"
        )
    };
    let inventory = lab.inventory(&body("", "server1", "server2"));
    let path = inventory.to_str().unwrap();
    let plan = lab.pgrepl(&["plan", path]);
    assert!(plan.out.contains("its systemd is 219"), "{}", plan.out);
    lab.converge(&inventory);
    lab.sql(
        "server1",
        "create table kept as select generate_series(1, 1000) i",
    );
    let change = ", parameters: { max_connections: 130, work_mem: 5MB }";
    lab.inventory(&body(change, "server1", "server2"));
    lab.converge(&inventory);
    let done = |arguments: &[&str]| {
        let ran = lab.pgrepl(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
    };
    done(&["-i", path, "backup", "run"]);
    done(&["-i", path, "backup", "verify", "--drill"]);
    lab.on("server1", "systemctl start pgrepl-shop-backup.service");
    done(&["status", path, "--exit-code"]);
    done(&["switchover", path, "--to", "server2", "--auto-approve"]);
    lab.inventory(&body(change, "server2", "server1"));
    lab.converge(&inventory);
    for from in ["primary", "backup"] {
        lab.sql("server2", "insert into kept values (0)");
        done(&[
            "-i",
            path,
            "rebuild",
            "server1",
            "--from",
            from,
            "--confirm",
            "server1",
            "--auto-approve",
        ]);
        lab.converge(&inventory);
    }
    let aside = ["--data-directory", "/var/lib/pgsql/copy", "--port", "5440"];
    done(
        &[
            &[
                "restore",
                path,
                "--to",
                "server1",
                "--latest",
                "--auto-approve",
            ],
            &aside[..],
        ]
        .concat(),
    );
    let copied = "setpriv --reuid 543 --regid 543 --clear-groups psql -XAtq -h /run/postgresql -p 5440 -d postgres -c 'select count(*) from kept'";
    assert_eq!(lab.on("server1", copied), "1002");
    done(&["check", path]);
    assert_eq!(lab.sql("server1", "select count(*) from kept"), "1002");
    // The service manager has no verb that looks at a calendar, and confines no unit; sync knows no file. Nothing else was refused.
    for host in ["server1", "server2"] {
        let known = [
            "sync -f",
            "systemd-analyze: Unknown operation 'calendar'.",
            "systemd-run: Unknown assignment ReadWritePaths",
        ];
        let said = refused(&lab, host);
        assert!(
            said.lines().all(|line| known.contains(&line)),
            "{host}: {said}"
        );
    }
    // A server of its own would write to the tablespaces of the one that runs: WAL names their places.
    for host in ["server1", "server2"] {
        lab.on(host, "install -d -o postgres -g postgres -m 700 /srv/ts");
    }
    lab.sql("server2", "create tablespace far location '/srv/ts'");
    let drill = lab.pgrepl(&["-i", path, "backup", "verify", "--drill"]);
    assert_ne!(drill.code, 0);
    assert!(
        drill
            .err
            .contains("it would write to the tablespaces of the one that runs"),
        "{}",
        drill.err
    );
}
