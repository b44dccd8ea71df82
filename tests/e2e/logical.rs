//! A failover slot and its reader through a switchover.

use crate::backups::good;
use crate::lab::Lab;

#[test]
fn a_reader_that_confirms_nothing_holds_no_stop_and_misses_nothing_at_the_next_primary() {
    let lab = Lab::up("logical", &["server1=13:pg", "server2=13:pg"]);
    let inventory = lab.inventory(
        "postgresql: { version: 17, parameters: { wal_level: logical, sync_replication_slots: on } }\n\
         primary: server1\nstandbys: [server2]\n",
    );
    lab.converge(&inventory);
    let path = inventory.to_str().unwrap();
    for statement in [
        "create table t (i int)",
        "create publication p for table t",
        "select pg_create_logical_replication_slot('cdc', 'pgoutput', false, false, true)",
        "select pg_log_standby_snapshot()",
    ] {
        lab.sql("server1", statement);
    }
    // A new slot is ready on the standby once it has moved on to what that has still, whenever that looks.
    let read = "select count(*) from pg_logical_slot_get_binary_changes('cdc', null, null, 'proto_version', '1', 'publication_names', 'p')";
    let ready = "select count(*) from pg_replication_slots where slot_name = 'cdc' and synced and not temporary";
    let begin = std::time::Instant::now();
    while lab.sql("server2", ready) != "1" {
        assert!(
            begin.elapsed().as_secs() < 150,
            "the slot is not synchronized"
        );
        lab.sql("server1", "insert into t values (0)");
        lab.sql("server1", "select pg_log_standby_snapshot()");
        lab.sql("server1", read);
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let listed = lab.sql("server1", "show synchronized_standby_slots");
    assert_eq!(listed, "server2");
    // It is connected, and says nothing any more.
    lab.on(
        "server1",
        "setsid runuser -u postgres -- pg_recvlogical -d postgres --slot cdc --start -f /tmp/read \
         -o proto_version=1 -o publication_names=p </dev/null >/tmp/reader 2>&1 &",
    );
    lab.until(
        "server1",
        "select active from pg_replication_slots where slot_name = 'cdc'",
        "t",
    );
    lab.on("server1", "pkill -STOP -x pg_recvlogical");
    lab.sql("server1", "insert into t select generate_series(1, 100)");
    let shown = good(lab.pgrepl(&["status", path])).out;
    assert!(
        shown.contains("logical  cdc (postgres, pgoutput): read now"),
        "{shown}"
    );
    good(lab.pgrepl(&[
        "-i",
        path,
        "switchover",
        "--to",
        "server2",
        "--auto-approve",
    ]));
    assert_eq!(
        lab.sql(
            "server2",
            "select count(*) >= 100 from pg_logical_slot_peek_binary_changes('cdc', null, null, 'proto_version', '1', 'publication_names', 'p')"
        ),
        "t"
    );
    assert_eq!(
        lab.sql("server2", "show synchronized_standby_slots"),
        "server1"
    );
    // What the old primary had of it does not keep the synchronized one away.
    lab.until(
        "server1",
        "select coalesce(bool_and(synced), true) from pg_replication_slots where slot_name = 'cdc'",
        "t",
    );
}
