//! A host changes while somebody thinks about a plan: the answer is then for a plan that nobody has seen.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::lab::{Lab, PASSWORD};

/// Types a command on a terminal, lets something happen while it asks, and answers yes; the code it ends with.
fn answer_late(lab: &Lab, arguments: &[&str], meanwhile: impl FnOnce()) -> Option<i32> {
    let command = lab.command(arguments);
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut child = Command::new("script")
        .args(["-qefc", &words.join(" "), "/dev/null"])
        .env("SHOP_PASSWORD", PASSWORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut screen = child.stdout.take().unwrap();
    let (mut shown, mut some) = (String::new(), [0_u8; 4096]);
    while !shown.contains("Only `yes` does it") {
        let read = screen.read(&mut some).unwrap();
        assert!(read > 0, "it did not ask: {shown}");
        shown += &String::from_utf8_lossy(&some[..read]);
    }
    meanwhile();
    let mut keyboard = child.stdin.take().unwrap();
    keyboard.write_all(b"yes\n").unwrap();
    let mut rest = String::new();
    screen.read_to_string(&mut rest).unwrap();
    let code = child.wait().unwrap().code();
    assert!(code != Some(0), "{shown}{rest}");
    assert!(rest.contains("nothing was done"), "{code:?}: {rest}");
    code
}

#[test]
fn an_answer_to_a_plan_that_is_out_of_date_does_nothing() {
    let lab = Lab::servers("asked", &["--mount", "server1", "server2"]);
    let pair = |work_mem: &str| {
        lab.inventory(&format!(
            "postgresql: {{ version: {}, parameters: {{ work_mem: {work_mem} }} }}\nprimary: server1\nstandbys: [server2]\n\
             backup: {{ mount: /mnt/backups, keep: {{ count: 1 }} }}\n",
            crate::lab::release().1
        ))
    };
    let inventory = pair("8MB");
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    let good = |arguments: &[&str]| {
        let ran = lab.pgrepl(&[&["-i", path], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
    };
    let late = |arguments: &[&str], meanwhile: &dyn Fn()| {
        let arguments = [&["-i", path], arguments].concat();
        assert_eq!(answer_late(&lab, &arguments, meanwhile), Some(5));
    };
    good(&["backup", "run"]);

    // The server's files.
    pair("9MB");
    let by_hand = "f=$(ls /etc/postgresql/*/main/postgresql.conf); echo '# by hand' >>\"$f\"";
    late(&["apply"], &|| {
        lab.on("server2", by_hand);
    });
    lab.converge(&inventory);

    // The backups.
    good(&["backup", "run"]);
    late(&["backup", "prune"], &|| good(&["backup", "run"]));
    let restore = [
        "restore",
        "--to",
        "server1",
        "--latest",
        "--confirm",
        "server1",
    ];
    late(&restore, &|| good(&["backup", "run"]));

    // The data of the standby that was to be replaced.
    late(
        &[
            "rebuild",
            "server2",
            "--from",
            "primary",
            "--confirm",
            "server2",
        ],
        &|| {
            lab.on("server2", "pkill -QUIT -u postgres postgres; while pgrep -u postgres postgres; do sleep 0.1; done; d=$(ls -d /var/lib/postgresql/*/main); mv \"$d\" \"$d.away\"");
        },
    );
    lab.converge(&inventory);

    // Who leads.
    let switchover = ["switchover", "--to", "server2"];
    late(&switchover, &|| {
        good(&["switchover", "--to", "server2", "--auto-approve"]);
    });
    lab.tell("kill", &["server2"]);
    let failover = ["failover", "--to", "server1", "--confirm", "server2"];
    late(&failover, &|| {
        good(&["failover", "--confirm", "server2", "--auto-approve"]);
    });
    assert_eq!(lab.sql("server1", "select pg_is_in_recovery()"), "f");
    let again = lab.pgrepl(&["failover", path, "--confirm", "server2"]);
    assert_eq!(again.code, 7, "{}", again.err);
    assert!(
        again.err.contains("server1 is the primary and runs"),
        "{}",
        again.err
    );
}
