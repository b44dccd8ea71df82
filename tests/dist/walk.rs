//! A stranger's walk: the pages of the manual from the first pair to the night without a primary, each shell example as it
//! stands, each inventory put into the file, on fresh hosts, with the program of the packages.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::lab::Lab;

/// Answers what a person would, and logs in as the lab has it; nothing else.
const PROGRAM: &str = r#"#!/bin/sh
case "$* " in
    *--dry-run*) ;;
    apply*|switchover*|failover*|rebuild*) set -- "$@" --auto-approve ;;
    doctor*|init*) set -- "$@" --ssh-config "$WALK_SSH_CONFIG" ;;
esac
exec "$WALK_PROGRAM" "$@"
"#;

struct Walk {
    lab: Lab,
    place: tempfile::TempDir,
    /// What the shell of the walk has exported.
    variables: PathBuf,
}

/// The blocks of a page that are walked: inventories and shell.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some("")) => found.extend(open.take()),
            (Some((_, text)), _) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    found
}

fn merge(into: &mut Value, part: Value) {
    match (into, part) {
        (Value::Object(into), Value::Object(part)) => {
            for (key, value) in part {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, part) => *into = part,
    }
}

impl Walk {
    fn begin() -> Walk {
        let lab = Lab::up("walk", &["--mount", "server1=12:pg", "server2=12:pg"]);
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("bin/pgrepl");
        std::fs::create_dir(program.parent().unwrap()).unwrap();
        std::fs::write(&program, PROGRAM).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let variables = place.path().join("variables");
        std::fs::write(&variables, "").unwrap();
        Walk {
            lab,
            place,
            variables,
        }
    }

    /// Puts what a page says of the inventory into it, as a person would edit it.
    fn edit(&self, part: &str) {
        let path = self.place.path().join("pgrepl.yaml");
        // Before there is one the page shows what the program is about to write.
        let Ok(text) = std::fs::read_to_string(&path) else {
            return;
        };
        let mut whole: Value = serde_yaml::from_str(&text).unwrap();
        merge(&mut whole, serde_yaml::from_str(part).unwrap());
        std::fs::write(&path, serde_yaml::to_string(&whole).unwrap()).unwrap();
    }

    fn shell(&self, page: &str, text: &str) {
        let variables = self.variables.display();
        let script = format!("set -e\n. {variables}\n{text}export -p >{variables}\n");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let program = std::env::var_os("PGREPL_PROGRAM");
        let program = program.unwrap_or_else(|| root.join("target/dist-root/bin/pgrepl").into());
        let ran = Command::new("sh")
            .args(["-c", &script])
            .current_dir(self.place.path())
            .env(
                "PATH",
                format!("{}/bin:/usr/bin:/bin", self.place.path().display()),
            )
            .env("WALK_PROGRAM", program)
            .env("WALK_SSH_CONFIG", self.lab.ssh_config())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        // What is shown in the manual is taken from here.
        let kept = root.join("target/walk");
        std::fs::create_dir_all(&kept).unwrap();
        let before = std::fs::read_to_string(kept.join(page)).unwrap_or_default();
        std::fs::write(kept.join(page), format!("{before}$ {text}{out}{err}\n")).unwrap();
        assert!(ran.status.success(), "{page}: {text}{out}{err}");
    }

    fn page(&self, name: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let _ = std::fs::remove_file(root.join("target/walk").join(name));
        let page = std::fs::read_to_string(root.join("docs").join(name)).unwrap();
        let mut edits = Vec::new();
        for (language, text) in blocks(&page) {
            match language.as_str() {
                "yaml" => edits.push(text),
                "sh" => {
                    edits.drain(..).for_each(|part| self.edit(&part));
                    self.shell(name, &text);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_manual_leads_a_stranger_through_a_night() {
    let walk = Walk::begin();
    for page in [
        "first-pair.md",
        "change.md",
        "backup-restore.md",
        "switchover.md",
        "monitoring.md",
    ] {
        walk.page(page);
    }
    walk.lab.tell("kill", &["server1"]);
    walk.page("three-am.md");
    walk.lab.tell("boot", &["server1"]);
    walk.page("rebuild.md");
    walk.shell("end", "pgrepl check\n");
}
