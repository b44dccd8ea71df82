//! A restore in place that was killed with nothing in the place of the data: what it set aside is put back.

use crate::lab::{Lab, release};

#[test]
fn what_a_killed_restore_set_aside_is_put_back_whole() {
    let lab = Lab::servers("putback", &["--mount", "server1", "server2"]);
    let inventory = lab.inventory(&format!(
        "postgresql: {{ version: {} }}\nprimary: server1\nstandbys: [server2]\nbackup: {{ mount: /mnt/backups }}\n",
        release().1
    ));
    let path = inventory.to_str().unwrap();
    lab.converge(&inventory);
    lab.sql(
        "server1",
        "create table t as select generate_series(1, 1000) i",
    );
    assert_eq!(lab.pgrepl(&["backup", "run", path]).code, 0);
    lab.sql("server1", "insert into t values (1001)");
    let words = "--latest --auto-approve --confirm server1 --to server1";
    let restore: Vec<&str> = ["restore"].into_iter().chain(words.split(' ')).collect();
    for begun in ["restore backup", "the copy becomes"] {
        let told = lab
            .kill_at(path, &restore, begun)
            .expect("it was not begun");
        assert!(told.contains("step_started"), "{told}");
        let back = ["restore", path, "--put-back", "--auto-approve"];
        // Killed itself, it goes on where it was.
        assert!(
            lab.kill_at(
                path,
                &back[..1]
                    .iter()
                    .chain(&back[2..])
                    .copied()
                    .collect::<Vec<_>>(),
                "step_ended"
            )
            .is_some()
        );
        let ran = lab.pgrepl(&back);
        assert!(
            ran.code == 0 || ran.err.contains("no host has set anything aside"),
            "{}{}",
            ran.out,
            ran.err
        );
        lab.converge(&inventory);
        for host in ["server1", "server2"] {
            lab.until(host, "select count(*) from t", "1001");
            let data = "ls -d /var/lib/postgresql/*/* | grep -v '/main$' || :";
            let left = lab.on(host, data);
            assert!(
                left.lines().all(|path| path.contains("pgrepl-failed")),
                "{host}: {left}"
            );
            lab.on(host, "rm -rf /var/lib/postgresql/*/main.pgrepl-failed*");
        }
    }
}
