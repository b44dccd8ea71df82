//! Records what the probe says of real hosts, for the tests that need none: `cargo test --test e2e -- --ignored record`.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

use pgrepl::command::{Command, Vault};
use pgrepl::host::ssh::{SshHost, control_directory};
use pgrepl::host::{Host, Line, Running, Word};
use pgrepl::inventory::{NodeName, read};
use pgrepl::observe::look;

use crate::lab::{Lab, PASSWORD};

/// Hears everything that a host says.
struct Recorder {
    inner: SshHost,
    heard: RefCell<Vec<Line>>,
}

impl Host for Recorder {
    fn run_with<'a>(
        &'a self,
        command: &'a Command,
        vault: &'a Vault,
        say: &'a dyn Fn(&Line),
        word: Word<'a>,
    ) -> Running<'a> {
        Box::pin(async move {
            let lines = self.inner.run_with(command, vault, say, word).await?;
            self.heard.borrow_mut().extend(lines.clone());
            Ok(lines)
        })
    }
}

fn record(inventory: &Path, host: &str, name: &str) {
    let text = std::fs::read_to_string(inventory).unwrap();
    let cluster = read(&text)
        .unwrap_or_else(|_| panic!("a bad inventory"))
        .cluster;
    let directory = control_directory().unwrap();
    let node = NodeName::from(host);
    let recorder = Rc::new(Recorder {
        inner: {
            let wish = &cluster.nodes[&node];
            SshHost::new(&node, &wish.ssh, wish.r#become, directory.path())
        },
        heard: RefCell::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let password = PASSWORD.to_owned().into();
    runtime
        .block_on(look(&cluster, &node, recorder.as_ref(), Some(&password)))
        .unwrap();
    let mut recorded = String::new();
    for line in recorder.heard.borrow().iter() {
        if let Line::Fact(key, value) = line {
            recorded += &format!("{key} {value}\n");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/facts")
        .join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, recorded).unwrap();
}

#[test]
#[ignore = "writes tests/facts"]
fn record_hosts_in_every_state() {
    let lab = Lab::up(
        "record",
        &["server1=12", "server2=12:pg", "server3=12:main"],
    );
    let all = "postgresql: { version: 15 }\nprimary: server1\nstandbys: [server2, server3]\nhosts: { server3: { upstream: server2 } }\n";
    let inventory = lab.inventory(all);
    record(&inventory, "server1", "bare");
    record(&inventory, "server2", "packages");
    record(&inventory, "server3", "main");
    lab.on("server3", "systemctl stop postgresql@15-main; mv /var/lib/postgresql/15/main /var/lib/postgresql/15/old");
    lab.converge(&inventory);
    record(&inventory, "server1", "primary");
    record(&inventory, "server2", "standby");
    record(&inventory, "server3", "cascading");
    lab.on("server3", "systemctl stop postgresql@15-main");
    record(&inventory, "server3", "cascading-stopped");
    record(&inventory, "server2", "standby-alone");
    lab.on("server1", "systemctl stop postgresql@15-main");
    record(&inventory, "server1", "primary-stopped");
    lab.on("server2", "systemctl stop postgresql@15-main");
    record(&inventory, "server2", "standby-stopped");
    lab.on(
        "server1",
        "systemctl start postgresql@15-main && pkill -9 -x postgres; sleep 1",
    );
    record(&inventory, "server1", "primary-crashed");
    lab.on("server1", "systemctl restart postgresql@15-main");
    lab.on(
        "server2",
        "systemctl start postgresql@15-main; pg_ctlcluster 15 main promote",
    );
    lab.until("server2", "select pg_is_in_recovery()", "f");
    lab.sql("server2", "checkpoint");
    record(&inventory, "server2", "promoted");
    record(&inventory, "server1", "primary-alone");
}

/// The same host with all programs of its version.
fn complete(name: &str, with: &str) {
    let facts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/facts");
    let text = std::fs::read_to_string(facts.join(name)).unwrap();
    let all = "initdb pg_ctl postgres\n";
    assert!(text.contains(all));
    let text = text.replace(all, "initdb pg_basebackup pg_controldata pg_ctl pg_isready pg_rewind pg_waldump postgres psql\n");
    std::fs::write(facts.join(with), text).unwrap();
}

#[test]
#[ignore = "writes tests/facts"]
fn record_hosts_that_have_a_recovery_conf_and_no_pg_controldata() {
    let lab = Lab::up("record11", &["server1=12:pg11", "server2=12:pg11"]);
    let inventory =
        lab.inventory("postgresql: { version: 11 }\nprimary: server1\nstandbys: [server2]\n");
    lab.converge(&inventory);
    record(&inventory, "server1", "primary-11");
    record(&inventory, "server2", "standby-11");
    complete("primary-11", "primary-complete-11");
    complete("standby-11", "standby-complete-11");
    lab.on("server2", "pg_ctlcluster 11 main stop");
    record(&inventory, "server1", "primary-alone-11");
    record(&inventory, "server2", "standby-stopped-11");
    lab.on("server1", "pg_ctlcluster 11 main stop");
    record(&inventory, "server1", "primary-stopped-11");
}

#[test]
#[ignore = "writes tests/adopt"]
fn record_a_pair_that_was_made_by_hand() {
    let lab = Lab::up("record", &["server1=12:pg", "server2=12:pg"]);
    crate::adopt::howto(&lab);
    let inventory =
        lab.inventory("postgresql: { version: 15 }\nprimary: server1\nstandbys: [server2]\n");
    record(&inventory, "server1", "../adopt/primary");
    record(&inventory, "server2", "../adopt/standby");
}

#[test]
#[ignore = "writes tests/facts"]
fn record_hosts_of_the_rhel_family() {
    let lab = Lab::up("rhelrec", &["server1=12:rhel", "server2=12:rhel"]);
    let inventory =
        lab.inventory("postgresql: { version: 15 }\nprimary: server1\nstandbys: [server2]\n");
    record(&inventory, "server1", "rhel-bare");
    lab.converge(&inventory);
    record(&inventory, "server1", "rhel-primary");
    record(&inventory, "server2", "rhel-standby");
    lab.on("server2", "systemctl stop postgresql-15");
    record(&inventory, "server2", "rhel-standby-stopped");
    lab.on(
        "server2",
        "rm -rf /var/lib/pgsql/15/data/*; systemctl disable -q postgresql-15",
    );
    record(&inventory, "server2", "rhel-packages");
}
