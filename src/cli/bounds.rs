//! Ends the program where templates of the inventory's own take more than they may: what minijinja counts is not all that they do.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::context::Loaded;
use super::{Failure, FailureKind, Global};
use crate::cli::exit::tell;

/// How long the files of a cluster may take.
const LONGEST: Duration = Duration::from_secs(5);
/// How much memory they may take, in MiB.
const MOST: u64 = 1024;
/// How often that is looked at.
const OFTEN: Duration = Duration::from_millis(20);

/// Does work that renders templates, or ends the program with the reason; a list that holds itself twice, again and again,
/// would go on until the machine has no memory left.
pub fn within<T>(global: &Global, loaded: &Loaded, work: impl FnOnce() -> T) -> T {
    if loaded.own_templates.is_empty() {
        return work();
    }
    let (begin, before) = (Instant::now(), resident());
    let (done, waits) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while waits.recv_timeout(OFTEN) == Err(RecvTimeoutError::Timeout) {
                let more = resident().saturating_sub(before);
                if begin.elapsed() < LONGEST && more < MOST {
                    continue;
                }
                let (seconds, most) = (LONGEST.as_secs(), MOST);
                let why = format!(
                    "cannot render the templates: expected no more than {seconds} s and {most} MiB, found {:.0} s and {more} MiB",
                    begin.elapsed().as_secs_f64()
                );
                let code = tell(global, &Failure::new(FailureKind::Invalid, why));
                // What grows cannot be stopped in another way.
                std::process::exit(code.into());
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Returns how much memory the program has, in MiB, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) >> 10
}
