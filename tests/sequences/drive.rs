//! The hosts of a sequence, and what they tell the model that it cannot know: positions, times, names.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::lab::{Lab, PASSWORD, Ran};
use crate::model::{Backup, Model, Moment, Setup};
use crate::op::Host;

/// Makes a host what it was when it was booted first.
const CLEAN: &str = "set -eu
systemctl kill --signal=KILL 'postgresql@*' 'pgrepl-*' 2>/dev/null || :
systemctl stop 'postgresql@*' 'pgrepl-*' 2>/dev/null || :
while pgrep -u postgres >/dev/null; do pkill -KILL -u postgres || :; sleep 0.05; done
systemctl unmask 'postgresql@*' 2>/dev/null || :
rm -rf /etc/postgresql/* /var/lib/postgresql/[0-9]* /var/lib/postgresql/.[a-z]* /var/log/postgresql/* /run/postgresql/.s* \
    /usr/local/lib/pgrepl /var/lib/pgrepl /run/pgrepl /etc/pgbackrest /etc/pgbackrest.conf /etc/pitrery /srv/* \
    /etc/systemd/system/pgrepl-* /etc/systemd/system/postgresql@* /etc/systemd/system/*.wants/postgresql@* \
    /etc/systemd/system/*.wants/pgrepl-* /var/lib/pgbackrest /var/spool/pgbackrest
systemctl reset-failed
systemctl daemon-reload";

/// What is kept of a host, below /.
const STATE: &str = "etc/postgresql etc/pgbackrest etc/pitrery etc/systemd/system var/lib/postgresql usr/local/lib/pgrepl \
    var/lib/pgrepl var/lib/pgbackrest var/spool/pgbackrest";

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

/// Commits a row and tells of the moment after it. Nobody waits for a standby here: whether one is there is asked elsewhere.
pub fn commit(model: &Model) -> String {
    let row = model.next;
    format!(
        "q -c 'set synchronous_commit = local' -c 'insert into t values ({row}) returning xmin' \\
            -c \"select pg_current_wal_lsn(), clock_timestamp() at time zone 'utc', \\
                floor(extract(epoch from clock_timestamp()))::bigint, pg_create_restore_point('row{row}'), \\
                pg_walfile_name(pg_current_wal_lsn())\"\n"
    )
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

    fn everywhere(&self, script: &str) {
        std::thread::scope(|scope| {
            for host in [1, 2, 3] {
                scope.spawn(move || {
                    self.lab
                        .on(&name(host), &format!("host=server{host}\n{script}"))
                });
            }
        });
    }

    /// A pair with an empty table: made by the first sequence, and brought back for each one that follows.
    pub fn first_state(&self, model: &Model, path: &Path) {
        let config = self.lab.ssh_config();
        let hosts = Path::new(&config).with_file_name("hosts");
        for host in [1, 2, 3].map(name) {
            let powered = hosts.join(&host).join("pid").exists();
            self.lab
                .tell(if powered { "heal" } else { "boot" }, &[&host]);
        }
        let unit = format!("postgresql@{}-main", self.setup.version);
        let known = self
            .lab
            .on("server1", "ls /mnt/backups/first/mount.tar || :");
        if !known.is_empty() {
            self.everywhere(&format!(
                "{CLEAN}\n[ $host != server1 ] || find /mnt/backups -mindepth 1 -not -path '/mnt/backups/first*' -delete
                tar -C / -xf /mnt/backups/first/$host.tar\nsystemctl daemon-reload"
            ));
            self.lab
                .on("server1", "tar -C / -xf /mnt/backups/first/mount.tar");
        } else {
            self.prepare();
            self.lab.converge(path);
            self.sql(model, 1, "create table t (n int primary key)");
            for host in ["server1", "server2"] {
                self.lab.on(host, &format!("systemctl stop {unit}"));
            }
            self.lab.on("server1", "mkdir /mnt/backups/first");
            self.everywhere(&format!(
                "cd / && tar -cf /mnt/backups/first/$host.tar $(ls -d {STATE} 2>/dev/null)"
            ));
            self.lab.on(
                "server1",
                "tar -C / -cf /mnt/backups/first/mount.tar mnt/backups/shop",
            );
        }
        for host in ["server1", "server2"] {
            self.lab.on(host, &format!("systemctl start {unit}"));
        }
    }

    /// The programs of a tool that no package brings here.
    fn prepare(&self) {
        if self.setup.tool == "pitrery" {
            for (program, text) in crate::PITRERY {
                self.everywhere(&format!(
                    "cat >/usr/local/bin/{program} <<'PROGRAM'\n{text}PROGRAM\nchmod 755 /usr/local/bin/{program}"
                ));
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

    /// Runs a script as root on a host, after `q`, which asks the server on a port.
    pub fn script(&self, host: Host, port: u16, script: &str) -> String {
        self.lab.on(&name(host), &format!(
            "set -eu\nq() {{ runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -h /var/run/postgresql -p {port} -d postgres \"$@\"; }}\n{script}"
        ))
    }

    pub fn sql(&self, model: &Model, host: Host, sql: &str) -> String {
        self.script(host, model.applied.port, &format!("q -c \"{sql}\""))
    }

    /// Commits a row on the primary, and notes the moment after it.
    pub fn row(&self, model: &mut Model) {
        let told = self.script(model.leader(), model.applied.port, &commit(model));
        self.note_row(model, &told);
    }

    /// Notes a row that the primary has told of, and the timeline that it is on.
    pub fn note_row(&self, model: &mut Model, told: &str) {
        let mut lines = told.lines();
        let xid = lines.next().unwrap().parse().unwrap();
        let told: Vec<&str> = lines.next().unwrap().split('|').collect();
        let timeline = u32::from_str_radix(&told[4][..8], 16).unwrap();
        if timeline != model.timeline {
            self.read_history(model, timeline);
        }
        let row = model.next;
        model.rows.insert(row);
        model.next += 1;
        let moment = Moment {
            rows: model.rows.clone(),
            timeline,
            lsn: lsn(told[0]),
            time: format!("{}+00", told[1]),
            second: told[2].parse().unwrap(),
            xid,
            name: format!("row{row}"),
            named: lsn(told[3]),
        };
        model.moments.insert(row, moment);
    }

    /// Reads where the history of the primary left each timeline before its own.
    fn read_history(&self, model: &mut Model, timeline: u32) {
        let history = self.sql(
            model,
            model.leader(),
            &format!("select pg_read_file('pg_wal/{timeline:08X}.history')"),
        );
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
                next: model.next,
                timeline: u32::try_from(number(&backup["timeline"])).unwrap(),
                stop: number(&backup["stop"]),
                ended: number(&backup["ended"]),
                id,
            }));
        }
    }
}
