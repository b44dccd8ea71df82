//! What steps tell one another while they run at the same time on different hosts.

use std::cell::RefCell;
use std::collections::BTreeMap;

use tokio::sync::Notify;

/// A word as each of those who tell it has told it; without a value from one who never will.
type Told = BTreeMap<usize, Option<String>>;

/// What steps tell one another while they run at the same time on different hosts.
#[derive(Default)]
pub struct Board {
    tellers: RefCell<BTreeMap<String, usize>>,
    words: RefCell<BTreeMap<String, Told>>,
    news: Notify,
}

impl Board {
    /// Expects a word of one step more.
    pub fn expect(&self, word: &str) {
        *self
            .tellers
            .borrow_mut()
            .entry(word.to_owned())
            .or_default() += 1;
    }

    /// Tells a word, or that a step will never tell it; what a step told first stays.
    pub fn tell(&self, step: usize, word: &str, value: Option<String>) {
        self.words
            .borrow_mut()
            .entry(word.to_owned())
            .or_default()
            .entry(step)
            .or_insert(value);
        self.news.notify_waiters();
    }

    /// Waits for a word: until all who tell it have told it, or one of them never will.
    pub async fn wait(&self, word: &str) -> Option<String> {
        loop {
            let news = self.news.notified();
            if let Some(told) = self.words.borrow().get(word) {
                let tellers = self.tellers.borrow().get(word).copied().unwrap_or(1);
                let never = told.values().any(Option::is_none);
                if never || told.len() >= tellers {
                    let last = told.values().next_back().cloned().flatten();
                    return last.filter(|_| !never);
                }
            }
            news.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Board;

    fn now(board: &Board, word: &str) -> Option<Option<String>> {
        use futures_util::FutureExt;
        board.wait(word).now_or_never()
    }

    #[test]
    fn a_word_of_several_is_told_when_all_have_told_it() {
        let board = Board::default();
        let yes = || Some("yes".to_owned());
        board.expect("paused");
        board.expect("paused");
        assert_eq!(now(&board, "paused"), None);
        board.tell(1, "paused", yes());
        // A step that has told its word ends after it.
        board.tell(1, "paused", None);
        assert_eq!(now(&board, "paused"), None);
        board.tell(2, "paused", yes());
        assert_eq!(now(&board, "paused"), Some(yes()));
        board.expect("armed");
        board.expect("armed");
        board.tell(3, "armed", None);
        assert_eq!(now(&board, "armed"), Some(None));
    }
}
