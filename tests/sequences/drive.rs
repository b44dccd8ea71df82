//! The hosts of a sequence, and what they tell the model that it cannot know: positions, times, names.

use std::path::PathBuf;
use std::process::Stdio;

use crate::lab::{Lab, PASSWORD, Ran};
use crate::model::{Backup, Model, Moment, Setup};
use crate::op::Host;

pub struct Driver {
    pub lab: Lab,
    pub setup: Setup,
}

pub fn name(host: Host) -> String {
    format!("server{host}")
}

/// Hexadecimal "A/B" as a number.
pub fn lsn(text: &str) -> u64 {
    let (high, low) = text.split_once('/').unwrap();
    (u64::from_str_radix(high, 16).unwrap() << 32) + u64::from_str_radix(low, 16).unwrap()
}

impl Driver {
    pub fn up(lane: usize, setup: &Setup) -> Self {
        let release = match setup.version {
            13 => "11",
            15 => "12",
            17 => "13",
            18 => "forky",
            other => panic!("VERSION: 13, 15, 17 or 18, not {other}"),
        };
        let hosts = [1, 2, 3].map(|host| format!("{}={release}:pg", name(host)));
        let options: Vec<&str> = ["--mount"]
            .into_iter()
            .chain(hosts.iter().map(String::as_str))
            .collect();
        Self {
            lab: Lab::up(&format!("seq{lane}"), &options),
            setup: setup.clone(),
        }
    }

    /// Hosts and a mount with nothing on them.
    pub fn reset(&self) {
        std::thread::scope(|scope| {
            for host in [1, 2, 3] {
                scope.spawn(move || self.lab.tell("reset", &[&name(host)]));
            }
        });
        self.lab
            .on("server1", "cd /mnt/backups && find . -mindepth 1 -delete");
        if self.setup.tool == "pitrery" {
            for host in [1, 2, 3] {
                for (program, text) in crate::PITRERY {
                    self.lab.on(&name(host), &format!("cat >/usr/local/bin/{program} <<'PROGRAM'\n{text}PROGRAM\nchmod 755 /usr/local/bin/{program}"));
                }
            }
        }
    }

    pub fn write_inventory(&self, model: &Model) -> PathBuf {
        let wanted = &model.wanted;
        let standbys: Vec<String> = model
            .members()
            .into_iter()
            .filter(|host| *host != model.primary)
            .map(name)
            .collect();
        let rules: Vec<String> = (0..wanted.hba)
            .map(|n| format!("\"host shop shop_app 10.9.{n}.0/24 scram-sha-256\""))
            .collect();
        let text = format!(
            "cluster: shop\nssh: {{ config_file: {} }}\npostgresql:\n  version: {}\n  port: {}\n  \
             parameters: {{ work_mem: {}MB, max_connections: {}, wal_keep_size: 64MB }}\n  hba: [{}]\n\
             replication: {{ password: {{ env: SHOP_PASSWORD }}, slots: {}, synchronous: {} }}\n\
             primary: {}\nstandbys: [{}]\nbackup: {{ mount: /mnt/backups, tool: {}, keep: {{ count: 3 }} }}\n",
            self.lab.ssh_config(),
            self.setup.version,
            wanted.port,
            wanted.reload,
            wanted.restart,
            rules.join(", "),
            wanted.slots,
            u8::from(wanted.synchronous),
            name(model.primary),
            standbys.join(", "),
            self.setup.tool,
        );
        self.lab.file("inventory.yaml", &text)
    }

    pub fn pgrepl(&self, arguments: &[&str]) -> Ran {
        let child = self
            .lab
            .command(arguments)
            .env("SHOP_REPLICATION_PASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        self.lab.finish(child)
    }

    pub fn sql_at(&self, host: Host, port: u16, sql: &str) -> String {
        let psql = [
            "-u",
            "postgres",
            "--",
            "psql",
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            "postgres",
        ];
        let (host, port) = (name(host), port.to_string());
        let place = [&host, "runuser"];
        let more = ["-h", "/var/run/postgresql", "-p", &port, "-c", sql];
        self.lab
            .tell("exec", &[&place[..], &psql, &more].concat())
            .trim()
            .to_owned()
    }

    pub fn sql(&self, model: &Model, host: Host, sql: &str) -> String {
        self.sql_at(host, model.applied.port, sql)
    }

    /// Commits a row on the primary, and notes the moment after it.
    pub fn row(&self, model: &mut Model) {
        let (leader, row) = (model.leader(), model.next);
        // Nobody waits for a standby here: whether one is there is asked elsewhere.
        let xid = self.sql(
            model,
            leader,
            &format!("set synchronous_commit = local; insert into t values ({row}) returning xmin"),
        );
        let told = self.sql(model, leader, &format!(
            "select pg_current_wal_lsn(), clock_timestamp() at time zone 'utc', floor(extract(epoch from clock_timestamp()))::bigint, \
             pg_create_restore_point('row{row}_{}') is null, pg_walfile_name(pg_current_wal_lsn())", model.timeline
        ));
        let told: Vec<&str> = told.split('|').collect();
        model.rows.insert(row);
        model.next += 1;
        let moment = Moment {
            rows: model.rows.clone(),
            timeline: u32::from_str_radix(&told[4][..8], 16).unwrap(),
            lsn: lsn(told[0]),
            time: format!("{}+00", told[1]),
            second: told[2].parse().unwrap(),
            xid: xid.parse().unwrap(),
            name: format!("row{row}_{}", model.timeline),
        };
        assert_eq!(
            moment.timeline, model.timeline,
            "the timeline of the primary"
        );
        model.moments.insert(row, moment);
    }

    /// Reads which timeline the primary is on, and where it left those before.
    pub fn timeline(&self, model: &mut Model) {
        let leader = model.leader();
        let segment = self.sql(
            model,
            leader,
            "select pg_walfile_name(pg_current_wal_lsn())",
        );
        let timeline = u32::from_str_radix(&segment[..8], 16).unwrap();
        let history = match timeline {
            1 => String::new(),
            _ => self.sql(
                model,
                leader,
                &format!("select pg_read_file('pg_wal/{timeline:08X}.history')"),
            ),
        };
        let left = history
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
            .map(|line| {
                let mut words = line.split_whitespace();
                (
                    words.next().unwrap().parse().unwrap(),
                    lsn(words.next().unwrap()),
                )
            })
            .collect();
        model.timeline = timeline;
        model.histories.insert(timeline, left);
    }

    /// Reads what is in the list of backups: a new one has the rows of now.
    pub fn backups(&self, model: &mut Model, path: &str) {
        let ran = self.pgrepl(&["--format", "json", "-i", path, "backup", "list"]);
        assert_eq!(ran.code, 0, "backup list: {}{}", ran.out, ran.err);
        let list: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        let number = |value: &serde_json::Value| match value.as_str() {
            Some(text) if text.contains('/') => lsn(text),
            Some(text) => text.parse().unwrap(),
            None => value.as_u64().unwrap(),
        };
        let known = std::mem::take(&mut model.backups);
        for backup in list["backups"].as_array().unwrap() {
            let id = backup["id"].as_str().unwrap().to_owned();
            let found = known.iter().find(|known| known.id == id).cloned();
            model.backups.push(found.unwrap_or_else(|| Backup {
                rows: model.rows.clone(),
                timeline: u32::try_from(number(&backup["timeline"])).unwrap(),
                stop: number(&backup["stop"]),
                ended: number(&backup["ended"]),
                id,
            }));
        }
    }

    /// Waits for an answer; never for a time.
    pub fn until(&self, model: &Model, host: Host, sql: &str, answer: &str) {
        let begin = std::time::Instant::now();
        loop {
            let found = self.sql(model, host, sql);
            if found == answer {
                return;
            }
            assert!(
                begin.elapsed().as_secs() < 30,
                "server{host}: {sql}: expected {answer}, found {found}"
            );
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
}
