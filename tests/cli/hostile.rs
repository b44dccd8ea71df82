//! Inventories that somebody else wrote: none ends in a panic, in exhausted memory, or in a command that they chose.

use super::{GOOD, pgrepl, text};

/// Runs `validate` on bytes; what it says and its exit code.
fn validate(bytes: &[u8]) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("inventory.yaml"), bytes).unwrap();
    let ran = pgrepl(directory.path(), &["validate", "inventory.yaml"]);
    (ran.status.code(), text(&ran.stderr))
}

#[test]
fn nothing_that_is_no_inventory_ends_in_a_panic() {
    let deep = |open: &str, close: &str, many| {
        format!("cluster: {}{}\n", open.repeat(many), close.repeat(many))
    };
    let blocks: String = (0..300)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let bomb: String = (1..30)
        .map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1))
        .collect();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "a key that is not ASCII",
            "é: 1\n".into(),
            "unknown key `é`",
        ),
        (
            "only a character that is not ASCII",
            "é".into(),
            "must hold keys and values",
        ),
        ("deep lists", deep("[", "]", 10_000).into(), "error: "),
        (
            "lists a little too deep",
            deep("[", "]", 70).into(),
            "stand in one another",
        ),
        ("deep mappings", deep("{a: ", "}", 10_000).into(), "error: "),
        ("deep blocks", blocks.into(), "stand in one another"),
        ("120 kB of dashes", "- ".repeat(60_000).into(), "error: "),
        (
            "an alias bomb",
            format!("a0: &a0 x\n{bomb}").into(),
            "aliases are not supported",
        ),
        ("a large file", vec![b'#'; (1 << 20) + 1], "at most 1 MiB"),
        (
            "no UTF-8",
            b"cluster: shop\nprimary: \xff\n".to_vec(),
            "line 2 is not UTF-8",
        ),
        ("a NUL", b"cluster: shop\0\n".to_vec(), "a NUL byte"),
        (
            "a merge key",
            format!("x: &x {{ a: b }}\n{GOOD}<<: *x\n").into(),
            "merge keys are not supported",
        ),
        (
            "a tag",
            GOOD.replace("shop\n", "!!str shop\n").into(),
            "tags are not supported",
        ),
        (
            "a tag on a mapping",
            GOOD.replace("{ version", "!x { version").into(),
            "tags are not supported",
        ),
        (
            "a key that is a list",
            format!("{GOOD}[a, b]: c\n").into(),
            "a key must be a word",
        ),
        (
            "many unknown keys",
            (0..20_000)
                .map(|n| format!("k{n}: 1\n"))
                .collect::<String>()
                .into(),
            "more problems",
        ),
        ("nothing at all", b"".to_vec(), "the inventory is empty"),
        (
            "empty values",
            b"cluster:\npostgresql:\nreplication:\nprimary:\n".to_vec(),
            "`cluster` is missing",
        ),
        (
            "text in quotes for a number",
            GOOD.replace("16 }", "16, port: \"5432\" }").into(),
            "`port` must be a number",
        ),
    ];
    for (what, bytes, expected) in cases {
        let (code, said) = validate(&bytes);
        assert_eq!(code, Some(3), "{what}: {said}");
        assert!(said.contains(expected), "{what}: {said}");
    }
}

#[test]
fn other_ways_to_write_the_same_are_read() {
    for (what, inventory) in [
        ("a byte order mark", format!("\u{feff}{GOOD}")),
        ("lines of Windows", GOOD.replace('\n', "\r\n")),
        ("a version in quotes", GOOD.replace("16", "\"16\"")),
        ("a version with a point", GOOD.replace("16", "9.6")),
        (
            "a truth in words",
            GOOD.replace("16 }", "16, install: no }")
                .replace("replication: {", "replication: { slots: off,"),
        ),
        (
            "sections with nothing in them",
            format!("{GOOD}ssh:\nhosts:\n  server2:\n"),
        ),
        ("a host named no", GOOD.replace("server2", "no")),
    ] {
        let (code, said) = validate(inventory.as_bytes());
        assert_eq!(code, Some(0), "{what}: {said}");
    }
}

#[test]
fn no_value_reaches_a_shell_or_a_file_in_another_form() {
    let ssh = |key: &str, value: &str| format!("{GOOD}ssh: {{ {key}: {value:?} }}\n");
    let user =
        |value: &str| GOOD.replace("replication: {", &format!("replication: {{ user: {value},"));
    let parameter =
        |name: &str| GOOD.replace("16 }", &format!("16, parameters: {{ {name}: x }} }}"));
    let mut cases = vec![
        user(r#""a\nb""#),
        user(r#""a'b""#),
        user(r#"'a"b'"#),
        parameter(r#""port\n""#),
        parameter(r#""port ""#),
        parameter("port."),
        parameter(".port"),
        parameter("a..b"),
        parameter("\"a=b\""),
        // guc-file.l reads neither of them.
        parameter("a.b.c"),
        parameter("a$b"),
        user(r#""r$pgrepl$\\! id""#),
        user("/.*"),
        user(r#""a\x7fb""#),
        format!("{GOOD}hosts: {{ server2: {{ address: -oProxyCommand=x }} }}\n"),
        format!("{GOOD}hosts: {{ server2: {{ address: \"a\\nb\" }} }}\n"),
        format!("{GOOD}hosts: {{ server2: {{ address: a;b }} }}\n"),
        format!("{GOOD}hosts: {{ server2: {{ address: all }} }}\n"),
        format!("{GOOD}hosts: {{ server2: {{ address: samenet }} }}\n"),
        format!("{GOOD}hosts: {{ server2: {{ tablespaces: {{ /a: /b/../etc }} }} }}\n"),
        format!("{GOOD}hosts: {{ server2: {{ tablespaces: {{ \"/a\\nb\": /c }} }} }}\n"),
        format!("{GOOD}backup: {{ mount: /b, schedule: \"daily; x\" }}\n"),
        format!("{GOOD}backup: {{ mount: // }}\n"),
    ];
    for key in ["jump", "user", "identity_file", "config_file"] {
        for value in [
            "$(touch${IFS}pwned)x",
            "-oProxyCommand=x",
            "a;b",
            "a`b`",
            "a|b",
            "a\nb",
            "a'b",
            "",
            "a&b",
        ] {
            cases.push(ssh(key, value));
        }
    }
    for value in [
        "a b",
        "a,,b",
        "a:0",
        "a:99999",
        "a:",
        "@a",
        "a,-b",
        "user@-b",
        "[::1",
        "a@b@c",
        "%h",
        "a%b",
        "a\tb",
        "ssh://a",
        "a:22/x",
        "a:+22",
        "[fe80::1%e]",
        "a,-oProxyCommand=x",
        "${HOME}",
    ] {
        cases.push(ssh("jump", value));
    }
    cases.push(ssh("config_file", "x -oProxyCommand=y"));
    for inventory in cases {
        let (code, said) = validate(inventory.as_bytes());
        assert_eq!(code, Some(3), "{inventory}{said}");
    }
    for good in [
        "bastion",
        "admin@bastion:2222",
        "a,b@c.d:22,10.0.0.1",
        "[fe80::1]:22",
    ] {
        let (code, said) = validate(ssh("jump", good).as_bytes());
        assert_eq!(code, Some(0), "{good}: {said}");
    }
}

/// A text as JSON and YAML write it.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn no_name_of_a_parameter_is_another_one_in_disguise() {
    let with_backups = format!("{GOOD}backup: {{ mount: /b }}\n");
    for name in [
        "Include",
        "INCLUDE_DIR",
        "include_if_exists",
        " hba_file",
        "hba_file ",
        "hba_file\n",
        "\thba_file",
        "Hba_File",
        "hba_file=",
        "hba_file.",
        "'hba_file'",
        "hba_file#",
        "\u{ff48}ba_file",
        "ARCHIVE_COMMAND",
        "archive_command\r",
        "archive\u{a0}command",
        "archive_command\0",
        "work_mem = 1\nhba_file",
        "Restore_Command",
        "Recovery_Target_Time",
        "PORT",
        "",
        "1a",
    ] {
        let parameters = format!("parameters: {{ {}: x }}", quoted(name));
        for inventory in [
            with_backups.replace("16 }", &format!("16, {parameters} }}")),
            format!("{with_backups}hosts: {{ server2: {{ {parameters} }} }}\n"),
        ] {
            let (code, said) = validate(inventory.as_bytes());
            assert_eq!(code, Some(3), "{inventory}{said}");
            assert!(said.contains("inventory.yaml:"), "{inventory}{said}");
        }
    }
}

#[test]
fn no_rule_takes_another_one_with_it() {
    for line in [
        "host all all all md5 \\",
        "host all all all md5\\",
        "host all all all md5 \\ ",
        "host all all all md5 \\\t",
        "# a remark \\",
        "\\",
        "host all all all reject\nhost all all all trust",
        "host all all all reject # a\nlocal all all trust",
        "host all all all\rreject",
        "host all all all reject\r",
        "host all all all reject\0",
        "host all \"a\nb\" all reject",
        "host all \"a",
    ] {
        let hba = format!("hba: [{}]", quoted(line));
        for inventory in [
            GOOD.replace("16 }", &format!("16, {hba} }}")),
            format!("{GOOD}hosts: {{ server2: {{ {hba} }} }}\n"),
        ] {
            let (code, said) = validate(inventory.as_bytes());
            assert_eq!(code, Some(3), "{inventory}{said}");
            assert!(
                said.contains("inventory.yaml:2:") || said.contains("inventory.yaml:6:"),
                "{inventory}{said}"
            );
        }
    }
}

#[test]
fn no_host_is_an_option_or_another_directory() {
    for name in [
        "-oProxyCommand=x",
        "a@-b",
        "a@-oProxyCommand",
        "..",
        ".",
        ".ssh",
        "../x",
        "a/b",
        "@a",
        "a@",
        "a;b",
        "$(a)",
        "a%h",
        "a\nb",
        "a b",
        "\u{202e}a",
    ] {
        for inventory in [
            GOOD.replace("[server2]", &format!("[{}]", quoted(name))),
            GOOD.replace("server1", &quoted(name)),
        ] {
            let (code, said) = validate(inventory.as_bytes());
            assert_eq!(code, Some(3), "{inventory}{said}");
            assert!(
                said.contains("inventory.yaml:4:") || said.contains("inventory.yaml:5:"),
                "{inventory}{said}"
            );
        }
    }
}
