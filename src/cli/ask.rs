//! Questions at a terminal.

use std::io::BufRead;

use super::{Failure, FailureKind};
use crate::inventory;
use crate::inventory::file::USUAL_VERSION;
use crate::inventory::write::Draft;
use crate::report::sink;

/// Puts an answer into an inventory.
pub(super) type Set<'a> = &'a dyn Fn(&mut Draft, &str);

pub(in crate::cli) fn nobody(question: &str) -> Failure {
    Failure::new(
        FailureKind::Usage,
        format!("cannot ask for {question}: no terminal"),
    )
}

/// Asks until the answer fits into an inventory.
pub(super) fn ask_for(question: &str, default: &str, set: Set) -> Result<String, Failure> {
    loop {
        let answer = ask(question, default).ok_or_else(|| nobody(question))?;
        let mut draft = Draft::new("main", USUAL_VERSION, "PASSWORD", "server1");
        set(&mut draft, &answer);
        match inventory::read(&draft.text()) {
            Ok(_) => return Ok(answer),
            Err(problems) => {
                for problem in problems.iter().take(1) {
                    sink::err(&format!("  {}: {}\n", problem.message, problem.label));
                }
            }
        }
    }
}

/// Asks once; `None` if nobody can answer any more.
fn ask(question: &str, default: &str) -> Option<String> {
    let shown = if default.is_empty() {
        String::new()
    } else {
        format!(" [{default}]")
    };
    sink::err(&format!("{question}{shown}: "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if !read.is_ok_and(|bytes| bytes > 0) {
        sink::err("\n");
        return None;
    }
    Some(match answer.trim() {
        "" => default.to_owned(),
        answer => answer.to_owned(),
    })
}
