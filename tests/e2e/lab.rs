//! Real hosts for a test, taken down when it ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

pub const PASSWORD: &str = "it's \"a\\b:c$d;e%f é";

/// The title of a process that sends a base backup; as a pattern that does not match itself.
const SENDS_BACKUP: &str = "[w]alsender .* sending backup";

pub struct Lab {
    run: String,
    dir: tempfile::TempDir,
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

fn lab() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/lab"))
}

fn check(output: Output, what: &str) -> String {
    assert!(
        output.status.success(),
        "{what}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The Debian release of [`Lab::servers`], and its PostgreSQL: PGREPL_RELEASE names another one.
pub fn release() -> (&'static str, &'static str) {
    match std::env::var("PGREPL_RELEASE").as_deref() {
        Ok("11") => ("11", "13"),
        Ok("13") => ("13", "17"),
        Ok("forky") => ("forky", "18"),
        Ok(other) if other != "12" => panic!("PGREPL_RELEASE: 11, 12, 13 or forky, not {other}"),
        _ => ("12", "15"),
    }
}

impl Lab {
    /// Hosts with PostgreSQL; a name may be followed by options, "server2,disk=1500M", and "--mount" is for all.
    pub fn servers(name: &str, hosts: &[&str]) -> Lab {
        let release = release().0;
        let options: Vec<String> = hosts
            .iter()
            .map(|host| match host.split_once(',') {
                Some((host, more)) => format!("{host}={release}:pg,{more}"),
                None if host.starts_with('-') => (*host).to_owned(),
                None => format!("{host}={release}:pg"),
            })
            .collect();
        Lab::up(
            name,
            &options.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    }

    pub fn up(name: &str, options: &[&str]) -> Lab {
        let run = format!("{name}-{}", std::process::id());
        let owner = std::process::id().to_string();
        let output = lab()
            .args(["up", "--run", &run, "--owner", &owner])
            .args(options)
            .output()
            .unwrap();
        check(output, "the lab does not start");
        Lab {
            run,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn ssh_config(&self) -> String {
        let output = lab()
            .args(["ssh-config", "--run", &self.run])
            .output()
            .unwrap();
        check(output, "no ssh configuration").trim().to_owned()
    }

    /// Runs the lab's own commands: cut, heal, kill, boot, snapshot, …
    pub fn tell(&self, command: &str, arguments: &[&str]) -> String {
        let output = lab()
            .args([command, "--run", &self.run])
            .args(arguments)
            .output()
            .unwrap();
        check(output, command)
    }

    /// Runs a shell command as root on a host.
    pub fn on(&self, host: &str, command: &str) -> String {
        self.tell("exec", &[host, "sh", "-c", command])
            .trim()
            .to_owned()
    }

    /// Copies a file to a host.
    pub fn send(&self, host: &str, from: &Path, to: &str) {
        let output = lab()
            .args(["exec", "--run", &self.run, host, "sh", "-c"])
            .args(["cat >\"$0\"", to])
            .stdin(std::fs::File::open(from).unwrap())
            .output()
            .unwrap();
        check(output, "cannot send a file");
    }

    /// Slows base backups of this server down, so that one can't have ended before it is looked at.
    pub fn hold_backup(&self, host: &str) {
        let hold = format!(
            "while :; do pkill -STOP -f '{SENDS_BACKUP}' && sleep 0.3; pkill -CONT -f '{SENDS_BACKUP}'; sleep 0.02; done"
        );
        self.tell(
            "exec",
            &[host, "systemd-run", "-q", "-u", "hold", "sh", "-c", &hold],
        );
    }

    /// Lets base backups go on at their own speed.
    pub fn release_backup(&self, host: &str) {
        self.on(
            host,
            &format!("systemctl stop hold 2>/dev/null || :; pkill -CONT -f '{SENDS_BACKUP}' || :"),
        );
    }

    pub fn sql(&self, host: &str, sql: &str) -> String {
        self.tell(
            "exec",
            &[
                host,
                "/usr/bin/setpriv",
                "--reuid",
                "postgres",
                "--regid",
                "postgres",
                "--init-groups",
                "psql",
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                "postgres",
                "-c",
                sql,
            ],
        )
        .trim()
        .to_owned()
    }

    /// Waits until a query gives an answer; the condition is waited for, never a time.
    pub fn until(&self, host: &str, sql: &str, answer: &str) {
        let begin = std::time::Instant::now();
        loop {
            let found = self.sql(host, sql);
            if found == answer {
                return;
            }
            assert!(
                begin.elapsed().as_secs() < 60,
                "{host}: {sql}: expected {answer}, found {found}"
            );
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// Writes an inventory of cluster `shop` whose body is given.
    pub fn inventory(&self, body: &str) -> PathBuf {
        let path = self.dir.path().join("inventory.yaml");
        let text = format!(
            "cluster: shop\nssh: {{ config_file: {} }}\nreplication: {{ password: {{ env: SHOP_PASSWORD }} }}\n{body}",
            self.ssh_config()
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The path of such a file.
    #[allow(dead_code)]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program under test: this build of it, or the one that PGREPL_PROGRAM names.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let program = std::env::var_os("PGREPL_PROGRAM");
        let mut command =
            Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_pgrepl").into()));
        command
            .args(arguments)
            .env("SHOP_PASSWORD", PASSWORD)
            .env_remove("PGREPL_INVENTORY")
            .stdin(Stdio::null());
        command
    }

    pub fn pgrepl(&self, arguments: &[&str]) -> Ran {
        self.finish(
            self.command(arguments)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap(),
        )
    }

    pub fn finish(&self, child: Child) -> Ran {
        let output = child.wait_with_output().unwrap();
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        for text in [&ran.out, &ran.err] {
            assert!(
                !text.contains(PASSWORD) && !text.contains("SCRAM-SHA-256$"),
                "a secret is shown: {text}"
            );
        }
        ran
    }

    /// Kills a run once it tells of this event, and waits until nobody holds its locks any more; what it told.
    pub fn kill_at(&self, inventory: &str, arguments: &[&str], event: &str) -> Option<String> {
        let mut child = self
            .command(&[&["--format", "jsonl", "-i", inventory], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let found = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains(event) && !line.contains("already_done"));
        let _ = child.kill();
        let _ = child.wait();
        let begin = std::time::Instant::now();
        while self.pgrepl(&["apply", inventory]).code == 6 {
            assert!(begin.elapsed().as_secs() < 30);
        }
        found
    }

    /// Applies, and asserts that a second look finds nothing to do.
    pub fn converge(&self, inventory: &Path) -> Ran {
        let inventory = inventory.to_str().unwrap();
        let ran = self.pgrepl(&["apply", inventory, "--auto-approve"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        let again = self.pgrepl(&["plan", inventory, "--detailed-exitcode"]);
        assert_eq!(again.code, 0, "planning again: {}{}", again.out, again.err);
        assert!(again.out.contains("Nothing to do"), "{}", again.out);
        ran
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = lab().args(["down", "--run", &self.run]).output();
    }
}
