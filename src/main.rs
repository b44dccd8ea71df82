//! Parse, run, print the error once, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic is a bug of ours and has a code of its own.
    let code = std::panic::catch_unwind(pgrepl::cli::main).unwrap_or(70);
    ExitCode::from(code)
}
