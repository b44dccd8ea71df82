//! A client that writes all the time and remembers what was acknowledged.

use std::collections::BTreeSet;

use crate::lab::Lab;

/// The access rule that lets the writer in.
pub const RULE: &str = "hba: [\"host postgres app samenet scram-sha-256\"]";

/// A loop of inserts on a host of the lab, each over a new connection to whoever is the primary.
pub struct Writer<'a> {
    lab: &'a Lab,
    host: &'a str,
}

impl<'a> Writer<'a> {
    /// Makes the table and the role on the primary, and begins.
    pub fn start(lab: &'a Lab, host: &'a str, primary: &str, servers: &str) -> Writer<'a> {
        lab.sql(
            primary,
            "create role app login password 'app'; create table acked (i int primary key); grant all on acked to app",
        );
        let write = format!(
            "PGCONNECT_TIMEOUT=2 psql -XAtq -d 'host={servers} user=app password=app dbname=postgres target_session_attrs=read-write'"
        );
        lab.on(
            host,
            &format!(
                "rm -f /tmp/stop; : >/tmp/acked; \
                 nohup sh -c 'i=0; while [ ! -e /tmp/stop ]; do i=$((i + 1)); \
                 {} -c \"insert into acked values ($i)\" && echo $i >>/tmp/acked; done; touch /tmp/stopped' >/dev/null 2>&1 &",
                write.replace('\'', "\"")
            ),
        );
        let writer = Writer { lab, host };
        writer.goes_on();
        writer
    }

    /// Waits until more rows are acknowledged than now.
    pub fn goes_on(&self) {
        self.lab.on(
            self.host,
            "n=$(wc -l </tmp/acked); k=0; while [ \"$(wc -l </tmp/acked)\" -le $((n + 2)) ]; do \
             sleep 0.1; k=$((k + 1)); [ $k -lt 600 ] || exit 1; done",
        );
    }

    /// Ends it, and returns how many rows were acknowledged and which of them the primary does not have.
    pub fn stop(self, primary: &str) -> (usize, Vec<String>) {
        self.lab.on(
            self.host,
            "touch /tmp/stop; k=0; while [ ! -e /tmp/stopped ]; do sleep 0.1; k=$((k + 1)); [ $k -lt 600 ] || exit 1; done",
        );
        let acked = self.lab.on(self.host, "cat /tmp/acked; rm -f /tmp/stopped");
        let there = self.lab.sql(primary, "select i from acked");
        let there: BTreeSet<&str> = there.lines().collect();
        let missing = acked
            .lines()
            .filter(|row| !there.contains(row))
            .map(str::to_owned)
            .collect();
        (acked.lines().count(), missing)
    }
}
