//! Words that one host tells another: each is read into its type before it leaves for there.

use crate::postgres::{Lsn, is_segment};

use crate::action::backup::prove_archive;
use crate::action::data::carry_wal;
use crate::action::proof;
use crate::action::server::promote::PROMOTED;
use crate::action::server::stop;

/// Reads a word into its type and writes it again; the error says what was expected. A word that nobody waits for has no type.
pub fn told(word: &str, value: &str) -> Result<String, String> {
    let wrong = |expected: &str| {
        let found: String = value.chars().take(60).collect();
        Err(format!("expected {expected}, found {found:?}"))
    };
    match word {
        stop::SHUTDOWN => value.parse::<Lsn>().map(|at| at.to_string()),
        stop::ARMED | stop::PAUSED | PROMOTED | proof::WRITTEN if value == "yes" => {
            Ok(value.to_owned())
        }
        prove_archive::SEGMENT if is_segment(value) => Ok(value.to_owned()),
        prove_archive::SEGMENT => wrong("the name of a WAL segment"),
        carry_wal::WAL if is_base64(value) => Ok(value.to_owned()),
        carry_wal::WAL => wrong("WAL in base64"),
        _ => wrong("a word that is waited for"),
    }
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let digit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    !digits.is_empty() && text.len() - digits.len() <= 2 && digits.chars().all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_what_its_type_can_hold() {
        assert_eq!(told("shutdown", "0/3000060").unwrap(), "0/3000060");
        assert_eq!(
            told("segment", "00000001000000000000000A").unwrap(),
            "00000001000000000000000A"
        );
        assert_eq!(told("wal", "H4sI+/==").unwrap(), "H4sI+/==");
        assert_eq!(told("armed", "yes").unwrap(), "yes");
        for (word, value) in [
            ("shutdown", "0/3000060'; touch x"),
            ("shutdown", "0/3000060\ngo 0/0"),
            ("shutdown", "+0/+1"),
            ("shutdown", " 0/1"),
            ("shutdown", ""),
            ("segment", "../../etc/passwd"),
            ("segment", "0000000100000000000000*A"),
            ("segment", "00000001000000000000000a"),
            ("wal", "H4sI; touch x"),
            ("wal", "$(id)"),
            ("wal", ""),
            ("armed", "yes\nx"),
            ("else", "x"),
        ] {
            let why = told(word, value).unwrap_err();
            assert!(why.starts_with("expected "), "{word} {value}: {why}");
        }
    }
}
