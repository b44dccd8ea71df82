//! Where text goes; a reader that has seen enough (`pgrepl plan | head`) is no error.

use std::io::Write;

/// Writes a result to standard output.
pub fn out(text: &str) {
    write(&mut std::io::stdout().lock(), text);
}

/// Writes progress, questions and errors to standard error.
pub fn err(text: &str) {
    write(&mut std::io::stderr().lock(), text);
}

fn write(stream: &mut dyn Write, text: &str) {
    // The only failure that is left is a closed pipe, and nobody is there to be told.
    let _ = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
}
