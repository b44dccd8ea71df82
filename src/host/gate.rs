//! A script that waits in the middle for a word from another host.

use std::cell::Cell;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;

use super::{Line, Word};

/// How long a host may take to show that it still listens.
const PATIENCE: Duration = Duration::from_secs(5);
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
    /// Without a word, or without an answer, it ends the script's wait: its standard input tells it so.
    pub async fn open(&self, stdin: &mut (impl AsyncWrite + Unpin), word: Word<'_>) {
        self.armed.notified().await;
        let word = word.await;
        let mut say = async |text: String| {
            let _ = stdin.write_all(text.as_bytes()).await;
            let _ = stdin.flush().await;
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
