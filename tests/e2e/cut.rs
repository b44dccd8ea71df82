//! Runs that are killed again and again.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::lab::Lab;

/// Runs a command and kills it when a step ends that changed something and was not the last one of an earlier run; returns
/// that step, or nothing if the run came to its end. Afterwards no host is locked any more, and no server still starts.
pub fn cut(
    lab: &Lab,
    path: &str,
    arguments: &[&str],
    earlier: &mut BTreeSet<String>,
) -> Option<String> {
    cut_where(lab, path, arguments, earlier, |event| {
        event["event"] == "step_ended" && event["outcome"]["outcome"] == "changed"
    })
}

/// Kills it likewise as soon as a step begins.
pub fn cut_at_begin(
    lab: &Lab,
    path: &str,
    arguments: &[&str],
    earlier: &mut BTreeSet<String>,
) -> Option<String> {
    cut_where(lab, path, arguments, earlier, |event| {
        event["event"] == "step_started"
    })
}

fn cut_where(
    lab: &Lab,
    path: &str,
    arguments: &[&str],
    earlier: &mut BTreeSet<String>,
    wanted: impl Fn(&serde_json::Value) -> bool,
) -> Option<String> {
    let said = lab.file("said", "");
    let mut child = lab
        .command(&[&["--format", "jsonl"], arguments].concat())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    let step = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| {
            let event: serde_json::Value = serde_json::from_str(&line).unwrap();
            wanted(&event).then(|| format!("{} {}", event["node"], event["title"]))
        })
        .find(|step| earlier.insert(step.clone()));
    let _ = child.kill();
    let status = child.wait().unwrap();
    // A run that was not killed has come to its end.
    assert!(
        step.is_some() || status.success(),
        "{}",
        std::fs::read_to_string(&said).unwrap()
    );
    let begin = std::time::Instant::now();
    loop {
        let ran = lab.pgrepl(&["apply", path]);
        if ran.code != 6 && !ran.out.contains("does not answer yet") {
            break;
        }
        assert!(
            begin.elapsed().as_secs() < 60,
            "still locked or starting: {}{}",
            ran.out,
            ran.err
        );
    }
    println!("cut after {step:?}");
    step
}

/// Kills a command after each of its steps and types it again, until nothing is left to do; returns how often.
pub fn cut_after_every_step(lab: &Lab, path: &str, arguments: &[&str]) -> usize {
    let mut earlier = BTreeSet::new();
    while cut(lab, path, arguments, &mut earlier).is_some() {}
    earlier.len()
}
