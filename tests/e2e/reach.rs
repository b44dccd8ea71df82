//! Every way of not reaching a host has its own message, and the ways that lead there work.

use crate::lab::Lab;

const ALONE: &str = "postgresql: { version: 15 }\nprimary: server1\n";

const ACCEPT: &str = "hosts: { server1: { ssh: { known_hosts: accept-new } } }\n";

/// Plans and returns what was said, once the exit code is the one for hosts that cannot be reached.
fn unreachable(lab: &Lab, body: &str) -> String {
    let inventory = lab.inventory(body);
    let ran = lab.pgrepl(&["plan", inventory.to_str().unwrap()]);
    assert_eq!(ran.code, 4, "{body}: {}{}", ran.out, ran.err);
    assert!(ran.err.contains("help:"), "{body}: {}", ran.err);
    ran.err
}

#[test]
fn each_way_of_not_reaching_a_host_is_told_in_its_own_words() {
    let lab = Lab::up("reach", &["server1=12", "server2=12:pg"]);
    for (body, words) in [
        (
            "postgresql: { version: 15 }\nprimary: nowhere\n",
            "unknown host name nowhere",
        ),
        (
            "postgresql: { version: 15 }\nprimary: server1-nosudo\n",
            "wants a password",
        ),
        (
            "postgresql: { version: 15 }\nprimary: server1-noshell\n",
            "no usable shell",
        ),
        (
            &format!("{ALONE}hosts: {{ server1: {{ ssh: {{ port: 2222 }} }} }}\n"),
            "connection refused",
        ),
        (
            &format!("{ALONE}hosts: {{ server1: {{ ssh: {{ user: nobody }} }} }}\n"),
            "cannot log in",
        ),
    ] {
        let said = unreachable(&lab, body);
        assert!(said.contains(words), "{words}: {said}");
    }

    // A host that does not answer at all, and another one that does.
    lab.tell("cut", &["server1"]);
    let inventory = lab.inventory(&format!("{ALONE}standbys: [server2]\n"));
    let ran = lab.pgrepl(&["status", inventory.to_str().unwrap(), "--exit-code"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("server1") && ran.out.contains("unreachable"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("server2") && !ran.out.contains("cannot read server2"),
        "{}",
        ran.out
    );
    lab.tell("heal", &["server1"]);

    // A host key that changed is never accepted; one never seen before only if the inventory says so.
    let config = std::path::PathBuf::from(lab.ssh_config());
    let known_hosts = config.with_file_name("known_hosts");
    let keys = std::fs::read_to_string(&known_hosts).unwrap();
    let server2_key = keys
        .lines()
        .find(|line| line.starts_with("server2"))
        .unwrap();
    let swapped = server2_key.replace("server2", "server1");
    std::fs::write(&known_hosts, format!("{swapped}\n")).unwrap();
    let said = unreachable(&lab, ALONE);
    assert!(
        said.contains("host key") && said.contains("changed"),
        "{said}"
    );
    let said = unreachable(&lab, &format!("{ACCEPT}{ALONE}"));
    assert!(said.contains("changed"), "{said}");
    std::fs::write(&known_hosts, "").unwrap();
    let said = unreachable(&lab, ALONE);
    assert!(
        said.contains("host key") && said.contains("known"),
        "{said}"
    );
    let accepted = lab.inventory(&format!("{ACCEPT}{ALONE}"));
    let ran = lab.pgrepl(&["plan", accepted.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    std::fs::write(&known_hosts, keys).unwrap();

    // Another user, and a jump host, as the user's own SSH configuration has them.
    let root = lab.inventory("become: none\npostgresql: { version: 15 }\nprimary: server1-root\n");
    assert_eq!(lab.pgrepl(&["plan", root.to_str().unwrap()]).code, 0);
    let jump = lab.inventory(&format!(
        "{ALONE}hosts: {{ server1: {{ ssh: {{ jump: server2 }} }} }}\n"
    ));
    let ran = lab.pgrepl(&["plan", jump.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(
        lab.on(
            "server2",
            "journalctl -u ssh -o cat | grep -c 'Accepted publickey'"
        ) != "0",
        "nobody came by server2"
    );

    // PostgreSQL is not there, and may not be installed; or is of another version than anyone offers.
    let bare = lab.inventory("postgresql: { version: 15, install: false }\nprimary: server1\n");
    let ran = lab.pgrepl(&["plan", bare.to_str().unwrap(), "--detailed-exitcode"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("PostgreSQL 15 is not installed"),
        "{}",
        ran.out
    );
    let other = lab.inventory("postgresql: { version: 17 }\nprimary: server2\n");
    let ran = lab.pgrepl(&["plan", other.to_str().unwrap(), "--detailed-exitcode"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(
        ran.out.contains("installed are only 15; from the PostgreSQL project's repository if no other one offers them"),
        "{}",
        ran.out
    );
}

#[test]
fn a_pair_in_sync_is_read_with_one_login_and_one_command_per_host() {
    let lab = Lab::up("login", &["server1=12:pg", "server2=12:pg"]);
    let inventory = lab.inventory(&format!("{ALONE}standbys: [server2]\n"));
    lab.converge(&inventory);
    let count = |word: &str| -> Vec<u32> {
        ["server1", "server2"]
            .map(|host| {
                let found = lab.on(host, &format!("journalctl -o cat | grep -c '{word}' || :"));
                found.parse().unwrap()
            })
            .to_vec()
    };
    let (logins, commands) = (count("Accepted publickey"), count("COMMAND="));
    let ran = lab.pgrepl(&["plan", inventory.to_str().unwrap()]);
    assert_eq!(ran.code, 0);
    let more = |before: Vec<u32>, now: Vec<u32>| -> Vec<u32> {
        now.iter()
            .zip(before)
            .map(|(now, before)| now - before)
            .collect()
    };
    assert_eq!(more(logins, count("Accepted publickey")), [1, 1]);
    assert_eq!(more(commands, count("COMMAND=")), [1, 1]);
}
