//! A script that waits in the middle for a word from another host.

use std::cell::Cell;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::{Line, Word};

/// How long a host may take to show that it still listens.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a script that must not wait in vain is told that somebody is still there.
const BEAT: Duration = Duration::from_secs(1);
/// How long the work behind a gate may take: a promotion, with what is left to replay before it.
const WORK: Duration = Duration::from_secs(120);

/// Gives a script its word only when it has just answered: a word sent into a dead connection might arrive when
/// everybody has gone another way.
#[derive(Default)]
pub struct Gate {
    armed: Notify,
    answered: Notify,
    opened: Cell<bool>,
}

impl Gate {
    /// Hears what the script says.
    pub fn hear(&self, line: &Line) {
        match line {
            Line::Fact(key, _) if key == "armed" => self.armed.notify_one(),
            Line::Fact(key, _) if key == "pong" => self.answered.notify_one(),
            _ => {}
        }
    }

    /// Says whether the word was sent: from then on the script may have done its work.
    pub fn was_opened(&self) -> bool {
        self.opened.get()
    }

    /// Returns how long its last words may take: those after a word are the work itself.
    pub fn patience(&self) -> Duration {
        if self.was_opened() { WORK } else { PATIENCE }
    }

    /// Waits for the script, then for the word, then for the script's answer to a ping, and sends the word.
    ///
    /// Without a word, or without an answer, it ends the script's wait: its standard input tells it so. One that wants beats
    /// is told each second that somebody is still there.
    pub async fn open(
        &self,
        stdin: &mut (impl AsyncWrite + Unpin),
        mut word: Word<'_>,
        beats: bool,
    ) {
        self.armed.notified().await;
        let mut say = async |text: String| {
            let _ = stdin.write_all(text.as_bytes()).await;
            let _ = stdin.flush().await;
        };
        let word = loop {
            tokio::select! {
                biased;
                word = &mut word => break word,
                () = tokio::time::sleep(BEAT), if beats => say("alive\n".into()).await,
            }
        };
        if let Some(word) = word {
            say("ping\n".into()).await;
            if tokio::time::timeout(PATIENCE, self.answered.notified())
                .await
                .is_ok()
            {
                self.opened.set(true);
                say(format!("go {word}\n")).await;
                return;
            }
        }
        say("no\n".into()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Line};
    use tokio::io::{AsyncBufReadExt, BufReader};

    fn fact(word: &str) -> Line {
        Line::Fact(word.into(), "yes".into())
    }

    /// What a script reads that answers a ping, and whose word comes once it was told that somebody is there.
    #[tokio::test]
    async fn a_script_that_waits_hears_that_somebody_is_there_and_gets_its_word_only_after_an_answer()
     {
        let gate = Gate::default();
        let (mut near, far) = tokio::io::duplex(1 << 10);
        let (tell, told) = tokio::sync::oneshot::channel();
        let word = Box::pin(async move { told.await.ok() });
        let script = async {
            let (mut heard, mut tell) = (Vec::new(), Some(tell));
            let mut lines = BufReader::new(far).lines();
            gate.hear(&fact("armed"));
            while let Ok(Some(line)) = lines.next_line().await {
                match line.as_str() {
                    "alive" => drop(tell.take().map(|tell| tell.send("now".to_owned()))),
                    "ping" => gate.hear(&fact("pong")),
                    _ => {}
                }
                heard.push(line);
            }
            heard
        };
        let open = async {
            gate.open(&mut near, word, true).await;
            drop(near);
        };
        let ((), heard) = tokio::join!(open, script);
        assert_eq!(heard, ["alive", "ping", "go now"]);
        assert!(gate.was_opened());
    }
}
