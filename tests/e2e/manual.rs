//! The manual, walked from page to page on three fresh hosts: each line of its shell examples is run as it stands there, each
//! inventory is applied.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::address::shared_address;
use crate::lab::{Lab, release};
use crate::poolers::pooler;
use crate::reader::{Block, Reader, blocks, merge};

/// The pages with shell examples, in the order in which they make one story.
const STORY: [&str; 16] = [
    "docs/own-servers.md",
    "docs/first-pair.md",
    "README.md",
    "docs/who-leads.md",
    "docs/change.md",
    "docs/standbys.md",
    "docs/backup-restore.md",
    "docs/switchover.md",
    "docs/clients.md",
    "docs/update.md",
    "docs/tls.md",
    "docs/monitoring.md",
    "docs/three-am.md",
    "docs/rebuild.md",
    "docs/ci.md",
    "docs/adopt.md",
];

/// Pages whose examples are of another machine, or are run elsewhere.
const ELSEWHERE: [(&str, &str); 3] = [
    ("CONTRIBUTING.md", "builds and tests pgrepl"),
    ("docs/SECURITY.md", "the lines of docs/ci.md"),
    ("docs/exit-codes.md", "run without a host, in tests/cli"),
];

/// Makes a certificate of one authority for each host, and tells both hosts to trust that authority, and the
/// certificates that Debian made.
fn certificates(lab: &Lab) {
    let at = lab.path("ca");
    std::fs::create_dir_all(&at).unwrap();
    let make = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=ca -keyout ca.key -out ca.crt 2>/dev/null\n\
        for host in server1 server2 server3; do\n\
        openssl req -newkey rsa:2048 -nodes -subj /CN=$host -keyout $host.key -out $host.csr 2>/dev/null\n\
        printf 'subjectAltName=DNS:%s\\n' $host >$host.ext\n\
        openssl x509 -req -in $host.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile $host.ext -out $host.crt 2>/dev/null\n\
        done";
    let made = Command::new("sh")
        .args(["-euc", make])
        .current_dir(&at)
        .status();
    assert!(made.unwrap().success());
    let hosts = ["server1", "server2", "server3"];
    let mut trusted = std::fs::read_to_string(at.join("ca.crt")).unwrap();
    for host in hosts {
        trusted += &format!(
            "{}\n",
            lab.on(host, "cat /etc/ssl/certs/ssl-cert-snakeoil.pem")
        );
    }
    let trusted = lab.file("ca/root.crt", &trusted);
    for host in hosts {
        lab.on(
            host,
            "install -d /etc/ssl/shop; install -d -o postgres -m 700 ~postgres/.postgresql",
        );
        lab.send(
            host,
            &at.join(format!("{host}.crt")),
            "/etc/ssl/shop/server.crt",
        );
        lab.send(
            host,
            &at.join(format!("{host}.key")),
            "/etc/ssl/shop/server.key",
        );
        lab.on(
            host,
            "chown postgres: /etc/ssl/shop/server.key; chmod 600 /etc/ssl/shop/server.key",
        );
        lab.send(host, &trusted, "/tmp/root.crt");
        lab.on(
            host,
            "install -o postgres -m 644 /tmp/root.crt ~postgres/.postgresql/root.crt",
        );
    }
}

#[test]
fn whoever_types_what_the_manual_says_gets_what_it_says() {
    let kind = |name: &str, flavour: &str| format!("{name}={}:{flavour}", release().0);
    let servers = ["server1", "server2", "server3"].map(|name| kind(name, "pg"));
    let [one, two, three] = &servers;
    let lab = Lab::up(
        "manual",
        &[one, two, three, &kind("pool1", "pool"), "--mount"],
    );
    let bin = lab.file(
        "bin/ssh",
        &format!(
            "#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n",
            lab.ssh_config()
        ),
    );
    std::fs::set_permissions(&bin, std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = std::env::var_os("PGREPL_PROGRAM");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_pgrepl").into());
    symlink(program, lab.path("bin/pgrepl")).unwrap();
    let desk = lab.path("desk");
    std::fs::create_dir_all(&desk).unwrap();
    let mut reader = Reader {
        lab: &lab,
        desk,
        variables: Vec::new(),
    };
    let mut walked = BTreeSet::new();
    for page in STORY {
        walked.insert(page);
        walk(&mut reader, page);
    }
    let known: BTreeSet<&str> = walked
        .into_iter()
        .chain(ELSEWHERE.map(|(page, _)| page))
        .collect();
    let docs = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    for entry in docs {
        let name = format!("docs/{}", entry.unwrap().file_name().to_string_lossy());
        if name.ends_with(".md")
            && blocks(&name)
                .iter()
                .any(|block| matches!(block, Block::Shell(_)))
        {
            assert!(
                known.contains(name.as_str()),
                "{name} has examples that nobody runs"
            );
        }
    }
}

/// With the certificate that Debian made `verify-full` cannot work here: that is found before the standby is told to ask for it.
fn refused_before_it_is_cut_off(reader: &mut Reader) {
    let kept = reader.inventory();
    let mut inventory = kept.clone();
    merge(
        &mut inventory,
        &json!({"replication": {"sslmode": "verify-full"}}),
    );
    reader.write(&inventory);
    let ran = reader.run("pgrepl apply --auto-approve");
    assert_ne!(ran.code, 0, "{}", ran.out);
    assert!(
        ran.err.contains("cannot log in for replication: "),
        "{}",
        ran.err
    );
    let streams = "select count(*) from pg_stat_replication where state = 'streaming'";
    assert_eq!(reader.lab.sql("server1", streams), "1");
    reader.write(&kept);
    reader.applies("docs/tls.md");
}

/// Walks one page.
fn walk(reader: &mut Reader, page: &str) {
    let lab = reader.lab;
    let last = blocks(page).len() - 1;
    let mut unapplied = false;
    for (at, block) in blocks(page).into_iter().enumerate() {
        match (page, at) {
            // The examples of this page are of logins, each for itself.
            ("docs/own-servers.md", 1..) => continue,
            ("docs/adopt.md", 0) => {
                // Somebody else's servers: nobody has an inventory of them.
                reader.desk = lab.path("other");
                std::fs::create_dir_all(&reader.desk).unwrap();
            }
            ("docs/clients.md", 0) => {
                pooler(lab);
                lab.on(
                    "pool1",
                    "echo 'shop = host=server1 dbname=postgres' >>/etc/pgbouncer/shop.ini; systemctl reload pgbouncer",
                );
                for name in ["take-address-away", "move-address"] {
                    let script = format!(
                        "printf '#!/bin/sh\\necho {name} >>hooked\\n' >{name}; chmod +x {name}"
                    );
                    assert_eq!(reader.run(&script).code, 0);
                }
            }
            ("docs/tls.md", 0) => {
                certificates(lab);
                refused_before_it_is_cut_off(reader);
            }
            ("docs/standbys.md", _) if at == last => {
                let mut inventory = reader.inventory();
                inventory["standbys"] = json!(["server2"]);
                inventory["hosts"]
                    .as_object_mut()
                    .unwrap()
                    .remove("server3");
                inventory["replication"]
                    .as_object_mut()
                    .unwrap()
                    .remove("synchronous");
                reader.write(&inventory);
            }
            ("docs/ci.md", 0) => {
                // What strangers may ask to change runs no commands.
                let mut inventory = reader.inventory();
                inventory["clients"]
                    .as_object_mut()
                    .unwrap()
                    .remove("hooks");
                reader.write(&inventory);
            }
            ("docs/three-am.md", 0) => {
                lab.tell("kill", &["server1"]);
            }
            ("docs/rebuild.md", 0) => {
                lab.tell("boot", &["server1"]);
            }
            _ => {}
        }
        match block {
            // That is of other servers.
            Block::Inventory(part)
                if part["postgresql"]["version"].as_u64().unwrap_or(15) != 15 => {}
            Block::Inventory(part) if part.get("cluster").is_some() => {
                // What init has written.
                let mut written = reader.inventory();
                merge(&mut written, &part);
                assert_eq!(written, reader.inventory(), "{page}");
            }
            Block::Inventory(mut part) => {
                // One of the lab's own network.
                if let Some(ip) = part.pointer_mut("/clients/address/ip") {
                    *ip = json!(format!("{}/24", shared_address(lab)));
                }
                if unapplied {
                    reader.applies(page);
                }
                let mut inventory = reader.inventory();
                merge(&mut inventory, &part);
                reader.write(&inventory);
                unapplied = true;
            }
            Block::Shell(lines) => {
                for line in lines {
                    unapplied &= !line.starts_with("pgrepl apply");
                    types(reader, page, &line);
                }
            }
        }
    }
    if unapplied {
        reader.applies(page);
    }
    if page == "docs/clients.md" {
        for to in ["server2", "server1"] {
            reader.does(page, &format!("pgrepl switchover --to {to}"), &[0]);
            let line = lab.on("pool1", "grep '^shop' /etc/pgbouncer/shop.ini");
            assert_eq!(line, format!("shop = host={to} dbname=postgres"));
            let held = format!("ip -o address show to {}", shared_address(lab));
            assert_ne!(lab.on(to, &held), "");
        }
        let hooked = std::fs::read_to_string(reader.desk.join("hooked")).unwrap();
        let both = "take-address-away\nmove-address\n";
        assert_eq!(hooked, format!("{both}{both}"));
    }
    if page == "docs/backup-restore.md" {
        // Another tool begins anew.
        reader.does(page, "pgrepl backup run", &[0]);
    }
}

/// Types a line: what it ends with where that is not 0, and what it needs.
fn types(reader: &mut Reader, page: &str, line: &str) {
    let lab = reader.lab;
    let bare = line.split('#').next().unwrap_or_default().trim();
    // They build this program, or call one of somebody else's.
    if bare.starts_with("cargo ") || bare.starts_with("make ") || bare.contains("conftest") {
        return;
    }
    let line = match bare {
        _ if bare.contains("inventory.yaml") => {
            reader.run("cp pgrepl.yaml inventory.yaml");
            bare.to_owned()
        }
        _ if bare.contains("--time") => {
            lab.sql(
                "server1",
                "create table kept (i int); insert into kept values (1)",
            );
            reader.does(page, "pgrepl backup run", &[0]);
            lab.sql("server1", "insert into kept values (2)");
            let moment = lab.sql(
                "server1",
                "select to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US')",
            );
            lab.sql("server1", "drop table kept; select pg_switch_wal()");
            bare.replace("2026-01-31 11:59:00", &moment)
        }
        _ => bare.to_owned(),
    };
    // A part of the plan is to come.
    let pending = line.contains("--detailed-exitcode");
    let codes: &[i32] = if pending { &[0, 2] } else { &[0] };
    let ran = reader.does(page, &line, codes);
    if line.contains("--time") {
        let found = lab.on("server2", "setpriv --reuid postgres --regid postgres --init-groups psql -XAtq -p 5433 -d postgres -c 'select count(*) from kept'");
        assert_eq!(found, "2", "{}", ran.out);
    }
}
