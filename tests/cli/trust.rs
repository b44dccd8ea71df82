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
