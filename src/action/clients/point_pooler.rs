//! Points a PgBouncer to the primary; while that changes, its clients wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::action::clients::pooler::{Console, Edit, Gone, Led, Pause};
use crate::action::server::promote::PROMOTED;
use crate::action::server::stop::{ARMED, PAUSED};
use crate::action::{Act, Mark, Place};
use crate::command::Command;
use crate::facts::Observation;
use crate::facts::pooler::{Loaded, Spelt};
use crate::inventory::NodeName;
use crate::script::script;

const SCRIPT: &str = script!(["pooler.sh"] "point_pooler.sh");

/// How long clients wait at most if the host hears no more of the run that let them wait.
const RESUMES_AFTER: u64 = 60;

/// Writes where databases lead, has that loaded, and lets clients go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointPooler {
    /// How its admin console is reached.
    pub console: Console,
    /// Where its databases shall lead; `*` is all that have no name.
    pub databases: Vec<Led>,
    /// Who leads, for people.
    pub leader: NodeName,
    /// What is written for it.
    pub edits: Vec<Edit>,
    /// The digests of the files that are written, as the plan found them.
    pub files: BTreeMap<String, String>,
    /// The servers that cannot be reached: who still waits for an answer of theirs would do so until TCP gives up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Gone>,
    /// Whether its clients wait while the primary changes, and how long for.
    pub pause: Option<Pause>,
}

impl PointPooler {
    fn names(&self) -> Vec<&str> {
        self.databases
            .iter()
            .map(|led| led.database.as_str())
            .collect()
    }
}

impl Act for PointPooler {
    fn title(&self) -> String {
        let databases = self.names().join(", ");
        let to = &self.leader;
        match self.pause {
            Some(_) => format!("pause {databases}, point to {to}, resume"),
            None if self.edits.is_empty() => format!("reload and resume {databases}: {to} leads"),
            None => format!("point {databases} to {to}, resume"),
        }
    }

    fn done(&self) -> String {
        let databases = self.names().join(", ");
        format!("clients of {databases} are led to {}", self.leader)
    }

    fn places(&self) -> Vec<String> {
        let edits = self.edits.iter();
        let gone: BTreeSet<&NodeName> = self.gone.iter().map(|gone| &gone.node).collect();
        edits
            .map(|edit| {
                let Edit {
                    database,
                    file,
                    line,
                    old,
                    new,
                    ..
                } = edit;
                let from = if old.is_empty() { "nothing" } else { old };
                format!("{file}, line {line}, {database}: {from} → {}", new.trim())
            })
            .chain(
                gone.into_iter().map(|node| {
                    format!("connections to {node}, which cannot be reached, are ended")
                }),
            )
            .collect()
    }

    fn kind(&self) -> Mark {
        Mark::Change
    }

    /// It holds the pooler alone: on a server's host steps of that are at work meanwhile.
    fn holds_host(&self) -> bool {
        false
    }

    fn awaits(&self) -> Option<&'static str> {
        self.pause.map(|_| ARMED)
    }

    fn tells(&self) -> &'static [&'static str] {
        if self.pause.is_some() { &[PAUSED] } else { &[] }
    }

    fn commands(&self, place: &Place) -> Vec<Command> {
        let edits = self.edits.iter().rev();
        let edits: String = edits
            .map(|edit| {
                let Edit {
                    file,
                    line,
                    at,
                    old,
                    new,
                    ..
                } = edit;
                format!("{file}\t{line}\t{at}\t{old}\t{new}\n")
            })
            .collect();
        let files = self.files.iter();
        let files: String = files
            .map(|(file, digest)| format!("{digest}\t{file}\n"))
            .collect();
        let names = self.names();
        let databases = if names.contains(&"*") {
            vec![""]
        } else {
            names
        };
        let leads = self.databases.iter().filter(|led| led.database != "*");
        let leads: String = leads
            .map(
                |Led {
                     database,
                     host,
                     port,
                 }| format!("{host}:{port}\t{database}\n"),
            )
            .collect();
        let gone = self.gone.iter();
        let gone: String = gone
            .map(|gone| format!("{}|{}\n", gone.address, gone.port))
            .collect();
        let seconds = self.pause.map(|pause| pause.seconds.to_string());
        let command = Command::new("point the pooler", SCRIPT)
            .var("cluster", &place.cluster)
            .var("pooler", &place.node)
            .var("resume_unit", unit(&place.cluster, &place.node))
            .var("databases", databases.join("\n"))
            .var("leads", leads)
            .var("edits", edits)
            .var("files", files)
            .var("gone", gone)
            .var("pause", seconds.unwrap_or_default())
            .var(
                "terminates",
                if self.pause.is_some_and(|pause| pause.terminates) {
                    "yes"
                } else {
                    "no"
                },
            )
            .var(
                "limit",
                self.pause.map_or(0, |pause| pause.seconds) + RESUMES_AFTER,
            )
            .timeout(Some(Duration::from_secs(1300)));
        let mut command = self.console.tell(command);
        command.gate = self.pause.map(|_| PROMOTED);
        // Clients wait: nobody lets them wait for a run that is gone.
        command.heartbeat = self.pause.is_some();
        vec![command]
    }

    fn effect(&self, node: &NodeName, world: &mut Observation) {
        let Some(Ok(facts)) = world.poolers.get_mut(node) else {
            return;
        };
        for route in &mut facts.routes {
            let Some(led) = self
                .databases
                .iter()
                .find(|led| led.database == route.database)
            else {
                continue;
            };
            for (value, text) in [(&mut route.host, &led.host), (&mut route.port, &led.port)] {
                *value = Some(Spelt {
                    raw: text.clone(),
                    text: text.clone(),
                    at: 0,
                });
            }
            let loaded = Loaded {
                host: led.host.clone(),
                port: led.port.clone(),
                paused: false,
            };
            if facts.runs {
                facts.loaded.insert(route.database.clone(), loaded);
            }
        }
        facts.left_paused = false;
    }
}

/// Returns the name of the timer that resumes a pooler in place of a run that is gone.
fn unit(cluster: &str, pooler: &NodeName) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let pooler: String = pooler.as_str().chars().map(plain).collect();
    format!("pgrepl-{cluster}-{pooler}-resume")
}

#[cfg(test)]
mod tests {
    use crate::command::shell_quote;

    #[test]
    fn texts_in_a_file_are_replaced_where_they_were_found_and_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pool.ini");
        let before = "[databases]\nshop = host=a port=1 password='p\\x'\nother = host=a\n";
        let path = file.to_str().unwrap();
        let rewritten = |edits: &str| {
            std::fs::write(&file, before).unwrap();
            let script = format!(
                "set -eu\nis_his() {{ false; }}\nlabel() {{ :; }}\nfail() {{ exit 3; }}\ncluster=x pooler=y\n{}\nedits={}\nrewrite {path}\nplace {path}\n",
                include_str!("point_pooler.sh"),
                shell_quote(edits),
            );
            let mut shell = std::process::Command::new("sh");
            let ended = shell
                .arg("-c")
                .arg(script)
                .stdin(std::process::Stdio::null())
                .output()
                .unwrap();
            (ended.status.code(), std::fs::read_to_string(&file).unwrap())
        };
        let both =
            format!("{path}\t2\t19\t1\t5433\n{path}\t2\t12\ta\t10.0.0.2\n/other\t3\t13\ta\tx\n");
        let after = "[databases]\nshop = host=10.0.0.2 port=5433 password='p\\x'\nother = host=a\n";
        assert_eq!(rewritten(&both), (Some(0), after.to_owned()));
        let added = format!("{path}\t3\t14\t\t port=5433\n");
        assert!(rewritten(&added).1.ends_with("other = host=a port=5433\n"));
        let elsewhere = format!("{path}\t2\t11\ta\tb\n");
        assert_eq!(rewritten(&elsewhere), (Some(3), before.to_owned()));
    }

    #[test]
    fn clients_go_on_when_the_run_that_let_them_wait_says_nothing_more() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().display();
        // What has to happen, for what comes on standard input; the last word is followed by silence.
        for (words, ends) in [
            ("", "RESUME"),
            ("alive\nalive\n", "RESUME"),
            ("alive\nno\n", "RESUME"),
            ("alive\nping\n", "pong yes RESUME"),
            ("alive\nping\ngo x\n", "pong yes followed"),
        ] {
            let script = format!(
                "set -eu\ncluster=x pooler=y edits= files= databases=shop leads= pause=5 terminates=no limit=9 config_file=/x\n{}\n\
                 mark={place}/mark pooler_pid=1\nfind_pooler() {{ :; }}\nread_pooler() {{ :; }}\nfind_console() {{ :; }}\n\
                 resume_later() {{ :; }}\npause_all() {{ :; }}\nfact() {{ echo \"$*\"; }}\nok() {{ :; }}\n\
                 refused() {{ exit 0; }}\nfollow() {{ echo followed; }}\nresume_all() {{ echo RESUME; }}\n\
                 timeout() {{ shift; \"$@\" && return; return 124; }}\nmain\n",
                include_str!("point_pooler.sh"),
            );
            let mut shell = std::process::Command::new("sh");
            let mut shell = shell
                .args(["-c", &script])
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdin = shell.stdin.take().unwrap();
            std::io::Write::write_all(&mut stdin, words.as_bytes()).unwrap();
            drop(stdin);
            let told = shell.wait_with_output().unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            let told: Vec<&str> = told.split_whitespace().collect();
            let whole = format!("paused yes armed yes {ends}");
            assert_eq!(told.join(" "), whole, "{words:?}");
        }
    }

    #[test]
    fn only_connections_to_servers_that_are_gone_are_ended() {
        let servers = "type|user|database|state|addr|port|local_addr|local_port\nS|app|shop|active|10.0.0.1|5432|10.0.0.9|40001\n\
                       S|app|shop|idle|10.0.0.2|5432|10.0.0.9|40002\nS|app|other|active|10.0.0.1|5432|10.0.0.9|40003\n\
                       S|app|shop|active|10.0.0.1|5433|10.0.0.9|40004\nS|app|shop|active|fd00::1|5432|fd00::9|40005\n";
        let ended = |databases: &str, gone: &str| {
            let script = format!(
                "set -eu\ncluster=x pooler=y databases={databases} gone='{gone}'\n{}\n\
                 console() {{ case \"$*\" in *SERVERS) printf '{servers}' ;; *) echo \"$*\" ;; esac; }}\n\
                 ss() {{ echo \"$3 $9\"; }}\ncut_off 2>&1\n",
                include_str!("point_pooler.sh"),
            );
            let mut shell = std::process::Command::new("sh");
            let told = shell.args(["-c", &script]).output().unwrap();
            String::from_utf8(told.stdout).unwrap()
        };
        let both = "10.0.0.1|5432\nfd00::1|5432\n";
        // As the kernel ends nothing here, PgBouncer is asked to.
        assert_eq!(
            ended("shop", both),
            "10.0.0.1 :40001\n[fd00::1] :40005\n-c KILL \"shop\" -c RESUME \"shop\"\n"
        );
        assert_eq!(ended("''", both).lines().count(), 5);
        assert_eq!(ended("shop", ""), "");
    }

    #[test]
    fn the_owner_gets_his_own_patience_back() {
        for (said, back) in [("7.5", "7.5"), ("", "15"), ("1 ' x", "15")] {
            let script = format!(
                "set -eu\ncluster=x pooler=y resume_unit=r-resume\n{}\nconsole() {{ echo \"$*\"; }}\nlater() {{ echo \"$*\"; }}\n\
                 pooler_setting() {{ echo {}; }}\nlog_in_anew 2>&1\n",
                include_str!("point_pooler.sh"),
                shell_quote(said),
            );
            let mut shell = std::process::Command::new("sh");
            let told = shell.args(["-c", &script]).output().unwrap();
            let told = String::from_utf8(told.stdout).unwrap();
            let last = format!("r-login 30 -c SET server_login_retry = '{back}'");
            assert_eq!(told.lines().last(), Some(&last[..]), "{told}");
        }
    }
}
