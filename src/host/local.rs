//! The machine that pgrepl runs on, for what the inventory lets it run here.

use std::process::Stdio;

use tokio::io::{AsyncWriteExt, BufReader};

use super::answer::{each_line, parse_line};
use super::{Host, HostError, Line, Running, Word};
use crate::command::{Command, Vault};

/// This machine, as whoever runs pgrepl.
#[derive(Default)]
pub struct LocalHost {}

impl LocalHost {
    async fn talk(
        command: &Command,
        vault: &Vault,
        say: &dyn Fn(&Line),
    ) -> Result<Vec<Line>, HostError> {
        let lost = |why: String| HostError::Lost(format!("cannot {} here: {why}", command.what));
        let text = command
            .text(vault)
            .ok_or_else(|| lost("a secret it needs was not given".into()))?;
        let mut child = tokio::process::Command::new("/bin/sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| lost(error.to_string()))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(lost("it gave no pipes".into()));
        };
        let lines = std::cell::RefCell::new(Vec::new());
        let hear = |line: Line| {
            say(&line);
            lines.borrow_mut().push(line);
            Ok(())
        };
        let (limits, room) = (command.limits, std::cell::Cell::new(command.limits.answer));
        let feed = async {
            let _ = stdin.write_all(text.as_bytes()).await;
            drop(stdin);
            Ok(())
        };
        let answers = each_line(BufReader::new(stdout), limits, &room, |line| {
            hear(parse_line(line)?)
        });
        let words = each_line(BufReader::new(stderr), limits, &room, |line| {
            hear(Line::Said(line.to_owned()))
        });
        let work = async { tokio::try_join!(feed, answers, words) };
        let limit = command.timeout.unwrap_or(std::time::Duration::MAX);
        let heard = tokio::time::timeout(limit, work).await.map_err(|_| {
            HostError::TimedOut(format!(
                "{} here took longer than {} s",
                command.what,
                limit.as_secs()
            ))
        })?;
        heard.map_err(lost)?;
        Ok(lines.into_inner())
    }
}

impl Host for LocalHost {
    fn run_with<'a>(
        &'a self,
        command: &'a Command,
        vault: &'a Vault,
        say: &'a dyn Fn(&Line),
        _: Word<'a>,
    ) -> Running<'a> {
        Box::pin(Self::talk(command, vault, say))
    }
}
