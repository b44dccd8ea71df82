//! Servers that others have set up: described, and brought under an inventory without a restart or a loss.

use std::path::Path;
use std::process::Stdio;

use crate::lab::{Lab, Ran};

const PASSWORD: &str = "motdepasse";

/// What a common how-to writes into postgresql.conf of both servers.
pub const HOWTO: &str = "
listen_addresses = '*'
wal_level = replica
max_wal_senders = 5
wal_log_hints = on
hot_standby = on
hot_standby_feedback = on
archive_mode = on
archive_command = 'true'
work_mem = 7MB
";

pub fn pgrepl(lab: &Lab, arguments: &[&str]) -> Ran {
    let child = lab
        .command(arguments)
        .env("SHOP_REPLICATION_PASSWORD", PASSWORD)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    lab.finish(child)
}

/// A pair set up by hand: no slot, a line in .pgpass, the standby's connection in its postgresql.conf.
pub fn howto(lab: &Lab) {
    let address = |host: &str| lab.on(host, "hostname -I | cut -d ' ' -f 1");
    let (one, two) = (address("server1"), address("server2"));
    for host in ["server1", "server2"] {
        let conf = "pg_createcluster 15 main >/dev/null; printf '%s' \"$1\" >>/etc/postgresql/15/main/postgresql.conf
            cd ~postgres; echo '*:*:replication:replicator:motdepasse' >>.pgpass; chown postgres: .pgpass; chmod 600 .pgpass";
        lab.tell("exec", &[host, "sh", "-c", conf, "sh", HOWTO]);
    }
    let hba = "/etc/postgresql/15/main/pg_hba.conf";
    lab.on("server1", &format!(
        "printf 'host replication replicator {one}/32 reject\\nhost replication replicator {two}/32 md5\\nhost shop shop_app 10.0.0.0/8 md5\\n' >>{hba}
         systemctl enable --quiet --now postgresql@15-main"
    ));
    lab.sql(
        "server1",
        "create role replicator with login replication password 'motdepasse'",
    );
    lab.on("server2", &format!(
        "printf 'host replication replicator {one}/32 md5\\nhost replication replicator {two}/32 reject\\n' >>{hba}
         cd /; rm -r /var/lib/postgresql/15/main
         as() {{ runuser -u postgres -- \"$@\"; }}
         as pg_basebackup -h server1 -U replicator --pgdata /var/lib/postgresql/15/main --wal-method=stream
         as touch /var/lib/postgresql/15/main/standby.signal
         printf \"primary_conninfo = 'host=server1 user=replicator'\\nrecovery_target_timeline = 'latest'\\n\" >>/etc/postgresql/15/main/postgresql.conf
         systemctl enable --quiet --now postgresql@15-main"
    ));
    lab.until(
        "server1",
        "select state from pg_stat_replication",
        "streaming",
    );
}

/// Writes an inventory of what runs, from the view of one host.
pub fn describe(lab: &Lab, host: &str) -> String {
    let path = lab.file(&format!("from-{host}.yaml"), "");
    std::fs::remove_file(&path).unwrap();
    let path = path.to_str().unwrap().to_owned();
    let config = lab.ssh_config();
    let from = ["init", &path, "--from-host", host, "--ssh-config", &config];
    let ran = pgrepl(
        lab,
        &[&from[..], &["--cluster", "shop", "--no-input"]].concat(),
    );
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(!std::fs::read_to_string(&path).unwrap().contains(PASSWORD));
    let valid = pgrepl(lab, &["validate", &path]);
    assert_eq!(valid.code, 0, "{}{}", valid.out, valid.err);
    path
}

pub fn nothing_to_do(lab: &Lab, inventory: &str) {
    let plan = pgrepl(lab, &["plan", inventory, "--detailed-exitcode"]);
    assert_eq!(plan.code, 0, "{}{}", plan.out, plan.err);
    assert!(plan.out.contains("Nothing to do"), "{}", plan.out);
}

/// What a server has loaded from its files, without what must change, and since when it runs.
pub fn loaded(lab: &Lab, host: &str) -> String {
    lab.sql(
        host,
        "select pg_postmaster_start_time(); select name, setting from pg_settings
         where source not in ('client', 'override', 'session') and name not in ('primary_conninfo', 'primary_slot_name') order by 1",
    )
}

pub fn rules(lab: &Lab, host: &str) -> Vec<String> {
    let rules = "select type, database, user_name, address, auth_method from pg_hba_file_rules";
    lab.sql(host, rules).lines().map(str::to_owned).collect()
}

/// Brings a pair under the inventory that `describe` writes of it: neither is restarted, no setting and no rule is lost.
pub fn keeps_everything(lab: &Lab, describe: impl FnOnce() -> String) {
    let hosts = ["server1", "server2"];
    let before = hosts.map(|host| (loaded(lab, host), rules(lab, host)));
    let inventory = describe();
    let text = std::fs::read_to_string(&inventory).unwrap();
    assert!(
        text.contains("primary: server1\nstandbys: [server2]"),
        "{text}"
    );
    let plan = pgrepl(lab, &["plan", &inventory]);
    assert!(
        plan.out.contains("Cost: 2 reloads, nothing set aside"),
        "{text}\n{}{}",
        plan.out,
        plan.err
    );
    let apply = pgrepl(lab, &["apply", &inventory, "--auto-approve"]);
    assert_eq!(apply.code, 0, "{}{}", apply.out, apply.err);
    nothing_to_do(lab, &inventory);
    for (host, (settings, old)) in hosts.into_iter().zip(before) {
        assert_eq!(loaded(lab, host), settings, "{host}");
        let now = rules(lab, host);
        for rule in old {
            assert!(now.contains(&rule), "{host} lost {rule}: {now:#?}");
        }
    }
    lab.sql("server1", "create table t as select 42 as i");
    lab.until(
        "server2",
        "select count(*) from pg_class where relname = 't'",
        "1",
    );
}

#[test]
fn a_pair_made_by_hand_is_described_and_keeps_everything() {
    let lab = Lab::up("howto", &["server1=12:pg", "server2=12:pg"]);
    howto(&lab);
    keeps_everything(&lab, || {
        let inventory = describe(&lab, "server2");
        let text = std::fs::read_to_string(&inventory).unwrap();
        assert!(text.contains("slots: false"), "{text}");
        // Another run does not write over it.
        let again = pgrepl(
            &lab,
            &["init", &inventory, "--from-host", "server1", "--no-input"],
        );
        assert_eq!(again.code, 7, "{}", again.err);
        assert_eq!(std::fs::read_to_string(&inventory).unwrap(), text);
        // Whichever host it begins with, it is the same.
        let other = std::fs::read_to_string(describe(&lab, "server1")).unwrap();
        assert_eq!(other, text);
        inventory
    });
    // What pgrepl has set up is described so that nothing is left to do.
    nothing_to_do(&lab, &describe(&lab, "server1"));
}

#[test]
fn what_pgrepl_made_is_described_as_it_was_said() {
    let lab = Lab::up(
        "said",
        &[
            "--mount",
            "server1=12:main",
            "server2=12:pg",
            "server3=12:pg",
        ],
    );
    lab.on("server1", "systemctl start postgresql@15-main");
    // One server with its own configuration: nothing of it changes, and it does not restart.
    let before = loaded(&lab, "server1");
    let alone = describe(&lab, "server1");
    let apply = pgrepl(&lab, &["apply", &alone, "--auto-approve"]);
    assert_eq!(apply.code, 0, "{}{}", apply.out, apply.err);
    nothing_to_do(&lab, &alone);
    assert_eq!(loaded(&lab, "server1"), before);

    let inventory = lab.file(
        "wish.yaml",
        &format!(
            "cluster: shop\nssh: {{ config_file: {} }}\npostgresql:\n  version: 15\n  \
             parameters: {{ shared_buffers: 64MB, archive_timeout: 1h, log_line_prefix: \"%m 'q' \\\\ #x \" }}\n  \
             hba: [\"host \\\"a b\\\" all 10.1.0.0/24 md5 # why not\"]\n\
             replication: {{ password: {{ env: SHOP_REPLICATION_PASSWORD }}, synchronous: 1, sslmode: require }}\n\
             primary: server1\nstandbys: [server2, server3]\nhosts:\n  server2: {{ parameters: {{ work_mem: 64MB }} }}\n  \
             server3: {{ upstream: server2, apply_delay: 1min, hba: [\"host other other 10.2.0.0/16 md5\"] }}\n\
             backup: {{ mount: /mnt/backups }}\n",
            lab.ssh_config()
        ),
    );
    let apply = pgrepl(
        &lab,
        &["apply", inventory.to_str().unwrap(), "--auto-approve"],
    );
    assert_eq!(apply.code, 0, "{}{}", apply.out, apply.err);
    let described = describe(&lab, "server3");
    nothing_to_do(&lab, &described);
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        pgrepl::inventory::read(&text)
            .unwrap_or_else(|_| panic!("{text}"))
            .cluster
    };
    assert_eq!(read(described.as_ref()), read(&inventory));
}
