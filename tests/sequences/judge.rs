//! Looks at the hosts after each operation, with the eyes of their user.

use std::collections::BTreeSet;

use crate::drive::{Driver, name};
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
pub fn state(driver: &Driver, model: &Model, path: &str) {
    one_primary(driver, model);
    state_of_rows(driver, model);
    archive(driver, model);
    plan(driver, model, path);
    tidy(driver, model);
    status(driver, model, path);
}

fn one_primary(driver: &Driver, model: &Model) {
    for (host, is) in &model.hosts {
        let recovers = match is {
            Is::Leads => "f",
            Is::Follows => "t",
            Is::Dead | Is::Stale | Is::Out(_) => continue,
        };
        let found = driver.sql(model, *host, "select pg_is_in_recovery()");
        assert_eq!(found, recovers, "server{host} in recovery");
    }
}

/// Everybody has the rows of the model.
pub fn state_of_rows(driver: &Driver, model: &Model) {
    let found = driver.sql(model, model.leader(), "select n from t order by 1");
    let found: BTreeSet<u32> = found.lines().map(|row| row.parse().unwrap()).collect();
    assert_eq!(found, model.rows, "rows of the primary");
    let sum = "select count(*) || ' ' || coalesce(sum(n), 0) from t";
    let answer = driver.sql(model, model.leader(), sum);
    for standby in model.those(Is::Follows) {
        driver.until(model, standby, sum, &answer);
    }
}

/// Ends a segment and sees it come; then every segment that the oldest backup of this history needs must be there.
fn archive(driver: &Driver, model: &Model) {
    let leader = model.leader();
    driver.sql(model, leader, "select pg_create_restore_point('x')");
    let segment = driver.sql(
        model,
        leader,
        "select pg_walfile_name(pg_current_wal_lsn())",
    );
    driver.sql(model, leader, "select pg_switch_wal()");
    let place = match model.setup.tool.as_str() {
        "pgbackrest" => "/mnt/backups/shop/pgbackrest/archive",
        "pitrery" => "/mnt/backups/shop/pitrery/archived_wal",
        _ => "/mnt/backups/shop/wal",
    };
    let list = format!("find {place} -type f -printf '%f\\n'");
    driver.lab.on(&name(leader), &format!(
        "k=0; until {list} | grep -q '^{segment}'; do sleep 0.1; k=$((k + 1)); [ $k -lt 300 ] || {{ echo '{segment} is not archived' >&2; exit 1; }}; done"
    ));
    let there: BTreeSet<String> = driver
        .lab
        .on(&name(leader), &list)
        .lines()
        .filter(|file| !file.contains(".partial") && !file.contains(".backup") && file.len() >= 24)
        .map(|file| file[..24].to_owned())
        .collect();
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
    let right = match (model.any(Is::Stale), model.any(Is::Dead), model.pending()) {
        (true, _, _) => vec![REFUSED],
        (_, true, _) => vec![UNREACHABLE, 2],
        (_, _, true) => vec![2],
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

/// Takes away what was set aside, as status tells to.
fn tidy(driver: &Driver, model: &Model) {
    for host in [model.leader()].into_iter().chain(model.those(Is::Follows)) {
        driver
            .lab
            .on(&name(host), "rm -rf /var/lib/postgresql/*/main.pgrepl-2*");
    }
}

fn status(driver: &Driver, model: &Model, path: &str) {
    let right = match (model.whole(), model.pending()) {
        (false, _) => 2,
        (true, false) => DONE,
        // Whether a change that waits is a problem depends on the change.
        (true, true) => return,
    };
    let ran = driver.pgrepl(&["status", path, "--exit-code"]);
    assert_eq!(ran.code, right, "status\n{}{}", ran.out, ran.err);
}
