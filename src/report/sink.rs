//! Where text goes, after a last look at it; a reader that has seen enough (`pgrepl plan | head`) is no error.

use std::io::Write;

use serde::Serialize;

use super::{foreign, redact};

/// Writes a result to standard output.
pub fn out(text: &str) {
    exactly(&safe(text));
}

/// Writes progress, questions and errors to standard error.
pub fn err(text: &str) {
    write(&mut std::io::stderr().lock(), &safe(text));
}

/// Writes a result as one line of JSON to standard output.
pub fn json(result: &impl Serialize) {
    if let Ok(value) = shown(result) {
        exactly(&format!("{value}\n"));
    }
}

/// Writes text that is the program's own, or that the inventory asks for, byte for byte to standard output.
pub fn exactly(text: &str) {
    write(&mut std::io::stdout().lock(), text);
}

/// Returns what may be shown of a result as JSON.
pub fn shown(result: &impl Serialize) -> serde_json::Result<serde_json::Value> {
    let mut value = serde_json::to_value(result)?;
    redact::json(&mut value);
    Ok(value)
}

/// Returns what may be shown of a text: no secret, and nothing but colours that a terminal would obey.
pub fn safe(text: &str) -> String {
    redact::text(&foreign::printable(text))
}

fn write(stream: &mut dyn Write, text: &str) {
    // The only failure that is left is a closed pipe, and nobody is there to be told.
    let _ = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
}
