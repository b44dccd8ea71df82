//! Hosts whose firewalls are on: the servers get through to each other, and nobody else does.

use crate::lab::Lab;

/// Whether a host gets a connection to another's port.
fn gets_in(lab: &Lab, from: &str, to: &str, port: u16) -> bool {
    let knock = format!("timeout 3 bash -c 'exec 3<>/dev/tcp/{to}/{port}' 2>&1 && echo in || :");
    lab.on(from, &knock).ends_with("in")
}

fn rules(lab: &Lab, host: &str) -> String {
    match host {
        // It lists them in no order.
        "server1" => lab.on(
            host,
            "firewall-cmd --list-rich-rules | sort; echo; firewall-cmd --permanent --list-rich-rules | sort",
        ),
        _ => lab.on(host, "ufw show added"),
    }
}

#[test]
fn firewalls_let_in_the_servers_of_the_cluster_and_nobody_else() {
    let lab = Lab::up(
        "firewall",
        &["server1=12:firewalld", "server2=12:ufw", "server3=12:pg"],
    );
    // Rules of the owner: one for the same port, one that is just like one of ours.
    lab.on(
        "server1",
        "firewall-cmd -q --permanent --add-port=8080/tcp; firewall-cmd -q --add-port=8080/tcp",
    );
    lab.on("server2", "ufw allow proto tcp from $(getent hosts server3 | cut -d' ' -f1) to any port 5432 comment mine");
    let body = |firewall: &str, standbys: &str| {
        format!(
            "postgresql: {{ version: 15, firewall: {firewall} }}\nprimary: server1\nstandbys: [{standbys}]\n"
        )
    };

    // Left alone, they keep the copy from its source.
    let inventory = lab.inventory(&body("off", "server2"));
    let path = inventory.to_str().unwrap();
    let kept_out = lab.pgrepl(&["apply", path, "--auto-approve"]);
    assert_eq!(kept_out.code, 8, "{}{}", kept_out.out, kept_out.err);
    assert!(
        kept_out.err.contains("No route to host") || kept_out.err.contains("timeout expired"),
        "{}",
        kept_out.err
    );
    assert!(!gets_in(&lab, "server2", "server1", 5432));

    lab.inventory(&body("auto", "server2, server3"));
    // What a first run needs is there, since the firewalls are opened by it.
    let doctor = lab.pgrepl(&["-i", path, "doctor"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
    let way = "server2: closed by its firewall, which apply opens (port 5432)";
    assert!(doctor.out.contains(way), "{}", doctor.out);
    let plan = lab.pgrepl(&["plan", path]);
    assert!(
        plan.out.contains("+ firewalld lets 10.") && plan.out.contains("+ ufw lets 10."),
        "{}",
        plan.out
    );
    assert!(
        plan.out.contains("clients need rules of your own"),
        "{}",
        plan.out
    );
    lab.converge(&inventory);
    for host in ["server2", "server3"] {
        lab.until(host, "select status from pg_stat_wal_receiver", "streaming");
    }
    assert!(gets_in(&lab, "server2", "server1", 5432));
    assert!(gets_in(&lab, "server1", "server2", 5432));
    assert!(gets_in(&lab, "server3", "server1", 5432));
    assert!(!gets_in(&lab, "server3", "server1", 5433));
    assert!(rules(&lab, "server2").contains("comment 'mine'"));

    // After a power cut all of it is still there, and nothing is to be done.
    lab.tell("kill", &["server1"]);
    lab.tell("boot", &["server1"]);
    lab.tell("kill", &["server2"]);
    lab.tell("boot", &["server2"]);
    for host in ["server1", "server2"] {
        lab.on(
            host,
            "timeout 60 sh -c 'until pg_isready -q; do sleep 0.1; done'",
        );
    }
    for host in ["server2", "server3"] {
        lab.until(host, "select status from pg_stat_wal_receiver", "streaming");
    }
    let again = lab.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert_eq!(again.code, 0, "{}{}", again.out, again.err);

    // The roles change, the rules do not.
    let before = (rules(&lab, "server1"), rules(&lab, "server2"));
    for to in ["server2", "server1"] {
        let ran = lab.pgrepl(&["switchover", path, "--to", to, "--auto-approve"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    }
    assert_eq!(before, (rules(&lab, "server1"), rules(&lab, "server2")));

    // What somebody takes away at run time only is put back.
    lab.on("server1", "firewall-cmd -q --zone=public --remove-rich-rule=\"$(firewall-cmd --list-rich-rules | head -n 1)\"");
    lab.converge(&inventory);
    assert_eq!(before.0, rules(&lab, "server1"));

    // Who leaves is let in no more, but for the owner's own rule.
    lab.inventory(&body("auto", "server2"));
    let ran = lab.pgrepl(&["apply", path, "--auto-approve", "--confirm", "server3"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    lab.converge(&inventory);
    assert!(!gets_in(&lab, "server3", "server1", 5432));
    assert!(gets_in(&lab, "server3", "server2", 5432));
    assert!(gets_in(&lab, "server2", "server1", 5432));
    assert!(rules(&lab, "server2").contains("comment 'mine'"));
    assert!(
        lab.on("server1", "firewall-cmd --list-ports")
            .contains("8080/tcp")
    );

    // Everybody, when asked; and back.
    lab.inventory(&body("world", "server2"));
    lab.converge(&inventory);
    assert!(gets_in(&lab, "server3", "server1", 5432));
    assert!(rules(&lab, "server2").contains("ufw allow 5432/tcp comment 'pgrepl shop'"));
    lab.inventory(&body("auto", "server2"));
    lab.converge(&inventory);
    assert!(!gets_in(&lab, "server3", "server1", 5432));
    assert!(gets_in(&lab, "server2", "server1", 5432));
    assert!(!rules(&lab, "server2").contains("5432/tcp"));

    // Another port, once the servers are stopped: the old one is closed on both.
    for host in ["server2", "server1"] {
        lab.on(host, "systemctl stop postgresql@15-main");
    }
    lab.inventory(&body("auto, port: 5444", "server2"));
    lab.converge(&inventory);
    for host in ["server1", "server2"] {
        let rules = rules(&lab, host);
        assert!(rules.contains("5444"), "{host}: {rules}");
        assert_eq!(
            rules.matches("5432").count(),
            usize::from(host == "server2"),
            "{host}: {rules}"
        );
    }

    // A rule of the owner's that refuses wins where it stands in front, and the plan does not claim otherwise.
    let address = |host: &str| lab.on(host, "hostname -I | cut -d ' ' -f 1");
    let (one, two) = (address("server1"), address("server2"));
    lab.on("server2", &format!("ufw deny from {one}"));
    let plan = lab.pgrepl(&["plan", path]);
    assert!(!plan.out.contains("of its owner's"), "{}", plan.out);
    assert!(gets_in(&lab, "server1", "server2", 5444));
    lab.on(
        "server2",
        &format!("ufw insert 1 deny from {one} to any port 5000:6000 proto tcp"),
    );
    lab.on(
        "server1",
        &format!("firewall-cmd -q --add-rich-rule='rule family=ipv4 source address={two} reject'"),
    );
    let plan = lab.pgrepl(&["plan", path]);
    for kept_out in [
        format!(
            "ufw has a rule of its owner's that keeps server1 ({one}) out, whatever pgrepl lets in: \
             ufw deny from {one} to any port 5000:6000 proto tcp"
        ),
        format!("firewalld has a rule of its owner's that keeps server2 ({two}) out"),
    ] {
        assert!(plan.out.contains(&kept_out), "{}", plan.out);
    }
    assert!(!gets_in(&lab, "server1", "server2", 5444));
    assert!(!gets_in(&lab, "server2", "server1", 5444));
}
