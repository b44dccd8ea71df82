//! The address that the primary alone holds: handed over, taken when its holder is gone, and at boot.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::cut::cut;
use crate::lab::{Lab, release};
use crate::writer::{RULE, Writer};

/// An address of the lab's network that no host has.
pub fn shared_address(lab: &Lab) -> String {
    let all = lab.on("server1", "hostname -I");
    let own = all.split_whitespace().next().unwrap();
    format!("{}.200", own.rsplit_once('.').unwrap().0)
}

/// A pair, a host for clients, and the address, which is on the primary.
fn hosts(name: &str) -> (Lab, PathBuf, String) {
    let lab = Lab::servers(name, &["server1", "server2", "other"]);
    let address = shared_address(&lab);
    let inventory = lab.inventory(&format!(
        "postgresql: {{ version: {}, {RULE} }}\nprimary: server1\nstandbys: [server2]\n\
         clients: {{ address: {{ ip: {address}/24, interface: eth0 }} }}\n",
        release().1
    ));
    lab.converge(&inventory);
    assert_eq!(holders(&lab, &address), ["server1"]);
    (lab, inventory, address)
}

fn holders(lab: &Lab, address: &str) -> Vec<&'static str> {
    let has = |host: &str| {
        !lab.on(host, &format!("ip -o address show to {address}"))
            .is_empty()
    };
    ["server1", "server2"]
        .into_iter()
        .filter(|host| has(host))
        .collect()
}

/// Waits for a line of the unit that adds it at boot, of this boot.
fn until_said(lab: &Lab, host: &str, words: &str) {
    lab.on(
        host,
        &format!(
            "for i in $(seq 300); do ! journalctl -q -b -o cat -u pgrepl-shop-address | grep -q '{words}' || exit 0; sleep 0.2; done; exit 1"
        ),
    );
}

/// Waits until a server that boots says whether it is a standby.
fn until_recovers(lab: &Lab, host: &str, answer: &str) {
    lab.on(
        host,
        &format!(
            "for i in $(seq 300); do told=$(cd /; runuser -u postgres -- psql -XAtqc 'select pg_is_in_recovery()' 2>/dev/null) || :; \
             [ \"$told\" != {answer} ] || exit 0; sleep 0.2; done; exit 1"
        ),
    );
}

#[test]
fn it_is_where_the_primary_is_and_nowhere_else() {
    let (lab, inventory, address) = hosts("address");
    let path = inventory.to_str().unwrap();
    let writer = Writer::start(&lab, "other", "server1", &address);
    let ran = lab.pgrepl(&["switchover", path, "--to", "server2", "--auto-approve"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(holders(&lab, &address), ["server2"]);
    writer.goes_on();
    let again = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);

    // On the wrong host it is told, and brought back.
    lab.on("server2", &format!("ip address del {address}/24 dev eth0"));
    lab.on("server1", &format!("ip address add {address}/24 dev eth0"));
    let status = lab.pgrepl(&["status", path, "--exit-code"]);
    assert_eq!(status.code, 2, "{}{}", status.out, status.err);
    for words in [
        "has ADDRESS, and server2 leads",
        "leads and does not have ADDRESS",
    ] {
        let words = words.replace("ADDRESS", &address);
        assert!(status.out.contains(&words), "{words}: {}", status.out);
    }
    lab.converge(&inventory);
    assert_eq!(holders(&lab, &address), ["server2"]);
    writer.goes_on();

    // Its holder is gone, and somebody else answers for it: that one is told, and the rest is done.
    lab.tell("kill", &["server2"]);
    lab.on("other", &format!("ip address add {address}/24 dev eth0"));
    let failover = [
        "failover",
        path,
        "--to",
        "server1",
        "--auto-approve",
        "--confirm",
        "server2",
    ];
    let ran = lab.pgrepl(&failover);
    let link = lab.on(
        "other",
        "ip -o link show dev eth0 | sed 's/.*link.ether \\([^ ]*\\).*/\\1/'",
    );
    assert_ne!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains(&format!("{link} answers for it")),
        "{}{}",
        ran.out,
        ran.err
    );
    let held = format!("ip -o address show to {address} | wc -l");
    assert_eq!(lab.on("server1", &held), "0");
    assert_eq!(lab.sql("server1", "select pg_is_in_recovery()"), "f");
    lab.on("other", &format!("ip address del {address}/24 dev eth0"));
    let ran = lab.pgrepl(&["apply", path, "--auto-approve"]);
    let held = lab.on("server1", &held);
    assert_eq!(held, "1", "{}{}", ran.out, ran.err);
    writer.goes_on();

    // It comes back as a primary of its own: somebody has the address already.
    lab.tell("boot", &["server2"]);
    until_recovers(&lab, "server2", "f");
    until_said(&lab, "server2", "answers for");
    assert_eq!(holders(&lab, &address), ["server1"]);
    let back = lab.pgrepl(&[
        "-i",
        path,
        "rebuild",
        "server2",
        "--auto-approve",
        "--confirm",
        "server2",
    ]);
    assert_eq!(back.code, 0, "{}{}", back.out, back.err);
    let again = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);

    // A boot gives it to the primary and to nobody else.
    for host in ["server1", "server2"] {
        lab.tell("kill", &[host]);
        lab.tell("boot", &[host]);
    }
    until_said(&lab, "server1", "is on eth0");
    until_recovers(&lab, "server2", "t");
    assert_eq!(holders(&lab, &address), ["server1"]);
    writer.goes_on();
    let (rows, _) = writer.stop("server1");
    assert!(rows > 10, "{rows} rows");
}

#[test]
#[ignore = "some minutes: cargo test --test e2e -- --ignored address"]
fn killed_after_any_step_it_is_on_one_host_and_that_one_takes_writes() {
    let (lab, inventory, address) = hosts("addresskill");
    let path = inventory.to_str().unwrap();
    let writer = Writer::start(&lab, "other", "server1", &address);
    let arguments = ["switchover", path, "--to", "server2", "--auto-approve"];
    let mut earlier = BTreeSet::new();
    while let Some(step) = cut(&lab, path, &arguments, &mut earlier) {
        assert!(holders(&lab, &address).len() < 2, "{step}");
        let again = lab.pgrepl(&["apply", path, "--auto-approve"]);
        assert_eq!(again.code, 0, "{step}: {}{}", again.out, again.err);
        let held = holders(&lab, &address);
        assert_eq!(held.len(), 1, "{step}: {held:?}");
        let leads = held[0];
        assert_eq!(lab.sql(leads, "select pg_is_in_recovery()"), "f", "{step}");
        writer.goes_on();
        // Where the change was past its middle, it is made again from its beginning.
        if leads == "server2" {
            let back = lab.pgrepl(&["switchover", path, "--to", "server1", "--auto-approve"]);
            assert_eq!(back.code, 0, "{step}: {}{}", back.out, back.err);
        }
    }
    assert!(earlier.len() >= 8, "only {} steps were cut", earlier.len());
    assert_eq!(holders(&lab, &address), ["server2"]);
    let (rows, missing) = writer.stop("server2");
    assert!(
        rows > 10 && missing.is_empty(),
        "{rows} rows, lost {missing:?}"
    );
}
