//! Parse, run, print the error once, exit code.

use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

fn main() -> ExitCode {
    // What is in the memory of this program and of its ssh does not get into a file when one of them dies.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    // A panic is a bug of ours and has a code of its own.
    let code = std::panic::catch_unwind(pgrepl::cli::main).unwrap_or(70);
    ExitCode::from(code)
}
