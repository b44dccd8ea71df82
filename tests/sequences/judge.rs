//! Looks at the hosts after each operation, with the eyes of their user.

use std::collections::BTreeSet;

use crate::drive::{Driver, commit};
use crate::lab::Ran;
use crate::model::{DONE, Is, Model, REFUSED, UNREACHABLE};
use crate::op::Op;

const SEGMENT: u64 = 16 << 20;

pub fn ended(model: &Model, op: Op, ran: &Ran) {
    let right = model.codes(op);
    assert!(
        right.contains(&ran.code),
        "expected exit code {right:?}, found {}\n{}{}",
        ran.code,
        ran.out,
        ran.err
    );
}

/// Everything that is looked at after an operation that ended as it should.
pub fn state(driver: &Driver, model: &mut Model, op: Op, path: &str) {
    if !matches!(op, Op::Set(_)) {
        servers(driver, model);
    }
    if !matches!(op, Op::Drill | Op::Prune | Op::Adopt(_)) {
        plan(driver, model, path);
    }
    if matches!(
        op,
        Op::Switchover { .. }
            | Op::Failover(_)
            | Op::Rebuild(..)
            | Op::Restore(..)
            | Op::Add
            | Op::Remove
    ) {
        status(driver, model, path);
    }
}

/// Takes away what was set aside, as status tells to.
const TIDY: &str = "rm -rf /var/lib/postgresql/*/main.pgrepl-*";

/// Commits a row: everybody has the rows of the model, and the archive has each segment.
fn servers(driver: &Driver, model: &mut Model) {
    let place = match model.setup.tool.as_str() {
        "pgbackrest" => "/mnt/backups/shop/pgbackrest/archive",
        "pitrery" => "/mnt/backups/shop/pitrery/archived_wal",
        _ => "/mnt/backups/shop/wal",
    };
    let port = model.applied.port;
    // A segment ends, and comes.
    let script = format!(
        "{}q -c \"select string_agg(n::text, ' ' order by n) from t\" -c \"select pg_create_restore_point('x') is null\"
        segment=$(q -c 'select pg_walfile_name(pg_current_wal_lsn())')
        q -c 'select pg_switch_wal() is null' >/dev/null
        list() {{ find {place} -type f -printf '%f\\n'; }}
        k=0
        until list | grep -q \"^$segment\"; do
            sleep 0.2
            k=$((k + 1))
            [ $k -lt 300 ] || {{ echo \"$segment is not archived\" >&2; exit 1; }}
        done
        echo $segment
        list
        {TIDY}",
        commit(model)
    );
    let told = driver.script(model.leader(), port, &script);
    driver.note_row(model, &told);
    let mut lines = told.lines().skip(2);
    let found = lines.next().unwrap().split_whitespace();
    let found: BTreeSet<u32> = found.map(|row| row.parse().unwrap()).collect();
    assert_eq!(found, model.rows, "rows of the primary");
    let segment = lines.nth(1).unwrap();
    let there: BTreeSet<String> = lines
        .filter(|file| !file.contains(".partial") && !file.contains(".backup") && file.len() >= 24)
        .map(|file| file[..24].to_owned())
        .collect();
    archive(model, segment, &there);
    let wanted = format!("t|{}|{}", model.rows.len(), model.rows.iter().sum::<u32>());
    let script = format!(
        "k=0
        until found=$(q -c 'select pg_is_in_recovery(), count(*), sum(n) from t') && [ \"$found\" = '{wanted}' ]; do
            sleep 0.2
            k=$((k + 1))
            [ $k -lt 150 ] || {{ echo \"expected {wanted}, found $found\" >&2; exit 1; }}
        done
        {TIDY}"
    );
    for standby in model.those(Is::Follows) {
        driver.script(standby, port, &script);
    }
}

/// Every segment that the oldest backup of this history needs must be there.
fn archive(model: &Model, segment: &str, there: &BTreeSet<String>) {
    let Some(from) = model.oldest_in_use() else {
        return;
    };
    let last = u64::from_str_radix(&segment[8..16], 16).unwrap() * 256
        + u64::from_str_radix(&segment[16..], 16).unwrap();
    for number in from.stop / SEGMENT..=last {
        let timeline = model.timeline_of(number * SEGMENT);
        let wanted = format!("{timeline:08X}{:08X}{:08X}", number / 256, number % 256);
        let later = format!("{:08X}{:08X}", number / 256, number % 256);
        // The segment in which a history was left may be there under the name of the new timeline alone.
        let at_a_fork = there.iter().any(|file| {
            file.ends_with(&later) && model.descends_through(file, number * SEGMENT, SEGMENT)
        });
        assert!(
            there.contains(&wanted) || at_a_fork,
            "a gap in the archive: {wanted} is not there; {there:?}"
        );
    }
}

fn plan(driver: &Driver, model: &Model, path: &str) {
    let right = match (model.any(Is::Stale), model.away(), model.pending()) {
        (true, _, _) => vec![REFUSED],
        (_, true, _) => vec![UNREACHABLE, 2],
        (_, _, true) => vec![2],
        // It was away when another one came to lead, or a restore took its slot along; it may have gone another way.
        _ if model.any(Is::Strayed) => vec![DONE, 2, REFUSED],
        _ => vec![DONE],
    };
    let ran = driver.pgrepl(&["plan", path, "--detailed-exitcode"]);
    assert!(
        right.contains(&ran.code),
        "plan: expected exit code {right:?}, found {}\n{}{}",
        ran.code,
        ran.out,
        ran.err
    );
}

fn status(driver: &Driver, model: &Model, path: &str) {
    let right = match (model.whole(), model.pending()) {
        (false, _) => 2,
        // Without a backup that leads to what is there now nothing is lost yet, and it is no state to be in.
        (true, false) if model.oldest_in_use().is_none() => 2,
        (true, false) => DONE,
        // Whether a change that waits is a problem depends on the change.
        (true, true) => return,
    };
    let ran = driver.pgrepl(&["status", path, "--exit-code"]);
    assert_eq!(ran.code, right, "status\n{}{}", ran.out, ran.err);
}
