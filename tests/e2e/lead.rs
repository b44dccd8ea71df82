//! A standby that others made without what the primary has: told by name, evened out, and the primary both ways.

use crate::adopt::{describe, nothing_to_do, pgrepl};
use crate::lab::Lab;

/// What both servers need to replicate, and what the primary has besides.
const BOTH: &str = "\nmax_wal_senders = 10\nwal_log_hints = on\n";
const PRIMARY: &str = "\nlisten_addresses = '*'\narchive_mode = on\n\
    archive_command = 'test ! -f /srv/archive/%f && cp %p /srv/archive/%f'\n\
    work_mem = 7MB\nshared_preload_libraries = 'auto_explain'\n";
const STANDBY: &str = "\nlisten_addresses = 'localhost'\nssl = off\n";

fn by_hand(lab: &Lab) {
    for (host, own) in [("server1", PRIMARY), ("server2", STANDBY)] {
        let conf = "pg_createcluster 15 main >/dev/null; printf '%s' \"$1\" >>/etc/postgresql/15/main/postgresql.conf
            install -d -o postgres /srv/archive";
        lab.tell(
            "exec",
            &[host, "sh", "-c", conf, "sh", &format!("{BOTH}{own}")],
        );
    }
    lab.on(
        "server1",
        "cd /etc/postgresql/15/main
         sed -i '1i local shop all peer map=staff' pg_hba.conf
         printf 'host shop shop_app 10.0.0.0/8 scram-sha-256\\nhost replication repl 10.0.0.0/8 scram-sha-256\\n' >>pg_hba.conf
         echo 'staff root shop_app' >>pg_ident.conf
         systemctl enable --quiet --now postgresql@15-main",
    );
    lab.sql(
        "server1",
        "create role repl login replication password 'repl'",
    );
    lab.sql("server1", "create role shop_app login password 'app'");
    lab.sql("server1", "create database shop owner shop_app");
    lab.on(
        "server2",
        "rm -r /var/lib/postgresql/15/main; cd /
         runuser -u postgres -- pg_basebackup -d 'host=server1 user=repl password=repl' --pgdata /var/lib/postgresql/15/main -R -X stream -C -S s2
         systemctl enable --quiet --now postgresql@15-main",
    );
    let streams = "select state from pg_stat_replication";
    lab.until("server1", streams, "streaming");
}

/// The application logs in from the other host, and over the socket as whom a map makes it; WAL reaches the archive.
fn serves(lab: &Lab, host: &str, other: &str) {
    let over =
        format!("PGPASSWORD=app psql -XAtq -h {host} -U shop_app -d shop -c 'show work_mem'");
    assert_eq!(lab.on(other, &over).trim(), "7MB");
    let mapped = "psql -XAtq -U shop_app -d shop -c 'select current_user'";
    assert_eq!(lab.on(host, mapped).trim(), "shop_app");
    let preloaded = lab.sql(host, "show shared_preload_libraries");
    assert_eq!(
        (preloaded.as_str(), lab.sql(host, "show ssl").as_str()),
        ("auto_explain", "on")
    );
    lab.sql(host, "select pg_logical_emit_message(true, 'x', 'x')");
    let segment = lab.sql(host, "select pg_walfile_name(pg_current_wal_lsn())");
    lab.sql(host, "select pg_switch_wal()");
    let archived = format!("select last_archived_wal >= '{segment}' from pg_stat_archiver");
    lab.until(host, &archived, "t");
    lab.on(host, &format!("test -f /srv/archive/{segment}"));
}

#[test]
fn what_the_primary_has_belongs_to_all_that_may_lead() {
    let lab = Lab::up("lead", &["server1=12:pg", "server2=12:pg"]);
    by_hand(&lab);
    let evened = describe(&lab, "server2");
    let text = std::fs::read_to_string(&evened).unwrap();
    assert!(text.contains("# archive_mode: \"off\""), "{text}");

    // An inventory that leaves everything as it is.
    let as_it_is = lab.file(
        "as-it-is.yaml",
        &format!(
            "cluster: shop\nssh: {{ config_file: {} }}\npostgresql: {{ version: 15 }}\n\
             replication: {{ password: {{ env: SHOP_REPLICATION_PASSWORD }} }}\nprimary: server1\nstandbys: [server2]\n\
             hosts: {{ server2: {{ listen_addresses: localhost, parameters: {{ archive_mode: \"off\" }} }} }}\n",
            lab.ssh_config()
        ),
    );
    let as_it_is = as_it_is.to_str().unwrap();
    let apply = pgrepl(&lab, &["apply", as_it_is, "--auto-approve"]);
    assert_eq!(apply.code, 0, "{}{}", apply.out, apply.err);
    let started = lab.sql("server1", "select pg_postmaster_start_time()");
    lab.on(
        "server2",
        "PGPASSWORD=app nohup psql -h server1 -U shop_app -d shop -c 'select pg_sleep(600)' >/dev/null 2>&1 &",
    );
    lab.until(
        "server1",
        "select count(*) from pg_stat_activity where usename = 'shop_app'",
        "1",
    );
    let status = pgrepl(&lab, &["status", as_it_is, "--exit-code"]);
    assert_eq!(status.code, 2, "{}", status.out);
    for said in [
        "as primary it would end archiving: archive_mode: off",
        "as primary it would turn away who is connected now: shop_app of shop",
        "host shop shop_app 10.0.0.0/8 scram-sha-256: no such rule",
        "pg_ident.conf: staff root shop_app",
        "as primary it would hear nobody on other hosts",
        "shared_preload_libraries: ''",
        "ssl: off",
        "work_mem: 4MB, the primary 7MB",
    ] {
        assert!(status.out.contains(said), "{said}: {}", status.out);
    }
    let refused = pgrepl(
        &lab,
        &["switchover", as_it_is, "--to", "server2", "--auto-approve"],
    );
    assert_eq!(refused.code, 7, "{}{}", refused.out, refused.err);
    for said in [
        "archive_mode: archiving ends",
        "shop_app of shop",
        "--confirm server2",
    ] {
        assert!(refused.err.contains(said), "{said}: {}", refused.err);
    }
    assert!(
        refused.out.contains("What server2 lacks as primary"),
        "{}",
        refused.out
    );
    assert_eq!(lab.sql("server1", "select pg_is_in_recovery()"), "f");

    let apply = pgrepl(&lab, &["apply", &evened, "--auto-approve"]);
    assert_eq!(apply.code, 0, "{text}\n{}{}", apply.out, apply.err);
    nothing_to_do(&lab, &evened);
    // The standby has been restarted, the primary has not.
    assert_eq!(
        lab.sql("server1", "select pg_postmaster_start_time()"),
        started
    );
    let status = pgrepl(&lab, &["status", &evened]);
    assert!(
        !status.out.contains("as primary it would"),
        "{}",
        status.out
    );
    for (to, other) in [("server2", "server1"), ("server1", "server2")] {
        let ran = pgrepl(&lab, &["switchover", &evened, "--to", to, "--auto-approve"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        // What lets nobody in whom pgrepl could be cannot be looked at, and that is said.
        let lacks = ran
            .out
            .lines()
            .skip_while(|line| !line.contains("lacks as primary"));
        let mut rows = lacks.skip(2).take_while(|line| !line.is_empty());
        let unknown = "extensions of shop";
        assert!(
            rows.all(|row| row.trim_start().starts_with(unknown)),
            "{}",
            ran.out
        );
        serves(&lab, to, other);
    }
    nothing_to_do(&lab, &evened);
}
