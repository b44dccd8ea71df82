//! Somebody who reads the manual and types what it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::lab::{Lab, Ran};

/// The verbs that ask before they change something.
const ASKING: [&str; 6] = [
    "apply",
    "switchover",
    "rebuild",
    "restore",
    "failover",
    "update",
];

pub enum Block {
    /// Lines of a shell.
    Shell(Vec<String>),
    /// A part of an inventory.
    Inventory(Value),
}

pub fn blocks(page: &str) -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let parts = text.split("```").skip(1).step_by(2);
    parts
        .filter_map(|part| {
            let (language, body) = part.split_once('\n')?;
            match language {
                "sh" => Some(Block::Shell(body.lines().map(str::to_owned).collect())),
                "console" => Some(Block::Shell(
                    body.lines()
                        .filter_map(|line| line.strip_prefix("$ ").map(str::to_owned))
                        .collect(),
                )),
                "yaml" => Some(Block::Inventory(serde_yaml::from_str(body).unwrap())),
                _ => None,
            }
        })
        .collect()
}

pub fn merge(into: &mut Value, part: &Value) {
    match (into, part) {
        (Value::Object(into), Value::Object(part)) => {
            for (key, value) in part {
                let there = into.entry(key).or_insert(Value::Null);
                // One of two keys, not both.
                if key == "keep" {
                    *there = Value::Null;
                }
                merge(there, value);
            }
        }
        (into, part) => *into = part.clone(),
    }
}

/// Somebody who reads the manual and types what it says.
pub struct Reader<'a> {
    pub lab: &'a Lab,
    pub desk: PathBuf,
    pub variables: Vec<(String, String)>,
}

impl Reader<'_> {
    /// Runs a line in the reader's own directory, where `ssh` finds the hosts and `pgrepl` is on the path.
    pub fn run(&self, line: &str) -> Ran {
        let path = format!(
            "{}:{}",
            self.lab.path("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let mut command = Command::new("sh");
        command.args(["-euc", line]).current_dir(&self.desk);
        command
            .env("PATH", path)
            .env_remove("PGREPL_INVENTORY")
            .envs(self.variables.iter().cloned());
        let ran = command.stdin(Stdio::null()).stdout(Stdio::piped());
        self.lab.finish(ran.stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Does what a line says, with a yes to what it asks.
    pub fn does(&mut self, page: &str, line: &str, codes: &[i32]) -> Ran {
        if let Some((name, _)) = line.strip_prefix("export ").and_then(|l| l.split_once('=')) {
            let told = self.run(&format!("{line}\nprintf %s \"${name}\""));
            assert_eq!(told.code, 0, "{page}: {line}");
            // What stands for a password is not one: the reader has it already, by the name of this cluster.
            if !told.out.contains('…') {
                self.variables.push((name.to_owned(), told.out.clone()));
            }
            return told;
        }
        let mut words = line.split_whitespace();
        let asks = words.next() == Some("pgrepl")
            && words.next().is_some_and(|verb| ASKING.contains(&verb))
            && !line.contains("--dry-run")
            && !line.contains("--auto-approve");
        let line = if asks {
            format!("{line} --auto-approve")
        } else {
            line.to_owned()
        };
        let mut ran = self.run(&line);
        // What has to be typed by name.
        let word = ran
            .err
            .lines()
            .find_map(|line| line.strip_prefix("help: --confirm "));
        if let (7, true, Some(word)) = (ran.code, asks, word) {
            ran = self.run(&format!("{line} --confirm {word}"));
        }
        assert!(
            codes.contains(&ran.code),
            "{page}: {line}: {}\n{:.3000}{}",
            ran.code,
            ran.out,
            ran.err
        );
        ran
    }

    pub fn inventory(&self) -> Value {
        let text = std::fs::read_to_string(self.desk.join("pgrepl.yaml")).unwrap();
        serde_yaml::from_str(&text).unwrap()
    }

    pub fn write(&self, inventory: &Value) {
        let text = serde_json::to_string_pretty(inventory).unwrap();
        std::fs::write(self.desk.join("pgrepl.yaml"), text).unwrap();
    }

    pub fn applies(&mut self, page: &str) {
        self.does(page, "pgrepl apply", &[0]);
        let again = self.run("pgrepl plan --detailed-exitcode");
        assert_eq!(again.code, 0, "{page}: {}{}", again.out, again.err);
    }
}
