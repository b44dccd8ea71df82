//! What the probe reads of firewalld and ufw, from their own words.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Runs a function of the probe where a program of the host is a script that says this.
fn told(function: &str, program: &str, script: &str) -> Vec<String> {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    std::fs::write(at(program), format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(at(program), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(
        at("record"),
        "public 10.0.0.12 5432\npublic 10.0.0.19 5432\nhome 10.0.0.15 5432\n",
    )
    .unwrap();
    let functions = include_str!("../../src/script/firewall.sh");
    let whole = format!(
        "set -eu\ncluster=shop\n{functions}\nfirewall_record={0}/record\nPATH={0}:$PATH\n{function}\n",
        place.path().display()
    );
    let output = Command::new("sh").args(["-c", &whole]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{error}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn rule(source: &str) -> String {
    format!(
        "\trule family=\"ipv4\" source address=\"{source}\" port port=\"5432\" protocol=\"tcp\" accept\n"
    )
}

fn zone(head: &str, target: &str, rules: &[&str]) -> String {
    let rules = rules.concat();
    format!("{head}\n  target: {target}\n  ports: 8080/tcp\n  rich rules: \n{rules}\n")
}

#[test]
fn rules_of_firewalld_are_ours_by_the_record_and_full_when_they_are_everywhere() {
    let (ours, hers, home) = (rule("10.0.0.12"), rule("10.0.0.14"), rule("10.0.0.15"));
    let limited = rule("10.0.0.20").replace("accept", "accept limit value=\"1/m\"");
    let refused =
        "\trule family=\"ipv4\" source address=\"10.0.0.0/24\" log prefix=\"a\\b\" drop\n";
    // These refuse nobody who comes to PostgreSQL, or come after the rules that let in.
    let others = "\trule priority=\"5\" family=\"ipv4\" reject\n\trule service name=\"ssh\" drop\n\trule port port=\"5432\" protocol=\"udp\" drop\n";
    let anybody = "\trule port port=\"5433\" protocol=\"tcp\" accept\n";
    let now = [
        zone("drop", "DROP", &[]),
        zone("docker (active)", "ACCEPT", &[]),
        zone("home", "default", &[&home]),
        zone(
            "public (default, active)",
            "default",
            &[&ours, &hers, &limited, refused, others, anybody],
        ),
        zone("work (active)", "default", &[&ours, anybody]),
    ];
    let next = [
        zone("home", "default", &[&home]),
        zone("public", "default", &[&ours, refused, anybody]),
        zone("work", "default", &[&ours, anybody]),
    ];
    let script = format!(
        "if [ \"$1\" = --permanent ]; then printf '%s' '{}'; else printf '%s' '{}'; fi",
        next.concat(),
        now.concat()
    );
    // 10.0.0.19 was opened, but somebody took it away; home is of no use, as nobody comes in there.
    assert_eq!(
        told("firewall_rules firewalld", "firewall-cmd", &script),
        [
            r#"denial 10.0.0.0/24 any rule family="ipv4" source address="10.0.0.0/24" log prefix="a\b" drop"#,
            "rule 10.0.0.12 5432 ours full",
            "rule 10.0.0.14 5432 theirs part",
            "rule 10.0.0.15 5432 ours part",
            "rule any 5433 theirs full",
            "zone public",
            "zone work",
        ]
    );
}

#[test]
fn rules_of_ufw_are_ours_by_their_comment() {
    let script = "cat <<'TXT'
Added user rules (see 'ufw status' for running firewall):
ufw allow 22/tcp
ufw allow OpenSSH
ufw allow 5432
ufw allow from 10.0.0.12 to any port 5432 proto tcp comment 'pgrepl shop'
ufw allow from 10.0.0.13 to any port 5432 proto tcp comment 'pgrepl shop2'
ufw allow from 10.0.0.14 to any port 5432 proto tcp
ufw allow in on eth0 from 10.0.0.15 to any port 5432 proto tcp
ufw deny from 10.0.0.16 to any port 5432 proto tcp
ufw deny log proto tcp from 10.0.0.17 to any port 5000:6000 comment 'not her'
ufw reject from 10.0.0.18 port 5432
ufw deny 5432
ufw deny 80,5432/tcp
ufw deny 5432/udp
ufw deny Samba
ufw deny out to any port 5432
ufw allow from fd00::2 to any port 5433 proto tcp comment 'pgrepl shop'
ufw allow 5432/tcp comment 'the application'
TXT";
    assert_eq!(
        told("firewall_rules ufw", "ufw", script),
        [
            "rule any 22 theirs full",
            "rule 10.0.0.12 5432 ours full",
            "rule 10.0.0.13 5432 theirs full",
            "rule 10.0.0.14 5432 theirs full",
            "denial 10.0.0.16 5432 ufw deny from 10.0.0.16 to any port 5432 proto tcp",
            "denial 10.0.0.17 5000:6000 ufw deny log proto tcp from 10.0.0.17 to any port 5000:6000 comment 'not her'",
            "denial 10.0.0.18 any ufw reject from 10.0.0.18 port 5432",
            "denial any 5432 ufw deny 5432",
            "denial any 80,5432 ufw deny 80,5432/tcp",
            "rule fd00::2 5433 ours full",
            "rule any 5432 theirs full",
        ]
    );
}
