//! Does on real hosts what an operation says.

use std::collections::BTreeSet;

use crate::drive::{Driver, name};
use crate::lab::Ran;
use crate::model::{Is, Model, Moment, REFUSED};
use crate::op::{Host, Op, Target, Way};

/// The port of a server that is restored beside the cluster, and its directory.
const COPY_PORT: u16 = 5434;
const COPY: &str = "/srv/copy";

fn shown(lsn: u64) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xffff_ffff)
}

impl Driver {
    fn target(&self, model: &Model, target: Target) -> Vec<String> {
        let moment = model.moment(target);
        let of = |value: &dyn Fn(&Moment) -> String| moment.map(value).unwrap_or_default();
        let option = |name: &str, value: String| vec![format!("--{name}"), value];
        let mut options = match target {
            Target::Time(_) => option("time", of(&|moment| moment.time.clone())),
            Target::Lsn(_) => option("lsn", of(&|moment| shown(moment.lsn))),
            Target::Xid(_) => option("xid", of(&|moment| moment.xid.to_string())),
            Target::Name(_) => option("name", of(&|moment| moment.name.clone())),
            Target::Immediate => vec!["--immediate".into()],
            Target::Latest => vec!["--latest".into()],
        };
        let tells = self.setup.tool == "basebackup" && !matches!(target, Target::Name(_));
        if let (Target::Xid(_) | Target::Name(_), Some(moment)) = (target, moment) {
            // Which backup leads to what only the WAL tells the operator knows.
            if let Some(backup) = model.backup_for(target).filter(|_| !tells) {
                options.extend(["--backup".into(), backup.id.clone()]);
            }
            if !model.is_past(target) {
                options.extend(["--timeline".into(), moment.timeline.to_string()]);
            }
        }
        options
    }

    /// Does it; the exit code with what was said.
    pub fn run(&self, model: &Model, op: Op, path: &str) -> Ran {
        let words = |text: &str| -> Vec<String> {
            ["-i", path]
                .into_iter()
                .chain(text.split_whitespace())
                .map(str::to_owned)
                .collect()
        };
        let pgrepl = |arguments: Vec<String>| {
            self.pgrepl(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        };
        // Where it asks which of several histories is meant it is told.
        let asked = |arguments: Vec<String>| {
            let ran = pgrepl(arguments.clone());
            match op {
                Op::Restore(_, target @ Target::Lsn(_)) | Op::Copy(_, target @ Target::Lsn(_))
                    if ran.code == REFUSED && ran.err.contains("--timeline") =>
                {
                    let timeline = model.moment(target).unwrap().timeline.to_string();
                    pgrepl([arguments, vec!["--timeline".into(), timeline]].concat())
                }
                _ => ran,
            }
        };
        let done = || Ran {
            code: 0,
            out: String::new(),
            err: String::new(),
        };
        match op {
            Op::Apply | Op::Add => pgrepl(words("apply --auto-approve")),
            Op::Remove => pgrepl(words("apply --auto-approve --confirm server3")),
            Op::Set(_) => done(),
            Op::Alter { dangerous } => {
                let sql = match dangerous {
                    true => "alter system set restore_command = 'false'",
                    false => "alter system set log_min_duration_statement = '5s'",
                };
                self.sql(model, model.leader(), sql);
                self.sql(model, model.leader(), "select pg_reload_conf()");
                done()
            }
            Op::Switchover { to, write } => pgrepl(words(&format!(
                "switchover --to server{to} --auto-approve{}",
                if write { " --write-inventory" } else { "" }
            ))),
            Op::Failover(to) => {
                self.lab.tell("kill", &[&name(model.leader())]);
                self.alone(model);
                pgrepl(words(&format!(
                    "failover --to server{to} --auto-approve --confirm server{}",
                    model.leader()
                )))
            }
            Op::Away { host, power } => {
                self.lab
                    .tell(if power { "kill" } else { "cut" }, &[&name(host)]);
                done()
            }
            Op::Boot(host) => {
                if let Is::Away { power: false, .. } = model.hosts[&host] {
                    self.lab.tell("heal", &[&name(host)]);
                } else {
                    self.lab.tell("boot", &[&name(host)]);
                }
                let port = model.applied.port;
                self.script(
                    host,
                    port,
                    // One that had gone another way than its primary ends at once.
                    "until q -c 'select 1' >/dev/null 2>&1 || systemctl -q is-failed 'postgresql@*'; do sleep 0.1; done",
                );
                done()
            }
            Op::Rebuild(host, way) => {
                let from = match way {
                    Way::Auto => "auto".to_owned(),
                    Way::Rewind => "rewind".to_owned(),
                    Way::Primary => "primary".to_owned(),
                    Way::Backup => "backup".to_owned(),
                    Way::From(source) => name(source),
                };
                pgrepl(words(&format!(
                    "rebuild server{host} --from {from} --auto-approve --confirm server{host}"
                )))
            }
            Op::Backup { incremental } => pgrepl(words(&format!(
                "backup run --type {}",
                if incremental { "incremental" } else { "full" }
            ))),
            Op::Prune => pgrepl(words("backup prune --auto-approve")),
            Op::Drill => pgrepl(words("backup verify --drill")),
            Op::Restore(to, target) => {
                let mut arguments = words(&format!(
                    "restore --to server{to} --auto-approve --confirm server{to}"
                ));
                arguments.extend(self.target(model, target));
                asked(arguments)
            }
            Op::Copy(to, target) => {
                let mut arguments = words(&format!(
                    "restore --to server{to} --auto-approve --data-directory {COPY} --port {COPY_PORT}"
                ));
                arguments.extend(self.target(model, target));
                asked(arguments)
            }
            Op::Adopt(host) => self.adopt(host),
        }
    }

    /// Waits until the standbys have noticed that nobody sends any more.
    fn alone(&self, model: &Model) {
        for standby in model.those(Is::Follows) {
            self.script(
                standby,
                model.applied.port,
                "q -c 'select pg_terminate_backend(pid) from pg_stat_wal_receiver'
                until [ \"$(q -c \"select count(*) from pg_stat_wal_receiver where status = 'streaming'\")\" = 0 ]; do sleep 0.1; done",
            );
        }
    }

    /// Writes an inventory of what runs: it is valid, and finds nothing to do.
    fn adopt(&self, host: Host) -> Ran {
        let path = self.lab.file("adopted.yaml", "");
        std::fs::remove_file(&path).unwrap();
        let (path, host, ssh) = (path.to_str().unwrap(), name(host), self.lab.ssh_config());
        let described = self.pgrepl(&[
            "init",
            path,
            "--from-host",
            &host,
            "--ssh-config",
            &ssh,
            "--cluster",
            "shop",
            "--no-input",
        ]);
        if described.code != 0 {
            return described;
        }
        let plan = self.pgrepl(&["plan", path, "--detailed-exitcode"]);
        let text = std::fs::read_to_string(path).unwrap();
        Ran {
            err: format!("{}\n{text}", plan.err),
            ..plan
        }
    }

    /// Reads the rows of a copy, and takes it away.
    pub fn copied(&self, host: Host) -> BTreeSet<u32> {
        let rows = self.script(host, COPY_PORT, "q -c 'select n from t'");
        self.lab.on(
            &name(host),
            &format!("systemctl stop pgrepl-shop-copy-srv-copy; rm -rf {COPY} {COPY}.*"),
        );
        rows.lines().map(|row| row.parse().unwrap()).collect()
    }
}
