//! Back and forth between the timelines that recoveries to the past leave behind.

use crate::lab::{Lab, release};

#[test]
fn every_moment_of_every_timeline_comes_back_row_for_row() {
    let lab = Lab::servers("timelines", &["--mount", "server1"]);
    let inventory = lab.inventory(&format!(
        "postgresql: {{ version: {} }}\nprimary: server1\nbackup: {{ mount: /mnt/backups, keep: {{ count: 2 }} }}\n",
        release().1
    ));
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    lab.sql("server1", "create table t(n int)");
    let run = |arguments: &[&str]| {
        let ran = lab.pgrepl(&[&["-i", path], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
        ran.out
    };
    run(&["backup", "run"]);
    // Moments are whole seconds, and each is to lie between two commits.
    let insert = |n: u32| lab.sql("server1", &format!("insert into t values ({n})"));
    let moment = || {
        let said = "select pg_sleep(1.1)::text || to_char((now() + interval '1 s') at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS+00')";
        let at = lab.sql("server1", said);
        lab.sql("server1", "select pg_sleep(2)");
        at
    };
    insert(1);
    let first = moment();
    insert(2);
    let second = moment();
    insert(3);
    let third = moment();
    insert(4);
    let back = |target: &[&str], rows: &str| {
        let wish = [
            "restore",
            "--to",
            "server1",
            "--auto-approve",
            "--confirm",
            "server1",
        ];
        run(&[&wish, target].concat());
        let found = lab.sql(
            "server1",
            "select string_agg(n::text, ',' order by n) from t",
        );
        assert_eq!(found, rows, "{target:?}");
    };
    back(&["--time", &second], "1,2");
    insert(20);
    let branch = moment();
    insert(21);
    back(&["--time", &third], "1,2,3");
    insert(30);
    back(&["--time", &branch], "1,2,20");
    back(&["--time", &first], "1");
    insert(40);
    back(&["--latest", "--timeline", "2"], "1,2,20,21");
    let list = run(&["backup", "list"]);
    assert!(
        list.contains("There is no backup of timeline 6 yet"),
        "{list}"
    );
    assert!(list.contains(" on timeline 1.\n"), "{list}");
}
