//! Files that somebody else may have changed: templates that are links, saved plans.

use super::{GOOD, directory_with, pgrepl, text};

#[test]
fn a_template_that_is_a_link_to_a_file_elsewhere_is_refused() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "hunter2").unwrap();
    let directory = directory_with(&format!("{GOOD}templates: mine\n"));
    let mine = directory.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    std::os::unix::fs::symlink(secret.path(), mine.join("pg_hba.conf.j2")).unwrap();
    let ran = pgrepl(directory.path(), &["render"]);
    assert_eq!(ran.status.code(), Some(3));
    assert!(text(&ran.stderr).contains("a link to one elsewhere"));
    assert!(!text(&ran.stdout).contains("hunter2"));
    // Within the directory a link is as good as a file.
    std::fs::remove_file(mine.join("pg_hba.conf.j2")).unwrap();
    let eject = ["render", "--eject", "pg_hba.conf.j2", "--out", "mine"];
    assert_eq!(pgrepl(directory.path(), &eject).status.code(), Some(0));
    std::fs::rename(mine.join("pg_hba.conf.j2"), mine.join("real")).unwrap();
    std::os::unix::fs::symlink("real", mine.join("pg_hba.conf.j2")).unwrap();
    assert_eq!(pgrepl(directory.path(), &["render"]).status.code(), Some(0));
}

#[test]
fn a_saved_plan_whose_inventory_changed_runs_nothing_of_it() {
    let command = GOOD.replace(
        "{ env: SHOP_REPLICATION_PASSWORD }",
        "{ command: touch ran; echo x }",
    );
    let directory = directory_with(&command);
    let inventory = directory.path().join("inventory.yaml");
    let saved = |made_from: serde_json::Value| {
        let plan = serde_json::json!({
            "version": env!("CARGO_PKG_VERSION"),
            "inventory": inventory,
            "made_from": made_from,
            "limit": [],
            "plan": {},
        });
        std::fs::write(directory.path().join("saved.plan"), plan.to_string()).unwrap();
        let ran = pgrepl(directory.path(), &["apply", "saved.plan", "--auto-approve"]);
        assert_eq!(ran.status.code(), Some(5), "{}", text(&ran.stderr));
        assert!(!directory.path().join("ran").exists());
        text(&ran.stderr)
    };
    let path = inventory.to_str().unwrap();
    assert!(saved(serde_json::json!({ path: "00" })).contains("is not as it was"));
    assert!(saved(serde_json::json!({})).contains("was not made from"));
}

/// What validate says of a template, with its exit code.
fn template(text_of_it: &str) -> (Option<i32>, String) {
    let directory = directory_with(&format!("{GOOD}templates: mine\n"));
    let mine = directory.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(directory.path().join("x"), "hunter2").unwrap();
    std::fs::write(mine.join("postgresql.conf.j2"), text_of_it).unwrap();
    let ran = pgrepl(directory.path(), &["validate"]);
    (ran.status.code(), text(&ran.stderr))
}

#[test]
fn a_template_names_no_file_but_the_templates() {
    for name in [
        "../x",
        "/etc/passwd",
        "x",
        "mine/../x",
        "../inventory.yaml",
        "%2e%2e/x",
    ] {
        for how in [
            "include \"N\"",
            "import \"N\" as x",
            "from \"N\" import x",
            "extends \"N\"",
        ] {
            let tag = how.replace('N', name);
            let (code, said) = template(&format!("{{% {tag} %}}"));
            assert_eq!(code, Some(3), "{tag}: {said}");
            assert!(
                said.contains(&format!("{name}' "))
                    || said.contains(&format!("{name}\" "))
                    || said.ends_with(&format!("{name}'\n")),
                "{tag}: {said}"
            );
            assert!(
                !said.contains("hunter2") && !said.contains("root:"),
                "{tag}: {said}"
            );
        }
    }
}

#[test]
fn a_template_that_has_no_end_ends_with_a_clear_error() {
    const WORK: &str = "it is too much work: does a loop or a text grow without end?";
    let doubled = |how: &str| {
        format!(
            "{{% set n = namespace(s='xxxxxxxxxx') %}}{{% for i in range(60) %}}{{% set n.s = {how} %}}{{% endfor %}}{{{{ n.s }}}}"
        )
    };
    for (what, expected) in [
        (
            "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"
                .into(),
            WORK,
        ),
        (
            "{% for a in range(10 ** 9) %}x{% endfor %}".into(),
            "too many elements",
        ),
        // Too large for minijinja where overflows panic.
        (
            "{{ range(0, -9223372036854775807, -1) | length }}".into(),
            "cannot render template",
        ),
        ("{{ 'x' * 10 ** 10 }}".into(), WORK),
        ("{{ 'x' * 90000000 }}".into(), WORK),
        (doubled("n.s ~ n.s"), WORK),
        (doubled("n.s + n.s"), WORK),
        (doubled("n.s | replace('x', 'xx')"), WORK),
        (
            "{% for a in range(100000) %}{{ 'x' * 1000 }}{% endfor %}".into(),
            WORK,
        ),
        ("{{ 'x' * 20000000 }}".into(), "more than 16 MiB"),
        (
            "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}".into(),
            "recursion limit",
        ),
        (
            "{% include \"postgresql.conf.j2\" %}".into(),
            "recursion limit",
        ),
        (
            "{% extends \"postgresql.conf.j2\" %}".into(),
            "cycle in template inheritance",
        ),
        (
            format!("{{{{ {}1 }}}}", "(".repeat(60_000)),
            "recursion limits",
        ),
        ("x".repeat((64 << 10) + 1), "a template has at most 64 KiB"),
    ] {
        let (code, said) = template(&what);
        let what: String = what.chars().take(60).collect();
        assert_eq!(code, Some(3), "{what}: {said}");
        assert!(said.contains("cannot "), "{what}: {said}");
        assert!(said.contains(expected), "{what}: {said}");
    }
}

#[test]
fn an_expression_of_any_length_is_rendered() {
    for part in ["not ", "-", "1 + ", "1 or ", "1 if 1 else "] {
        let text = format!("# {{{{ {}1 }}}}", part.repeat(65_500 / part.len()));
        let (code, said) = template(&text);
        assert_eq!(code, Some(0), "{part}: {said}");
    }
}

#[test]
fn a_list_that_holds_itself_again_and_again_ends_with_a_clear_error() {
    let (code, said) = template(
        "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
    );
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("cannot render the templates: expected no more than"),
        "{said}"
    );
}

#[test]
fn a_saved_plan_says_no_more_than_what_it_was_made_from() {
    let command = GOOD.replace(
        "{ env: SHOP_REPLICATION_PASSWORD }",
        "{ command: touch ran; echo x }",
    );
    let above = directory_with(&format!("{command}templates: mine\n"));
    let at = |path: &str| above.path().join(path);
    let eject = ["render", "--eject", "pg_hba.conf.j2", "--out", "mine"];
    assert_eq!(pgrepl(above.path(), &eject).status.code(), Some(0));
    std::fs::create_dir(at("other")).unwrap();
    std::fs::write(at("other/inventory.yaml"), &command).unwrap();
    let digest = |path: &str| pgrepl::facts::digest(&std::fs::read_to_string(at(path)).unwrap());
    let (inventory, template) = ("inventory.yaml", "mine/pg_hba.conf.j2");
    let apply = |plan: &serde_json::Value| {
        std::fs::write(at("saved.plan"), plan.to_string()).unwrap();
        let runs = ["apply", "saved.plan", "--auto-approve"];
        let ran = pgrepl(above.path(), &runs);
        let shown = pgrepl(above.path(), &["apply", "saved.plan", "--dry-run"]);
        (ran.status.code(), shown.status.code(), text(&ran.stderr))
    };
    let made_from = |files: &[&str]| -> serde_json::Value {
        let files = files
            .iter()
            .map(|file| (at(file).to_str().unwrap().to_owned(), digest(file).into()));
        serde_json::Value::Object(files.collect())
    };
    let good = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "inventory": at(inventory),
        "made_from": made_from(&[inventory, template]),
        "limit": [],
        "plan": {},
    });
    let with = |key: &str, value: serde_json::Value| {
        let mut plan = good.clone();
        plan[key] = value;
        plan
    };
    let up = at("other/../inventory.yaml");
    for bad in [
        with("inventory", serde_json::json!(at("other/inventory.yaml"))),
        with("inventory", serde_json::json!(up)),
        with("inventory", "inventory.yaml".into()),
        with("inventory", "/nowhere".into()),
        with("made_from", serde_json::json!({})),
        with("made_from", made_from(&[inventory])),
        with("made_from", made_from(&[template])),
        with(
            "made_from",
            made_from(&[inventory, template, "other/inventory.yaml"]),
        ),
        with("version", "0.0.0".into()),
    ] {
        let (ran, shown, said) = apply(&bad);
        assert_eq!((ran, shown), (Some(5), Some(5)), "{bad}: {said}");
        assert!(said.contains("saved plan"), "{said}");
        assert!(!at("ran").exists() && !at("other/ran").exists(), "{bad}");
    }
    // What was changed since, too, is seen before the command runs; what was not runs it.
    std::fs::write(at("mine/pgpass.j2"), "x").unwrap();
    let (ran, shown, said) = apply(&good);
    assert_eq!((ran, shown), (Some(5), Some(5)), "{said}");
    assert!(!at("ran").exists());
    std::fs::remove_file(at("mine/pgpass.j2")).unwrap();
    let (ran, _, said) = apply(&good);
    assert_ne!(ran, Some(5), "{said}");
    assert!(at("ran").exists());
}
